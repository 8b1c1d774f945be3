"""A server that is killed while it rewrites a file leaves the old file or the new one, never half of one."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

OLD = (
    json.dumps(
        {
            "$schema": "https://static.modelcontextprotocol.io/schemas/2025-07-09/server.schema.json",
            "name": "io.github.acme/weather",
            "description": "Weather " * 10,
            "version": "1.0.0",
            "status": "active",
            "packages": [
                {
                    "registry_type": "npm",
                    "identifier": f"@acme/weather-{number}",
                    "version": "1.0.0",
                    "transport": {"type": "stdio"},
                    "environment_variables": [{"name": f"KEY_{n}", "is_required": True} for n in range(40)],
                }
                for number in range(40)
            ],
        },
        indent=2,
    )
    + "\n"
)

# Repairs the manifest over and over through the same code a tool call runs; says when the first round is done.
CHILD = """
import asyncio, sys
from pathlib import Path
from mcp_registrar.bench import make_bench
from mcp_registrar_tools.manifest.files import write_atomic
from mcp_registrar_tools.validate import validate
from mcp_registrar_tools.workbench import Settings

async def main(path, old):
    bench, _ = make_bench(Settings(data_dir=path.parent / "data"))
    while True:
        write_atomic(path, old)
        await validate(bench, path=str(path), fix=True)
        print("round", flush=True)

path = Path(sys.argv[1])
asyncio.run(main(path, path.read_bytes()))
"""


def start(path: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "round\n"
    return child


@pytest.mark.parametrize("seed", range(5))
def test_old_or_new_never_half(seed: int, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    path = project / "server.json"
    path.write_text(OLD)
    child = start(path)
    time.sleep(random.Random(seed).uniform(0, 0.2))
    child.kill()
    child.communicate()
    left = json.loads(path.read_text())
    assert left == json.loads(OLD) or (left["$schema"].count("2025-12-11") and len(left["packages"]) == 40)


@pytest.mark.soak
def test_fifty_kills(tmp_path: Path) -> None:
    for seed in range(100, 150):
        folder = tmp_path / str(seed)
        folder.mkdir()
        test_old_or_new_never_half(seed, folder)
