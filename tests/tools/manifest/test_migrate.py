"""From any date, and from shapes that were none: to a document the registry accepts, keeping what was meant."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from benchmarks.official_cases import fill_holes

from mcp_registrar_tools import rules
from mcp_registrar_tools.manifest import schemas
from mcp_registrar_tools.manifest.migrate import migrate, oci_identifier, repository_url
from mcp_registrar_tools.manifest.schemas import CURRENT_URL, OFFICIAL, PUBLISHER_PROVIDED
from tests.conftest import shared

BASE: dict[str, Any] = {"$schema": CURRENT_URL, "name": "io.github.a/bb", "description": "d", "version": "1.0.0"}
STDIO = {"type": "stdio"}


def errors(document: Any) -> list[str]:
    return [f"{f.path}: {f.message}" for f in rules.check(document) if f.severity == "error"]


def package(**fields: Any) -> dict[str, Any]:
    return {**BASE, "packages": [{"registryType": "npm", "identifier": "x", "version": "1.0.0", **fields}]}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"version_detail": {"version": "2.0.0", "release_date": "x"}, "version": None}, {"version": "2.0.0"}),
        ({"website_url": "https://e.com"}, {"websiteUrl": "https://e.com"}),
        ({"version": 1.5}, {"version": "1.5"}),
        ({"status": "active"}, {"status": None}),
        (
            {"repository": "https://github.com/a/b.git"},
            {"repository": {"url": "https://github.com/a/b.git", "source": "github"}},
        ),
        (
            {"repository": {"type": "git", "url": "git@github.com:a/b.git"}},
            {"repository": {"url": "https://github.com/a/b", "source": "github"}},
        ),
        (
            {"repository": {"url": "https://github.com/a/b/tree/main/packages/c", "source": "github"}},
            {"repository": {"url": "https://github.com/a/b", "source": "github", "subfolder": "packages/c"}},
        ),
        (
            {"remotes": {"type": "sse", "url": "https://e.com/sse"}},
            {"remotes": [{"type": "sse", "url": "https://e.com/sse"}]},
        ),
        ({"remotes": ["https://e.com/mcp"]}, {"remotes": [{"type": "streamable-http", "url": "https://e.com/mcp"}]}),
        (
            {"remotes": [{"transport_type": "http", "url": "https://e.com"}]},
            {"remotes": [{"type": "streamable-http", "url": "https://e.com"}]},
        ),
        ({"remotes": [{"url": "https://e.com/sse"}]}, {"remotes": [{"type": "sse", "url": "https://e.com/sse"}]}),
        (
            {"license": "MIT", "mcpName": "x"},
            {"_meta": {PUBLISHER_PROVIDED: {"license": "MIT"}}, "license": None, "mcpName": None},
        ),
        (
            {"_meta": {OFFICIAL: {"id": 1}, PUBLISHER_PROVIDED: {"snake_case_key": {"is_required": 1}}}},
            {"_meta": {PUBLISHER_PROVIDED: {"snake_case_key": {"is_required": 1}}}},
        ),
    ],
)
def test_the_top(given: dict[str, Any], expected: dict[str, Any]) -> None:
    document = {k: v for k, v in {**BASE, **given}.items() if v is not None}
    made, changes = migrate(document)
    for key, value in expected.items():
        assert made.get(key) == value
    assert changes
    assert errors(made) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"transport": "stdio"}, {"transport": STDIO}),
        ({}, {"transport": STDIO}),
        ({"transport": {"type": "STDIO", "url": ""}}, {"transport": STDIO}),
        ({"transport": STDIO, "name": "x"}, {"name": None}),
        ({"transport": STDIO, "fileSha256": "0" * 64}, {"fileSha256": None}),
        ({"transport": STDIO, "runtime_hint": "npx"}, {"runtimeHint": "npx", "runtime_hint": None}),
        (
            {"transport": STDIO, "runtimeArguments": ["-y", "--port=80", "pkg"], "runtimeHint": "npx"},
            {
                "runtimeArguments": [
                    {"type": "named", "name": "-y"},
                    {"type": "named", "name": "--port", "value": "80"},
                    {"type": "positional", "value": "pkg"},
                ]
            },
        ),
        (
            {
                "transport": STDIO,
                "packageArguments": [{"name": "--n", "default": 8080}, {"type": "positional", "name": "dir"}],
            },
            {
                "packageArguments": [
                    {"type": "named", "name": "--n", "default": "8080"},
                    {"type": "positional", "valueHint": "dir"},
                ]
            },
        ),
        (
            {"transport": STDIO, "environmentVariables": {"KEY": {"required": True, "secret": "true"}, "N": 1}},
            {
                "environmentVariables": [
                    {"name": "KEY", "isRequired": True, "isSecret": True},
                    {"name": "N", "value": "1"},
                ]
            },
        ),
        (
            {"transport": STDIO, "environmentVariables": ["KEY"]},
            {"environmentVariables": [{"name": "KEY"}]},
        ),
        (
            {
                "transport": STDIO,
                "environmentVariables": [{"name": "K", "format": "file_path", "choices": [1, True], "label": "x"}],
            },
            {"environmentVariables": [{"name": "K", "format": "filepath", "choices": ["1", "true"]}]},
        ),
        ({"transport": STDIO, "registryType": "NPM"}, {"registryType": "npm"}),
        (
            {"transport": STDIO, "registryType": "docker", "identifier": "a/b", "registryBaseUrl": "https://docker.io"},
            {"registryType": "oci", "identifier": "docker.io/a/b:1.0.0", "version": None, "registryBaseUrl": None},
        ),
        (
            {
                "transport": STDIO,
                "registryType": "dxt",
                "registryBaseUrl": "https://github.com",
                "fileSha256": "SHA256:" + "A" * 64,
                "identifier": "https://github.com/a/b/releases/download/v1/mcp.mcpb",
            },
            {"registryType": "mcpb", "registryBaseUrl": None, "fileSha256": "a" * 64},
        ),
    ],
)
def test_packages(given: dict[str, Any], expected: dict[str, Any]) -> None:
    made, changes = migrate(package(**given))
    for key, value in expected.items():
        assert made["packages"][0].get(key) == value
    assert changes
    assert errors(made) == []


@pytest.mark.parametrize(
    ("package_", "identifier"),
    [
        ({"identifier": "a/b", "version": "1"}, "docker.io/a/b:1"),
        ({"identifier": "a/b:2", "version": "1"}, "docker.io/a/b:2"),
        ({"identifier": "ghcr.io/a/b", "registryBaseUrl": "https://docker.io", "version": "1"}, "ghcr.io/a/b:1"),
        ({"identifier": "a/b", "registryBaseUrl": "https://ghcr.io/", "version": "1.0.0+x"}, "ghcr.io/a/b:1.0.0_x"),
        ({"identifier": "a/b", "registryBaseUrl": "https://hub.docker.com", "version": "1"}, "docker.io/a/b:1"),
        ({"identifier": "https://ghcr.io/a/b:1"}, "ghcr.io/a/b:1"),
        ({"identifier": "localhost:5000/a/b", "version": "1"}, "localhost:5000/a/b:1"),
        ({"identifier": "ghcr.io/a/b:${VERSION}", "version": "${VERSION}"}, "ghcr.io/a/b:${VERSION}"),
    ],
)
def test_one_reference_for_an_image(package_: dict[str, Any], identifier: str) -> None:
    assert oci_identifier(package_) == identifier


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("git+https://github.com/a/b.git", ("https://github.com/a/b", "github", "")),
        ("ssh://git@gitlab.com/a/b.git", ("https://gitlab.com/a/b", "gitlab", "")),
        ("github:a/b", ("https://github.com/a/b", "github", "")),
        ("https://github.com/a/b/tree/main/x/y/", ("https://github.com/a/b", "github", "x/y")),
        ("https://github.com/a/b#readme", ("https://github.com/a/b", "github", "")),
        ("https://bitbucket.org/a/b", ("https://bitbucket.org/a/b", "", "")),
    ],
)
def test_repository_addresses(given: str, expected: tuple[str, str, str]) -> None:
    assert repository_url(given) == expected


def test_order_and_the_given_document_stay() -> None:
    given = {
        "name": "io.github.a/bb",
        "website_url": "https://e.com",
        "description": "d",
        "zebra": 1,
        "version": "1.0.0",
        "packages": [{"identifier": "x", "registry_type": "npm", "version": "1.0.0", "transport": STDIO}],
    }
    before = copy.deepcopy(given)
    made, _ = migrate(given)
    assert given == before
    assert list(made) == ["$schema", "name", "websiteUrl", "description", "version", "packages", "_meta"]
    assert list(made["packages"][0]) == ["identifier", "registryType", "version", "transport"]


@pytest.mark.parametrize("version", schemas.VERSIONS)
def test_every_date_arrives_today(version: str) -> None:
    """The example of the first announcement, in each date's spelling."""
    seed: dict[str, Any] = {
        "$schema": schemas.url(version),
        "name": "io.github.yourname/your-server",
        "description": "A description of your MCP server",
        "repository": {"url": "https://github.com/yourname/your-server", "source": "github"},
        "version": "1.0.0",
        "packages": [
            {
                "registry_type": "npm",
                "registry_base_url": fill_holes("https://{NPM_HOST}"),
                "identifier": "your-npm-package",
                "version": "1.0.0",
                "transport": STDIO,
                "environment_variables": [
                    {"name": "API_KEY", "is_required": True, "is_secret": True, "format": "string"}
                ],
                "package_arguments": [{"type": "positional", "value_hint": "dir", "is_repeated": True}],
            }
        ],
    }
    if version < "2025-09-29":
        seed["status"] = "active"
    camel = migrate(seed)[0] | {"$schema": schemas.url(version)}
    for given in (seed, camel):
        made, _ = migrate(given)
        assert errors(made) == []
        assert made["$schema"] == CURRENT_URL
        assert made["packages"][0]["environmentVariables"][0]["isSecret"] is True
        assert migrate(made) == (made, [])


