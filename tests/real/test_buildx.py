"""BuildKit through buildx: the same answer as the engine's own builder, and what only BuildKit can."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from mcp_registrar_tools.build_image import BuildResult, build_image
from mcp_registrar_tools.errors import ImageError, InputError
from mcp_registrar_tools.images.reference import LABEL
from mcp_registrar_tools.workbench import Workbench
from tests.real import servers
from tests.real.components import docker
from tests.real.components.oci_registry import PASSWORD, USER, Registry
from tests.real.conftest import Reports

pytestmark = [pytest.mark.docker, pytest.mark.anyio]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "weather"
    folder.mkdir()
    manifest = {
        "name": "io.github.alice/weather",
        "title": "Weather, by Alice's team",
        "description": 'Says "sunny" = mostly, $HOME too',
        "version": "1.0.0",
        "repository": {"url": "https://github.com/alice/weather", "source": "github"},
    }
    (folder / "server.json").write_text(json.dumps(manifest))
    (folder / "server.py").write_text(servers.PYTHON)
    (folder / "Dockerfile").write_text(
        'FROM python:3.12-slim\nCOPY server.py /\nRUN echo hello from the build\nENTRYPOINT ["python", "/server.py"]\n'
    )
    return folder


def use(engine: docker.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in engine.environment().items():
        monkeypatch.setenv(name, value)


async def refused(bench: Workbench, project: Path, **arguments: Any) -> ImageError | InputError:
    with pytest.raises((ImageError, InputError)) as caught:
        await build_image(bench, str(project), **arguments)
    return caught.value


async def test_both_builders_give_the_same_labels_and_answer(
    running_engine: docker.Engine,
    running_buildkit: docker.Engine,
    bench: Workbench,
    project: Path,
    open_registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers: list[BuildResult] = []
    for engine in (running_engine, running_buildkit):
        use(engine, monkeypatch)
        answers.append(
            await build_image(bench, str(project), registry=f"{open_registry.host}/alice", check=True, push=True)
        )
    classic, buildkit = (answer.model_dump() for answer in answers)
    assert classic["details"]["builder"].startswith("Docker Engine 20")
    assert buildkit["details"]["builder"].startswith("BuildKit")
    assert classic["labels"][LABEL] == "io.github.alice/weather"
    assert classic["labels"]["org.opencontainers.image.description"] == 'Says "sunny" = mostly, $HOME too'
    for answer in (classic, buildkit):
        assert answer["check"]["ok"], answer
        assert answer["pushed"]
        assert answer["details"]["public"]
        assert answer["digest"].startswith("sha256:")
        assert answer["size"] > 10_000_000
        assert 0 < answer["details"]["download_size"] < answer["size"]
        for varying in ("builder", "image_id", "download_size", "seconds"):
            del answer["details"][varying]
        del answer["digest"], answer["size"]
        del answer["check"]["seconds"]
    assert classic == buildkit


async def test_progress_and_a_failing_step(
    buildkit: docker.Engine, bench: Workbench, project: Path, reports: Reports
) -> None:
    (project / "Dockerfile").write_text(
        "FROM busybox\nRUN echo fine\n"
        "RUN for i in $(seq 60); do echo line $i; done; echo could not resolve left-pad >&2; exit 7\n"
    )
    error = await refused(bench, project)
    assert error.code == "build-failed"
    assert "exit code 7" in error.message
    assert "RUN for i in" in error.message
    assert "line 3" in error.message
    assert "could not resolve left-pad" in (error.details or "")
    assert "line 60" in (error.details or "")
    values = [done for done, _, _ in reports]
    assert values == sorted(set(values))
    assert any("line 59" in message for _, _, message in reports)


@pytest.mark.parametrize(
    ("dockerfile", "code", "words"),
    [
        ("FROM acme/no-such-base:1\n", "base-image-missing", "acme/no-such-base:1"),
        ("FRM busybox\n", "dockerfile-invalid", "FRM"),
        ("FROM busybox\nCOPY not-here /\n", "build-file-missing", "not-here"),
        ("FROM busybox\nRUN no-such-program\n", "build-failed", "exit code 127"),
        ("FROM busybox\nRUN dd if=/dev/zero of=/dev/full bs=1k count=1\n", "disk-full", "docker system df"),
        ("", "dockerfile-invalid", "empty"),
    ],
)
async def test_dockerfiles_that_cannot_be_built(
    buildkit: docker.Engine, bench: Workbench, project: Path, dockerfile: str, code: str, words: str
) -> None:
    (project / "Dockerfile").write_text(dockerfile)
    error = await refused(bench, project)
    assert (error.code, words in error.text()) == (code, True), error.text()
    assert len(error.text()) < 4096


async def test_a_secret_from_a_file_is_used_and_not_kept(
    buildkit: docker.Engine, bench: Workbench, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("tok-planted")
    (project / "Dockerfile").write_text(
        'FROM busybox\nRUN --mount=type=secret,id=npm wc -c < /run/secrets/npm > /length\nCMD ["cat", "/length"]\n'
    )
    built = await build_image(bench, str(project), secret_files=[f"npm={tmp_path}/token"], tag="alice/secret:1")
    environment = {**os.environ, **buildkit.environment()}
    said = subprocess.run(
        ["docker", "run", "--rm", built.image], capture_output=True, text=True, check=True, env=environment
    )
    assert said.stdout.strip() == str(len("tok-planted"))
    history = subprocess.run(
        ["docker", "history", "--no-trunc", built.image], capture_output=True, text=True, check=True, env=environment
    )
    assert "tok-planted" not in history.stdout
    assert (await refused(bench, project, secret_files=["npm=/no/such/file"])).code == "secret-file-missing"


async def test_a_secret_needs_buildkit(engine: docker.Engine, bench: Workbench, project: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x")
    error = await refused(bench, project, secret_files=[f"npm={tmp_path}/token"])
    assert error.code == "builder-missing"


async def test_a_cancelled_build_stops(
    buildkit: docker.Engine, bench: Workbench, project: Path, reports: Reports, tmp_path: Path
) -> None:
    (project / "Dockerfile").write_text(f"FROM busybox\nRUN echo started; sleep 297 # {tmp_path.name}\n")
    begun = time.monotonic()
    async with anyio.create_task_group() as group:
        group.start_soon(build_image, bench, str(project))
        while not any("started" in message and "sleep" not in message for _, _, message in reports):
            await anyio.sleep(0.02)
        group.cancel_scope.cancel()
    assert time.monotonic() - begun < 20
    with anyio.fail_after(10):
        while sleeping():
            await anyio.sleep(0.05)


def sleeping() -> list[str]:
    """Processes of this machine that sleep as the build above does."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"sleep", b"297"]:
            found.append(str(path))
    return found


