"""Side by side with skillsaw, the linter on PyPI that knows ``server.json``: ``python -m benchmarks.peer_linter``.

Verdicts over the manifests of the official cases (does the linter agree with the registry?) and over repaired commits
(does it flag the document before, and not after?). Both sides in the same run; skillsaw is asked once, for all folders.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import fix_pairs
from benchmarks.official_cases import fill_holes, load_cases
from mcp_registrar_tools import rules

PROGRAM = Path(sys.executable).parent / "skillsaw"


def peer(texts: list[str]) -> list[bool]:
    """Which of these manifests skillsaw finds an error in."""
    with tempfile.TemporaryDirectory() as folder:
        names = [f"m{i:05}" for i in range(len(texts))]
        for name, text in zip(names, texts, strict=True):
            (Path(folder) / name).mkdir()
            (Path(folder) / name / "server.json").write_text(text, encoding="utf-8")
        flagged = set()
        for start in range(0, len(names), 20):
            command = [str(PROGRAM), "lint", *names[start : start + 20], "--format", "json", "--no-plugins"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
            report = json.loads(done.stdout[done.stdout.index("{") :])
            flagged |= {
                Path(violation["file_path"]).parts[-2]
                for violation in report["violations"]
                if violation["severity"] == "error" and "registry-server-json" in violation["rule_id"]
            }
        return [name in flagged for name in names]


def ours(case: dict[str, Any]) -> bool:
    """Whether we find an error, on the layers that the case is about."""
    document, layers = case["input"]["server_json"], case.get("layers", [])
    if "http_body" in layers:
        return bool(rules.body_problems(document))
    if "json_schema" in layers:
        from mcp_registrar_tools.manifest import schema_check, schemas

        return not schema_check.accepts(schemas.CURRENT, document)
    policy = case["input"].get("schema_version_policy", "warn")
    return any(finding.severity == "error" for finding in rules.publish_issues(document, policy))


def agreement(cases: list[dict[str, Any]], flagged: list[bool]) -> dict[str, int]:
    """How often a verdict is the registry's, and in which direction it is wrong."""
    pairs = [(case["expected"]["valid"], not bad) for case, bad in zip(cases, flagged, strict=True)]
    return {
        "manifests": len(pairs),
        "agreed": sum(expected == said for expected, said in pairs),
        "bad_called_valid": sum(said and not expected for expected, said in pairs),
        "good_called_invalid": sum(expected and not said for expected, said in pairs),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peer_linter", description=__doc__)
    parser.add_argument("cases", type=Path)
    parser.add_argument("pairs", type=Path)
    options = parser.parse_args()
    if not PROGRAM.exists():
        print(f"{PROGRAM} is not there: pip install skillsaw")
        return 1
    cases = [case for case in load_cases(options.cases) if case["kind"] == "server_json_validation"]
    texts = [json.dumps(case["input"]["server_json"]) for case in cases]
    pairs = [json.loads(line) for line in options.pairs.read_text("utf-8").splitlines() if line.strip()]
    before = [fill_holes(pair["before"]) for pair in pairs]
    after = [fill_holes(pair["after"]) for pair in pairs]
    counted = fix_pairs.run(pairs)
    result = {
        "skillsaw": {
            **agreement(cases, peer(texts)),
            "pairs": len(pairs),
            "flagged_before": sum(peer(before)),
            "flagged_after": sum(peer(after)),
        },
        "mcp-registrar": {
            **agreement(cases, [ours(case) for case in cases]),
            "pairs": len(pairs),
            "flagged_before": counted["documents_flagged_before"],
            "errors_after": counted["documents_with_errors_after"],
        },
    }
    print(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
