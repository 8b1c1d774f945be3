"""Working copies of real projects, with their git origin, for benchmarks that let tools write."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.official_cases import fill_holes

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"


def copy_project(source: Path, target: Path, *, manifest: bool = True) -> Path:
    """A writable copy with a git origin as `repo.json` says; without its manifests when ``manifest`` is false.

    Returns the folder that holds (or held) the manifest.
    """
    facts = json.loads((source / "repo.json").read_text("utf-8"))
    for file in sorted(source.rglob("*")):
        if file.is_file() and file.name != "repo.json":
            where = target / file.relative_to(source)
            where.parent.mkdir(parents=True, exist_ok=True)
            text = file.read_bytes().decode("utf-8", "surrogateescape")
            where.write_bytes(fill_holes(text).encode("utf-8", "surrogateescape"))
    git = target / ".git"
    git.mkdir()
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "config").write_text(f'[remote "origin"]\n\turl = {facts["url"]}\n')
    if not manifest:
        for file in target.rglob("server.json"):
            file.unlink()
    folder = (target / str(facts["manifest_path"])).parent
    return folder.parent if folder.name == ".mcp" else folder
