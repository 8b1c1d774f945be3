"""Cases of the official publisher's commands; what signs and proves is in `benchmarks.cases.registry`."""

from __future__ import annotations

from benchmarks.official_cases import Case, differs, kind
from mcp_registrar_tools.set_status import argument_problem


@kind("cli_status")
async def cli_status(case: Case) -> str | None:
    """The official publisher's argument rules: flags first, then server and version."""
    flags: dict[str, str] = {}
    rest = list(case["input"]["args"])
    while rest and rest[0].startswith("-"):
        name, equals, value = rest.pop(0).lstrip("-").partition("=")
        if name in ("all-versions", "yes", "y"):
            flags[name] = value or "true"
        else:
            flags[name] = value if equals else rest.pop(0)
    name, version = (*rest, "", "")[:2]
    problem = argument_problem(flags.get("status", ""), name, version, flags.get("all-versions") == "true")
    expected = case["expected"]
    if wrong := differs("valid", expected["valid"], problem is None):
        return f"{wrong} ({problem})"
    wanted = [error["message_contains"] for error in expected["errors"]]
    return None if all(text in (problem or "") for text in wanted) else f"expected {wanted}, got {problem!r}"
