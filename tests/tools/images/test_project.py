"""What an image is called and labelled, read from each kind of project file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.images import build, project
from mcp_registrar_tools.images.reference import LABEL


def write(folder: Path, **files: object) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def named(folder: Path, **order: object) -> str:
    return build.image_name(project.read(folder), build.Order(**order))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "version", "image"),
    [
        ("my-mcp-server", "0.1.0", "my-mcp-server:0.1.0"),
        ("MyProject", "1.0.0", "my-project:1.0.0"),
        ("Another Project", "", "another-project:latest"),
        ("My MCP Server", "1.0.0", "my-mcp-server:1.0.0"),
        ("server", "1.0.0+build.5", "server:1.0.0_build.5"),
    ],
)
def test_a_bare_name_from_mcp_yaml(tmp_path: Path, name: str, version: str, image: str) -> None:
    write(tmp_path, mcp__yaml=f"name: {name}\nframework: fastmcp-python\nversion: '{version}'\n")
    assert named(tmp_path) == image


@pytest.mark.parametrize(
    ("prefix", "image"),
    [
        ("docker.io/user", "docker.io/user/my-mcp-server:0.1.0"),
        ("docker.io/user/", "docker.io/user/my-mcp-server:0.1.0"),
        ("localhost:5001/acme", "localhost:5001/acme/my-mcp-server:0.1.0"),
        ("gcr.io/", "gcr.io/my-mcp-server:0.1.0"),
    ],
)
def test_a_prefix(tmp_path: Path, prefix: str, image: str) -> None:
    write(tmp_path, mcp__yaml="name: my-mcp-server\nversion: 0.1.0\n")
    assert named(tmp_path, registry=prefix) == image


def test_the_manifest_wins_over_mcp_yaml_over_the_package(tmp_path: Path) -> None:
    write(tmp_path, package__json={"name": "@acme/one", "version": "1.0.0", "mcpName": "io.github.acme/marked"})
    found = project.read(tmp_path)
    assert (found.name, found.version, found.server_name) == ("one", "1.0.0", "io.github.acme/marked")
    write(tmp_path, mcp__yaml="name: two\nauthor: Acme\nversion: 2.0.0\n")
    found = project.read(tmp_path)
    assert (found.name, found.version, found.server_name) == ("two", "2.0.0", "acme/two")
    write(tmp_path, server__json={"name": "io.github.Acme/three", "version": "3.0.0"})
    found = project.read(tmp_path)
    assert (found.name, found.version, found.server_name) == ("three", "3.0.0", "io.github.Acme/three")
    assert named(tmp_path) == "three:3.0.0"


def test_an_author_who_cannot_be_a_namespace_is_no_server_name(tmp_path: Path) -> None:
    write(tmp_path, mcp__yaml="name: tool\nauthor: Jane Doe\n")
    assert project.read(tmp_path).server_name == ""


def test_the_declarative_project_file(tmp_path: Path) -> None:
    """Its `serverName` is what the image's label must say; a name of our own making would fail the registry's check."""
    write(
        tmp_path,
        mcp__yaml="apiVersion: ar.dev/v1alpha1\nkind: MCPServer\nmetadata: {name: weather}\n"
        "spec:\n  description: Weather\n  source:\n    package:\n      origin:\n        type: oci\n"
        "        identifier: ghcr.io/acme/weather:1.2.3\n        oci: {serverName: io.github.Acme/weather}\n"
        "      transport: {type: http, port: 3000, path: /mcp}\n",
    )
    found = project.read(tmp_path)
    assert (found.name, found.version, found.description) == ("weather", "1.2.3", "Weather")
    assert found.server_name == "io.github.Acme/weather"
    assert found.transport == {"type": "streamable-http", "url": "http://localhost:3000/mcp"}


@pytest.mark.parametrize(
    ("files", "name", "version", "licenses"),
    [
        (
            {"pyproject__toml": '[project]\nname = "Weather_Server"\nversion = "1.1"\nlicense = "MIT"\n'},
            "Weather_Server",
            "1.1",
            "MIT",
        ),
        ({"pyproject__toml": '[tool.poetry]\nname = "w"\nversion = "2"\n'}, "w", "2", ""),
        (
            {"Cargo__toml": '[package]\nname = "w"\nversion = "3.0.0"\nlicense = "Apache-2.0"\n'},
            "w",
            "3.0.0",
            "Apache-2.0",
        ),
        ({"go__mod": "module github.com/acme/weather/v2\n\ngo 1.22\n"}, "weather", "", ""),
    ],
)
def test_package_files(tmp_path: Path, files: dict[str, str], name: str, version: str, licenses: str) -> None:
    found = project.read(write(tmp_path, **files))
    assert (found.name, found.version, found.licenses) == (name, version, licenses)


def test_a_folder_with_nothing_but_a_dockerfile(tmp_path: Path) -> None:
    folder = tmp_path / "Some Server"
    folder.mkdir()
    assert named(folder) == "some-server:latest"


def test_labels(tmp_path: Path) -> None:
    write(
        tmp_path,
        server__json={
            "name": "io.github.acme/weather",
            "title": "Weather",
            "description": "Says the weather",
            "version": "1.0.0",
            "repository": {"url": "https://github.com/acme/weather", "source": "github"},
        },
        package__json={"name": "weather", "license": "MIT"},
    )
    (tmp_path / ".git/refs/heads").mkdir(parents=True)
    (tmp_path / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / ".git/refs/heads/main").write_text("a" * 40 + "\n")
    found = project.read(tmp_path)
    oci = "org.opencontainers.image."
    expected = {
        LABEL: "io.github.acme/weather",
        f"{oci}title": "Weather",
        f"{oci}description": "Says the weather",
        f"{oci}version": "1.0.0",
        f"{oci}source": "https://github.com/acme/weather",
        f"{oci}revision": "a" * 40,
        f"{oci}licenses": "MIT",
    }
    assert found.labels("FROM scratch\n") == expected
    own = found.labels(f'FROM scratch\nLABEL {oci}title="Mine" {LABEL}="io.github.acme/other"\n')
    assert f"{oci}title" not in own
    assert own[LABEL] == "io.github.acme/weather"


def test_the_revision_of_packed_refs_a_detached_head_and_a_worktree(tmp_path: Path) -> None:
    main = tmp_path / "main"
    (main / ".git/worktrees/side").mkdir(parents=True)
    (main / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (main / ".git/packed-refs").write_text(f"# pack-refs\n{'b' * 40} refs/heads/main\n")
    (main / "deep/er").mkdir(parents=True)
    assert project.revision(main / "deep/er") == "b" * 40
    (main / ".git/HEAD").write_text("c" * 40 + "\n")
    assert project.revision(main) == "c" * 40
    side = tmp_path / "side"
    side.mkdir()
    (side / ".git").write_text(f"gitdir: {main}/.git/worktrees/side\n")
    (main / ".git/worktrees/side/HEAD").write_text("ref: refs/heads/main\n")
    (main / ".git/worktrees/side/commondir").write_text("../..\n")
    assert project.revision(side) == "b" * 40
    assert project.revision(tmp_path) == ""


@pytest.mark.parametrize(
    ("file", "text", "code"),
    [
        ("server.json", "{", "manifest-invalid-json"),
        ("server.json", "[]", "manifest-not-an-object"),
        ("package.json", "{", "file-not-json"),
        ("pyproject.toml", "[", "file-not-toml"),
        ("mcp.yaml", "a: [", "file-not-yaml"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, file: str, text: str, code: str) -> None:
    (tmp_path / file).write_text(text)
    with pytest.raises(InputError) as caught:
        project.read(tmp_path)
    assert caught.value.code == code
    assert file in caught.value.message


def test_a_clients_configuration_is_no_manifest(tmp_path: Path) -> None:
    write(tmp_path, server__json={"mcpServers": {"x": {"command": "npx"}}}, package__json={"name": "weather"})
    assert project.read(tmp_path).manifest is None


def test_pushing_goes_where_the_manifest_says(tmp_path: Path) -> None:
    package = {"registryType": "oci", "identifier": "ghcr.io/acme/weather:0.9.0", "transport": {"type": "stdio"}}
    write(tmp_path, server__json={"name": "io.github.acme/sky", "version": "1.0.0", "packages": [package]})
    assert named(tmp_path, push=True) == "ghcr.io/acme/weather:1.0.0"
    assert named(tmp_path) == "sky:1.0.0"
    assert named(tmp_path, tag="ghcr.io/acme/other", push=True) == "ghcr.io/acme/other:1.0.0"
    with pytest.raises(InputError) as caught:
        named(tmp_path, tag="ghcr.io/acme/sky@sha256:" + "0" * 64)
    assert caught.value.code == "image-tag-invalid"


def test_the_entry_of_an_image_keeps_what_the_manifest_says(tmp_path: Path) -> None:
    package = {
        "registryType": "oci",
        "registryBaseUrl": "https://docker.io",
        "identifier": "acme/weather",
        "version": "0.9.0",
        "transport": {"type": "streamable-http", "url": "http://localhost:8080/mcp"},
        "environmentVariables": [{"name": "KEY"}],
    }
    write(tmp_path, server__json={"name": "io.github.acme/sky", "version": "1.0.0", "packages": [package]})
    assert build.package_of(project.read(tmp_path), "acme/weather:1.0.0") == {
        "registryType": "oci",
        "identifier": "docker.io/acme/weather:1.0.0",
        "transport": {"type": "streamable-http", "url": "http://localhost:8080/mcp"},
        "environmentVariables": [{"name": "KEY"}],
    }


def test_build_arguments() -> None:
    assert build.arguments(["A=1", "B=x=y", "C="]) == {"A": "1", "B": "x=y", "C": ""}
    for wrong in ("A", "=1", "1A=2", "a b=c"):
        with pytest.raises(InputError):
            build.arguments([wrong])
    for secret in ("GITHUB_TOKEN=x", "npm_token=x", "DB_PASSWORD=x", "API_KEY=x"):
        with pytest.raises(InputError) as caught:
            build.arguments([secret])
        assert caught.value.code == "build-argument-secret"
    assert build.arguments(["TOKENIZER=bpe", "KEYBOARD=de"])
