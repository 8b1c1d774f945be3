"""Where the embedded registry keeps what was published: SQLite in a file, or PostgreSQL for several replicas.

One schema (`migrations`), one set of statements (`core`), two drivers (`sqlite`, `postgres`).
"""

from __future__ import annotations

from pathlib import Path

from mcp_registrar.registry.store.core import Store
from mcp_registrar.registry.store.rows import (
    DuplicateVersionError,
    MissingError,
    Row,
    StoreError,
    TooManyVersionsError,
)

__all__ = [
    "DuplicateVersionError",
    "MissingError",
    "Row",
    "Store",
    "StoreError",
    "TooManyVersionsError",
    "open_store",
]


def open_store(url_or_path: str | Path) -> Store:
    """Open the store, creating or migrating its tables.

    A ``postgresql://`` (or ``postgres://``) URL opens PostgreSQL; anything else is the path of a SQLite file, whose
    folder is made when missing. Raises `InputError` when it cannot be opened.
    """
    text = str(url_or_path)
    if text.startswith(("postgresql://", "postgres://")):
        from mcp_registrar.registry.store.postgres import PostgresDatabase

        return Store(PostgresDatabase(text))
    from mcp_registrar.registry.store.sqlite import SqliteDatabase

    return Store(SqliteDatabase(Path(text)))
