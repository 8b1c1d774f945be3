"""Findings by layer for every project of a folder: ``python -m benchmarks.corpus DIR``.

Each project is a folder with its own ``server.json``; ``repo.json`` beside it names the repository it came from. The
holes for the package registries' host names are filled in, in a copy.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.official_cases import fill_holes
from mcp_registrar_tools.errors import RegistrarError
from mcp_registrar_tools.subject import load


def _copy(project: Path, into: Path) -> Path:
    copy = into / project.name
    shutil.copytree(project, copy)
    for path in copy.rglob("*"):
        if path.is_file() and path.stat().st_size < 1_000_000:
            data = path.read_bytes()
            if b"_HOST}" in data:
                path.write_text(fill_holes(data.decode("utf-8", "surrogateescape")), "utf-8", "surrogateescape")
    repository = copy / "repo.json"
    name = json.loads(repository.read_text("utf-8")) if repository.exists() else {}
    full_name = name.get("full_name") or name.get("repo") or project.name.replace("__", "/", 1)
    git = copy / ".git"
    git.mkdir(exist_ok=True)
    (git / "config").write_text(f'[remote "origin"]\n\turl = https://github.com/{full_name}.git\n')
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    return copy


def look(project: Path) -> dict[str, Any]:
    """One project: what was found, by layer and by code, and how long it took (milliseconds)."""
    start = time.perf_counter()
    try:
        subject = load(str(project))
        subject.examine(False)
    except RegistrarError as error:
        return {"error": error.code}
    took = (time.perf_counter() - start) * 1000
    findings = subject.findings
    return {
        "valid": not any(finding.severity == "error" for finding in findings),
        "layers": dict(Counter(f"{finding.layer}:{finding.severity}" for finding in findings)),
        "codes": dict(Counter(finding.code for finding in findings)),
        "milliseconds": round(took, 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.corpus", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--format", choices=["text", "json"], default="text")
    options = parser.parse_args()
    results: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for project in sorted(path for path in options.directory.iterdir() if path.is_dir()):
            results[project.name] = look(_copy(project, Path(folder)))
    if options.format == "json":
        print(json.dumps(results, indent=2))
        return 0
    codes: Counter[str] = Counter()
    for name, result in results.items():
        verdict = result.get("error") or ("valid" if result["valid"] else "INVALID")
        layers = ", ".join(f"{layer} {n}" for layer, n in result.get("layers", {}).items())
        print(f"{name:50} {verdict:20} {layers}")
        codes.update(result.get("codes", {}).keys())
    looked = [result for result in results.values() if "valid" in result]
    print(f"{len(results)} projects, {sum(r['valid'] for r in looked)} of {len(looked)} manifests valid")
    for code, count in codes.most_common():
        print(f"  {count:3} projects: {code}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
