"""Building on a real Docker Engine: names, labels, platforms, and failures told with their cure."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest

from mcp_registrar_tools.build_image import BuildResult, build_image
from mcp_registrar_tools.errors import ImageError, InputError
from mcp_registrar_tools.images.reference import LABEL
from mcp_registrar_tools.workbench import Workbench
from tests.real import servers
from tests.real.components import docker
from tests.real.components.oci_registry import Registry
from tests.real.conftest import Reports

pytestmark = [pytest.mark.docker, pytest.mark.anyio]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small Python project with a manifest and a Dockerfile."""
    folder = tmp_path / "weather"
    folder.mkdir()
    manifest = {
        "name": "io.github.acme/weather-server",
        "title": "Weather",
        "description": "Weather as an MCP server",
        "version": "1.2.3",
        "repository": {"url": "https://github.com/acme/weather-server", "source": "github"},
    }
    (folder / "server.json").write_text(json.dumps(manifest))
    (folder / "Dockerfile").write_text('FROM python:3.12-slim\nCOPY server.py /\nCMD ["python", "/server.py"]\n')
    (folder / "server.py").write_text("print('hello')\n")
    return folder


async def test_a_bare_build_is_called_and_labelled_after_the_manifest(
    engine: docker.Engine, bench: Workbench, project: Path
) -> None:
    before = (project / "Dockerfile").read_bytes()
    built = await build_image(bench, str(project))
    assert built.image == "weather-server:1.2.3"
    assert not built.pushed
    assert built.platforms == ["linux/amd64"] or built.platforms == ["linux/arm64"]
    assert built.labels[LABEL] == "io.github.acme/weather-server"
    assert built.labels["org.opencontainers.image.source"] == "https://github.com/acme/weather-server"
    assert built.labels["org.opencontainers.image.version"] == "1.2.3"
    assert built.labels["org.opencontainers.image.title"] == "Weather"
    assert built.size > 10_000_000
    assert (project / "Dockerfile").read_bytes() == before
    seen = subprocess.run(
        ["docker", "image", "inspect", "-f", "{{json .Config.Labels}}", "weather-server:1.2.3"],
        capture_output=True,
        check=True,
        env={**os.environ, **engine.environment()},
    )
    assert json.loads(seen.stdout) == built.labels


async def test_progress_comes_line_by_line_and_rises(
    engine: docker.Engine, bench: Workbench, project: Path, reports: Reports
) -> None:
    (project / "Dockerfile").write_text('FROM busybox\nRUN echo first $$; echo second\nCMD ["true"]\n')
    await build_image(bench, str(project))
    messages = [message for _, _, message in reports]
    assert any(message.startswith("first ") for message in messages)
    assert "second" in messages
    values = [done for done, _, _ in reports]
    assert values == sorted(set(values))
    assert all(total is None or done <= total for done, total, _ in reports)


async def test_progress_rises_through_build_check_and_push(
    engine: docker.Engine, bench: Workbench, project: Path, reports: Reports, open_registry: Registry
) -> None:
    (project / "server.py").write_text(servers.PYTHON)
    built = await build_image(bench, str(project), registry=f"{open_registry.host}/acme", check=True, push=True)
    assert built.check is not None
    assert built.check.ok
    assert built.pushed
    values = [done for done, _, _ in reports]
    assert values == sorted(set(values))
    assert any("starting" in message for _, _, message in reports)
    assert any(message.startswith("push ") for _, _, message in reports)


async def test_a_server_that_does_not_run_is_not_pushed(
    engine: docker.Engine, bench: Workbench, project: Path, open_registry: Registry
) -> None:
    (project / "server.py").write_text("raise SystemExit('no settings')\n")
    built = await build_image(bench, str(project), registry=f"{open_registry.host}/broken", check=True, push=True)
    assert built.check is not None
    assert (built.check.ok, built.check.code, built.pushed) == (False, "server-exited", False)
    assert "no settings" in built.text()
    assert built.exit_code() == 1
    assert built.next.startswith("correct the server")


async def test_the_seed_project_under_a_registry_prefix(
    engine: docker.Engine, bench: Workbench, tmp_path: Path
) -> None:
    (tmp_path / "mcp.yaml").write_text("name: my-mcp-server\nframework: fastmcp-python\nversion: 0.1.0\n")
    (tmp_path / "Dockerfile").write_text('FROM python:3.11-slim\nCMD ["python"]\n')
    bare = await build_image(bench, str(tmp_path))
    assert bare.image == "my-mcp-server:0.1.0"
    assert "✓ Successfully built Docker image: my-mcp-server:0.1.0" in bare.text()
    prefixed = await build_image(bench, str(tmp_path), registry="docker.io/user/")
    assert prefixed.image == "docker.io/user/my-mcp-server:0.1.0"
    assert prefixed.labels[LABEL] == "user/my-mcp-server"
    assert prefixed.package == {
        "registryType": "oci",
        "identifier": "docker.io/user/my-mcp-server:0.1.0",
        "transport": {"type": "stdio"},
    }
    assert "nobody else can pull it" in prefixed.text()


