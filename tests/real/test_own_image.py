"""Our own Dockerfile, built on a real engine without a network: it runs as nobody, is labelled, and answers."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.real.components import docker, require, wheels

pytestmark = [pytest.mark.docker, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `.dockerignore` lets through, and the wheels."""
    require(wheels)
    folder = tmp_path_factory.mktemp("context")
    for name in ("pyproject.toml", "README.md", "LICENSE", "Dockerfile", ".dockerignore"):
        shutil.copy2(ROOT / name, folder / name)
    for name in ("server", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(wheels.path(), folder / "wheels")
    return folder


def test_our_image(engine: docker.Engine, context: Path) -> None:
    options = "PIP_OPTIONS=--no-index --find-links wheels"
    build = subprocess.run(
        ["docker", "build", "-q", "-t", "registrar:test", "--network", "none", "--build-arg", options, "."],
        cwd=context,
        capture_output=True,
        text=True,
        check=False,
        timeout=350,
    )
    assert build.returncode == 0, build.stderr[-2000:]
    inspected = json.loads(
        subprocess.run(["docker", "inspect", "registrar:test"], capture_output=True, check=True).stdout
    )
    config = inspected[0]["Config"]
    ours = json.loads((ROOT / "server.json").read_text())
    assert config["User"] == "10001"
    assert config["Labels"]["io.modelcontextprotocol.server.name"] == ours["name"]
    initialize = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    run = subprocess.run(
        ["docker", "run", "-i", "--rm", "--network", "none", "registrar:test"],
        input=json.dumps(initialize) + "\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout.splitlines()[0])["result"]["serverInfo"]["version"] == ours["version"], run.stderr
    written = subprocess.run(
        ["docker", "run", "--rm", "--network", "none", "registrar:test", "search"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert written.returncode == 0, "the registry's data directory is writable for its user: " + written.stderr
