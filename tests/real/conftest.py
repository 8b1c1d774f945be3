"""Real components, started once per test process and handed to each test with a clean environment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mcp_registrar_tools.outbound import Outbound
from mcp_registrar_tools.workbench import Settings, Workbench
from tests.real.components import buildx, docker, oci_registry, require

Reports = list[tuple[float, float | None, str]]


@pytest.fixture
def reports() -> Reports:
    """What the bench's progress was told."""
    return []


@pytest.fixture
def bench(reports: Reports) -> Workbench:
    """A bench for building images; its progress is in ``reports``."""

    async def progress(done: float, total: float | None, message: str) -> None:
        reports.append((done, total, message))

    async def no_registry() -> Outbound:
        raise AssertionError("an image asks no registry of servers")

    return Workbench(settings=Settings(), outbound=Outbound(), local_registry=no_registry, progress=progress)


@pytest.fixture(scope="session")
def running_engine() -> Iterator[docker.Engine]:
    """A Docker Engine with Python and busybox as base images."""
    require(docker)
    with docker.start() as engine:
        engine.load_python("python:3.12-slim")
        engine.load_python("python:3.11-slim")
        engine.load_busybox()
        yield engine


@pytest.fixture
def engine(running_engine: docker.Engine, monkeypatch: pytest.MonkeyPatch) -> docker.Engine:
    """The engine, made the one that everything in this test finds; nobody is logged in anywhere."""
    return _chosen(running_engine, monkeypatch)


@pytest.fixture(scope="session")
def open_registry() -> Iterator[oci_registry.Registry]:
    """An OCI registry that lets everybody pull and push."""
    require(oci_registry)
    with oci_registry.start("open") as registry:
        yield registry


@pytest.fixture(scope="session")
def password_registry() -> Iterator[oci_registry.Registry]:
    """An OCI registry behind one user and password."""
    require(oci_registry)
    with oci_registry.start("password") as registry:
        yield registry


@pytest.fixture(scope="session")
def token_registry() -> Iterator[oci_registry.Registry]:
    """An OCI registry as the public ones are: anyone may pull, a user may push below his name."""
    require(oci_registry)
    with oci_registry.start("token", own_only=True) as registry:
        yield registry


@pytest.fixture(scope="session")
def running_buildkit() -> Iterator[docker.Engine]:
    """A newer engine with buildx, keeping images as engines always did."""
    require(buildx)
    with buildx.start() as engine:
        engine.load_python("python:3.12-slim")
        engine.load_busybox()
        yield engine


@pytest.fixture(scope="session")
def running_containerd() -> Iterator[docker.Engine]:
    """A newer engine with buildx, keeping images of several platforms in containerd."""
    require(buildx)
    with buildx.start(containerd_store=True) as engine:
        engine.load_busybox()
        yield engine


@pytest.fixture
def buildkit(running_buildkit: docker.Engine, monkeypatch: pytest.MonkeyPatch) -> docker.Engine:
    """The engine with buildx, made the one that everything in this test finds."""
    return _chosen(running_buildkit, monkeypatch)


@pytest.fixture
def containerd(running_containerd: docker.Engine, monkeypatch: pytest.MonkeyPatch) -> docker.Engine:
    """The engine with the containerd image store, made the one that everything in this test finds."""
    return _chosen(running_containerd, monkeypatch)


def _chosen(engine: docker.Engine, monkeypatch: pytest.MonkeyPatch) -> docker.Engine:
    for name, value in engine.environment().items():
        monkeypatch.setenv(name, value)
    engine.logout()
    return engine
