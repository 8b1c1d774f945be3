"""The Dockerfiles that `init_manifest` writes, built as they stand on a real engine and started.

The engine's base image is a Python of this machine and there is no internet: the project brings its own build backend
and has no dependencies, so every line of the Dockerfile runs.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from mcp_registrar_tools.build_image import build_image
from mcp_registrar_tools.init_manifest import init_manifest
from mcp_registrar_tools.outbound import Outbound
from mcp_registrar_tools.workbench import Settings, Workbench
from tests.real import servers
from tests.real.components import docker

pytestmark = [pytest.mark.docker, pytest.mark.anyio, pytest.mark.timeout(300)]

PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "weather-mcp"
version = "1.2.3"
description = "Weather as an MCP server"

[project.scripts]
weather-mcp = "weather_mcp:main"
"""
BACKEND = """\
import zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "weather_mcp-1.2.3-py3-none-any.whl"
    info = "weather_mcp-1.2.3.dist-info/"
    files = {
        "weather_mcp.py": open("weather_mcp.py").read(),
        info + "METADATA": "Metadata-Version: 2.1\\nName: weather-mcp\\nVersion: 1.2.3\\n",
        info + "WHEEL": "Wheel-Version: 1.0\\nGenerator: own\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        info + "entry_points.txt": "[console_scripts]\\nweather-mcp = weather_mcp:main\\n",
    }
    files[info + "RECORD"] = "".join(f"{path},,\\n" for path in [*files, info + "RECORD"])
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return name
"""
PROJECTS = {
    "a distribution with a script": (
        {
            "pyproject.toml": PYPROJECT,
            "backend.py": BACKEND,
            "weather_mcp.py": "def main():\n    exec(PROGRAM)\n\nPROGRAM = " + repr(servers.PYTHON) + "\n",
        },
        ["weather-mcp"],
    ),
    "a script with requirements": (
        {"requirements.txt": "", "server.py": servers.PYTHON, "README.md": "# Weather\n\nAn MCP server.\n"},
        ["python", "server.py"],
    ),
}


async def _no_registry() -> Outbound:
    raise AssertionError("no registry is asked")


@pytest.mark.parametrize("kind", sorted(PROJECTS))
async def test_it_builds_and_the_server_in_it_answers(engine: docker.Engine, tmp_path: Path, kind: str) -> None:
    files, entry = PROJECTS[kind]
    folder = tmp_path / "weather"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / ".git" / "config").write_text('[remote "origin"]\n\turl = https://github.com/Acme/weather-mcp.git\n')
    (folder / ".env").write_text("TOKEN=not-for-the-image\n")
    for name, text in files.items():
        (folder / name).write_text(text)
    bench = Workbench(settings=Settings(), outbound=Outbound(), local_registry=_no_registry)
    made = await init_manifest(bench, str(folder), dockerfile=True)
    assert made.written
    assert {Path(path).name for path in made.changed} == {"server.json", "Dockerfile", ".dockerignore"}

    built = await build_image(bench, str(folder), tag="weather:generated", check=True)
    assert built.check is not None
    assert built.check.ok, built.check.lines()
    assert built.labels["io.modelcontextprotocol.server.name"] == "io.github.Acme/weather-mcp"
    inspected = subprocess.run(["docker", "inspect", "weather:generated"], capture_output=True, check=True)
    config = json.loads(inspected.stdout)[0]["Config"]
    assert (config["User"], config["Entrypoint"]) == ("server", entry)
    inside = subprocess.run(
        [
            *("docker", "run", "--rm", "--network", "none", "--entrypoint", "sh", "weather:generated", "-c"),
            "id -u; echo $HOME; touch $HOME/x && echo writable; find / -name .env -type f 2>/dev/null",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert inside.stdout.split() == ["10001", "/home/server", "writable"], inside