async def test_the_injected_label_wins_and_the_dockerfiles_own_standard_labels_stay(
    engine: docker.Engine, bench: Workbench, project: Path
) -> None:
    (project / "Dockerfile").write_text(
        f'FROM busybox\nLABEL {LABEL}="io.github.other/name"\n'
        'LABEL org.opencontainers.image.title="Their own"\nCMD ["true"]\n'
    )
    built = await build_image(bench, str(project))
    assert built.labels[LABEL] == "io.github.acme/weather-server"
    assert built.labels["org.opencontainers.image.title"] == "Their own"
    assert any("io.github.other/name" in note for note in built.notes)


async def test_the_manifest_beside_the_dockerfile(engine: docker.Engine, bench: Workbench, tmp_path: Path) -> None:
    inner = tmp_path / "servers" / "time"
    inner.mkdir(parents=True)
    (tmp_path / "shared.txt").write_text("shared")
    (inner / "server.json").write_text(json.dumps({"name": "io.github.acme/time", "version": "2.0.0"}))
    (inner / "Dockerfile").write_text('FROM busybox\nCOPY shared.txt /\nCMD ["true"]\n')
    built = await build_image(bench, str(tmp_path), dockerfile="servers/time/Dockerfile")
    assert built.image == "time:2.0.0"
    assert built.labels[LABEL] == "io.github.acme/time"


async def test_what_only_buildkit_knows_is_told(engine: docker.Engine, bench: Workbench, project: Path) -> None:
    (project / "Dockerfile").write_text("FROM busybox\nRUN --mount=type=cache,target=/x true\n")
    error = await refused(bench, project)
    assert error.code == "builder-missing"
    assert "buildx" in error.hint


async def test_arguments_target_and_another_dockerfile(engine: docker.Engine, bench: Workbench, project: Path) -> None:
    (project / "docker").mkdir()
    (project / "docker" / "Server.Dockerfile").write_text(
        'FROM busybox AS small\nARG WHO=nobody\nRUN echo $WHO > /who\nCMD ["cat", "/who"]\nFROM small\nRUN exit 9\n'
    )
    built = await build_image(
        bench,
        str(project),
        tag="acme/weather:test",
        dockerfile="docker/Server.Dockerfile",
        target="small",
        build_args=["WHO=acme"],
    )
    assert built.image == "acme/weather:test"
    said = subprocess.run(
        ["docker", "run", "--rm", "acme/weather:test"],
        capture_output=True,
        check=True,
        env={**os.environ, **engine.environment()},
    )
    assert said.stdout == b"acme\n"


