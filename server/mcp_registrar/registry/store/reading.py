"""Reading the store: one version, all of a server's, a page in the order of names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mcp_registrar.registry.store.database import Session
from mcp_registrar.registry.store.rows import COLUMNS, Row

FEW = 2000
"""Changed rows up to which a list is made from their times instead of from the names."""


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


def versions_of(session: Session, name: str) -> list[Row]:
    found = session.run(
        f"SELECT {COLUMNS} FROM versions WHERE server_name = ? ORDER BY published_at DESC, id DESC",  # noqa: S608
        name,
    )
    return [Row(*row) for row in found]


def get(session: Session, name: str, version: str, include_deleted: bool) -> Row | None:
    hidden = "" if include_deleted else " AND status <> 'deleted'"
    which = "is_latest = 1" if version == "latest" else "version = ?"
    parameters = [name] if version == "latest" else [name, version]
    found = session.run(
        f"SELECT {COLUMNS} FROM versions WHERE server_name = ? AND {which}{hidden}",  # noqa: S608
        *parameters,
    )
    return Row(*found[0]) if found else None


def page(session: Session, filter: Filter, after: tuple[str, str] | None, limit: int) -> list[Row]:
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
