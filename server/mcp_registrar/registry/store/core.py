"""What can be done with the store: the same statements on both databases.

Rules that depend on what is already stored live here (one latest, no duplicate, a remote URL belongs to one
server); everything a document alone can tell is `mcp_registrar_tools.rules`'.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cmp_to_key
from typing import Any

from mcp_registrar.registry.store.database import Database, Session
from mcp_registrar.registry.store.rows import (
    COLUMNS,
    DuplicateVersionError,
    MissingError,
    Row,
    StoreError,
    TooManyVersionsError,
    kind_of,
    now,
    remote_urls,
    serialize,
)

VERSION_LIMIT = 10_000
FEW = 2000
"""Changed rows up to which a list is made from their times instead of from the names."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

NO_CHANGE = "No changes to apply: status and message are already set to the provided values"
NO_CHANGE_AT_ALL = "No changes to apply: all versions already have the requested status and message"
MESSAGE_WITH_ACTIVE = "status_message cannot be provided when setting status to active"


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What a list is narrowed to.

    ``version`` is "latest", an exact version, or empty for all; ``updated_since`` is in microseconds.
    """

    search: str = ""
    version: str = ""
    updated_since: int | None = None
    include_deleted: bool = False
    kind: str = ""
    status: str = ""

    def where(self) -> tuple[str, list[Any]]:
        parts: list[str] = []
        parameters: list[Any] = []
        if self.version == "latest":
            parts.append("is_latest = 1")
        elif self.version:
            parts.append("version = ?")
            parameters.append(self.version)
        if self.updated_since is not None:
            parts.append("updated_at > ?")
            parameters.append(self.updated_since)
        if self.status:
            parts.append("status = ?")
            parameters.append(self.status)
        elif not self.include_deleted:
            parts.append("status <> 'deleted'")
        if self.kind:
            parts.append("kind = ?")
            parameters.append(self.kind)
        return " AND ".join(parts) or "1 = 1", parameters


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
        return await self._database.read(lambda session: _get(session, name, version, include_deleted))

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
        return await self._database.read(lambda session: _page(session, filter, after, limit))

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
        return await self._database.write(lambda session: _publish(session, document, version_limit))

    async def edit(self, name: str, version: str, document: dict[str, Any]) -> Row:
        """Replace a version's document; status and publication time stay."""
        return await self._database.write(lambda session: _edit(session, name, version, document))

    async def set_status(self, name: str, version: str, status: str, message: str | None) -> Row:
        """Change one version's status. Raises `StoreError`, `MissingError`."""
        return await self._database.write(lambda session: _set_status(session, name, version, status, message))

    async def set_all_status(self, name: str, status: str, message: str | None) -> list[Row]:
        """Change all versions of a server or none."""
        return await self._database.write(lambda session: _set_all_status(session, name, status, message))

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


def _rows(session: Session, name: str) -> list[Row]:
    found = session.run(
        f"SELECT {COLUMNS} FROM versions WHERE server_name = ? ORDER BY published_at DESC, id DESC",  # noqa: S608
        name,
    )
    return [Row(*row) for row in found]


def _get(session: Session, name: str, version: str, include_deleted: bool) -> Row | None:
    hidden = "" if include_deleted else " AND status <> 'deleted'"
    which = "is_latest = 1" if version == "latest" else "version = ?"
    parameters = [name] if version == "latest" else [name, version]
    found = session.run(
        f"SELECT {COLUMNS} FROM versions WHERE server_name = ? AND {which}{hidden}",  # noqa: S608
        *parameters,
    )
    return Row(*found[0]) if found else None


def _page(session: Session, filter: Filter, after: tuple[str, str] | None, limit: int) -> list[Row]:
    where, parameters = filter.where()
    if filter.updated_since is not None and _few_since(session, filter.updated_since):
        # Asked every hour, this finds a handful of rows: from their times, not by walking all names.
        where = where.replace("updated_at > ?", "id IN (SELECT id FROM versions WHERE updated_at > ?)")
    if not filter.search:
        if after:
            where += " AND (server_name, version) > (?, ?)"
            parameters += after
        found = session.run(
            f"SELECT {COLUMNS} FROM versions WHERE {where} ORDER BY server_name, version LIMIT ?",  # noqa: S608
            *parameters, limit,
        )  # fmt: skip
        return [Row(*row) for row in found]
    rows: list[Row] = []
    start, inclusive = (after[0], True) if after else ("", True)
    while len(rows) < limit:
        names = session.names_containing(filter.search, start, inclusive, limit)
        if not names:
            break
        holes = ", ".join("?" * len(names))
        narrowed, values = f"{where} AND server_name IN ({holes})", [*parameters, *names]
        if after:
            narrowed += " AND (server_name, version) > (?, ?)"
            values += after
        found = session.run(
            f"SELECT {COLUMNS} FROM versions WHERE {narrowed} ORDER BY server_name, version LIMIT ?",  # noqa: S608
            *values, limit - len(rows),
        )  # fmt: skip
        rows += [Row(*row) for row in found]
        start, inclusive = names[-1], False
        if len(names) < limit:
            break
    return rows


