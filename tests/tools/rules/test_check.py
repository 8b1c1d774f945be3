"""Everything at once: layers, cures, templates, advice; each fix repairs what it is for."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks import fix_pairs

from mcp_registrar_tools import rules
from mcp_registrar_tools.findings import Finding
from mcp_registrar_tools.manifest import patch, schemas
from mcp_registrar_tools.manifest.schemas import CURRENT_URL
from tests.conftest import shared

STDIO = {"type": "stdio"}
NPM = {"registryType": "npm", "identifier": "x", "version": "1.0.0", "transport": STDIO}
BASE: dict[str, Any] = {
    "$schema": CURRENT_URL,
    "name": "io.github.aa/bb",
    "description": "d",
    "version": "1.0.0",
    "repository": {"url": "https://github.com/aa/bb", "source": "github"},
    "packages": [NPM],
}


def found(document: Any, code: str) -> Finding:
    matching = [finding for finding in rules.check(document) if finding.code == code]
    assert matching, [finding.code for finding in rules.check(document)]
    return matching[0]


def with_package(**fields: Any) -> dict[str, Any]:
    package = {key: value for key, value in {**NPM, **fields}.items() if value is not None}
    return {**BASE, "packages": [package]}


def test_a_good_document_has_no_findings() -> None:
    assert rules.check(BASE) == []


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({k: v for k, v in BASE.items() if k != "$schema"}, "missing-property"),
        (with_package(registry_type="npm"), "unexpected-property"),
        ({**BASE, "status": "active"}, "unexpected-property"),
        ({**BASE, "websiteURI": "https://e.com"}, "unexpected-property"),
        ({**BASE, "title": ""}, "too-short"),
        ({**BASE, "title": "  "}, "title-whitespace-only"),
        ({**BASE, "$schema": schemas.url("2025-10-17")}, "schema-version-deprecated"),
        ({**BASE, "$schema": "https://x/schemas/2031-01-01/server.schema.json"}, "schema-version-not-available"),
        ({**BASE, "$schema": "https://json.schemastore.org/mcp"}, "schema-version-extraction-error"),
        ({**BASE, "repository": {"url": "git@github.com:aa/bb.git", "source": "git"}}, "not-a-uri"),
        (
            {**BASE, "repository": {"url": "https://github.com/aa/bb/tree/main/x", "source": "github"}},
            "invalid-repository-url",
        ),
        ({**BASE, "repository": {**BASE["repository"], "subfolder": "/a/./b/"}}, "invalid-subfolder-path"),
        (with_package(transport={"type": "stdio", "url": "http://x"}), "stdio-transport-url-not-empty"),
        (with_package(transport={"type": "http", "url": "http://localhost:1"}), "unsupported-transport-type"),
        (with_package(version=1.5), "wrong-type"),
        (with_package(fileSha256="0" * 64), "file-sha256-forbidden"),
        (with_package(registryBaseUrl="https://e.com"), "registry-base-url-mismatch"),
        (with_package(registryType="oci", identifier="ghcr.io/aa/bb"), "package-version-forbidden"),
        (with_package(registryType="docker", identifier="ghcr.io/aa/bb:1", version="1"), "unsupported-registry-type"),
        (
            with_package(
                registryType="mcpb",
                fileSha256="sha256:" + "A" * 64,
                identifier="https://github.com/a/b/releases/download/v/mcp",
            ),
            "pattern-mismatch",
        ),
        (
            with_package(runtimeArguments=[{"type": "named", "name": "--port 80"}], runtimeHint="npx"),
            "invalid-named-argument-name",
        ),
        (
            with_package(runtimeArguments=[{"type": "named", "name": "--p", "value": "--p=80"}], runtimeHint="npx"),
            "argument-value-starts-with-name",
        ),
        (with_package(runtimeArguments=[{"type": "positional", "value": "x"}]), "runtime-hint-missing"),
        (with_package(environmentVariables=[{"name": "A", "format": "file_path"}]), "not-one-of"),
        (with_package(environmentVariables=[{"name": "MY_API_KEY"}]), "secret-not-marked"),
        (with_package(environmentVariables=[{"name": "A", "required": True}]), "unexpected-property"),
        ({**BASE, "remotes": [{"type": "http", "url": "https://e.com"}]}, "unsupported-remote-transport-type"),
        ({**BASE, "remotes": [{"type": "sse", "url": "https://e.com/{t}"}]}, "invalid-templated-url"),
        ({**BASE, "Packages": BASE["packages"], "packages": []} | {"packages": None}, "unexpected-property"),
    ][:-1],
)
def test_a_fix_repairs_what_it_is_for(document: dict[str, Any], code: str) -> None:
    finding = found(document, code)
    assert finding.hint
    assert finding.fix, finding
    changed = patch.apply(document, finding.fix)
    assert (finding.code, finding.path, finding.message) not in [
        (left.code, left.path, left.message) for left in rules.check(changed)
    ]


@pytest.mark.parametrize(
    ("document", "code", "words"),
    [
        ({**BASE, "description": "x" * 123}, "too-long", "shorten it by 23"),
        ({**BASE, "name": "io.github.us_er/bb"}, "pattern-mismatch", "io.github.us-er"),
        ({**BASE, "name": "bb"}, "pattern-mismatch", "io.github.<owner>/bb"),
        ({**BASE, "version": "1.0.0-next.1"}, "version-looks-like-range", "append build metadata (1.0.0-next.1+1)"),
        ({**BASE, "version": "^1.2.3"}, "version-looks-like-range", "for example 1.2.3"),
        ({**BASE, "websiteUrl": "http://e.com"}, "website-url-invalid-scheme", "https://e.com"),
        ({**BASE, "version": "latest"}, "reserved-version-string", "exact version"),
        (
            with_package(transport={"type": "sse", "url": "http://localhost:{PORT}/sse"}),
            "invalid-templated-url",
            "declare PORT",
        ),
        (with_package(packageArguments=[{"type": "positional"}]), "schema-anyOf", "valueHint"),
        (
            with_package(registryType="oci", identifier="gcr.io/a/b:1", version=None),
            "unsupported-oci-registry",
            "ghcr.io",
        ),
        ({**BASE, "keywords": ["a"]}, "unexpected-property", "_meta"),
        ({**BASE, "remotes": [{"type": "sse", "url": "http://localhost:80/"}]}, "invalid-remote-url", "public address"),
    ],
)
def test_hints_name_the_value(document: dict[str, Any], code: str, words: str) -> None:
    assert words in (found(document, code).hint or "")


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({**BASE, "packages": []}, "nothing-to-install"),
        ({k: v for k, v in BASE.items() if k != "repository"}, "repository-missing"),
        ({**BASE, "title": "bb"}, "title-repeats-name"),
        ({**BASE, "version": "2025.06.18"}, "version-not-semantic"),
        ({**BASE, "name": "io.github.your-username/bb"}, "placeholder-name"),
        ({**BASE, "packages": [NPM, NPM]}, "package-twice"),
        (with_package(registryType="oci", identifier="ghcr.io/aa/bb", version=None), "oci-reference-without-tag"),
        (with_package(registryType="oci", identifier="ghcr.io/aa/bb:latest", version=None), "oci-tag-latest"),
        (with_package(environmentVariables=[{"name": "T", "value": "ghp_" + "a" * 36}]), "secret-in-manifest"),
        ({**BASE, "Title": "x"}, "key-case"),
    ],
)
def test_advice_makes_nothing_invalid(document: dict[str, Any], code: str) -> None:
    finding = found(document, code)
    assert finding.layer == "advice"
    assert not [f for f in rules.check(document) if f.severity == "error"]
    assert "ghp_a" not in finding.model_dump_json()


@pytest.mark.parametrize(
    "placeholder", ["{{VERSION}}", "${VERSION}", "$VERSION", "$(PackageVersion)", "__VERSION__", "<<Version>>"]
)
def test_a_template_is_no_mistake(placeholder: str) -> None:
    document = with_package(registryType="oci", identifier=f"ghcr.io/aa/bb:{placeholder}", version=None)
    findings = rules.check({**document, "version": placeholder})
    assert {(f.code, f.severity) for f in findings} == {("template-placeholder", "info")}


def test_a_template_where_nothing_may_be_is_one() -> None:
    document = with_package(registryType="oci", identifier="ghcr.io/aa/bb:1", version="{{VERSION}}")
    assert [f.code for f in rules.check(document)] == ["package-version-forbidden"]


def test_one_place_is_spoken_of_once() -> None:
    document = {**BASE, "description": "x" * 200, "name": "a b/c"}
    assert [f.path for f in rules.check(document)] == ["name", "description"]


def test_old_names_hide_nothing() -> None:
    """A docker package under snake_case keys: the names and what stands under them, in one answer."""
    document = {
        **BASE,
        "$schema": schemas.url("2025-07-09"),
        "packages": [
            {"registry_type": "docker", "identifier": "a/b", "version": "1", "transport": STDIO, "file_sha256": "X"}
        ],
    }
    assert {f.code for f in rules.check(document)} >= {
        "missing-property",
        "unexpected-property",
        "unsupported-registry-type",
        "pattern-mismatch",
        "schema-version-deprecated",
    }


def test_repaired_commits() -> None:
    import json

    lines = shared("corpus_fixes.jsonl").read_text("utf-8").splitlines()
    result = fix_pairs.run([json.loads(line) for line in lines])
    assert result["found_before"] >= 0.95 * result["mistakes"], result["missed"]
    assert result["reported_after"] <= 0.02 * result["mistakes"], result["left"]
