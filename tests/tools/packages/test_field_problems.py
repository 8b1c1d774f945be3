"""The checks of an entry's own fields: each message, all of them at once, and the registry's order."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from mcp_registrar_tools.packages import cargo, mcpb, npm, nuget, oci, pypi

HASH = "fe333e598595000ae021bd27117db32ec69af6987f507ba7a63c90638ff633ce"


@pytest.mark.parametrize("module", [npm, pypi, nuget, cargo])
def test_a_good_index_entry_has_no_problem(module: Any) -> None:
    assert module.field_problems({"identifier": "a", "version": "1.0.0"}) == []
    assert module.field_problems({"identifier": "a", "version": "1", "registryBaseUrl": module.BASE_URL}) == []


@pytest.mark.parametrize(
    ("module", "order"),
    [
        (npm, ["identifier", "version", "fileSha256", "base URL"]),
        (pypi, ["identifier", "version", "fileSha256", "base URL"]),
        (cargo, ["identifier", "version", "fileSha256", "base URL"]),
        (nuget, ["identifier", "fileSha256", "base URL", "version"]),
    ],
)
def test_everything_wrong_is_told_in_the_order_of_the_registry(module: Any, order: list[str]) -> None:
    problems = module.field_problems({"fileSha256": HASH, "registryBaseUrl": "https://example.org"})
    assert len(problems) == len(order)
    for problem, word in zip(problems, order, strict=True):
        assert word in problem


def test_oci_fields_that_older_schemas_had_are_refused_and_the_reference_is_read_last() -> None:
    problems = oci.field_problems(
        {
            "identifier": "gcr.io/o/i:1",
            "registryBaseUrl": "https://gcr.io",
            "version": "1",
            "fileSha256": HASH,
        }
    )
    assert [p.split(" field")[0] for p in problems[:3]] == [
        "OCI packages must not have 'registryBaseUrl'",
        "OCI packages must not have 'version'",
        "OCI packages must not have 'fileSha256'",
    ]
    assert problems[3:] == ["unsupported OCI registry: gcr.io"]
    assert oci.field_problems({}) == ["package identifier is required for OCI packages"]
    assert oci.field_problems({"identifier": "https://ghcr.io/o/i:1"})[0].startswith("invalid OCI reference: c")


def test_mcpb_wants_the_hash_first_and_may_have_a_version() -> None:
    url = "https://github.com/o/mcp/releases/download/v1/s.mcpb"
    assert mcpb.field_problems({"identifier": url, "fileSha256": HASH, "version": "1.0.0"}) == []
    assert mcpb.field_problems({}) == [
        "must include a fileSha256 hash for integrity verification",
        "package identifier is required for MCPB packages",
    ]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "https://github.com/o/r/releases/download/v1/s.mcpb\n",
            r's.mcpb\n": net/url: invalid control character',
        ),
        ("https://user@github.com/o/mcp/releases/download/v1/s.mcpb", None),
        ("https://gitlab.com/g/r/-/package_files/12/download?mcp", None),
        ("https://gitlab.com/g/r/-/package_files/12/download", "must contain 'mcp'"),
        ("ftp://github.com/o/mcp/releases/download/v1/s.mcpb", "must use HTTPS"),
        ("//[::1/mcp", "invalid MCPB package URL: "),
    ],
)
def test_mcpb_urls(url: str, message: str | None) -> None:
    problems = mcpb.url_problems(url)
    assert (not problems) if message is None else message in problems[0]


def test_values_of_other_types_count_as_empty() -> None:
    for name in ("npm", "pypi", "nuget", "cargo", "oci", "mcpb"):
        module = import_module(f"mcp_registrar_tools.packages.{name}")
        assert module.field_problems({"identifier": 1, "version": None, "registryBaseUrl": [], "fileSha256": {}})
