"""A rehearsal tells what the premiere would say, and does not need the premiere's network to go on."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from mcp_registrar.app import build_server
from mcp_registrar_tools.workbench import Settings

pytestmark = pytest.mark.anyio


class Index(BaseHTTPRequestHandler):
    """A PyPI that knows one package, whose README carries no marker."""

    def do_GET(self) -> None:
        known = self.path.startswith("/pypi/known/")
        body = json.dumps({"info": {"description": "nothing about a server"}} if known else {}).encode()
        self.send_response(200 if known else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *arguments: Any) -> None:
        return None


@pytest.fixture
def index() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def write(project: Path, identifier: str) -> None:
    package = {"registryType": "pypi", "identifier": identifier, "version": "1.0.0", "transport": {"type": "stdio"}}
    document = {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": f"io.github.acme/{identifier}",
        "description": "Weather of a few cities",
        "version": "1.0.0",
        "packages": [package],
    }
    (project / "server.json").write_text(json.dumps(document))


async def publish(project: Path, settings: Settings) -> str:
    async with Client(build_server(settings)) as client:
        result: Any = await client.call_tool("publish", {"path": str(project)})
    assert not result.is_error, result.content[0].text
    return str(result.content[0].text)


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("known", "The server name 'io.github.acme/known' must appear as 'mcp-name: io.github.acme/known'"),
        ("unknown", "PyPI package 'unknown' not found (status: 404)"),
    ],
)
async def test_what_the_official_registry_would_say(identifier: str, expected: str, index: str, tmp_path: Path) -> None:
    write(tmp_path, identifier)
    text = await publish(tmp_path, Settings(data_dir=tmp_path / "data", pypi_url=index))
    assert "Published" in text
    assert "rehearsal" in text
    assert expected in text


async def test_without_a_network_it_goes_on(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}"
    write(tmp_path, "known")
    text = await publish(tmp_path, Settings(data_dir=tmp_path / "data", pypi_url=nobody))
    assert "Published" in text
    assert "failed to fetch package metadata from PyPI" in text
