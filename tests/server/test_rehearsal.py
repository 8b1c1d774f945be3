"""A rehearsal tells what the premiere would say, and does not need the premiere's network to go on."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from mcp_registrar.app import build_server
from mcp_registrar_tools.workbench import Settings
from tests.loopback import answering

pytestmark = pytest.mark.anyio


@pytest.fixture
def index() -> Iterator[str]:
    """A PyPI that knows one package, whose README carries no marker."""

    def reply(path: str) -> tuple[int, Any]:
        if path.startswith("/pypi/known/"):
            return 200, {"info": {"description": "nothing about a server"}}
        return 404, {}

    with answering(reply) as url:
        yield url


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
