"""What can be done with the store: the same statements on both databases."""

from __future__ import annotations

import secrets
from typing import Any

from mcp_registrar.registry.store import reading, writing
from mcp_registrar.registry.store.database import Database, Session
from mcp_registrar.registry.store.reading import Filter
from mcp_registrar.registry.store.rows import COLUMNS, Row

VERSION_LIMIT = 10_000


class Store:
    """The registry's memory. All times are microseconds since 1970."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def dialect(self) -> str:
        return self._database.dialect

    async def close(self) -> None:
        await self._database.close()

    # Reading

    async def get(self, name: str, version: str = "latest", *, include_deleted: bool = False) -> Row | None:
        """One version; "latest" is the flagged one."""
        return await self._database.read(lambda session: reading.get(session, name, version, include_deleted))

    async def versions(self, name: str, *, include_deleted: bool = False) -> list[Row]:
        """All versions of a server, the newest publication first."""
        hidden = "" if include_deleted else "AND status <> 'deleted' "
        rows = await self._database.read(
            lambda session: session.run(
                f"SELECT {COLUMNS} FROM versions WHERE server_name = ? {hidden}ORDER BY published_at DESC, id DESC",  # noqa: S608
                name,
            )
        )
        return [Row(*row) for row in rows]

    async def page(self, filter: Filter, *, after: tuple[str, str] | None = None, limit: int = 30) -> list[Row]:
        """A page in the order of (server name, version); ``after`` is the last row of the page before."""
        return await self._database.read(lambda session: reading.page(session, filter, after, limit))

    async def recent(self, filter: Filter, *, offset: int = 0, limit: int = 30) -> list[Row]:
        """Latest versions, the last updated first."""
        where, parameters = filter.where()
        rows = await self._database.read(
            lambda session: session.run(
                f"SELECT {COLUMNS} FROM versions WHERE is_latest = 1 AND {where} "  # noqa: S608
                "ORDER BY updated_at DESC, server_name LIMIT ? OFFSET ?",
                *parameters, limit, offset,
            )
        )  # fmt: skip
        return [Row(*row) for row in rows]

    async def ranked(
        self, query: str, filter: Filter, *, offset: int = 0, limit: int = 30
    ) -> tuple[list[Row], dict[str, str]]:
        """Latest versions by words in name, title and description, best first, and the words that were corrected."""
        from mcp_registrar.registry.store.ranking import ranked

        return await self._database.read(lambda session: ranked(session, query, filter, offset, limit))

    async def count(self) -> int:
        """Servers with a version that is not deleted."""
        rows = await self._database.read(
            lambda session: session.run("SELECT count(*) FROM versions WHERE is_latest = 1 AND status <> 'deleted'")
        )
        return int(rows[0][0])

    async def kinds(self) -> list[tuple[str, int]]:
        """The types of the latest versions and how many servers have each, most frequent first."""
        rows = await self._database.read(
            lambda session: session.run(
                "SELECT kind, count(*) FROM versions WHERE is_latest = 1 AND status <> 'deleted' "
                "GROUP BY kind ORDER BY count(*) DESC, kind"
            )
        )
        return [(kind, int(count)) for kind, count in rows]

    # Writing

    async def publish(self, document: dict[str, Any], *, version_limit: int = VERSION_LIMIT) -> Row:
        """Add a version. Raises `StoreError` with the official words when it cannot be."""
        return await self._database.write(lambda session: writing.publish(session, document, version_limit))

    async def edit(self, name: str, version: str, document: dict[str, Any]) -> Row:
        """Replace a version's document; status and publication time stay."""
        return await self._database.write(lambda session: writing.edit(session, name, version, document))

    async def set_status(self, name: str, version: str, status: str, message: str | None) -> Row:
        """Change one version's status. Raises `StoreError`, `MissingError`."""
        return await self._database.write(lambda session: writing.set_status(session, name, version, status, message))

    async def set_all_status(self, name: str, status: str, message: str | None) -> list[Row]:
        """Change all versions of a server or none."""
        return await self._database.write(lambda session: writing.set_all_status(session, name, status, message))

    async def jwt_seed(self) -> bytes:
        """The 32-byte seed of the key that signs tokens: made once, shared by all processes on this store."""

        def job(session: Session) -> bytes:
            found = session.run("SELECT value FROM secrets WHERE name = 'jwt-seed'")
            if not found:
                session.run(
                    "INSERT INTO secrets (name, value) VALUES ('jwt-seed', ?) ON CONFLICT DO NOTHING RETURNING name",
                    secrets.token_hex(32),
                )
                found = session.run("SELECT value FROM secrets WHERE name = 'jwt-seed'")
            return bytes.fromhex(found[0][0])

        return await self._database.write(job)

    async def apply(self, job: Any) -> Any:
        """Run several changes as one transaction (used by the mirror and the seed)."""
        return await self._database.write(job)
