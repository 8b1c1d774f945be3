"""Image references: read as go-containerregistry reads them, built as agentregistry's users expect."""

from __future__ import annotations

import pytest

from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.images.reference import build_reference, kebab, parse

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("reference", "canonical"),
    [
        ("alpine", "docker.io/library/alpine:latest"),
        ("owner/image:1.0.0", "docker.io/owner/image:1.0.0"),
        ("index.docker.io/owner/image:1", "docker.io/owner/image:1"),
        ("localhost:5001/acme/fetch:1.0.0", "localhost:5001/acme/fetch:1.0.0"),
        ("localhost:5000/foo", "localhost:5000/foo:latest"),
        ("localhost/foo", "localhost/foo:latest"),
        (f"img@{DIGEST}", f"docker.io/library/img@{DIGEST}"),
        (f"ghcr.io/o/i:1.0.0@{DIGEST}", f"ghcr.io/o/i:1.0.0@{DIGEST}"),
        ("[::1]:5000/o/i:1", "[::1]:5000/o/i:1"),
        ("image:", "docker.io/library/image:latest"),
    ],
)
def test_reads(reference: str, canonical: str) -> None:
    assert parse(reference).canonical() == canonical


@pytest.mark.parametrize(
    "reference",
    [
        "", "a", "Owner/image:1", "ghcr.io/O/i:1", "https://ghcr.io/o/i:1", "oci://ghcr.io/o/i:1", "a b/c:1",
        "ghcr.io/o/i@sha256:abc", f"ghcr.io/o/i@{DIGEST}@{DIGEST}", f"ghcr.io/o/i@{DIGEST.upper()}",
        "ghcr.io/o/i:" + "t" * 129, "ghcr.io/" + "r" * 256, "user@ghcr.io/o/i:1", "ghcr.io/o/i:1\n",
    ],
)  # fmt: skip
def test_refuses(reference: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(reference)
    assert caught.value.message.startswith("invalid OCI reference: ")
    assert caught.value.code == "image-reference-invalid"


@pytest.mark.parametrize(
    ("reference", "version"),
    [
        ("ghcr.io/acme/weather:2.0.1", "2.0.1"),
        (f"ghcr.io/acme/weather:2.0.1@{DIGEST}", DIGEST),
        ("ghcr.io:443/foo/bar", None),
        ("localhost:5000/foo", None),
    ],
)
def test_version_is_the_digest_or_the_written_tag(reference: str, version: str | None) -> None:
    assert parse(reference).version == version


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MyProject", "my-project"),
        ("Another Project", "another-project"),
        ("My MCP Server", "my-mcp-server"),
        ("my-mcp-server", "my-mcp-server"),
        ("  My Server  ", "my-server"),
        ("a/b\\c", "a-b-c"),
        ("--x--", "x"),
        ("HTTPServer", "http-server"),
        ("my_server.v2", "my-server.v2"),
        ("a..b-.c", "a-b-c"),
        ("", "server"),
        ("한글", "server"),
    ],
)
def test_kebab(name: str, expected: str) -> None:
    assert kebab(name) == expected


@pytest.mark.parametrize(
    ("prefix", "name", "version", "expected"),
    [
        ("", "MyProject", "1.0.0", "my-project:1.0.0"),
        ("", "Another Project", "", "another-project:latest"),
        ("docker.io/user", "my-mcp-server", "0.1.0", "docker.io/user/my-mcp-server:0.1.0"),
        ("docker.io/user/", "my-mcp-server", "0.1.0", "docker.io/user/my-mcp-server:0.1.0"),
        ("gcr.io/", "Another Project", " ", "gcr.io/another-project:latest"),
        ("docker.io", "MyProject", "1.0.0", "docker.io/my-project:1.0.0"),
        ("localhost:5001", "xy", "latest", "localhost:5001/xy:latest"),
        ("ghcr.io/o", "Server", "1.0.0+build.7", "ghcr.io/o/server:1.0.0_build.7"),
    ],
)
def test_builds(prefix: str, name: str, version: str, expected: str) -> None:
    assert build_reference(prefix, name, version) == expected
    assert expected.rpartition("/")[2].count(":") == 1


@pytest.mark.parametrize(
    ("prefix", "version", "code"),
    [
        ("https://ghcr.io/o", "1.0.0", "image-registry-invalid"),
        ("ghcr.io/Owner", "1.0.0", "image-reference-invalid"),
        ("ghcr.io/o", "latest:latest", "image-tag-invalid"),
        ("ghcr.io/o", "-1", "image-tag-invalid"),
    ],
)
def test_builds_nothing_invalid(prefix: str, version: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        build_reference(prefix, "my-server", version)
    assert caught.value.code == code
