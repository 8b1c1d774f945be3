"""Cases of the validation rules and their building blocks."""

from __future__ import annotations

from typing import Any

from benchmarks.official_cases import Case, differs, kind
from mcp_registrar_tools import rules
from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.images import reference
from mcp_registrar_tools.manifest import names, schema_check, schemas, versions
from mcp_registrar_tools.manifest.body import dotted
from mcp_registrar_tools.packages import oci

DRAFT_URL_PATTERN = r"^(https?://[^\s]+|\{[a-zA-Z_][a-zA-Z0-9_]*\}[^\s]*)$"
"""What the draft, which no registry accepts and we therefore do not hold, allows in a transport's ``url``."""


@kind("semver_check")
async def semver_check(case: Case) -> str | None:
    version = case["input"] if isinstance(case["input"], str) else case["input"]["version"]
    return differs("is_semver", case["expected"]["is_semver"], versions.is_semver(version))


@kind("version_compare")
async def version_compare(case: Case) -> str | None:
    given = case["input"]
    result = versions.compare(given["a"], given["b"], given.get("a_published_at"), given.get("b_published_at"))
    return differs("result", case["expected"]["result"], result)


@kind("mcp_name_token")
async def mcp_name_token(case: Case) -> str | None:
    given = case["input"]
    return differs("valid", case["expected"]["valid"], names.has_token(given["text"], given["server_name"]))


@kind("mcp_name_trailing")
async def mcp_name_trailing(case: Case) -> str | None:
    given, expected = case["input"], case["expected"]
    glued = names.glued_to_token(given["text"], given["server_name"])
    return differs("found", expected["found"], glued is not None) or differs(
        "trailing", expected.get("trailing") or "", glued or ""
    )


@kind("oci_ref")
async def oci_ref(case: Case) -> str | None:
    expected = case["expected"]
    wrong = _compare_messages(expected["errors"], oci.reference_problems(case["input"]["identifier"]))
    if wrong:
        return wrong
    try:
        read = reference.parse(case["input"]["identifier"])
    except InputError:
        return differs("valid", expected["valid"], False)
    for name in ("registry", "repository", "tag", "digest"):
        if name in expected and (wrong := differs(name, expected[name], getattr(read, name))):
            return wrong
    return None


@kind("json_pointer")
async def json_pointer(case: Case) -> str | None:
    parts = _text(case["input"], "pointer").removeprefix("/").split("/")
    names = [part.replace("~1", "/").replace("~0", "~") for part in parts if part]
    at = tuple(int(name) if name.isascii() and name.isdigit() else name for name in names)
    return differs("path", case["expected"]["path"], dotted(at))


@kind("schema_reference")
async def schema_reference(case: Case) -> str | None:
    """The way from the root to a failed keyword: from its two locations if the case has them, else by validating."""
    given, expected = case["input"], case["expected"]
    locations = {k: v for k, v in given.items() if isinstance(v, str) and ("keyword" in k or "location" in k)}
    if locations:
        absolute = next((v for k, v in locations.items() if "abs" in k), "")
        keyword = next((v for k, v in locations.items() if "abs" not in k), "")
        version = given.get("schema_version") or case.get("schema_version") or schemas.CURRENT
        inner = given.get("schema")
        root = inner if isinstance(inner, dict) else schemas.shared(version)
        made = schema_check.reference(root, keyword, absolute)
        return differs("reference", expected if isinstance(expected, str) else expected["reference"], made)
    document = next((given[k] for k in ("server_json", "document", "server") if k in given), given)
    issues = [rules.issue(finding) for finding in rules.schema_issues(document)]
    if isinstance(expected, str):
        expected = {"reference": expected}
    for wanted in expected.get("errors") or expected.get("issues") or [expected]:
        facts = {k: v for k, v in wanted.items() if k in ("path", "message", "reference", "type", "severity")}
        if not any(facts.items() <= issue.items() for issue in issues):
            return f"expected {facts!r} among {issues!r}"
    return None


