"""Find servers in a registry."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field

from mcp_registrar_tools.answer import TEXT_LIMIT, Answer, clean, quoted
from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.workbench import Workbench

if TYPE_CHECKING:
    from mcp_registrar_tools.registries import Entry, Page, Registry

PAGES = 10
"""Pages looked through when a filter is applied here because the registry has none."""
NAME_WIDTH = 50
LONGEST = 300
"""Characters of what is searched for; they travel in an address."""
SHORTEST_WORD = 3
"""Characters: the official registry searches for nothing shorter (since v1.8.7, it answers 422)."""
ENGINE_PATIENCE = 3.0
"""Seconds that the Docker Engine may take to say what runs; a search does not wait longer for a column."""


class ServerRow(BaseModel):
    """One server (its latest version). Times are RFC 3339; ``deployed``: runs here or in the registry's own care."""

    name: str
    version: str
    type: str
    published: bool
    deployed: bool
    updated: str
    status: str = "active"
    description: str = ""


class SearchAnswer(Answer):
    """Rows in the registry's order; ``cursor`` continues the list and is empty at its end."""

    registry: str
    servers: list[ServerRow] = Field(default_factory=list)
    cursor: str = ""
    note: str = ""

    def lines(self) -> list[str]:
        if not self.servers:
            return [line for line in (f"No servers found in {self.registry}.", self.note) if line]
        head = ["NAME", "VERSION", "TYPE", "PUBLISHED", "DEPLOYED", "UPDATED"]
        table = [
            [
                clean(row.name, NAME_WIDTH) + ("" if row.status == "active" else f" ({row.status})"),
                clean(row.version, 24),
                clean(row.type, 16),
                str(row.published),
                str(row.deployed),
                age(row.updated),
            ]
            for row in self.servers
        ]
        widths = [max(len(line[column]) for line in [head, *table]) for column in range(len(head))]
        lines = [
            "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in [head, *table]
        ]
        room = TEXT_LIMIT - 400
        shown = 0
        for line in lines:
            room -= len(line) + 1
            if room < 0:
                break
            shown += 1
        if shown < len(lines):
            lines = [*lines[:shown], f"… and {len(lines) - shown} more rows: give words, a type or a smaller limit"]
        return [*lines, self.note] if self.note else lines


async def search(
    bench: Workbench,
    words: Annotated[str, Field(description="empty lists all")] = "",
    registry: Annotated[str, Field(description="as in publish")] = "",
    type: Annotated[str, Field(description="package or remote type")] = "",
    status: Annotated[Literal["", "active", "deprecated", "deleted"], Field(description="only this")] = "",
    updated_since: Annotated[str, Field(description="time or date")] = "",
    limit: Annotated[int, Field(ge=1, le=100, description="rows")] = 20,
    cursor: Annotated[str, Field(description="of the previous answer")] = "",
) -> SearchAnswer:
    """Search a registry by words in name, title or description."""
    from mcp_registrar_tools.registries import connect

    if len(words) > LONGEST:
        raise InputError("words-too-long", f"{len(words)} characters to search for", f"give at most {LONGEST}")
    target = await connect(bench, registry)
    since = rfc3339(updated_since)

    def row(item: Entry) -> ServerRow:
        return ServerRow(
            name=clean(str(item.server.get("name", "")), 200),
            version=clean(str(item.server.get("version", "")), 255),
            type=kind_of(item.server),
            published=item.published and item.status != "deleted",
            deployed=item.deployed or runs(item.server, here),
            updated=item.updated_at or item.published_at,
            status=item.status,
            description=clean(str(item.server.get("description", "")), 100),
        )

    found, following, note = await collect(
        target, words, type=type.lower(), status=status, updated_since=since, limit=limit, cursor=cursor
    )
    here = await running_images(found)
    rows = [row(item) for item in found]
    next_call = ""
    if following:
        next_call = call(words, target.name, type, status, updated_since, limit, following)
    elif rows:
        next_call = f'get_server(name="{rows[0].name}", registry="{target.name}")'
    elif target.name == "local":
        note = f"{note} This is the local registry: it holds only what was published on this machine.".strip()
        next_call = call(words, "official", type, status, updated_since, limit, "")
    return SearchAnswer(registry=target.name, servers=rows, cursor=following, note=note, next=next_call)


