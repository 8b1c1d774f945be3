"""A Python package index of our own (devpi), twine to upload into it, and PyPI's JSON face in front of it.

devpi keeps the real metadata of what was uploaded but says it in its own way; the adapter puts it under PyPI's
``/pypi/<name>/<version>/json``. The shape of that answer is ours, what is in it is not.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.loopback import answering

FOLDER = ROOT / ".components" / "devpi"
PACKAGES = ("devpi-server==6.20.3", "twine>=6,<8", "setuptools>=77,<81", "wheel")
USER, PASSWORD = "bob", "s3cret"


def install() -> None:
    """devpi-server and twine into a virtual environment of their own (about 20 s)."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True)
    subprocess.run([_program("python"), "-m", "pip", "install", "-q", *PACKAGES], check=True, timeout=300)


def missing() -> str | None:
    there = all(Path(_program(name)).exists() for name in ("devpi-server", "devpi-init", "twine"))
    return None if there else "devpi-server and twine are not installed"


def _program(name: str) -> str:
    return str(FOLDER / "bin" / name)


@dataclass
class Index:
    """A running index. ``url`` answers as PyPI does, ``upload_url`` takes uploads."""

    url: str
    upload_url: str
    folder: Path

    def publish(self, name: str, version: str, readme: str) -> None:
        """Build a wheel with this README and upload it with twine, as its author would do it."""
        project = self.folder / f"project-{uuid.uuid4().hex}"
        project.mkdir()
        (project / "README.md").write_text(readme)
        (project / "pyproject.toml").write_text(
            '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
            f'[project]\nname = "{name}"\nversion = "{version}"\nreadme = "README.md"\ndescription = "a test"\n'
            "[tool.setuptools]\npy-modules = []\n"
        )
        self._run(project, "python", "-c", "import setuptools.build_meta as b; b.build_wheel('dist')")
        wheels = [str(path) for path in (project / "dist").glob("*.whl")]
        self._run(project, "twine", "upload", "--non-interactive", "--repository-url", self.upload_url, *wheels)

    def _run(self, folder: Path, program: str, *arguments: str) -> None:
        environment = {**os.environ, "TWINE_USERNAME": USER, "TWINE_PASSWORD": PASSWORD, "HOME": str(self.folder)}
        done = subprocess.run(
            [_program(program), *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")


@contextlib.contextmanager
def start() -> Iterator[Index]:
    """Run index and adapter until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="devpi-"))
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    where = ["--serverdir", str(folder / "data")]
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([_program("devpi-init"), *where, "--no-root-pypi"], check=True, timeout=60, **quiet)
        log = stack.enter_context((folder / "log").open("wb"))
        process = subprocess.Popen(
            [_program("devpi-server"), *where, "--host", "127.0.0.1", "--port", str(port), "--offline-mode"],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        stack.callback(_stop, process)
        url = f"http://127.0.0.1:{port}"
        _wait(f"{url}/+api", process, folder / "log")
        _ask("PUT", f"{url}/{USER}", {"password": PASSWORD, "email": "bob@example.org"})
        login = _ask("POST", f"{url}/+login", {"user": USER, "password": PASSWORD})["result"]["password"]
        _ask("PUT", f"{url}/{USER}/dev", {"bases": [], "volatile": True}, f"{USER}:{login}")
        adapter = stack.enter_context(_pypi_face(f"{url}/{USER}/dev"))
        yield Index(adapter, f"{url}/{USER}/dev/", folder)


def _ask(method: str, url: str, document: object, login: str = "") -> Any:
    headers = {"content-type": "application/json", "accept": "application/json"}
    if login:
        headers["x-devpi-auth"] = base64.b64encode(login.encode()).decode()
    request = urllib.request.Request(url, data=json.dumps(document).encode(), headers=headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


@contextlib.contextmanager
def _pypi_face(index: str) -> Iterator[str]:
    """PyPI's JSON of what the index holds, for GET and HEAD; yields its URL."""

    def reply(path: str) -> tuple[int, Any]:
        parts = path.strip("/").split("/")
        if len(parts) not in (3, 4) or parts[0] != "pypi" or parts[-1] != "json":
            return 404, {"message": "Not Found"}
        request = urllib.request.Request("/".join((index, *parts[1:-1])), headers={"accept": "application/json"})
        try:
            with urllib.request.urlopen(request) as answer:
                result = json.load(answer)["result"]
        except urllib.error.HTTPError as error:
            return error.code, {"message": "Not Found"}
        if len(parts) == 3:
            result = result[max(result)] if result else None
        if not result:
            return 404, {"message": "Not Found"}
        info = {name: value for name, value in result.items() if not name.startswith("+")}
        return 200, {"info": info, "urls": result.get("+links", [])}

    with answering(reply) as url:
        yield url


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"devpi did not come up:\n{log.read_text(errors='replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