@kind("url_pattern")
async def url_pattern(case: Case) -> str | None:
    url, expected = _text(case["input"], "url"), case["expected"]
    for name, pattern in (
        ("valid", DRAFT_URL_PATTERN),
        ("valid_2025_12_11", schemas.URL_PATTERN),
    ):
        if name in expected:
            accepted = schema_check.go_pattern(pattern).search(url) is not None
            if wrong := differs(name, expected[name], accepted):
                return wrong
    return None


@kind("url")
async def url(case: Case) -> str | None:
    """A URL under one rule; the rule's name says which field of which document it is put into."""
    given, expected = case["input"], case["expected"]
    package = {"registryType": "mcpb", "identifier": given["url"], "transport": {"type": "stdio"}}
    package["fileSha256"] = "0" * 64
    if given["rule"] != "mcpb_identifier":
        return f"rule {given['rule']} is not known"
    found = rules.publish_time_problems({**_DOCUMENT, "packages": [package]})
    return _compare_messages(expected["errors"], [finding.message for finding in found])


_DOCUMENT = {
    "$schema": schemas.CURRENT_URL,
    "name": "com.example/test-server",
    "description": "A test server",
    "version": "1.0.0",
}


def _text(given: Any, key: str) -> str:
    return str(given if isinstance(given, str) else given[key])


def _compare_messages(expected: list[dict[str, Any]], messages: list[str]) -> str | None:
    """Each expected error by its message, part or beginning, in order, and nothing else."""
    if len(expected) != len(messages):
        return f"expected {len(expected)} errors, got {messages!r}"
    for wanted, got in zip(expected, messages, strict=True):
        if "message" in wanted and wanted["message"] != got:
            return f"expected {wanted['message']!r}, got {got!r}"
        if wanted.get("message_contains", "") not in got:
            return f"expected {wanted['message_contains']!r} in {got!r}"
        if not got.startswith(wanted.get("message_prefix", "")):
            return f"expected {wanted['message_prefix']!r} at the beginning of {got!r}"
    return None


@kind("server_json_validation")
async def server_json_validation(case: Case) -> str | None:
    document, layers = case["input"]["server_json"], case.get("layers", [])
    if "http_body" in layers:
        return _body_case(document, case["expected"])
    if "json_schema" in layers:
        return _schema_case(document, case["expected"], case.get("schema_version", schemas.CURRENT))
    return _publish_case(document, case["expected"], case["input"].get("schema_version_policy", "warn"))


def _body_case(document: Any, expected: dict[str, Any]) -> str | None:
    found = rules.body_problems(document)
    if wrong := differs("valid", expected["valid"], not found):
        return f"{wrong}; {found!r}"
    if wrong := _compare_messages(expected["errors"], [problem.message for problem in found]):
        return wrong
    for wanted, got in zip(expected["errors"], found, strict=True):
        if "location" in wanted and wanted["location"] != got.location:
            return f"expected location {wanted['location']!r}, got {got.location!r}"
    return None


def _schema_case(document: Any, expected: dict[str, Any], version: str) -> str | None:
    tree = schema_check.errors(version, document)
    if wrong := differs("valid", expected["valid"], tree is None):
        return wrong
    found = {(dotted(e.at), e.keyword.rpartition("/")[2]) for e in tree.everything()} if tree else set()
    for wanted in expected["errors"]:
        if (wanted["path"], wanted["keyword"]) not in found:
            return f"expected {wanted['keyword']} at {wanted['path']!r} among {found!r}"
    return None


def _publish_case(document: Any, expected: dict[str, Any], policy: Any) -> str | None:
    issues = [rules.issue(finding) for finding in rules.publish_issues(document, policy)]
    for name, severity in (("errors", "error"), ("warnings", "warning")):
        got = [issue for issue in issues if issue["severity"] == severity]
        wanted = expected.get(name, [])
        if wrong := _compare_messages(wanted, [issue["message"] for issue in got]):
            return f"{name}: {wrong}"
        for one, other in zip(wanted, got, strict=True):
            for key in ("type", "path", "severity", "reference"):
                if key in one and one[key] != other[key]:
                    return f"{name}: {key}: expected {one[key]!r}, got {other[key]!r}"
    return differs("valid", expected["valid"], not any(i["severity"] == "error" for i in issues))