def test_real_repairs_are_idempotent_and_leave_only_what_needs_words() -> None:
    lines = shared("corpus_fixes.jsonl").read_text("utf-8").splitlines()
    for line in lines:
        for text in (json.loads(line)["before"], json.loads(line)["after"]):
            try:
                document = json.loads(fill_holes(text))
            except ValueError:
                continue
            made, _ = migrate(document)
            assert migrate(made) == (made, [])
            left = {f.code for f in rules.check(made) if f.severity == "error" and f.layer == "structure"}
            assert left <= {"too-long", "pattern-mismatch", "missing-property"}, left


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"packages": 1},
        {"packages": [1, None, []]},
        {"packages": {"a": {}}},
        {"remotes": "x"},
        {"_meta": []},
        {"repository": 5},
        {"repository": {"url": 5}},
        {"icons": ["https://e.com/i.png"]},
        {"packages": [{"transport": 1}]},
        {"packages": [{"environmentVariables": 1, "runtimeArguments": {"a": 1}}]},
        {"version": {"a": 1}},
        {"packages": [{"registryType": 1, "version": [], "identifier": {}}]},
        {"remotes": [{"transport": {"type": 1}, "headers": {"a": None}, "variables": {"v": 1}}]},
    ],
)
def test_nonsense_does_not_break_it(document: dict[str, Any]) -> None:
    made, _ = migrate(document)
    assert made["$schema"] == CURRENT_URL
    rules.check(made)