def _few_since(session: Session, moment: int) -> bool:
    found = session.run(
        "SELECT count(*) FROM (SELECT 1 FROM versions WHERE updated_at > ? LIMIT ?) recent", moment, FEW + 1
    )
    return bool(found[0][0] <= FEW)


def _conflict(session: Session, name: str, urls: Sequence[str]) -> StoreError | None:
    for url in urls:
        found = session.run(
            "SELECT r.server_name FROM remotes r JOIN versions v ON v.server_name = r.server_name "
            "AND v.version = r.version WHERE r.url = ? AND r.server_name <> ? AND v.status <> 'deleted' "
            "ORDER BY r.server_name LIMIT 1",
            url, name,
        )  # fmt: skip
        if found:
            return StoreError(f"remote URL {url} is already used by server {found[0][0]}")
    return None


def _ordered_urls(document: dict[str, Any]) -> list[str]:
    """The remotes' URLs in the document's order: the first conflict is the one that is told."""
    wanted = set(remote_urls(document))
    found = [str(r.get("url")) for r in document.get("remotes") or [] if isinstance(r, dict)]
    return [url for url in dict.fromkeys(found) if url in wanted]


def _publish(session: Session, document: dict[str, Any], version_limit: int) -> Row:
    name, version = document["name"], document["version"]
    if not version.strip() or "\0" in version:
        raise StoreError("invalid version: it must not be empty or hold a null byte")
    urls = remote_urls(document)
    session.lock([name], urls)
    conflict = _conflict(session, name, _ordered_urls(document))
    if conflict:
        raise conflict
    count = session.run("SELECT count(*) FROM versions WHERE server_name = ?", name)[0][0]
    if count >= version_limit:
        raise TooManyVersionsError(version_limit)
    if session.run("SELECT 1 FROM versions WHERE server_name = ? AND version = ?", name, version):
        raise DuplicateVersionError(name, version)
    flagged = session.run("SELECT version, published_at FROM versions WHERE server_name = ? AND is_latest = 1", name)
    at = now()
    is_latest = not flagged or compare(version, at, flagged[0][0], flagged[0][1]) > 0
    row = Row(name, version, "active", None, at, at, at, int(is_latest), serialize(document))
    insert(session, row, document)
    return row


def insert(session: Session, row: Row, document: dict[str, Any], *, source: str = "") -> None:
    """Write a new row with its remotes and, when it is the latest, its words."""
    server_id = session.add_server(row.server_name)
    if row.is_latest:
        session.run("UPDATE versions SET is_latest = 0 WHERE server_name = ? AND is_latest = 1", row.server_name)
    session.run(
        f"INSERT INTO versions ({COLUMNS}, kind, source) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        *row, kind_of(document), source,
    )  # fmt: skip
    session.many(
        "INSERT INTO remotes (url, server_name, version) VALUES (?, ?, ?)",
        [(url, row.server_name, row.version) for url in remote_urls(document)],
    )
    if row.is_latest:
        describe(session, server_id, document)


def describe(session: Session, server_id: int, document: dict[str, Any]) -> None:
    """Index a document's words for the ranked search."""
    from mcp_registrar.registry.store import words

    name, title, description = (words.indexed(str(document.get(key) or "")) for key in ("name", "title", "description"))
    session.describe(server_id, name, title, description)
    spellable = {word for text in (name, title, description) for word in text.split() if words.is_spellable(word)}
    new = sorted(spellable - session.spelled(spellable)) if spellable else []
    if new:
        session.many(
            "INSERT INTO pairs (pair, term) VALUES (?, ?) ON CONFLICT DO NOTHING",
            sorted((pair, word) for word in new for pair in words.pairs(word)),
        )


