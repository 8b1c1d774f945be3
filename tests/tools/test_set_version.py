"""One version, every place that holds one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.set_version import asset, tagged, write_version

SERVER: dict[str, Any] = {"name": "io.github.acme/weather", "description": "W", "version": "1.0.0"}


def project(folder: Path, *packages: dict[str, Any], **files: str) -> Path:
    (folder / "server.json").write_text(json.dumps(SERVER | {"packages": list(packages)}, indent=4) + "\n")
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("reference", "old", "new"),
    [
        ("ghcr.io/a/b:1.0.0", "1.0.0", "ghcr.io/a/b:2.0.0"),
        ("ghcr.io/a/b:v1.0.0", "1.0.0", "ghcr.io/a/b:v2.0.0"),
        ("ghcr.io/a/b:1.0.0-alpine", "1.0.0", "ghcr.io/a/b:2.0.0-alpine"),
        ("ghcr.io/a/b:0.9.1-alpine", "1.0.0", "ghcr.io/a/b:2.0.0-alpine"),
        ("ghcr.io/a/b:1.0.0-rc.1", "", "ghcr.io/a/b:2.0.0"),
        ("ghcr.io/a/b", "1.0.0", "ghcr.io/a/b:2.0.0"),
        ("localhost:5000/a/b", "1.0.0", "localhost:5000/a/b:2.0.0"),
        ("ghcr.io/a/b:1.0.0@sha256:" + "0" * 64, "1.0.0", "ghcr.io/a/b:2.0.0"),
        ("ghcr.io/a/b:${VERSION}", "${VERSION}", "ghcr.io/a/b:2.0.0"),
        ("ghcr.io/a/b:latest", "1.0.0", "ghcr.io/a/b:2.0.0"),
    ],
)
def test_image_tags(reference: str, old: str, new: str) -> None:
    assert tagged(reference, old, "2.0.0") == new


@pytest.mark.parametrize(
    ("url", "new"),
    [
        (
            "https://github.com/a/mcp/releases/download/v1.0.0/mcp-1.0.0.mcpb",
            "https://github.com/a/mcp/releases/download/v2.0.0-rc.1/mcp-2.0.0-rc.1.mcpb",
        ),
        (
            "https://github.com/a/mcp/releases/download/1.0.0/mcp.mcpb",
            "https://github.com/a/mcp/releases/download/2.0.0-rc.1/mcp.mcpb",
        ),
        (
            "https://gitlab.com/g/mcp/-/releases/v1.0.0-beta.2/downloads/m.mcpb",
            "https://gitlab.com/g/mcp/-/releases/v2.0.0-rc.1/downloads/m.mcpb",
        ),
        (
            "https://gitlab.com/g/mcp/-/package_files/12/download",
            "https://gitlab.com/g/mcp/-/package_files/12/download",
        ),
    ],
)
def test_release_assets(url: str, new: str) -> None:
    assert asset(url, "2.0.0-rc.1") == new


def test_every_place_of_every_type(tmp_path: Path) -> None:
    stdio = {"transport": {"type": "stdio"}}
    bundle = tmp_path / "w-mcp.mcpb"
    bundle.write_bytes(b"bundle")
    project(
        tmp_path,
        {"registryType": "npm", "identifier": "@acme/weather", "version": "1.0.0", **stdio},
        {"registryType": "pypi", "identifier": "acme-weather", "version": "0.9", **stdio},
        {"registryType": "cargo", "identifier": "weather", "version": "1.0.0", **stdio},
        {"registryType": "oci", "identifier": "ghcr.io/acme/weather:v1.0.0", **stdio},
        {
            "registryType": "mcpb",
            "identifier": "https://github.com/acme/w/releases/download/v1.0.0/w-mcp.mcpb",
            "fileSha256": "0" * 64,
            **stdio,
        },
        package_json='{\n\t"name": "@acme/weather",\n\t"version": "1.0.0",\n\t"dependencies": {"x": "1.0.0"}\n}\n',
        pyproject_toml='[project]\nname = "acme-weather"\nversion = "0.9" # here\ndependencies = ["mcp>=0.9"]\n',
        Cargo_toml='[package]\nname = "weather"\nversion = "1.0.0"\n\n[dependencies]\nserde = "1.0.0"\n',
    )
    answer = write_version("refs/tags/v2.1.0", str(tmp_path), str(bundle))
    document = json.loads((tmp_path / "server.json").read_text())
    assert document["version"] == "2.1.0"
    npm, pypi, cargo, oci, mcpb = document["packages"]
    assert npm["version"] == pypi["version"] == cargo["version"] == "2.1.0"
    assert oci["identifier"] == "ghcr.io/acme/weather:v2.1.0"
    assert mcpb["identifier"] == "https://github.com/acme/w/releases/download/v2.1.0/w-mcp.mcpb"
    assert mcpb["fileSha256"] == hashlib.sha256(b"bundle").hexdigest()
    assert '"version": "2.1.0",\n\t"dependencies": {"x": "1.0.0"}' in (tmp_path / "package.json").read_text()
    assert 'version = "2.1.0" # here\ndependencies = ["mcp>=0.9"]' in (tmp_path / "pyproject.toml").read_text()
    assert 'version = "2.1.0"\n\n[dependencies]\nserde = "1.0.0"' in (tmp_path / "Cargo.toml").read_text()
    assert len(answer.places) == 1 + 3 + 1 + 2 + 3
    assert answer.unset == []
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    assert write_version("2.1.0", str(tmp_path), str(bundle)).places == []
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_the_file_keeps_its_form(tmp_path: Path) -> None:
    text = '{\r\n\t"name": "io.github.acme/w",\r\n\t"version": "1.0.0",\r\n\t"packages": []}'
    (tmp_path / "server.json").write_bytes(text.encode())
    write_version("v1.1.0", str(tmp_path))
    assert (tmp_path / "server.json").read_bytes().decode() == text.replace("1.0.0", "1.1.0")


def test_a_version_from_git_is_said_not_invented(tmp_path: Path) -> None:
    project(
        tmp_path,
        {"registryType": "pypi", "identifier": "acme-weather", "version": "1.0.0", "transport": {"type": "stdio"}},
        pyproject_toml='[project]\nname = "acme-weather"\ndynamic = ["version"]\n',
    )
    answer = write_version("v2.0.0", str(tmp_path))
    assert answer.unset == ["acme-weather"]
    assert "acme-weather: takes its version from elsewhere" in answer.text()


@pytest.mark.parametrize("tag", ["", "latest", "v1", "1.2", "release-7", "v1.2.3.4"])
def test_what_is_no_version_is_refused_before_anything_is_written(tag: str, tmp_path: Path) -> None:
    project(tmp_path)
    before = (tmp_path / "server.json").read_bytes()
    with pytest.raises(InputError) as caught:
        write_version(tag, str(tmp_path))
    assert caught.value.code == "version-invalid"
    assert (tmp_path / "server.json").read_bytes() == before


@pytest.mark.parametrize("tag", ["v1.2.3", "1.2.3", "server/v1.2.3", "refs/tags/pkg/v1.2.3"])
def test_tags_of_monorepos(tag: str, tmp_path: Path) -> None:
    project(tmp_path)
    assert write_version(tag, str(tmp_path)).version == "1.2.3"
