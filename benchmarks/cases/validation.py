"""Cases of the validation rules and their building blocks."""

from __future__ import annotations

from benchmarks.official_cases import Case, differs, kind
from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.images import reference
from mcp_registrar_tools.manifest import names, versions


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
    try:
        read = reference.parse(case["input"]["identifier"])
    except InputError as error:
        wanted = expected["errors"][0]["message_contains"] if expected["errors"] else "no error"
        return None if wanted in error.message else f"expected {wanted!r}, got {error.message!r}"
    for name in ("registry", "repository", "tag", "digest"):
        if name in expected and (wrong := differs(name, expected[name], getattr(read, name))):
            return wrong
    return None