def _edit(session: Session, name: str, version: str, document: dict[str, Any]) -> Row:
    session.lock([name], remote_urls(document))
    found = None if version == "latest" else _get(session, name, version, include_deleted=False)
    if found is None:
        raise MissingError("Server not found")
    conflict = _conflict(session, name, _ordered_urls(document))
    if conflict:
        raise conflict
    row = found._replace(document=serialize(document), updated_at=now())
    replace(session, row, document)
    return row


def replace(session: Session, row: Row, document: dict[str, Any]) -> None:
    """Write another document and status into an existing row."""
    session.run(
        "UPDATE versions SET document = ?, updated_at = ?, kind = ?, status = ?, status_message = ?, "
        "status_changed_at = ?, published_at = ? WHERE server_name = ? AND version = ?",
        row.document, row.updated_at, kind_of(document), row.status, row.status_message,
        row.status_changed_at, row.published_at, row.server_name, row.version,
    )  # fmt: skip
    session.run("DELETE FROM remotes WHERE server_name = ? AND version = ?", row.server_name, row.version)
    session.many(
        "INSERT INTO remotes (url, server_name, version) VALUES (?, ?, ?)",
        [(url, row.server_name, row.version) for url in remote_urls(document)],
    )
    if row.is_latest:
        describe(session, session.add_server(row.server_name), document)


def _set_status(session: Session, name: str, version: str, status: str, message: str | None) -> Row:
    session.lock([name])
    found = _get(session, name, version, include_deleted=True)
    if found is None:
        raise MissingError("Server version not found")
    if status == "active" and message is not None:
        raise StoreError(MESSAGE_WITH_ACTIVE)
    if found.status == status and (found.status_message or None) == (message or None):
        raise StoreError(NO_CHANGE)
    _change(session, [found], status, message)
    changed = _get(session, name, version, include_deleted=True)
    if changed is None:
        raise MissingError("Server version not found")
    return changed


def _set_all_status(session: Session, name: str, status: str, message: str | None) -> list[Row]:
    session.lock([name])
    rows = _rows(session, name)
    if not rows:
        raise MissingError("Server not found")
    changing = [r for r in rows if r.status != status or (r.status_message or None) != (message or None)]
    if not changing or (status == "active" and message):
        raise StoreError(NO_CHANGE_AT_ALL)
    _change(session, changing, status, message)
    return _rows(session, name)


def _change(session: Session, rows: list[Row], status: str, message: str | None) -> None:
    at = now()
    for row in rows:
        if row.status == "deleted" and status == "active":
            document = json.loads(row.document)
            session.lock([], remote_urls(document))
            conflict = _conflict(session, row.server_name, _ordered_urls(document))
            if conflict:
                raise conflict
    for row in rows:
        changed_at = at if row.status != status else row.status_changed_at
        session.run(
            "UPDATE versions SET status = ?, status_message = ?, updated_at = ?, status_changed_at = ? "
            "WHERE server_name = ? AND version = ?",
            status, message or None, at, changed_at, row.server_name, row.version,
        )  # fmt: skip
    settle(session, rows[0].server_name)


def settle(session: Session, name: str) -> None:
    """Give the latest flag to the highest version that is not deleted, else to the highest; index its words."""
    rows = session.run("SELECT version, published_at, status, is_latest FROM versions WHERE server_name = ?", name)
    if not rows:
        return
    candidates = [row for row in rows if row[2] != "deleted"] or rows
    best = max(candidates, key=cmp_to_key(_newer))
    flagged = next((row for row in rows if row[3]), None)
    if flagged is None or flagged[0] != best[0]:
        session.run("UPDATE versions SET is_latest = 0 WHERE server_name = ? AND is_latest = 1", name)
        session.run("UPDATE versions SET is_latest = 1 WHERE server_name = ? AND version = ?", name, best[0])
    latest = session.run("SELECT document FROM versions WHERE server_name = ? AND version = ?", name, best[0])
    describe(session, session.add_server(name), json.loads(latest[0][0]))


def _newer(a: Sequence[Any], b: Sequence[Any]) -> int:
    return compare(a[0], a[1], b[0], b[1])


def compare(a: str, a_time: int, b: str, b_time: int) -> int:
    """Which of two versions is newer by the registry's rule: -1, 0 or 1."""
    from mcp_registrar_tools.manifest.versions import compare as rule

    return rule(a, b, _EPOCH + timedelta(microseconds=a_time), _EPOCH + timedelta(microseconds=b_time))
