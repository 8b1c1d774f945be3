"""An image of ours is accepted at the first try by a registry that enforces ownership; one without our label is not.

A registry of ours is `ghcr.io` to one engine (TLS, a certificate authority of our own, names that only this engine
sees); the embedded registry reads the same storage through the setting for mirrors.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from mcp_registrar.app import build_server
from mcp_registrar_tools.workbench import Settings
from tests.certificates import certificate
from tests.real import servers
from tests.real.components import docker, oci_registry, require

pytestmark = [pytest.mark.docker, pytest.mark.anyio]

HOST = "ghcr.io"


@dataclass
class Ghcr:
    """The engine to which ``ghcr.io`` is ours, and the plain address of the same storage."""

    engine: docker.Engine
    mirror: str


@pytest.fixture(scope="module")
def ghcr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ghcr]:
    require(docker)
    require(oci_registry)
    folder = tmp_path_factory.mktemp("ghcr")
    ca, key, chain = certificate(folder, HOST)
    address = f"127.77.{os.getpid() % 250}.{os.getpid() // 250 % 250 + 1}"
    with oci_registry.start() as plain:
        config: dict[str, Any] = json.loads((plain.folder / "config.yml").read_text())
        tls = {"certificate": str(chain), "key": str(key)}
        config["http"] |= {"addr": f"{address}:443", "tls": tls}
        (folder / "config.yml").write_text(json.dumps(config))
        with (folder / "log").open("wb") as log:
            secure = subprocess.Popen(
                [oci_registry.PROGRAM, "serve", str(folder / "config.yml")], stdout=log, stderr=log
            )
        try:
            wait_for(address, 443)
            with docker.start(hosts={HOST: address}, authority=ca) as engine:
                engine.load_python("python:3.12-slim")
                yield Ghcr(engine, plain.url)
        finally:
            secure.terminate()
            secure.wait(10)


def wait_for(address: str, port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex((address, port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens at {address}:{port}")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "weather"
    folder.mkdir()
    text = """{
    "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
    "name": "io.github.alice/weather",
    "description": "Weather of a few cities",   "version": "1.0.0",
    "packages": [
        {"registryType": "oci", "transport": {"type": "stdio"}, "identifier": "ghcr.io/alice/weather:0.9.0",
         "environmentVariables": [{"name": "UNITS", "default": "metric"}]}
    ]
}
"""
    (folder / "server.json").write_text(text)
    (folder / "server.py").write_text(servers.PYTHON)
    (folder / "Dockerfile").write_text('FROM python:3.12-slim\nCOPY server.py /\nCMD ["python", "/server.py"]\n')
    return folder


async def test_built_pushed_named_proven_published(
    ghcr: Ghcr, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ghcr.engine.environment().items():
        monkeypatch.setenv(name, value)
    settings = Settings(
        data_dir=tmp_path / "data",
        ownership="enforce",
        oci_mirror=f"{HOST}={ghcr.mirror}",
        trusted_origins=(ghcr.mirror,),
    )
    image = "ghcr.io/alice/weather:1.0.0"
    async with Client(build_server(settings)) as client:

        async def call(tool: str, **arguments: Any) -> tuple[bool, str, dict[str, Any]]:
            result: Any = await client.call_tool(tool, arguments)
            text = "\n".join(block.text for block in result.content if block.type == "text")
            return bool(result.is_error), text, result.structured_content or {}

        # What arctl does: an image without the label, pushed by hand. It is refused.
        environment = {**os.environ, **ghcr.engine.environment()}
        subprocess.run(
            ["docker", "build", "-q", "-t", image, str(project)], check=True, env=environment, capture_output=True
        )
        subprocess.run(["docker", "push", "-q", image], check=True, env=environment, capture_output=True)
        (project / "server.json").write_text((project / "server.json").read_text().replace(":0.9.0", ":1.0.0"))
        wrong, text, _ = await call("publish", path=str(project))
        assert wrong
        assert "io.modelcontextprotocol.server.name" in text

        # What we do.
        before = (project / "server.json").read_text().replace(":1.0.0", ":0.9.0")
        (project / "server.json").write_text(before)
        wrong, text, facts = await call("publish", path=str(project), docker_url="ghcr.io/alice", push_image=True)
        assert not wrong, text
        assert facts["outcome"] == "published"
        assert f"✓ Pushed Docker image: {image}@sha256:" in text
        assert (project / "server.json").read_text() == before.replace(":0.9.0", ":1.0.0"), "one string changed"

        wrong, text, facts = await call("get_server", name="io.github.alice/weather")
        assert not wrong
        assert image in text

        # And once more: nothing is built or pushed again.
        wrong, text, facts = await call("publish", path=str(project), docker_url="ghcr.io/alice", push_image=True)
        assert (wrong, facts["outcome"], facts["steps"]) == (False, "already published", [])

        # build_image goes where the manifest says, and reads back what anybody can pull.
        wrong, text, facts = await call("build_image", path=str(project), push=True, check=True)
        assert not wrong, text
        assert (facts["image"], facts["pushed"], facts["details"]["public"]) == (image, True, True)
        assert facts["package"]["environmentVariables"] == [{"name": "UNITS", "default": "metric"}]
        assert facts["next"] == f'publish(path="{project}")'
