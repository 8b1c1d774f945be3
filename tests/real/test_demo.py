"""`make demo`, as a newcomer types it: with and without a Docker Engine, on our example and on real projects."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, shared
from tests.real.components import docker

PROJECTS = {
    "npm": "domdomegg__airtable-mcp-server",
    "pypi": "motherduckdb__mcp-server-motherduck",
    "oci": "containers__kubernetes-mcp-server",
}


def demo(*arguments: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "examples/demo.py", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
        env={**os.environ, "MCP_REGISTRAR_OWNERSHIP": "off", **variables},
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    return done.stdout


def fingerprint(folder: Path) -> str:
    """Every file's name and content."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(str(path.relative_to(folder)).encode())
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def test_without_a_docker_engine(tmp_path: Path) -> None:
    printed = demo(DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert "no Docker Engine answers" in printed
    assert "Published io.github.example/weather-server 1.0.0" in printed
    for client in ("Claude Code", "Claude Desktop", "Cursor", "VS Code"):
        assert client in printed


@pytest.mark.docker
def test_with_a_docker_engine(engine: docker.Engine) -> None:
    printed = demo()
    assert "build_image(" in printed
    assert "weather-server:1.0.0" in printed
    assert "Published io.github.example/weather-server 1.0.0" in printed


@pytest.mark.parametrize("kind", sorted(PROJECTS))
def test_on_a_copy_of_a_real_project(kind: str, tmp_path: Path) -> None:
    project = shared("corpus", PROJECTS[kind])
    before = fingerprint(project)
    printed = demo(str(project), DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert "Published io.github." in printed
    assert f"package: {kind} " in printed
    assert fingerprint(project) == before