async def test_what_dockerignore_names_stays_at_home(engine: docker.Engine, bench: Workbench, project: Path) -> None:
    (project / ".dockerignore").write_text("# a comment\nsecret\n*.log\n!keep.log\n**/cache\n")
    for name in ("secret", "noise.log", "keep.log", "a/cache/x", "a/b"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("x")
    (project / "Dockerfile").write_text('FROM busybox\nCOPY . /all\nCMD ["find", "/all", "-type", "f"]\n')
    await build_image(bench, str(project), tag="ignored:1")
    said = subprocess.run(
        ["docker", "run", "--rm", "ignored:1"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **engine.environment()},
    )
    names = {line.removeprefix("/all/") for line in said.stdout.split()}
    assert {"keep.log", "a/b", "server.py"} <= names
    assert not names & {"secret", "noise.log", "a/cache/x"}


async def refused(bench: Workbench, project: Path, **arguments: object) -> ImageError | InputError:
    with pytest.raises((ImageError, InputError)) as caught:
        await build_image(bench, str(project), **arguments)  # type: ignore[arg-type]
    return caught.value


async def test_a_failing_step_says_which_and_what_it_printed(
    engine: docker.Engine, bench: Workbench, project: Path
) -> None:
    (project / "Dockerfile").write_text(
        "FROM busybox\nRUN for i in $(seq 100); do echo line $i; done; echo could not resolve left-pad >&2; exit 7\n"
    )
    error = await refused(bench, project)
    assert error.code == "build-failed"
    assert "exit code 7" in error.message
    assert "RUN for i in" in error.message
    assert "could not resolve left-pad" in (error.details or "")
    assert "line 100" in (error.details or "")
    assert "line 50\n" not in (error.details or "")
    assert len(error.text()) < 4096


@pytest.mark.parametrize(
    ("dockerfile", "code", "words"),
    [
        ("FROM acme/no-such-base:1\n", "base-image-missing", "acme/no-such-base:1"),
        ("FRM busybox\n", "dockerfile-invalid", "unknown instruction"),
        ("FROM busybox\nCOPY not-here /\n", "build-file-missing", "COPY not-here"),
        ("FROM busybox\nRUN no-such-program\n", "build-failed", "exit code 127"),
        ("", "dockerfile-invalid", "empty"),
    ],
)
async def test_dockerfiles_that_cannot_be_built(
    engine: docker.Engine, bench: Workbench, project: Path, dockerfile: str, code: str, words: str
) -> None:
    (project / "Dockerfile").write_text(dockerfile)
    error = await refused(bench, project)
    assert (error.code, words in error.text()) == (code, True), error.text()


async def test_no_dockerfile_comes_with_the_offer_to_write_one(
    engine: docker.Engine, bench: Workbench, project: Path
) -> None:
    (project / "Dockerfile").unlink()
    error = await refused(bench, project)
    assert error.code == "dockerfile-missing"
    assert "init_manifest(" in error.hint
    assert "dockerfile=true" in error.hint


async def test_platforms_that_do_not_exist_or_cannot_be_had(
    engine: docker.Engine, bench: Workbench, project: Path
) -> None:
    assert (await refused(bench, project, platform="linux/vax")).code == "platform-unknown"
    other = "linux/s390x"
    assert (await refused(bench, project, platform=other)).code == "platform-unavailable"
    same = await build_image(bench, str(project), platform="linux/x86_64" if os.uname().machine == "x86_64" else "")
    assert len(same.platforms) == 1


async def test_pushing_needs_a_place(engine: docker.Engine, bench: Workbench, project: Path) -> None:
    error = await refused(bench, project, push=True)
    assert error.code == "push-needs-registry"
    assert "registry=" in error.hint


async def test_secrets_are_no_build_arguments(engine: docker.Engine, bench: Workbench, project: Path) -> None:
    error = await refused(bench, project, build_args=["NPM_TOKEN=npm_abc123"])
    assert error.code == "build-argument-secret"
    assert "npm_abc123" not in error.text()


async def test_a_cancelled_build_stops_in_the_engine(
    engine: docker.Engine, bench: Workbench, project: Path, reports: Reports
) -> None:
    (project / "Dockerfile").write_text("FROM busybox\nRUN echo started; sleep 300\n")
    begun = time.monotonic()
    async with anyio.create_task_group() as group:
        group.start_soon(build_image, bench, str(project))
        while not any(message == "started" for _, _, message in reports):
            await anyio.sleep(0.02)
        group.cancel_scope.cancel()
    assert time.monotonic() - begun < 20
    with anyio.fail_after(10):
        while engine.containers():
            await anyio.sleep(0.05)


async def test_a_full_disk_is_called_one(engine: docker.Engine, bench: Workbench, project: Path) -> None:
    (project / "Dockerfile").write_text("FROM busybox\nRUN dd if=/dev/zero of=/dev/full bs=1k count=1\n")
    error = await refused(bench, project)
    assert error.code == "disk-full"
    assert "docker system df" in error.hint


async def test_no_engine(bench: Workbench, project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    error = await refused(bench, project)
    assert error.code == "engine-missing"
    assert f"{tmp_path}/none.sock" in error.message


async def test_a_socket_where_nobody_listens(
    bench: Workbench, project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    error = await refused(bench, project)
    assert error.code == "engine-refused"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_a_socket_that_may_not_be_used(engine: docker.Engine) -> None:
    """As another user, in a process of its own that has loaded everything while it could."""
    engine.folder.chmod(0o755)
    engine.socket.chmod(0o660)
    script = (
        "import os, anyio\n"
        "from mcp_registrar_tools.images import engine\n"
        "from mcp_registrar_tools.errors import ImageError\n"
        "anyio.run(engine.connect)\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try:\n    anyio.run(engine.connect)\n"
        "except ImageError as error:\n    print(error.text())\n"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "[engine-denied]" in said.stdout, said
    assert "usermod -aG docker" in said.stdout


async def test_the_answer_is_short(engine: docker.Engine, bench: Workbench, project: Path) -> None:
    built: BuildResult = await build_image(bench, str(project), registry="ghcr.io/acme")
    assert len(built.text()) < 1500
    assert built.next.startswith("publish(")
    assert 'docker_url="ghcr.io/acme"' in built.next
    assert built.package["identifier"] == "ghcr.io/acme/weather-server:1.2.3"
