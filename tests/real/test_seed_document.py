"""The seed's whole flow: a project made by agentregistry's `arctl`, built, published, listed, seen, unpublished.

The six steps of the acceptance script, once through the MCP tools and once through the command line.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from mcp import Client

from mcp_registrar.app import build_server
from mcp_registrar_tools.images.reference import LABEL
from mcp_registrar_tools.workbench import Settings
from tests.real import servers
from tests.real.components import docker

pytestmark = pytest.mark.docker

NAME, IMAGE = "user/my-mcp-server", "docker.io/user/my-mcp-server:0.1.0"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What ``arctl mcp init python my-mcp-server`` leaves, with a server that needs no package index."""
    folder = tmp_path / "my-mcp-server"
    (folder / "src").mkdir(parents=True)
    (folder / "mcp.yaml").write_text(
        "name: my-mcp-server\nframework: fastmcp-python\nversion: 0.1.0\n"
        "description: MCP server built with fastmcp-python\n"
        "tools:\n  echo: {name: echo, description: says it again, handler: tools.echo, enabled: true}\n"
        "secrets:\n  local: {enabled: false, provider: env, file: .env.local}\n"
        "runtimeHint: python\nruntimeArgs: [src/main.py]\n"
    )
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "my-mcp-server"\nversion = "0.1.0"\ndependencies = ["fastmcp>=0.2"]\n'
    )
    (folder / "README.md").write_text("# my-mcp-server\n")
    (folder / "src" / "main.py").write_text(servers.PYTHON)
    (folder / "Dockerfile").write_text(
        "FROM python:3.11-slim AS base\nWORKDIR /app\nCOPY README.md pyproject.toml mcp.yaml ./\n"
        'FROM base\nCOPY src/ src/\nEXPOSE 8080\nCMD ["python", "src/main.py"]\n'
    )
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def served(data: Path) -> Iterator[str]:
    """``mcp-registrar registry`` over the same data, as a person starts it to look at the page."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "mcp_registrar", "--data-dir", str(data), "registry", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def listed(url: str) -> list[str]:
    with urllib.request.urlopen(f"{url}/v0/servers") as answer:
        return [entry["server"]["name"] for entry in json.load(answer)["servers"]]


def page(url: str) -> str:
    with urllib.request.urlopen(f"{url}/") as answer:
        text: str = answer.read().decode()
        return text


def inspect(engine: docker.Engine, image: str) -> dict[str, Any]:
    said = subprocess.run(
        ["docker", "image", "inspect", image],
        env={**os.environ, **engine.environment()},
        capture_output=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(said.stdout)[0]
    return found


def in_order(text: str, *parts: str) -> None:
    """All parts stand in the text, one after the other."""
    at = 0
    for part in parts:
        found = text.find(part, at)
        assert found >= 0, f"{part!r} is not in its place in:\n{text}"
        at = found


ROW = re.compile(rf"^{NAME} +0\.1\.0 +oci +True +(True|False) +\d+[smhd]$", re.MULTILINE)
HEAD = ["NAME", "VERSION", "TYPE", "PUBLISHED", "DEPLOYED", "UPDATED"]


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_through_the_mcp_tools(
    engine: docker.Engine, project: Path, tmp_path: Path, mode: Literal["legacy", "auto"]
) -> None:
    data = tmp_path / "data"
    seen: list[str] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        seen.append(message or "")

    async with Client(build_server(Settings(data_dir=data)), mode=mode) as client:

        async def call(tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
            result: Any = await client.call_tool(tool, arguments, progress_callback=progress)
            text = "\n".join(block.text for block in result.content if block.type == "text")
            assert not result.is_error, text
            assert len(text) < 4096
            return text, result.structured_content

        # 1. build
        text, facts = await call("build_image", path=str(project), check=True)
        assert "✓ Successfully built Docker image: my-mcp-server:0.1.0" in text
        assert facts["image"] == "my-mcp-server:0.1.0"
        assert facts["labels"][LABEL] == NAME
        assert facts["check"]["ok"], text
        assert any(message.startswith("Step 1/") for message in seen)

        # 2. publish with a registry prefix: builds, does not push (the seed's dummy account)
        text, facts = await call("publish", path=str(project), docker_url="docker.io/user")
        in_order(
            text,
            f"✓ Successfully built Docker image: {IMAGE}",
            "nobody else can pull it",
            f"server.json names {IMAGE}",
            f"Published {NAME} 0.1.0",
        )
        assert facts["outcome"] == "published"
        config = inspect(engine, IMAGE)["Config"]
        assert config["Labels"][LABEL] == NAME
        manifest = json.loads((project / "server.json").read_text())
        assert (manifest["name"], manifest["packages"][0]["identifier"]) == (NAME, IMAGE)
        assert "version" not in manifest["packages"][0]

        # 3. list
        text, facts = await call("search")
        assert text.splitlines()[0].split() == HEAD
        assert ROW.search(text), text
        assert len(facts["servers"]) == 1
        assert facts["servers"][0]["deployed"] is False

        # a container of the image makes it deployed
        container = run(engine, IMAGE)
        text, facts = await call("search", words="my-mcp")
        assert facts["servers"][0]["deployed"] is True, text
        run(engine, "", remove=container)

        # 4. the page at the registry's own port
        with served(data) as url:
            assert listed(url) == [NAME]
            if importlib.util.find_spec("mcp_registrar.registry.catalogue"):
                assert NAME in page(url)

        # 5. unpublish: gone from the list, still known, twice is told
        text, _ = await call("set_status", name=NAME, status="deleted", version="0.1.0")
        assert "active -> deleted" in text
        text, facts = await call("search")
        assert facts["servers"] == []
        text, facts = await call("search", status="deleted")
        assert [row["name"] for row in facts["servers"]] == [NAME]
        text, _ = await call("set_status", name=NAME, status="deleted", version="0.1.0")
        assert "already deleted" in text
    assert engine.containers() == []


def run(engine: docker.Engine, image: str, *, remove: str = "") -> str:
    command = ["docker", "rm", "-f", remove] if remove else ["docker", "run", "-d", "-i", image]
    said = subprocess.run(
        command, env={**os.environ, **engine.environment()}, capture_output=True, text=True, check=True
    )
    return said.stdout.strip()


def test_through_the_command_line(engine: docker.Engine, project: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"

    def registrar(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "mcp_registrar", "--data-dir", str(data), *arguments],
            cwd=project.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + (done.stderr if code else "")

    # 1. and 2., with the extras: a dry run first, and a platform
    assert "✓ Successfully built Docker image: my-mcp-server:0.1.0" in registrar("build", "my-mcp-server")
    text = registrar("publish", "my-mcp-server", "--docker-url", "docker.io/user", "--dry-run")
    in_order(text, f"✓ Successfully built Docker image: {IMAGE}", f"Dry run: {NAME} 0.1.0 would be published")
    assert not (project / "server.json").exists()
    platform = "linux/amd64" if os.uname().machine == "x86_64" else "linux/arm64"
    text = registrar("publish", "my-mcp-server", "--docker-url", "docker.io/user", "--platform", platform)
    in_order(text, f"✓ Successfully built Docker image: {IMAGE} ({platform})", f"Published {NAME} 0.1.0")
    assert "Already published" in registrar("publish", "my-mcp-server", "--docker-url", "docker.io/user")

    # 3.
    text = registrar("search")
    assert text.splitlines()[0].split() == HEAD
    assert ROW.search(text), text

    # 4.
    with served(data) as url:
        assert listed(url) == [NAME]

    # 5.
    assert "active -> deleted" in registrar("status", NAME, "deleted", "--version", "0.1.0")
    assert "No servers found" in registrar("search")
    assert NAME in registrar("search", "--status", "deleted")
    assert "already deleted" in registrar("status", NAME, "deleted", "--version", "0.1.0")

    # 6. pushing needs a login, and says which: the registry's name does not even resolve here
    (project / "server.json").unlink()
    (project / "mcp.yaml").write_text((project / "mcp.yaml").read_text().replace("0.1.0", "0.2.0"))
    text = registrar("publish", "my-mcp-server", "--docker-url", "docker.io/user", "--push-image", code=1)
    assert "[push-unreachable]" in text
    assert not (project / "server.json").exists()
    assert "No servers found" in registrar("search")


def test_what_cannot_be_published_is_not_built(engine: docker.Engine, project: Path, tmp_path: Path) -> None:
    """A registry that the official one does not know, and a version that is reserved: said before the build."""

    def refused(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "mcp_registrar", "--data-dir", str(tmp_path / "data"), "publish", *arguments],
            cwd=project.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "Successfully built" not in done.stdout + done.stderr
        return done.stderr

    assert "unsupported OCI registry: gcr.io" in refused("my-mcp-server", "--docker-url", "gcr.io/user")
    assert "has no scheme" in refused("my-mcp-server", "--docker-url", "https://docker.io/user")
    text = (project / "mcp.yaml").read_text()
    (project / "mcp.yaml").write_text(re.sub(r"(?m)^version: .*$", "version: ''", text))
    (project / "pyproject.toml").unlink()
    assert "latest" in refused("my-mcp-server", "--docker-url", "docker.io/user")
