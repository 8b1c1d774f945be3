"""Rules where the registry's answer surprises; the bulk is held by the official cases."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mcp_registrar_tools import rules
from mcp_registrar_tools.manifest import schemas
from mcp_registrar_tools.manifest.body import bind
from mcp_registrar_tools.manifest.schemas import CURRENT_URL, PUBLISHER_PROVIDED
from mcp_registrar_tools.rules.publish_time import go_json_size

BASE: dict[str, Any] = {"$schema": CURRENT_URL, "name": "io.github.a/bb", "description": "d", "version": "1.0.0"}
STDIO = {"type": "stdio"}
NPM = {"registryType": "npm", "identifier": "x", "version": "1.0.0", "transport": STDIO}


def body(document: Any) -> list[tuple[str, str]]:
    return [(problem.location, problem.message) for problem in rules.body_problems(document)]


def codes(document: Any) -> list[str]:
    return [finding.code for finding in rules.publish_issues(document)]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (BASE, []),
        ([], [("body", "expected object")]),
        (
            {},
            [
                ("body", f"expected required property {name} to be present")
                for name in ("$schema", "name", "description", "version")
            ],
        ),
        ({**BASE, "title": None, "packages": None, "repository": None}, []),
        ({**BASE, "name": None}, [("body.name", "expected string")]),
        ({**BASE, "description": "x" * 101}, [("body.description", "expected length <= 100")]),
        ({**BASE, "description": "é" * 100}, []),
        (
            {**BASE, "name": "a/"},
            [
                ("body.name", "expected length >= 3"),
                ("body.name", f"expected string to match pattern {schemas.NAME_PATTERN}"),
            ],
        ),
        (
            {**BASE, "name": "io.github.a/b\n"},
            [("body.name", f"expected string to match pattern {schemas.NAME_PATTERN}")],
        ),
        (
            {**BASE, "packages": [{}]},
            [
                ("body.packages[0]", f"expected required property {n} to be present")
                for n in ("registryType", "identifier", "transport")
            ],
        ),
        (
            {**BASE, "packages": [{**NPM, "transport": {}}]},
            [("body.packages[0].transport", "expected required property type to be present")],
        ),
        (
            {**BASE, "packages": [{**NPM, "name": 1, "version": 1}]},
            [("body.packages[0].version", "expected string"), ("body.packages[0].name", "unexpected property")],
        ),
        ({**BASE, "packages": {}}, [("body.packages", "expected array")]),
        ({**BASE, "packages": [1]}, [("body.packages[0]", "expected object")]),
        (
            {
                **BASE,
                "packages": [
                    {
                        **NPM,
                        "environmentVariables": [{"name": "A", "format": "int", "isRequired": "true", "choices": [1]}],
                    }
                ],
            },
            [
                ("body.packages[0].environmentVariables[0].isRequired", "expected boolean"),
                (
                    "body.packages[0].environmentVariables[0].format",
                    'expected value to be one of "string, number, boolean, filepath"',
                ),
                ("body.packages[0].environmentVariables[0].choices[0]", "expected string"),
            ],
        ),
        (
            {**BASE, "remotes": [{"type": "sse", "url": "https://e.com", "variables": {"v": {"default": 1}}}]},
            [("body.remotes[0].variables.v.default", "expected string")],
        ),
        ({**BASE, "_meta": {PUBLISHER_PROVIDED: [1]}}, [(f"body._meta.{PUBLISHER_PROVIDED}", "expected object")]),
        (
            {**BASE, "icons": [{"src": "https://e.com/" + "x" * 250, "theme": "dim"}]},
            [
                ("body.icons[0].src", "expected length <= 255"),
                ("body.icons[0].theme", 'expected value to be one of "light, dark"'),
            ],
        ),
        ({**BASE, "Title": "t", "WEBSITEURL": "https://e.com"}, []),  # its decoder does not look at the case of keys
    ],
)
def test_body(document: Any, expected: list[tuple[str, str]]) -> None:
    assert body(document) == expected


def test_the_registry_sees_what_it_would_write() -> None:
    given = {**BASE, "title": "", "Title2": 1, "packages": [], "repository": {}, "websiteurl": "https://e.com"}
    bound, _ = bind({**given, "remotes": [{"type": "sse", "url": "", "headers": []}]})
    assert bound == {**BASE, "repository": {}, "websiteUrl": "https://e.com", "remotes": [{"type": "sse"}]}


def test_schema_issues_are_about_that() -> None:
    """Unknown keys and empty optionals are gone before the schema looks; failures of the root are not listed."""
    assert rules.schema_issues({**BASE, "title": "", "extra": 1}) == []
    assert rules.schema_issues({**BASE, "$schema": "https://x/schemas/2030-01-01/server.schema.json"}) == []
    (finding,) = rules.schema_issues({**BASE, "repository": {"url": "no", "source": "github"}})
    assert rules.issue(finding) == {
        "type": "schema",
        "path": "repository.url",
        "message": "'no' has invalid format 'uri'",
        "severity": "error",
        "reference": "#/definitions/Repository/properties/url/format from: [#/definitions/ServerDetail]/properties/"
        "repository/[#/definitions/Repository]/properties/url/format",
    }
    (missing,) = rules.schema_issues({**BASE, "repository": {"url": "https://e.com"}})
    assert missing.message == "missing required fields: 'source'"


def test_a_camel_case_package_fails_the_schema_of_the_first_date() -> None:
    issues = rules.schema_issues({**BASE, "$schema": schemas.url("2025-07-09"), "packages": [NPM]})
    assert {issue.path for issue in issues} == {"packages[0]"}
    assert any("'registry_type'" in issue.message for issue in issues)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ({"name": "", "value": "x"}, ["named-argument-name-required", "argument-value-starts-with-name"]),
        ({"name": "--a b", "default": "--a b c"}, ["invalid-named-argument-name", "argument-default-starts-with-name"]),
        ({"name": "x", "value": "xyz"}, ["argument-value-starts-with-name"]),
        ({"name": "--a=b"}, []),
    ],
)
def test_named_arguments(argument: dict[str, str], expected: list[str]) -> None:
    assert codes({**BASE, "packages": [{**NPM, "runtimeArguments": [{"type": "named", **argument}]}]}) == expected


@pytest.mark.parametrize(
    ("url", "valid"),
    [
        ("https://{host}:{port}/{path}", True),
        ("https://e.com:{p}/x", True),
        ("https://e.com:{p}", True),
        ("https://e.com:{p}x/", False),
        ("{scheme}://e.com", False),
        ("https://{}/x", False),
        ("https://LOCALHOST/", True),
        ("https://a.localhost/", False),
        ("https://127.0.0.1:8080/", False),
        ("https://10.0.0.1/", True),
        ("HTTPS://e.com", True),
        ("https://e.com/{a}{a}", True),
    ],
)
def test_remote_urls(url: str, valid: bool) -> None:
    names = ("host", "port", "path", "p", "scheme", "a")
    remote = {"type": "sse", "url": url, "variables": {name: {} for name in names}}
    assert (codes({**BASE, "remotes": [remote]}) == []) is valid


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"version": ""}, ["package-version-required"]),
        (
            {"registryBaseUrl": "https://npm.example.com", "fileSha256": "0" * 64},
            ["file-sha256-forbidden", "registry-base-url-mismatch"],
        ),
        ({"registryType": "NPM"}, ["unsupported-registry-type"]),
        ({"registryType": "oci", "identifier": "ghcr.io/A/b", "version": ""}, ["invalid-oci-reference"]),
        (
            {"registryType": "oci", "identifier": "gcr.io/a/b:1", "version": "1", "registryBaseUrl": "https://gcr.io"},
            ["registry-base-url-forbidden", "package-version-forbidden", "unsupported-oci-registry"],
        ),
        (
            {"registryType": "mcpb", "identifier": "https://e.com/mcp.mcpb"},
            ["file-sha256-required", "invalid-mcpb-url"],
        ),
    ],
)
def test_publish_time(fields: dict[str, Any], expected: list[str]) -> None:
    found = rules.publish_time_problems({**BASE, "packages": [{**NPM, **fields}]})
    assert [finding.code for finding in found] == expected


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"a": 1}, 7),
        ({"a": 1.0}, 7),
        ({"a": [True, False, None]}, 23),
        ({"a": '<é\u2028\n\x01"'}, 6 + 2 + 6 + 2 + 6 + 6 + 2 + 2 - 3),
        ({"a": 1e21}, 11),
        ({"a": 1e-7}, 10),
        ({"a": 0.1}, 9),
        ({}, 2),
        ({"a": {}, "b": []}, 15),
        ({"a": 123456789}, 15),
    ],
)
def test_size_as_go_writes_it(value: Any, size: int) -> None:
    if "a" in value and isinstance(value["a"], str):
        size = len(r'{"a":"\u003cé\u2028\n\u0001\""}'.encode())
    assert go_json_size(value) == size


def test_extension_limit_is_exact() -> None:
    room = 4096 - len('{"k":""}')
    for length, expected in ((room, 0), (room + 1, 1)):
        found = rules.publish_time_problems({**BASE, "_meta": {PUBLISHER_PROVIDED: {"k": "x" * length}}})
        assert len(found) == expected
    assert found[0].message == f"_meta.{PUBLISHER_PROVIDED} extension exceeds 4KB limit (4097 bytes)"


def test_issues_are_json() -> None:
    found = rules.publish_issues({"$schema": "x", "name": "a", "description": "", "version": "latest"})
    assert [rules.issue(finding)["type"] for finding in found] == ["schema", "semantic", "semantic"]
    json.dumps([rules.issue(finding) for finding in found])
