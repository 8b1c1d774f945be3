"""`init_manifest` over small projects on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.init_manifest import ManifestDraft, init_manifest
from mcp_registrar_tools.outbound import Outbound
from mcp_registrar_tools.workbench import Settings, Workbench

pytestmark = pytest.mark.anyio


async def _none() -> Outbound:
    raise AssertionError("init_manifest needs no registry")


BENCH = Workbench(settings=Settings(), outbound=Outbound(), local_registry=_none)


def put(folder: Path, files: dict[str, str | dict[str, Any]], remote: str = "") -> Path:
    """A project of these files, with a git origin when ``remote`` is given."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2) + "\n", "utf-8")
    if remote:
        (folder / ".git").mkdir(exist_ok=True)
        (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
        (folder / ".git" / "config").write_text(f'[remote "origin"]\n\turl = {remote}\n')
    return folder


async def init(folder: Path, **arguments: Any) -> ManifestDraft:
    return await init_manifest(BENCH, str(folder), **arguments)


async def test_an_npm_project_becomes_a_manifest(tmp_path: Path) -> None:
    put(
        tmp_path,
        {"package.json": {"name": "@acme/weather", "version": "2.1.0", "description": "Weather over MCP"}},
        "git@github.com:Acme/weather-mcp.git",
    )
    answer = await init(tmp_path)
    document = json.loads((tmp_path / "server.json").read_text())
    assert document == answer.manifest
    assert document["name"] == "io.github.Acme/weather-mcp"
    assert document["repository"] == {"url": "https://github.com/Acme/weather-mcp", "source": "github"}
    assert document["packages"] == [
        {
            "registryType": "npm",
            "identifier": "@acme/weather",
            "version": "2.1.0",
            "runtimeHint": "npx",
            "transport": {"type": "stdio"},
        }
    ]
    assert answer.next == f'validate(path="{tmp_path}")'
    assert "version 2.1.0 (package.json:3)" in answer.evidence


async def test_nothing_is_written_where_nothing_is_a_server(tmp_path: Path) -> None:
    put(tmp_path, {"README.md": "# left-pad\n\nPads.\n", "package.json": {"name": "left-pad", "version": "1.0.0"}})
    with pytest.raises(InputError) as caught:
        await init(tmp_path)
    assert caught.value.code == "no-server-found"
    assert not (tmp_path / "server.json").exists()


async def test_an_unknown_owner_is_asked_for_and_nothing_is_written(tmp_path: Path) -> None:
    put(tmp_path, {"package.json": {"name": "weather-mcp", "version": "1.0.0"}})
    answer = await init(tmp_path)
    assert not answer.written
    assert not (tmp_path / "server.json").exists()
    assert any("Who publishes it?" in question for question in answer.uncertain)
    assert answer.next.startswith("init_manifest(")
    assert "io.github.<login>/weather-mcp" in answer.next


async def test_a_manifest_that_is_there_keeps_what_a_person_wrote(tmp_path: Path) -> None:
    mine = '{\n    "name": "com.acme/weather",\n    "description": "Mine", "custom": [1, 2],\n    "version": "3.0.0"\n}'
    put(
        tmp_path,
        {"package.json": {"name": "weather-mcp", "version": "1.0.0"}, "server.json": mine},
        "https://github.com/a-b/w.git",
    )
    answer = await init(tmp_path)
    text = (tmp_path / "server.json").read_text()
    assert '"description": "Mine", "custom": [1, 2],' in text
    document = json.loads(text)
    assert document["name"] == "com.acme/weather"
    assert document["version"] == "3.0.0"
    assert document["packages"][0]["identifier"] == "weather-mcp"
    assert any("version stays 3.0.0" in question for question in answer.uncertain)
    again = await init(tmp_path)
    assert again.diff == ""
    assert (tmp_path / "server.json").read_text() == text
