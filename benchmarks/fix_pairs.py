"""Real commits that repaired a ``server.json``: is each mistake found before, and gone after?

``python -m benchmarks.fix_pairs FILE`` reads lines ``{repo, fixed, before, after, …}``. ``fixed`` names the mistakes
that the commit repaired. A mistake counts as found when a finding is about it, as left when one still is in the
repaired document.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.official_cases import fill_holes
from mcp_registrar_tools import rules
from mcp_registrar_tools.findings import Finding
from mcp_registrar_tools.manifest import schemas
from mcp_registrar_tools.manifest.body import bind
from mcp_registrar_tools.manifest.source import Source
from mcp_registrar_tools.project.git import parse_remote
from mcp_registrar_tools.rules import consistency

Pair = dict[str, Any]


def findings(text: str, repo: str) -> tuple[Any, list[Finding]]:
    """The document and what `validate` says of it, its repository being known."""
    source = Source(fill_holes(text))
    found = [
        Finding(code=p.code, severity="error", path="", message=p.message, layer="structure", at=p.at)
        for p in source.problems
    ]
    if isinstance(source.document, dict):
        found += rules.check(source.document)
        origin = parse_remote(f"https://github.com/{repo}")
        found += list(consistency.owner(bind(source.document)[0], origin))
    return source.document, found


def about(mistake: str, document: Any, found: list[Finding]) -> list[Finding]:
    """The findings that are about a mistake of this name."""
    if mistake.startswith("schema:"):
        return _about_schema(mistake, document, found)
    if mistake == "schema-url-wrong":
        # An older date of the registry's own is out of date, not wrong.
        declared = str((document or {}).get("$schema", ""))
        right = declared in {schemas.url(version) for version in schemas.VERSIONS}
        return [f for f in found if f.path == "schema" and not (right and f.code == "schema-version-deprecated")]
    if mistake == "unknown-top:status" and _declared(document) in ("2025-07-09", "2025-09-16"):
        return []  # those two dates have a status; today's registry still refuses it
    test = _NAMED.get(mistake) or _by_form(mistake)
    return [finding for finding in found if test(finding)]


def _plain(at: tuple[str | int, ...]) -> str:
    return ".".join("N" if isinstance(part, int) else part for part in at)


def _about_schema(mistake: str, document: Any, found: list[Finding]) -> list[Finding]:
    """``schema:<path>:<keyword>`` as the declared schema says it: members of an object count for the object."""
    _, where, keyword = mistake.split(":", 2)
    snake = _declared(document) == "2025-07-09"
    results = []
    for finding in found:
        if finding.layer not in ("structure", "semantics", "publish-time"):
            continue
        if keyword in ("required", "additionalProperties"):
            code = {"required": "missing-property", "additionalProperties": "unexpected-property"}[keyword]
            if (
                finding.code == code
                and _plain(_actual(finding.at[:-1], document)) == where
                and not (snake and _only_case(finding, document))
            ) or (finding.code == f"schema-{keyword}" and _plain(_actual(finding.at, document)) == where):
                results.append(finding)
        elif keyword in ("anyOf", "oneOf", "allOf"):
            if finding.layer == "structure" and (_plain(_actual(finding.at, document)) + ".").startswith(where + "."):
                results.append(finding)
        elif _plain(_actual(finding.at, document)) == where and finding.code != "unexpected-property":
            results.append(finding)
    return results


def _declared(document: Any) -> str | None:
    return schemas.version_of(str((document or {}).get("$schema", "")))


def _actual(at: tuple[str | int, ...], document: Any) -> tuple[str | int, ...]:
    """A path with the keys that the document itself uses."""
    made: list[str | int] = []
    for part in at:
        old = schemas.SNAKE_CASE.get(str(part), str(part))
        key = old if isinstance(document, dict) and part not in document and old in document else part
        made.append(key)
        try:
            document = document[key]
        except (KeyError, IndexError, TypeError):
            document = None
    return tuple(made)


def _only_case(finding: Finding, document: Any) -> bool:
    """Whether the declared schema of 2025-07-09 has no quarrel here: the key is there, in snake_case."""
    parent = document
    for part in finding.at[:-1]:
        try:
            parent = parent[part]
        except (KeyError, IndexError, TypeError):
            return False
    key = str(finding.at[-1])
    return key in schemas.SNAKE_CASE.values() or (isinstance(parent, dict) and schemas.SNAKE_CASE.get(key) in parent)


def _code(*codes: str, last: str = "", top: bool = False) -> Callable[[Finding], bool]:
    def test(finding: Finding) -> bool:
        if finding.code not in codes:
            return False
        return (not last or finding.at[-1:] == (last,)) and (not top or len(finding.at) == 1)

    return test


_NAMED: dict[str, Callable[[Finding], bool]] = {
    "json-syntax": _code("json-syntax", "json-number", "byte-order-mark"),
    "name-owner-case": _code("namespace-owner-case"),
    "name-owner-other": _code("namespace-owner-differs"),
    "name-pattern": _code("pattern-mismatch", "invalid-server-name", last="name", top=True),
    "schema-missing": _code("missing-property", "schema-field-required", last="$schema"),
    "oci-no-tag": _code("oci-reference-without-tag"),
    "oci-version-field": _code("package-version-forbidden"),
    "oci-registryBaseUrl": _code("registry-base-url-forbidden"),
    "registryBaseUrl-wrong": _code("registry-base-url-mismatch", "registry-base-url-forbidden", "not-a-uri"),
    "mcpb-no-sha": _code("file-sha256-required", "pattern-mismatch", last="fileSha256"),
    "package-has-name": _code("unexpected-property", last="name"),
    "runtimeArguments-no-hint": _code("runtime-hint-missing"),
    "repository-source-missing": _code("invalid-repository-url", "schema-required"),
}  # fmt: skip


def _by_form(mistake: str) -> Callable[[Finding], bool]:
    """Names that are made of a field and what is wrong with it, also such as no open pair has."""
    if match := re.fullmatch(r"(.+?)>(\d+)", mistake):
        return _code("too-long", last=match[1])
    if match := re.fullmatch(r"unknown-top:(.+)", mistake):
        return _code("unexpected-property", last=match[1], top=True)
    if match := re.fullmatch(r"unknown-[^:]+:(.+)", mistake):
        return _code("unexpected-property", last=match[1])
    if mistake in ("snake-case", "snake_case"):
        return lambda f: f.code == "unexpected-property" and "_" in str(f.at[-1])
    if match := re.fullmatch(r"(?:npm|pypi|nuget|cargo|oci)-fileSha256", mistake):
        return _code("file-sha256-forbidden")
    if match := re.fullmatch(r"registryType-(.+)", mistake):
        return _code("unsupported-registry-type")
    if match := re.fullmatch(r"(?:version|package-version)-(?:range|latest)", mistake):
        return _code("version-looks-like-range", "reserved-version-string")
    if match := re.fullmatch(r"(?:\w+-)?(\w+)-missing", mistake):
        wanted = match[1]
        return lambda f: f.at[-1:] == (wanted,) and ("missing" in f.code or "required" in f.code)
    if match := re.fullmatch(r"(\w+)-(?:string|number|object|type|list|array|map|bool)", mistake):
        wanted = match[1]
        return lambda f: wanted in f.at and f.code in ("wrong-type", "schema-type")
    words = set(re.split(r"[-:.]", mistake)) - {"wrong", "bad", "invalid", "no"}
    return lambda f: bool(words & set(f.code.split("-"))) and bool(words & {str(part) for part in f.at})


def run(pairs: list[Pair]) -> dict[str, Any]:
    """Counts over all mistakes, and those that were missed or left."""
    missed, left = [], []
    mistakes = flagged = left_flagged = 0
    for pair in pairs:
        before, after = findings(pair["before"], pair["repo"]), findings(pair["after"], pair["repo"])
        flagged += any(f.severity != "info" for f in before[1])
        left_flagged += any(f.severity == "error" for f in after[1])
        for mistake in pair["fixed"]:
            mistakes += 1
            row = {"repo": pair["repo"], "commit": pair.get("commit", ""), "mistake": mistake}
            codes = {finding.code for finding in about(mistake, *before)}
            if not codes:
                missed.append(row)
            if any(finding.code in codes or not codes for finding in about(mistake, *after)):
                left.append(row)
    return {
        "pairs": len(pairs),
        "mistakes": mistakes,
        "found_before": mistakes - len(missed),
        "reported_after": len(left),
        "documents_flagged_before": flagged,
        "documents_with_errors_after": left_flagged,
        "missed": missed,
        "left": left,
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fix_pairs", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--format", choices=["text", "json"], default="text")
    options = parser.parse_args()
    lines = options.file.read_text(encoding="utf-8").splitlines()
    pairs = [json.loads(line) for line in lines if line.strip()]
    result = run(pairs)
    total = result["mistakes"] or 1
    good = result["found_before"] >= 0.95 * total and result["reported_after"] <= 0.02 * total
    if options.format == "json":
        print(json.dumps(result, indent=2))
    else:
        print(f"{result['pairs']} pairs, {result['mistakes']} mistakes")
        print(f"found before   {result['found_before']:4} ({100 * result['found_before'] / total:.1f} %)")
        print(f"reported after {result['reported_after']:4} ({100 * result['reported_after'] / total:.1f} %)")
        for name in ("missed", "left"):
            for row in result[name]:
                print(f"  {name}: {row['repo']} {row['commit'][:8]} {row['mistake']}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
