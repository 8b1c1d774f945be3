"""Real components, started once per test process and handed to each test with a clean environment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real.components import docker, require


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
