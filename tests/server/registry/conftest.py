"""Every test that takes ``store`` runs on SQLite, and on PostgreSQL where that is installed."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from mcp_registrar.registry.store import Store, open_store
from tests.real.components import postgres, require


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Postgres]:
    require(postgres)
    with postgres.start() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty store may be opened."""
    if request.param == "sqlite":
        return str(tmp_path / "registry.sqlite3")
    server: postgres.Postgres = request.getfixturevalue("postgres_server")
    return server.database(f"test_{uuid.uuid4().hex}")


@pytest.fixture
async def store(address: str) -> AsyncIterator[Store]:
    opened = open_store(address)
    yield opened
    await opened.close()