SCRATCH = 'FROM scratch\nARG TARGETARCH\nCOPY server-$TARGETARCH /server\nENTRYPOINT ["/server"]\n'


async def test_several_platforms_need_a_builder_that_can(
    buildkit: docker.Engine,
    running_engine: docker.Engine,
    bench: Workbench,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    error = await refused(bench, project, platform="linux/amd64,linux/arm64")
    assert error.code == "builder-one-platform"
    assert "docker buildx create" in error.hint
    use(running_engine, monkeypatch)
    error = await refused(bench, project, platform="linux/amd64,linux/arm64")
    assert error.code == "builder-missing"
    assert "buildx" in error.hint


async def test_several_platforms_in_one_push(
    containerd: docker.Engine, bench: Workbench, project: Path, token_registry: Registry
) -> None:
    for architecture in ("amd64", "arm64"):
        (project / f"server-{architecture}").write_text(architecture)
    (project / "Dockerfile").write_text(SCRATCH)
    where = f"{token_registry.host}/alice"
    error = await refused(bench, project, platform="linux/amd64,linux/arm64", registry=where, push=True)
    assert error.code in {"push-denied", "push-unauthorized"}, error.text()
    containerd.login(token_registry.host, USER, PASSWORD)
    built = await build_image(bench, str(project), platform="linux/amd64,linux/arm64", registry=where, push=True)
    assert built.platforms == ["linux/amd64", "linux/arm64"]
    assert built.pushed
    assert built.details["public"]
    assert built.labels[LABEL] == "io.github.alice/weather"
    assert built.notes == []


async def test_another_platform_alone(containerd: docker.Engine, bench: Workbench, project: Path) -> None:
    (project / "server-arm64").write_text("arm64")
    (project / "Dockerfile").write_text(SCRATCH)
    built = await build_image(bench, str(project), platform="arm64")
    assert built.platforms == ["linux/arm64"]
    assert built.labels[LABEL] == "io.github.alice/weather"


async def test_a_build_with_the_containerd_store_is_checked_and_pushed(
    containerd: docker.Engine, bench: Workbench, project: Path, open_registry: Registry
) -> None:
    (project / "Dockerfile").write_text('FROM busybox\nCOPY server.sh /\nENTRYPOINT ["sh", "/server.sh"]\n')
    (project / "server.sh").write_text(servers.SHELL)
    built = await build_image(bench, str(project), registry=f"{open_registry.host}/alice", check=True, push=True)
    assert built.check is not None
    assert built.check.ok, built.text()
    assert built.pushed
    assert built.labels[LABEL] == "io.github.alice/weather"
