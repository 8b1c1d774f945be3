"""Servers in real containers, processes and on real HTTP: those that run, and each way not to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from mcp_registrar_tools.build_image import build_image
from mcp_registrar_tools.check_server import CheckResult, check_server
from mcp_registrar_tools.errors import ImageError, InputError
from mcp_registrar_tools.workbench import Workbench
from tests.real import servers
from tests.real.components import docker

pytestmark = [pytest.mark.anyio]
in_docker = pytest.mark.docker


def write(folder: Path, files: dict[str, str], package: dict[str, Any] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    manifest: dict[str, Any] = {"name": "io.github.acme/weather", "version": "1.0.0"}
    if package:
        manifest["packages"] = [package]
    (folder / "server.json").write_text(json.dumps(manifest))
    return folder


PYTHON_DOCKERFILE = 'FROM python:3.12-slim\nCOPY server.py /\nENTRYPOINT ["python", "/server.py"]\n'


async def image(bench: Workbench, folder: Path, dockerfile: str, source: str = servers.PYTHON) -> str:
    write(folder, {"Dockerfile": dockerfile, "server.py": source})
    return (await build_image(bench, str(folder), tag=f"checked/{folder.name.lower()[:40]}:1")).image


async def checked(bench: Workbench, target: str, seconds: int = 30, path: str = "/nowhere") -> CheckResult:
    return await check_server(bench, path=path, target=target, seconds=seconds)


@in_docker
async def test_a_python_server_in_a_container(engine: docker.Engine, bench: Workbench, tmp_path: Path) -> None:
    name = await image(bench, tmp_path, PYTHON_DOCKERFILE)
    result = await checked(bench, name)
    check = result.check
    assert check.ok, result.text()
    assert (check.server_name, check.server_version, check.protocol) == ("weather", "1.2.3", "2025-11-25")
    assert check.tools == ["forecast", "alerts"]
    assert (await check_server(bench, path=name)).check.ok, "an image in the folder's place"
    assert 0 < check.seconds < 20
    assert result.exit_code() == 0
    assert "2 tools" in result.text()
    assert engine.containers() == []


@in_docker
async def test_a_static_binary_on_scratch(engine: docker.Engine, bench: Workbench, tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler")
    write(
        tmp_path, {"server.c": servers.C, "Dockerfile": 'FROM scratch\nCOPY server /server\nENTRYPOINT ["/server"]\n'}
    )
    subprocess.run(["gcc", "-static", "-O1", "-o", tmp_path / "server", tmp_path / "server.c"], check=True)
    built = await build_image(bench, str(tmp_path), tag="checked/static:1")
    assert built.size < 5_000_000
    check = (await checked(bench, "checked/static:1")).check
    assert (check.ok, check.server_name, check.tools) == (True, "static-weather", ["forecast"])


@in_docker
async def test_a_node_server(engine: docker.Engine, bench: Workbench, tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("no Node.js on this machine to make a base image of")
    engine.load(docker.node_base(), "node:22-slim", changes=("ENV PATH=/usr/local/bin:/bin", 'CMD ["node"]'))
    write(
        tmp_path,
        {
            "package.json": json.dumps({"name": "@acme/node-weather", "version": "2.0.0", "license": "MIT"}),
            "index.js": servers.NODE,
            "Dockerfile": 'FROM node:22-slim\nWORKDIR /app\nCOPY . .\nCMD ["node", "index.js"]\n',
        },
    )
    (tmp_path / "server.json").unlink()
    built = await build_image(bench, str(tmp_path))
    assert built.image == "node-weather:2.0.0"
    assert built.labels["org.opencontainers.image.licenses"] == "MIT"
    assert any("no ownership label" in note for note in built.notes)
    check = (await checked(bench, built.image)).check
    assert (check.ok, check.server_name) == (True, "node-weather"), check.lines()


@in_docker
async def test_the_manifests_image_with_its_arguments_and_variables(
    engine: docker.Engine, bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    echo = servers.PYTHON.replace('os.environ.get("NAME", "weather")', '" ".join([*sys.argv[1:], os.environ["KEY"]])')
    name = await image(bench, tmp_path, PYTHON_DOCKERFILE, echo)
    package = {
        "registryType": "oci",
        "identifier": name,
        "transport": {"type": "stdio"},
        "packageArguments": [{"type": "named", "name": "--units", "value": "metric"}],
        "environmentVariables": [{"name": "KEY", "isRequired": True, "isSecret": True}],
    }
    write(tmp_path, {}, package)
    result = await check_server(bench, str(tmp_path))
    assert result.check.server_name == "--units metric placeholder"
    assert any("KEY" in note and "made up" in note for note in result.check.notes)
    monkeypatch.setenv("KEY", "from-outside")
    result = await check_server(bench, str(tmp_path), env=["KEY"])
    assert result.check.server_name == "--units metric from-outside"
    with pytest.raises(InputError) as caught:
        await check_server(bench, str(tmp_path), env=["NOT_SET_ANYWHERE"])
    assert caught.value.code == "environment-missing"


@in_docker
@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ('ENV BANNER="Server v1 ready"', "stdout-noise", "Server v1 ready"),
        ("ENV EXIT=3", "server-exited", "exit code 3"),
        ('ENTRYPOINT ["python", "/missing.py"]', "server-exited", "exit code 2"),
        ('ENTRYPOINT ["/no/such/program"]', "image-does-not-start", "/no/such/program"),
        ('ENTRYPOINT ["true"]', "server-exited", "exit code 0"),
    ],
)
async def test_servers_that_do_not_run(
    engine: docker.Engine, bench: Workbench, tmp_path: Path, line: str, code: str, words: str
) -> None:
    name = await image(bench, tmp_path, f"{PYTHON_DOCKERFILE}{line}\n")
    result = await checked(bench, name)
    check = result.check
    assert (check.ok, check.code) == (False, code), result.text()
    assert words in result.text()
    assert check.hint
    assert result.exit_code() == 1
    if code == "server-exited" and "3" in words:
        assert "missing API_KEY" in check.log
    assert engine.containers() == []


@in_docker
async def test_a_server_that_never_answers(engine: docker.Engine, bench: Workbench, tmp_path: Path) -> None:
    name = await image(bench, tmp_path, f"{PYTHON_DOCKERFILE}ENV SILENT=1\n")
    begun = time.monotonic()
    check = (await checked(bench, name, seconds=2)).check
    assert (check.ok, check.code) == (False, "server-silent")
    assert "2 s" in check.problem
    assert "starting up" in check.log
    assert time.monotonic() - begun < 15
    assert engine.containers() == []


@in_docker
async def test_an_image_without_command_and_one_that_is_not_there(
    engine: docker.Engine, bench: Workbench, tmp_path: Path
) -> None:
    write(tmp_path, {"Dockerfile": "FROM scratch\nCOPY server.json /\n"})
    built = await build_image(bench, str(tmp_path), tag="checked/empty:1")
    assert any("neither ENTRYPOINT nor CMD" in note for note in built.notes)
    assert (await checked(bench, "checked/empty:1")).check.code == "image-without-command"
    with pytest.raises(ImageError) as caught:
        await checked(bench, "127.0.0.1:9/acme/missing:1")
    assert caught.value.code == "image-not-here"


@in_docker
async def test_a_cancelled_check_leaves_nothing(engine: docker.Engine, bench: Workbench, tmp_path: Path) -> None:
    name = await image(bench, tmp_path, f"{PYTHON_DOCKERFILE}ENV SILENT=1\n")
    begun = time.monotonic()
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: checked(bench, name, seconds=300))
        while not engine.containers():
            await anyio.sleep(0.02)
        await anyio.sleep(0.3)
        group.cancel_scope.cancel()
    assert engine.containers() == []
    assert time.monotonic() - begun < 15


@in_docker
async def test_a_forgotten_container_is_removed_by_the_next_check(
    engine: docker.Engine, bench: Workbench, tmp_path: Path
) -> None:
    name = await image(bench, tmp_path, PYTHON_DOCKERFILE)
    subprocess.run(
        ["docker", "run", "-d", "-l", "mcp-registrar.check-until=1000", "busybox", "sleep", "300"],
        env={**os.environ, **engine.environment()},
        check=True,
        capture_output=True,
    )
    assert (await checked(bench, name)).check.ok
    assert engine.containers() == []


@in_docker
@pytest.mark.parametrize("line", ["", "ENV STREAM=1", "ENV SLOW=1.5"])
async def test_an_image_that_serves_http(engine: docker.Engine, bench: Workbench, tmp_path: Path, line: str) -> None:
    name = await image(bench, tmp_path, f"{PYTHON_DOCKERFILE}EXPOSE 8080\n{line}\n", servers.HTTP)
    package = {
        "registryType": "oci",
        "identifier": name,
        "transport": {"type": "streamable-http", "url": "http://localhost:8080/mcp"},
    }
    write(tmp_path, {}, package)
    check = (await check_server(bench, str(tmp_path))).check
    assert (check.ok, check.server_name, check.transport) == (True, "http-weather", "streamable-http"), check.lines()
    assert engine.containers() == []


@in_docker
async def test_an_image_that_listens_where_nobody_reaches_it(
    engine: docker.Engine, bench: Workbench, tmp_path: Path
) -> None:
    name = await image(bench, tmp_path, f"{PYTHON_DOCKERFILE}ENV HOST=127.0.0.1\n", servers.HTTP)
    transport = {"type": "streamable-http", "url": "http://localhost:8080/mcp"}
    write(tmp_path, {}, {"registryType": "oci", "identifier": name, "transport": transport})
    check = (await check_server(bench, str(tmp_path), seconds=3)).check
    assert (check.ok, check.code) == (False, "server-silent")
    assert "0.0.0.0" in check.problem


async def test_a_program_of_this_machine_runs_only_when_named(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "npx"  # what npx does after it downloaded: run the package's program
    (tmp_path / "server.py").write_text(servers.PYTHON)
    fake.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\nenv > {tmp_path}/environment\n'
        f"exec {sys.executable} {tmp_path}/server.py\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setenv("GH_TOKEN", "ghp_planted")
    package = {
        "registryType": "npm",
        "identifier": "@acme/weather",
        "version": "1.0.0",
        "transport": {"type": "stdio"},
    }
    project = write(tmp_path / "project", {}, package)
    with pytest.raises(InputError) as caught:
        await check_server(bench, str(project))
    assert caught.value.code == "check-needs-asking"
    assert "npx -y @acme/weather@1.0.0" in caught.value.message
    assert not (tmp_path / "arguments").exists()

    result = await check_server(bench, str(project), target="npm")
    assert result.check.ok, result.text()
    assert (tmp_path / "arguments").read_text().split() == ["-y", "@acme/weather@1.0.0"]
    assert "ghp_planted" not in (tmp_path / "environment").read_text()


async def test_a_program_with_children_leaves_none(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "uvx"
    fake.write_text(f"#!/bin/sh\ntrap '' TERM\nsleep 300 &\necho $! > {tmp_path}/child\nwait\nsleep 300\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    package = {"registryType": "pypi", "identifier": "weather", "version": "1", "transport": {"type": "stdio"}}
    project = write(tmp_path / "project", {}, package)
    with anyio.move_on_after(1.0):
        await check_server(bench, str(project), target="pypi")
    child = int((tmp_path / "child").read_text())
    with anyio.fail_after(5):
        while Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text().split()[2]:
            await anyio.sleep(0.05)


async def test_an_address(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(servers.HTTP)
    port = free_port()
    with running(tmp_path / "server.py", {"HOST": "127.0.0.1", "PORT": str(port)}):
        check = (await checked(bench, f"http://127.0.0.1:{port}/mcp")).check
        assert (check.ok, check.server_name) == (True, "http-weather"), check.lines()
        assert (await check_server(bench, path=f"http://127.0.0.1:{port}/mcp")).check.ok
        check = (await checked(bench, f"http://127.0.0.1:{port}/other")).check
        assert (check.ok, check.code) == (False, "endpoint-missing")
    check = (await checked(bench, f"http://127.0.0.1:{port}/mcp")).check
    assert (check.ok, check.code) == (False, "outbound-refused")


async def test_a_private_address_out_of_a_manifest_is_not_called(bench: Workbench, tmp_path: Path) -> None:
    write(tmp_path, {})
    manifest = json.loads((tmp_path / "server.json").read_text())
    manifest["remotes"] = [{"type": "streamable-http", "url": "https://169.254.169.254/mcp"}]
    (tmp_path / "server.json").write_text(json.dumps(manifest))
    check = (await check_server(bench, str(tmp_path))).check
    assert (check.ok, check.code) == (False, "outbound-private")


async def test_an_address_that_wants_a_login(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(servers.HTTP)
    port = free_port()
    with running(tmp_path / "server.py", {"HOST": "127.0.0.1", "PORT": str(port), "LOCKED": "1"}):
        check = (await checked(bench, f"http://127.0.0.1:{port}/mcp")).check
    assert (check.ok, check.code) == (False, "login-needed")


@pytest.mark.parametrize("transport", ["streamable-http", "sse", "stdio"])
async def test_a_server_of_the_python_sdk(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transport: str
) -> None:
    """Not only our own idea of a server: the SDK's, over each of its transports."""
    port = free_port()
    (tmp_path / "server.py").write_text(
        "import sys\nfrom mcp.server import MCPServer\n"
        'server = MCPServer("sdk-weather", version="5")\n'
        "@server.tool()\ndef forecast(city: str) -> str:\n    return city\n"
        f"server.run(sys.argv[1], **({{}} if sys.argv[1] == 'stdio' else {{'host': '127.0.0.1', 'port': {port}}}))\n"
    )
    if transport == "stdio":
        (tmp_path / "bin").mkdir()
        fake = tmp_path / "bin" / "uvx"
        fake.write_text(f"#!/bin/sh\nexec {sys.executable} {tmp_path}/server.py stdio\n")
        fake.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
        package = {"registryType": "pypi", "identifier": "w", "version": "1", "transport": {"type": "stdio"}}
        project = write(tmp_path / "project", {}, package)
        check = (await check_server(bench, str(project), target="pypi")).check
    else:
        path = "mcp" if transport == "streamable-http" else "sse"
        with running(tmp_path / "server.py", {}, transport, port=port):
            check = (await checked(bench, f"http://127.0.0.1:{port}/{path}")).check
    assert (check.ok, check.server_name, check.tools) == (True, "sdk-weather", ["forecast"]), check.lines()
    assert check.server_version == "5"


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class running:
    """A program of ours on a port, until the block ends."""

    def __init__(self, script: Path, environment: dict[str, str], *arguments: str, port: int = 0) -> None:
        self._command = [sys.executable, str(script), *arguments]
        self._environment = {**os.environ, **environment}
        self._port = port or int(environment["PORT"])

    def __enter__(self) -> None:
        import socket

        self._process = subprocess.Popen(
            self._command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("the server did not come up")

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
