"""Real components, started once per test process and handed to each test with a clean environment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real.components import docker, oci_registry, require


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
    for name, value in running_engine.environment().items():
        monkeypatch.setenv(name, value)
    running_engine.logout()
    return running_engine


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
