"""What people really do wrong, through the MCP door: a clear message, the next step, no traceback, nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from mcp_registrar.app import build_server
from mcp_registrar_tools.workbench import Settings
from tests.loopback import answering

pytestmark = pytest.mark.anyio

GOOD: dict[str, Any] = {
    "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
    "name": "io.github.acme/weather",
    "description": "Weather of a few cities",
    "version": "1.0.0",
    "remotes": [{"type": "streamable-http", "url": "https://weather.example.com/mcp"}],
}


@pytest.fixture
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    async with Client(build_server(Settings(data_dir=tmp_path_factory.mktemp("data")))) as connected:
        yield connected


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


async def call(client: Client, tool: str, **arguments: Any) -> tuple[bool, str, dict[str, Any]]:
    """(went wrong?, the text, the facts) of a call. Whatever went wrong, the text is for a reader, not a stack."""
    result: Any = await client.call_tool(tool, arguments)
    text = "\n".join(block.text for block in result.content if block.type == "text")
    assert "Traceback" not in text
    assert not text.startswith("Error executing tool"), "a bare failure is a bug"
    facts = result.structured_content or {}
    wrong = result.is_error or facts.get("valid") is False
    if wrong:
        assert "Next:" in text, text
    return wrong, text, facts


@pytest.mark.parametrize("tool", ["init_manifest", "validate", "build_image", "publish"])
async def test_a_path_that_does_not_exist(tool: str, client: Client, tmp_path: Path) -> None:
    wrong, text, _ = await call(client, tool, path=str(tmp_path / "nowhere"))
    assert wrong
    assert "nowhere" in text


@pytest.mark.parametrize("tool", ["init_manifest", "build_image"])
async def test_a_file_where_a_folder_is_due(tool: str, client: Client, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{}")
    wrong, text, _ = await call(client, tool, path=str(tmp_path / "package.json"))
    assert wrong
    assert "package.json" in text


@pytest.mark.parametrize("tool", ["validate", "publish"])
async def test_a_folder_without_a_manifest(tool: str, client: Client, project: Path) -> None:
    wrong, text, _ = await call(client, tool, path=str(project))
    assert wrong
    assert "server.json" in text
    assert "init_manifest" in text


def _deep() -> bytes:
    return b'{"a":' * 10_000 + b"1" + b"}" * 10_000


BROKEN: dict[str, tuple[bytes, str]] = {
    "syntax": (b'{\n  "name": "a/b",\n  "version" "1.0.0"\n}\n', "line 3"),
    "truncated": (json.dumps(GOOD).encode()[:-20], "line 1"),
    "array": (b"[1, 2]", "object"),
    "number": (b"17", "object"),
    "empty": (b"", "empty"),
    "utf-8": (b'{"name": "\xff\xfe"}', "UTF-8"),
    "deep": (_deep(), ""),
}


@pytest.mark.parametrize("tool", ["validate", "publish"])
@pytest.mark.parametrize("kind", sorted(BROKEN))
async def test_a_broken_manifest(kind: str, tool: str, client: Client, project: Path) -> None:
    content, expected = BROKEN[kind]
    (project / "server.json").write_bytes(content)
    wrong, text, _ = await call(client, tool, path=str(project))
    assert wrong
    assert expected.lower() in text.lower(), text
    assert (project / "server.json").read_bytes() == content


async def test_duplicate_keys_are_told(client: Client, project: Path) -> None:
    text = json.dumps(GOOD)[:-1] + ', "version": "2.0.0"}'
    (project / "server.json").write_text(text)
    _, said, _ = await call(client, "validate", path=str(project))
    assert "duplicate" in said.lower()
    assert "version" in said


async def test_a_byte_order_mark_is_told_and_cured(client: Client, project: Path) -> None:
    path = project / "server.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD, indent=2).encode())
    _, said, _ = await call(client, "validate", path=str(project))
    assert "byte-order mark" in said.lower() or "bom" in said.lower()
    await call(client, "validate", path=str(project), fix=True)
    assert not path.read_bytes().startswith(b"\xef\xbb\xbf")


async def test_fifty_megabytes_are_refused_quickly(client: Client, project: Path) -> None:
    with (project / "server.json").open("wb") as file:
        file.write(b'{"description": "')
        for _ in range(50):
            file.write(b"x" * 1024 * 1024)
        file.write(b'"}')
    wrong, text, _ = await call(client, "validate", path=str(project))
    assert wrong
    assert "MB" in text or "MiB" in text
    assert len(text) < 4096


async def test_a_link_out_of_the_project_is_not_followed(client: Client, project: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text('{"name": "the-secret-outside"}')
    (project / "server.json").symlink_to(outside)
    wrong, text, _ = await call(client, "validate", path=str(project))
    assert wrong
    assert "the-secret-outside" not in text
    await call(client, "init_manifest", path=str(project), name="io.github.acme/weather")
    assert outside.read_text() == '{"name": "the-secret-outside"}'


async def test_an_empty_project(client: Client, project: Path) -> None:
    _, text, _ = await call(client, "init_manifest", path=str(project))
    assert "Next:" in text
    assert not (project / "server.json").exists() or json.loads((project / "server.json").read_text())


async def test_an_existing_manifest_is_not_overwritten_unasked(client: Client, project: Path) -> None:
    document = {**GOOD, "title": "Written by a person", "_meta": {"x": {"kept": True}}}
    (project / "package.json").write_text('{"name": "@acme/weather", "version": "9.9.9", "bin": "index.js"}')
    (project / "server.json").write_text(json.dumps(document, indent=2))
    await call(client, "init_manifest", path=str(project))
    kept = json.loads((project / "server.json").read_text())
    for key in ("title", "_meta", "name", "description", "remotes"):
        assert kept[key] == document[key]


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root to become somebody else")
def test_a_read_only_folder(project: Path, tmp_path: Path) -> None:
    (project / "package.json").write_text('{"name": "weather", "version": "1.0.0", "bin": "index.js"}')
    for folder in (project, *project.parents):
        if str(folder).startswith(("/tmp/", "/var/")):
            folder.chmod(0o755)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    reachable = subprocess.run(
        [*nobody, sys.executable, "-c", "import mcp_registrar"], capture_output=True, check=False
    )
    if reachable.returncode:
        pytest.skip("this Python is not readable for other users")
    done = subprocess.run(
        [*nobody, sys.executable, "-m", "mcp_registrar", "init", str(project), "--name", "io.github.acme/weather"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HOME": "/nonexistent", "MCP_REGISTRAR_DATA_DIR": "/nonexistent/data"},
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert str(project) in done.stderr
    assert "Next:" in done.stderr


async def test_a_docker_socket_that_refuses(client: Client, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = project.parent / "docker.sock"
    with socket.socket(socket.AF_UNIX) as closed:
        closed.bind(str(dead))  # a socket file nobody listens on
    monkeypatch.setenv("DOCKER_HOST", f"unix://{dead}")
    (project / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    (project / "server.json").write_text(json.dumps(GOOD))
    wrong, text, _ = await call(client, "build_image", path=str(project))
    assert wrong
    assert "docker" in text.lower()


@pytest.fixture
def odd_registry() -> Iterator[str]:
    """A registry that answers as its first path segment says."""
    bodies = {"garbage": b"<html>not json", "wrong": b'{"servers": "none"}', "list": b"[]"}

    def reply(path: str) -> tuple[int, bytes]:
        kind = path.split("/")[1]
        return 500 if kind == "broken" else 200, bodies.get(kind, b"oops")

    with answering(reply) as url:
        yield url


@pytest.mark.parametrize("kind", ["broken", "garbage", "wrong", "list"])
@pytest.mark.parametrize("tool", ["search", "publish"])
async def test_a_registry_that_makes_no_sense(
    kind: str, tool: str, client: Client, project: Path, odd_registry: str
) -> None:
    (project / "server.json").write_text(json.dumps(GOOD))
    arguments = {"path": str(project)} if tool == "publish" else {"words": "weather"}
    wrong, text, _ = await call(client, tool, registry=f"{odd_registry}/{kind}", **arguments)
    assert wrong
    assert "127.0.0.1" in text


async def test_a_registry_that_is_not_there(client: Client, project: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    wrong, text, _ = await call(client, "search", words="weather", registry=f"http://127.0.0.1:{port}")
    assert wrong
    assert str(port) in text
