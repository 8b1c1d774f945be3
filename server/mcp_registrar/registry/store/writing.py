"""Changing the store, inside a transaction.

Rules that depend on what is already stored live here (one latest, no duplicate, a remote URL belongs to one
server); everything a document alone can tell is `mcp_registrar_tools.rules`'.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cmp_to_key
from typing import Any

from mcp_registrar.registry.store.database import Session
from mcp_registrar.registry.store.reading import get, versions_of
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

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

NO_CHANGE = "No changes to apply: status and message are already set to the provided values"
NO_CHANGE_AT_ALL = "No changes to apply: all versions already have the requested status and message"
MESSAGE_WITH_ACTIVE = "status_message cannot be provided when setting status to active"


def remote_conflict(session: Session, name: str, urls: Sequence[str]) -> StoreError | None:
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


def publish(session: Session, document: dict[str, Any], version_limit: int) -> Row:
    name, version = document["name"], document["version"]
    if not version.strip() or "\0" in version:
        raise StoreError("invalid version: it must not be empty or hold a null byte")
    urls = remote_urls(document)
    session.lock([name], urls)
    conflict = remote_conflict(session, name, _ordered_urls(document))
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


def edit(session: Session, name: str, version: str, document: dict[str, Any]) -> Row:
    session.lock([name], remote_urls(document))
    found = None if version == "latest" else get(session, name, version, include_deleted=False)
    if found is None:
        raise MissingError("Server not found")
    conflict = remote_conflict(session, name, _ordered_urls(document))
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


def set_status(session: Session, name: str, version: str, status: str, message: str | None) -> Row:
    session.lock([name])
    found = get(session, name, version, include_deleted=True)
    if found is None:
        raise MissingError("Server version not found")
    if status == "active" and message is not None:
        raise StoreError(MESSAGE_WITH_ACTIVE)
    if found.status == status and (found.status_message or None) == (message or None):
        raise StoreError(NO_CHANGE)
    _change(session, [found], status, message)
    changed = get(session, name, version, include_deleted=True)
    if changed is None:
        raise MissingError("Server version not found")
    return changed


def set_all_status(session: Session, name: str, status: str, message: str | None) -> list[Row]:
    session.lock([name])
    rows = versions_of(session, name)
    if not rows:
        raise MissingError("Server not found")
    changing = [r for r in rows if r.status != status or (r.status_message or None) != (message or None)]
    if not changing or (status == "active" and message):
        raise StoreError(NO_CHANGE_AT_ALL)
    _change(session, changing, status, message)
    return versions_of(session, name)


def _change(session: Session, rows: list[Row], status: str, message: str | None) -> None:
    at = now()
    for row in rows:
        if row.status == "deleted" and status == "active":
            document = json.loads(row.document)
            session.lock([], remote_urls(document))
            conflict = remote_conflict(session, row.server_name, _ordered_urls(document))
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
