"""Reading: lists, one server's versions, one version, search, and what a registry says of itself."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from mcp_registrar.registry.http import Answer, Parameters, Problem, Request, json_answer, unescape
from mcp_registrar.registry.store.reading import Filter
from mcp_registrar.registry.store.rows import Row, micros

if TYPE_CHECKING:
    from mcp_registrar.registry.app import RegistryApp

STATUSES = ("active", "deprecated", "deleted")

BAD_SINCE = "Invalid updated_since format: expected RFC3339 timestamp (e.g., 2025-08-07T13:15:04.280Z)"
BAD_HIDING = "Cannot set include_deleted=false when using updated_since (incremental sync requires deleted servers)"


async def health(app: RegistryApp, request: Request) -> Answer:
    client_id = app.config.github_client_id
    return json_answer({"status": "ok", **({"github_client_id": client_id} if client_id else {})})


async def ping(app: RegistryApp, request: Request) -> Answer:
    return json_answer({"pong": True})


async def version(app: RegistryApp, request: Request) -> Answer:
    from mcp_registrar.registry.build import build

    return json_answer(build(app.config.version))


def split_cursor(cursor: str) -> tuple[str, str] | None:
    """Where a page begins: after this name and version. Without a colon, after all versions of the name."""
    if not cursor:
        return None
    name, colon, after = cursor.partition(":")
    # No version sorts behind the last code point, so the whole name lies before it.
    return (name, after) if colon else (name, "\U0010ffff")


def join_cursor(row: Row) -> str:
    return f"{row.server_name}:{row.version}"


def listing(rows: Sequence[Row], next_cursor: str = "", **more: Any) -> Answer:
    """A page of servers. The documents go out as they are stored."""
    metadata: dict[str, Any] = {"nextCursor": next_cursor} if next_cursor else {}
    metadata = {**metadata, "count": len(rows), **more}
    servers = ",".join([row.json() for row in rows])
    return Answer(f'{{"servers":[{servers}],"metadata":{json.dumps(metadata, ensure_ascii=False)}}}')


def since(query: Parameters, include_deleted: bool | None) -> int | None:
    """The ``updated_since`` parameter in microseconds."""
    text = query.text("updated_since")
    if not text:
        return None
    try:
        moment = micros(text)
    except ValueError:
        raise Problem(400, BAD_SINCE) from None
    if include_deleted is False:
        raise Problem(400, BAD_HIDING)
    return moment


async def servers(app: RegistryApp, request: Request) -> Answer:
    query = Parameters(request.query())
    limit = query.integer("limit", 30, 1, 100)
    include_deleted = query.boolean("include_deleted")
    query.check()
    updated_since = since(query, include_deleted)
    filter = Filter(
        search=query.text("search"),
        version=query.text("version"),
        updated_since=updated_since,
        include_deleted=bool(include_deleted) or updated_since is not None,
    )
    rows = await app.store.page(filter, after=split_cursor(query.text("cursor")), limit=limit)
    return listing(rows, join_cursor(rows[-1]) if len(rows) == limit else "")


async def search(app: RegistryApp, request: Request) -> Answer:
    """Ours, not the official registry's: words in name, title and description, best first."""
    query = Parameters(request.query())
    limit = query.integer("limit", 30, 1, 100)
    include_deleted = query.boolean("include_deleted")
    offset = query.integer("cursor", 0, 0, 10**9)
    status = query.choice("status", STATUSES)
    query.check()
    filter = Filter(
        version="latest",
        updated_since=since(query, None),
        include_deleted=bool(include_deleted),
        kind=query.text("type"),
        status=status,
    )
    words = query.text("q")
    if words.strip():
        rows, corrected = await app.store.ranked(words, filter, offset=offset, limit=limit)
    else:
        rows, corrected = await app.store.recent(filter, offset=offset, limit=limit), {}
    more = {"corrected": corrected} if corrected else {}
    return listing(rows, str(offset + limit) if len(rows) == limit else "", **more)


def server_name(request: Request) -> str:
    return unescape(request.parameters["server_name"], "Invalid server name encoding")


def server_version(request: Request) -> str:
    return unescape(request.parameters["version"], "Invalid version encoding")


def _include_deleted(request: Request) -> bool:
    query = Parameters(request.query())
    include_deleted = query.boolean("include_deleted")
    query.check()
    return bool(include_deleted)


async def versions(app: RegistryApp, request: Request) -> Answer:
    include_deleted = _include_deleted(request)
    rows = await app.store.versions(server_name(request), include_deleted=include_deleted)
    if not rows:
        raise Problem(404, "Server not found")
    return listing(rows)


async def one_version(app: RegistryApp, request: Request) -> Answer:
    include_deleted = _include_deleted(request)
    name, wanted = server_name(request), server_version(request)
    row = await app.store.get(name, wanted, include_deleted=include_deleted)
    if row is None:
        raise Problem(404, "Server not found")
    return Answer(row.json())


ROUTES: tuple[tuple[str, str, Callable[[RegistryApp, Request], Awaitable[Answer]]], ...] = (
    ("GET", "/health", health),
    ("GET", "/ping", ping),
    ("GET", "/version", version),
    ("GET", "/servers", servers),
    ("GET", "/search", search),
    ("GET", "/servers/{server_name}/versions", versions),
    ("GET", "/servers/{server_name}/versions/{version}", one_version),
)