async def collect(
    target: Registry,
    words: str,
    *,
    type: str,
    status: str,
    updated_since: str,
    limit: int,
    cursor: str,
) -> tuple[list[Entry], str, str]:
    """Entries that pass every filter, the cursor after them, and what the reader should know.

    A registry filters by words, time and deletion; type and status are looked at here, page after page. The cursor
    of such a list is the registry's own behind what is ours: how many entries of its page are done, and which of the
    words were looked for (``<n>.<attempt>@<cursor>``).
    """
    from mcp_registrar_tools.registries import Query

    place, skip, attempt = cursor, 0, 0
    if ours := re.match(r"(\d+)\.(\d+)@", cursor):
        place, skip, attempt = cursor[ours.end() :], int(ours[1]), int(ours[2])
    terms = words.split()
    # What to look for, in turn: the phrase, then its words, for a registry that matches names only.
    attempts = [" ".join(terms), *(sorted(terms, key=len, reverse=True) if len(terms) > 1 else [])]
    attempts = attempts[:1] + [text for text in attempts[1:] if len(text) >= SHORTEST_WORD]
    attempt = min(attempt, len(attempts) - 1)

    async def page(place: str) -> Page:
        query = Query(
            words=attempts[attempt],
            updated_since=updated_since,
            include_deleted=status == "deleted",
            type=type,
            status=status,
            limit=limit,
            cursor=place,
        )
        return await target.search(query)

    def fits(item: Entry) -> bool:
        return (not type or type in kinds_of(item.server)) and (not status or item.status == status)

    def after(place: str, skip: int) -> str:
        return f"{skip}.{attempt}@{place}" if skip or (attempt and place) else place

    got = await page(place)
    while not (got.entries or place) and attempt < len(attempts) - 1:
        attempt += 1
        got = await page(place)
    note = ""
    if attempt and got.entries:
        note = f"Nothing in {target.name} has all these words (it searches {target.searches}); "
        note += f'these match "{clean(attempts[attempt], 60)}".'
    if got.corrected:
        used = ", ".join(f"{clean(there, 40)} for {clean(word, 40)}" for word, there in got.corrected.items())
        note = f"Nothing has these words as written; looked for {used}."

    found: list[Entry] = []
    for turn in range(PAGES):
        for index, item in enumerate(got.entries[skip:], skip):
            if fits(item):
                found.append(item)
            if len(found) == limit:
                if index + 1 < len(got.entries):
                    return found, after(place, index + 1), note
                return found, after(got.next_cursor, 0) if got.next_cursor else "", note
        place, skip = got.next_cursor, 0
        if not place or turn == PAGES - 1:
            break
        got = await page(place)
    return found, after(place, 0) if place else "", note


def kinds_of(server: dict[str, Any]) -> list[str]:
    """Package types and remote types of a server, in order."""
    return [str(p.get("registryType", "")).lower() for p in server.get("packages") or [] if isinstance(p, dict)] + [
        str(r.get("type", "")).lower() for r in server.get("remotes") or [] if isinstance(r, dict)
    ]


def kind_of(server: dict[str, Any]) -> str:
    """The first package's type, else the first remote's, else ``<none>``."""
    return clean(next((kind for kind in kinds_of(server) if kind), "<none>"), 40)


async def running_images(servers: list[Entry]) -> set[str]:
    """Canonical references of the images that run on this machine's Docker Engine.

    Empty when there is no engine or it does not answer at once. It is not asked when no server has an image.
    """
    if not any("oci" in kinds_of(item.server) for item in servers):
        return set()
    import anyio

    from mcp_registrar_tools.errors import ImageError
    from mcp_registrar_tools.images import engine, reference

    names: list[str] = []
    with anyio.move_on_after(ENGINE_PATIENCE):
        try:
            where = engine.address().host
            if where.startswith("unix://") and not await anyio.Path(where.removeprefix("unix://")).exists():
                return set()
            docker = await engine.connect()
            containers = await docker.call(lambda client: client.containers(), timeout=ENGINE_PATIENCE)
        except ImageError:
            return set()
        names = [str(container.get("Image", "")) for container in containers]
    found = set()
    for name in names:
        try:
            found.add(reference.parse(name).canonical())
        except InputError:
            continue
    return found


def runs(server: dict[str, Any], images: set[str]) -> bool:
    """Whether a container of one of the server's images runs here."""
    if not images:
        return False
    from mcp_registrar_tools.images import reference

    for package in server.get("packages") or []:
        if isinstance(package, dict) and package.get("registryType") == "oci":
            try:
                if reference.parse(str(package.get("identifier", ""))).canonical() in images:
                    return True
            except InputError:
                continue
    return False


def rfc3339(text: str) -> str:
    """A time as the registry wants it; a date means its first moment in UTC. Raises `InputError`."""
    if not text.strip():
        return ""
    try:
        when = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(
            "invalid-time",
            f"{clean(text, 60)!r} is no time",
            'write updated_since like "2026-01-31" or "2026-01-31T12:00:00Z"',
        ) from None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def age(time: str, now: datetime | None = None) -> str:
    """How long ago, in one unit: ``7s``, ``3m``, ``5h``, ``12d``; ``-`` when that cannot be told."""
    try:
        then = datetime.fromisoformat(time)
    except ValueError:
        return "-"
    seconds = max(
        int(((now or datetime.now(UTC)) - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds()), 0
    )
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def call(words: str, registry: str, type: str, status: str, updated_since: str, limit: int, cursor: str) -> str:
    """The literal call of this search."""
    given = {
        "words": clean(words, 200),
        "registry": registry,
        "type": clean(type, 40),
        "status": status,
        "updated_since": clean(updated_since, 60),
        "cursor": cursor,
    }
    parts = [f"{key}={quoted(value)}" for key, value in given.items() if value]
    if limit != 20:
        parts.append(f"limit={limit}")
    return f"search({', '.join(parts)})"
