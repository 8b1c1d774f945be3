"""Writes the generated pages: ``python -m docs.generate`` (``--check`` only says what is out of date).

docs/tools.md, docs/settings.md, docs/resources.md, docs/prompts.md and README's tables come from the code that they
describe, so they cannot say anything else than it.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import sys
import tempfile
import typing
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any

from pydantic.fields import FieldInfo

from mcp_registrar import settings as settings_module
from mcp_registrar.catalog import COMMANDS_ONLY, TOOLS, ToolSpec, signature

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- made by python -m docs.generate from the code -->\n"


def tools_page() -> str:
    """Every tool, its command, arguments and answer."""
    parts = [
        "# Tools\n",
        NOTE,
        "Each is an MCP tool and a command of the same arguments; `--format json` prints the structured answer. "
        "Every answer has `next`, the call that comes next.\n",
    ]
    parts += [_tool(spec, tool=True) for spec in TOOLS]
    parts.append("# Commands that are no tools\n")
    parts += [_tool(spec, tool=False) for spec in COMMANDS_ONLY]
    return "\n".join(parts)


def _tool(spec: ToolSpec, *, tool: bool) -> str:
    function = spec.function()
    described = signature(function)
    lines = [
        f"## {spec.name if tool else spec.command}\n",
        f"{inspect.getdoc(function)}\n",
        f"Command: `mcp-registrar {spec.command}`. "
        + ("Reads only. " if spec.read_only else "Changes or removes things. " if spec.destructive else "Adds things. ")
        + ("Repeating it changes nothing more. " if spec.idempotent else "")
        + ("Reaches out of this machine." if spec.open_world else "Stays on this machine.")
        + "\n",
        "| argument | type | default | |",
        "| --- | --- | --- | --- |",
    ]
    for name, parameter in described.parameters.items():
        hint, text = _described(parameter.annotation)
        default = "required" if parameter.default is inspect.Parameter.empty else f"`{json.dumps(parameter.default)}`"
        lines.append(f"| `{name}` | {_type(hint)} | {default} | {text} |")
    answer = described.return_annotation
    lines += ["", f"Answer: {_flat(inspect.getdoc(answer))}\n", "| field | type |", "| --- | --- |"]
    lines += [
        f"| `{name}` | {_type(field.annotation)} |" for name, field in answer.model_fields.items() if name != "next"
    ]
    return "\n".join(lines) + "\n"


def _described(hint: Any) -> tuple[Any, str]:
    if typing.get_origin(hint) is not Annotated:
        return hint, ""
    bare, *notes = typing.get_args(hint)
    return bare, next((str(note.description) for note in notes if isinstance(note, FieldInfo) and note.description), "")


def _type(hint: Any) -> str:
    origin = typing.get_origin(hint)
    if origin is Annotated:
        return _type(typing.get_args(hint)[0])
    if origin in (typing.Union, UnionType):
        return " or ".join(_type(option) for option in typing.get_args(hint) if option is not NoneType)
    if origin is typing.Literal:
        return ", ".join(f"`{option}`" for option in typing.get_args(hint) if option != "")
    if origin in (list, tuple):
        return f"list of {_type(typing.get_args(hint)[0])}"
    if origin is dict or hint is Any:
        return "object"
    return {str: "text", bool: "yes or no", int: "number", float: "number"}.get(
        hint, getattr(hint, "__name__", "object")
    )


def _flat(text: str | None) -> str:
    return " ".join((text or "").replace("``", "`").split())


def settings_page() -> str:
    """Every setting."""
    parts = [
        "# Settings\n",
        NOTE,
        "Environment variables, read once at the start. Every command has `--data-dir` and `--log-level` as options.\n",
    ]
    for variable, default, text in settings_module.describe():
        parts.append(
            f"## {variable}\n\n{text[:1].upper()}{text[1:]}." + (f" Default: `{default}`." if default else "") + "\n"
        )
    return "\n".join(parts)


async def _served() -> tuple[list[Any], list[Any], dict[str, str]]:
    from mcp import Client

    from mcp_registrar.app import build_server
    from mcp_registrar_tools.workbench import Settings

    with tempfile.TemporaryDirectory() as folder:
        async with Client(build_server(Settings(data_dir=Path(folder)))) as client:
            templates = list((await client.list_resource_templates()).resource_templates)
            prompts = list((await client.list_prompts()).prompts)
            texts = {p.name: (await client.get_prompt(p.name)).messages[0].content.text for p in prompts}  # type: ignore[union-attr]
    return templates, prompts, texts


def resources_page(templates: list[Any]) -> str:
    """Every resource template and what its variables complete to."""
    from mcp_registrar_tools import guides

    parts = [
        "# Resources\n",
        NOTE,
        "Every variable is completed. Clients without resources use `read_guide` and `get_server`.\n",
    ]
    for template in templates:
        parts.append(
            f"## {template.uri_template}\n\n{template.title} (`{template.mime_type}`). {template.description}.\n"
        )
    parts.append("Guides: " + ", ".join(f"`{topic}`" for topic in guides.TOPICS) + ".\n")
    return "\n".join(parts)


def prompts_page(prompts: list[Any], texts: dict[str, str]) -> str:
    """Every prompt, its arguments, and what it says without any."""
    parts = ["# Prompts\n", NOTE, "Each works without arguments. Clients show them as slash commands.\n"]
    for prompt in prompts:
        arguments = "\n".join(f"- `{a.name}`: {a.description}" for a in prompt.arguments or [])
        quoted = "\n".join(f"> {line}".rstrip() for line in texts[prompt.name].splitlines())
        parts.append(f"## {prompt.name}\n\n{_flat(prompt.description)}\n\n{arguments}\n\n{quoted}\n")
    return "\n".join(parts)


def readme_tables() -> dict[str, str]:
    """README's generated parts by the name of their markers."""
    tools = ["| tool | command | |", "| --- | --- | --- |"]
    for spec in TOOLS:
        text = _flat(str(inspect.getdoc(spec.function())).partition("\n\n")[0])
        tools.append(f"| [`{spec.name}`](docs/tools.md#{spec.name}) | `{spec.command}` | {text} |")
    rows = ["| variable | default | |", "| --- | --- | --- |"]
    for variable, default, text in settings_module.describe():
        rows.append(f"| `{variable}` | {f'`{default}`' if default else ''} | {text} |")
    return {"tools": "\n".join(tools), "settings": "\n".join(rows)}


def pages() -> dict[Path, str]:
    """Every generated file and what it must hold."""
    templates, prompts, texts = asyncio.run(_served())
    readme = (ROOT / "README.md").read_text("utf-8")
    for name, table in readme_tables().items():
        readme = re.sub(
            rf"(<!-- {name}:start -->\n).*?(<!-- {name}:end -->)",
            lambda m, table=table: f"{m[1]}{table}\n{m[2]}",  # type: ignore[misc]
            readme,
            flags=re.DOTALL,
        )
    return {
        ROOT / "docs" / "tools.md": tools_page(),
        ROOT / "docs" / "settings.md": settings_page(),
        ROOT / "docs" / "resources.md": resources_page(templates),
        ROOT / "docs" / "prompts.md": prompts_page(prompts, texts),
        ROOT / "README.md": readme,
    }


def main() -> int:
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
        if "--check" not in sys.argv:
            path.write_text(pages()[path], "utf-8")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
