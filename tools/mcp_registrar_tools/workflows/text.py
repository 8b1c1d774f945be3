"""A workflow's data as YAML that people like to read."""

from __future__ import annotations

import re
from typing import Any

from mcp_registrar_tools.workflows.actions import PINNED


def to_yaml(workflow: dict[str, Any], heading: str) -> str:
    """YAML text: keys in order, scripts as blocks, each pinned action's version as a comment, jobs set apart."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
            return super().increase_indent(flow, False)

        def ignore_aliases(self, data: Any) -> bool:
            return True  # anchors spare lines and cost readers

    def string(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, string)
    text = yaml.dump(workflow, Dumper=Dumper, sort_keys=False, width=10_000, allow_unicode=True)
    text = re.sub(r"^(['\"])on\1:", "on:", text, flags=re.MULTILINE)  # YAML 1.1 would read a bare `on` as true
    versions = {commit: version for commit, version in PINNED.values()}
    text = re.sub(r"(uses: [^@\n]+@)([0-9a-f]{40})", lambda m: f"{m[1]}{m[2]} # {versions[m[2]]}", text)
    text = re.sub(r"\n(on|permissions|concurrency|jobs):", r"\n\n\1:", text)
    head, jobs, body = text.partition("\njobs:\n")
    body = re.sub(r"\n(  [\w-]+:\n)", r"\n\n\1", body)
    comment = "".join(f"# {line}\n" if line else "#\n" for line in heading.splitlines())
    return comment + head + jobs + body
