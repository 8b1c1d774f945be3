"""Copying another registry into this one: first all of it, then only what changed, after an interruption from there.

Every page is one transaction together with the position behind it, so nothing is lost or done twice however the
process ends. What was published here is never touched by what is mirrored.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from mcp_registrar.registry.store.rows import COLUMNS, OFFICIAL, Row, micros, now, remote_urls, rfc3339, serialize
from mcp_registrar.registry.store.writing import insert, replace, settle
from mcp_registrar_tools.errors import OutboundError, RegistryError
from mcp_registrar_tools.manifest.names import is_server_name

if TYPE_CHECKING:
    from mcp_registrar.registry.store import Store
    from mcp_registrar.registry.store.database import Session
    from mcp_registrar_tools.outbound import Fetched, Outbound

PAGE = 100
OVERLAP = timedelta(minutes=2)
"""How far a later run reaches back before the start of the one before: lists may be cached that long."""
TRIES = 5

Report = Callable[[int, str], Awaitable[None]]


@dataclass
class Counts:
    """What a run did with the versions it saw."""

    seen: int = 0
    added: int = 0
    changed: int = 0
    kept: int = 0
    """Published here, so left alone."""
    unusable: int = 0


async def mirror(
    store: Store, outbound: Outbound, source: str, *, again: bool = False, report: Report | None = None
) -> Counts:
    """Bring this store up to date with the registry at ``source`` (its base URL).

    ``again`` starts over instead of asking for changes only. Raises `RegistryError`, `OutboundError`; what was
    copied until then stays.
    """
    source = source.rstrip("/")
    counts = Counts()
    position, since, started = "", "", ""
    if not again:
        position, since, started = await store.apply(lambda session: _state(session, source))
    while True:
        answer = await _page(outbound, source, position, since)
        if not started:
            started = _moment(answer)
        entries, following = _entries(answer, source)
        done = {"position": following, "since": since, "started": started}
        if not following:
            done = {"position": "", "since": started, "started": ""}

        def job(session: Session, entries: list[dict[str, Any]] = entries, done: dict[str, str] = done) -> None:
            take(session, entries, source, counts)
            session.run(
                "INSERT INTO mirrors (source, position, since, started) VALUES (?, ?, ?, ?) ON CONFLICT (source) "
                "DO UPDATE SET position = excluded.position, since = excluded.since, started = excluded.started",
                source, done["position"], done["since"], done["started"],
            )  # fmt: skip

        await store.apply(job)
        if report:
            await report(counts.seen, str(entries[-1]["server"].get("name", "")) if entries else "")
        if not following or following == position:
            return counts
        position = following


def take(session: Session, entries: list[dict[str, Any]], source: str, counts: Counts) -> None:
    """Write entries as another registry (or an export) has them, with their times and states.

    ``source`` marks whose they are; only rows of the same source are changed.
    """
    rows = []
    for entry in entries:
        counts.seen += 1
        row = _row(entry)
        if row is None:
            counts.unusable += 1
        else:
            rows.append((row, entry["server"]))
    session.lock([row.server_name for row, _ in rows], [url for _, document in rows for url in remote_urls(document)])
    touched = set()
    for row, document in rows:
        found = session.run(
            f"SELECT {COLUMNS}, source FROM versions WHERE server_name = ? AND version = ?",  # noqa: S608
            row.server_name, row.version,
        )  # fmt: skip
        if not found:
            insert(session, row, document, source=source)
            counts.added += 1
        else:
            old = Row(*found[0][:-1])
            if found[0][-1] != source:
                counts.kept += 1
                continue
            if old._replace(is_latest=0) == row:
                continue
            replace(session, row._replace(is_latest=old.is_latest), document)
            counts.changed += 1
        touched.add(row.server_name)
    for name in touched:
        settle(session, name)


def _state(session: Session, source: str) -> tuple[str, str, str]:
    found = session.run("SELECT position, since, started FROM mirrors WHERE source = ?", source)
    return (found[0][0], found[0][1], found[0][2]) if found else ("", "", "")


async def _page(outbound: Outbound, source: str, position: str, since: str) -> Fetched:
    import anyio

    query = {"limit": str(PAGE), "include_deleted": "true"}
    if position:
        query["cursor"] = position
    if since:
        query["updated_since"] = since
    url = f"{source}/v0/servers?{urlencode(query)}"
    for attempt in range(TRIES):
        last = attempt == TRIES - 1
        try:
            answer = await outbound.fetch("GET", url, timeout=60, limit=64 * 1024 * 1024)
        except OutboundError as error:
            if last or not error.transient:
                raise
        else:
            if answer.status == 200:
                return answer
            if last or answer.status not in (429, 500, 502, 503, 504):
                raise RegistryError(
                    "mirror-refused",
                    f"{source} answered {answer.status} to a page of its list",
                    "check the address: it must be the base URL of a registry with the official API",
                    status=answer.status,
                )
        await anyio.sleep(min(30, 0.5 * 2**attempt))
    raise AssertionError("the last try returns or raises")


def _entries(answer: Fetched, source: str) -> tuple[list[dict[str, Any]], str]:
    """The page's entries and the cursor of the next page, empty on the last."""
    try:
        body = answer.json()
        servers, metadata = body["servers"] or [], body.get("metadata") or {}
        entries = [each for each in servers if isinstance(each, dict) and isinstance(each.get("server"), dict)]
        return entries, str(metadata.get("nextCursor") or metadata.get("next_cursor") or "")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise RegistryError(
            "mirror-unreadable",
            f"{source} answers with something else than a list of servers",
            "check the address: it must be the base URL of a registry with the official API",
        ) from None


def _moment(answer: Fetched) -> str:
    """When the other registry wrote this page, by its own clock, a little earlier."""
    try:
        moment = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError, TypeError):
        moment = datetime.now(UTC) - timedelta(hours=1)
    return rfc3339(int((moment - OVERLAP).timestamp()) * 1_000_000)


def _row(entry: dict[str, Any]) -> Row | None:
    """An entry as a row that is not the latest; None when it cannot be one."""
    document = entry["server"]
    meta = (entry.get("_meta") or {}).get(OFFICIAL) or {}
    name, version = document.get("name"), document.get("version")
    if not isinstance(name, str) or not is_server_name(name):
        return None
    if not isinstance(version, str) or not 0 < len(version.strip()) <= 255 or "\0" in version:
        return None
    status = meta.get("status", "active")
    message = meta.get("statusMessage") or None
    if status not in ("active", "deprecated", "deleted") or (message is not None and not isinstance(message, str)):
        return None
    published = _time(meta.get("publishedAt"))
    updated = _time(meta.get("updatedAt"), published)
    changed = _time(meta.get("statusChangedAt"), published)
    message = message.replace("\0", "")[:500] if message else None
    return Row(name, version, status, message, changed, published, updated, 0, serialize(document))


def _time(text: Any, otherwise: int | None = None) -> int:
    try:
        return micros(text)
    except (ValueError, TypeError):
        return now() if otherwise is None else otherwise
