"""An npm registry of our own (verdaccio, without a way out) and npm's own client to publish into it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.real.components import _node

PACKAGE = "verdaccio@6.10.4"
FOLDER = "verdaccio"


def install() -> None:
    """verdaccio from npm into the components' folder (65 MB, about 15 s)."""
    target = _node.COMPONENTS / FOLDER
    target.mkdir(parents=True, exist_ok=True)
    # node-fetch asks for a release of cjs by a name that not every mirror has.
    (target / "package.json").write_text('{"private": true, "overrides": {"node-fetch": "2.7.0"}}\n')
    _node.install(FOLDER, PACKAGE)


def missing() -> str | None:
    if reason := _node.missing():
        return reason
    return None if _program().exists() else "verdaccio is not installed"


def _program() -> Path:
    return _node.COMPONENTS / FOLDER / "node_modules" / "verdaccio" / "bin" / "verdaccio"


@dataclass
class Npm:
    """A running registry; ``url`` ends without a slash."""

    url: str
    folder: Path
    token: str

    def publish(self, manifest: dict[str, Any], **files: str) -> None:
        """``npm publish`` of a package with this ``package.json``, as its author would do it."""
        package = self.folder / f"package-{uuid.uuid4().hex}"
        package.mkdir()
        for name, text in {"index.js": "", **files}.items():
            (package / name).write_text(text)
        (package / "package.json").write_text(json.dumps(manifest))
        (package / ".npmrc").write_text(
            f"registry={self.url}/\n//{self.url.removeprefix('http://')}/:_authToken={self.token}\n"
        )
        done = subprocess.run(
            [_node.BIN / "npm", "publish", "--access", "public", "--loglevel", "error"],
            cwd=package,
            env={**_node.environment(), "npm_config_cache": str(self.folder / "cache")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"npm publish: {done.stderr}")


@contextlib.contextmanager
def start() -> Iterator[Npm]:
    """Run the registry until the block ends; one user exists and may publish, everybody may read."""
    folder = Path(tempfile.mkdtemp(prefix="verdaccio-"))
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    config = {
        "storage": str(folder / "storage"),
        "auth": {"htpasswd": {"file": str(folder / "htpasswd"), "max_users": 100}},
        "packages": {name: {"access": "$all", "publish": "$authenticated"} for name in ("@*/*", "**")},
        "log": {"type": "stdout", "format": "pretty", "level": "warn"},
        "web": {"enable": False},
    }
    (folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        log = stack.enter_context((folder / "log").open("wb"))
        process = subprocess.Popen(
            [str(_node.BIN / "node"), str(_program()), "--config", str(folder / "config.yaml"), "--listen", url[7:]],
            cwd=folder,
            env=_node.environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        stack.callback(_stop, process)
        _wait(f"{url}/-/ping", process, folder / "log")
        ask = urllib.request.Request(
            f"{url}/-/user/org.couchdb.user:bob",
            data=json.dumps({"name": "bob", "password": uuid.uuid4().hex}).encode(),
            headers={"content-type": "application/json"},
            method="PUT",
        )
        with urllib.request.urlopen(ask) as answer:
            token = json.load(answer)["token"]
        yield Npm(url, folder, token)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"verdaccio did not come up:\n{log.read_text(errors='replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the whole group: ``node`` of the development environment is a script that starts the real one."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)
