"""The store in a SQLite file: write-ahead log, durable commits, one writer at a time, several readers."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from mcp_registrar.registry.store.migrations import STEPS, Dialect
from mcp_registrar_tools.errors import InputError

T = TypeVar("T")

READERS = 4
DENSE = 300
"""Names with a substring beyond which walking the names in order finds a page sooner than sorting the matches."""
RANKED = 200
"""Matches of a ranked search that are weighed; of more, those in names come first."""


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log. SQLite does not wait its timeout here when another process does the same."""
    end = time.monotonic() + 30
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.01)


class SqliteSession:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, parameters).fetchall()

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        self._connection.executemany(sql, rows)

    def lock(self, names: Sequence[str], urls: Sequence[str] = ()) -> None:
        """Nothing to do: a writing transaction has the whole file for itself from its first moment."""

    def add_server(self, name: str) -> int:
        found = self.run("SELECT id FROM servers WHERE name = ?", name)
        if found:
            return int(found[0][0])
        server_id = self._connection.execute("INSERT INTO servers (name) VALUES (?)", (name,)).lastrowid or 0
        self.run("INSERT INTO names (rowid, name) VALUES (?, ?)", server_id, name)
        return server_id

    def describe(self, server_id: int, name: str, title: str, description: str) -> None:
        self.run("DELETE FROM words WHERE rowid = ?", server_id)
        self.run(
            "INSERT INTO words (rowid, name, title, description) VALUES (?, ?, ?, ?)",
            server_id, name, title, description,
        )  # fmt: skip

    def spelled(self, words: Collection[str]) -> set[str]:
        # One by one: for a list of rows SQLite would walk the whole table.
        known = "SELECT 1 FROM pairs WHERE pair = ? AND term = ?"
        return {word for word in words if self.run(known, f"^{word[0]}", word)}

    def _names(self, query: str) -> list[tuple[Any, ...]]:
        return self.run(f"SELECT rowid FROM names WHERE names MATCH ? LIMIT {DENSE + 1}", query)  # noqa: S608

    def names_containing(self, text: str, start: str, inclusive: bool, count: int) -> list[str]:
        pattern = "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"
        after = "name >= ?" if inclusive else "name > ?"
        if len(text) >= 3 and "\0" not in text:
            # Every third group of three letters, and the last, leave few names that LIKE refuses.
            groups = [text[i : i + 3] for i in (*range(0, len(text) - 2, 3), len(text) - 3)]
            ids = self._names(" AND ".join(map(_quoted, dict.fromkeys(groups))))
            if len(ids) > DENSE and len(text) > 3:
                ids = self._names(_quoted(text))
            if len(ids) <= DENSE:
                rows = self.run(
                    # "+id" keeps to the few matches: the index on names would walk all of them.
                    f"SELECT name FROM servers WHERE id IN (SELECT value FROM json_each(?)) AND +{after} "  # noqa: S608
                    "AND name LIKE ? ESCAPE '\\' ORDER BY +name LIMIT ?",
                    json.dumps([i for (i,) in ids]), start, pattern, count,
                )  # fmt: skip
                return [name for (name,) in rows]
        rows = self.run(
            f"SELECT name FROM servers WHERE {after} AND name LIKE ? ESCAPE '\\' ORDER BY name LIMIT ?",  # noqa: S608
            start, pattern, count,
        )  # fmt: skip
        return [name for (name,) in rows]

    def halves(self, text: str, count: int) -> list[str]:
        half = "lower(substr(name, instr(name, '/') + 1))"
        rows = self.run(
            f"SELECT name FROM servers WHERE {half} >= ? AND {half} < ? ORDER BY {half}, name LIMIT ?",  # noqa: S608
            text.lower(), text.lower() + "\U0010ffff", count,
        )  # fmt: skip
        return [name for (name,) in rows]

    def _ids(self, query: str) -> list[tuple[Any, ...]]:
        return self.run("SELECT rowid FROM words WHERE words MATCH ? LIMIT ?", query, RANKED + 1)

    def matching(
        self, terms: Sequence[tuple[str, bool]], every: bool, where: str, parameters: Sequence[Any]
    ) -> list[tuple[str, str, float]]:
        joiner = " AND " if every else " OR "
        query = joiner.join(f'"{word}"{"*" if prefix else ""}' for word, prefix in terms)
        whole = joiner.join(f'"{word}"' for word, _ in terms)
        # Whole words are met one by one; what begins like them is only known when all of it was read.
        ids = self._ids(whole)
        if len(ids) <= RANKED:
            ids = self._ids(query)
        # CROSS JOIN keeps the order in which they are written: the words come first.
        latest = (
            "CROSS JOIN servers s ON s.id = w.id CROSS JOIN versions v ON v.server_name = s.name AND v.is_latest = 1"
        )
        if len(ids) <= RANKED:
            return self.run(
                "SELECT s.name, v.status, -w.score FROM (SELECT rowid AS id, bm25(words, 8.0, 5.0, 1.0) AS score "  # noqa: S608
                f"FROM words WHERE words MATCH ?) w {latest} WHERE {where}",
                query, *parameters,
            )  # fmt: skip
        # bm25 has to count every match first. A word that so many have tells nothing by being there, so it is enough
        # where it is: whole in the name, then beginning a word of the name, then anywhere.
        found: dict[str, str] = {}
        for wanted in (f"name : ({whole})", f"name : ({query})", query):
            rows = self.run(
                "SELECT s.name, v.status FROM (SELECT rowid AS id FROM words WHERE words MATCH ?) w "  # noqa: S608
                f"{latest} WHERE {where} LIMIT ?",
                wanted, *parameters, RANKED,
            )  # fmt: skip
            for name, status in rows:
                if len(found) < RANKED:
                    found[name] = status
            if len(found) == RANKED:
                break
        return [(name, status, 0.0) for name, status in found.items()]

    def known(self, word: str) -> bool:
        return bool(self.run("SELECT 1 FROM words WHERE words MATCH ? LIMIT 1", f'"{word}"*'))


class SqliteDatabase:
    """Connections to one file. Statements run in worker threads; a write waits for the one before it."""

    dialect: Dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        if sqlite3.sqlite_version_info < (3, 35):
            raise InputError(
                "store-sqlite-too-old",
                f"SQLite {sqlite3.sqlite_version} is too old for the embedded registry",
                "use a Python with SQLite 3.35 or newer",
            )
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not path.exists():
                # The file also holds the key that signs tokens: nobody else reads it.
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._writer = self._connect()
            self._migrate()
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                "store-unusable", f"{path}: cannot be opened as the registry's store: {error}",
                "check the folder's permissions, or set MCP_REGISTRAR_DATA_DIR to another one",
            ) from None  # fmt: skip
        self._idle: list[sqlite3.Connection] = []
        self._all: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._readers: anyio.CapacityLimiter | None = None
        self._writing: anyio.CapacityLimiter | None = None

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=30, cached_statements=256
        )
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA mmap_size = 1073741824")
        connection.execute("PRAGMA cache_size = -16384")
        return connection

    def _migrate(self) -> None:
        writer = self._writer
        if writer.execute("PRAGMA user_version").fetchone()[0] == len(STEPS):
            return
        writer.execute("BEGIN IMMEDIATE")
        try:
            done = writer.execute("PRAGMA user_version").fetchone()[0]
            if done > len(STEPS):
                raise InputError(
                    "store-too-new", f"{self._path} was written by a newer version",
                    "upgrade mcp-registrar, or use another MCP_REGISTRAR_DATA_DIR",
                )  # fmt: skip
            for step in STEPS[done:]:
                for statement in step.statements("sqlite"):
                    writer.execute(statement)
            writer.execute(f"PRAGMA user_version = {len(STEPS)}")
            writer.execute("COMMIT")
        except BaseException:
            writer.execute("ROLLBACK")
            raise

    async def read(self, job: Callable[[SqliteSession], T]) -> T:
        if self._readers is None:
            self._readers = anyio.CapacityLimiter(READERS)
        return await anyio.to_thread.run_sync(self._read, job, limiter=self._readers)

    def _read(self, job: Callable[[SqliteSession], T]) -> T:
        with self._guard:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
            with self._guard:
                self._all.append(connection)
        try:
            # One snapshot for a job of several statements.
            connection.execute("BEGIN")
            try:
                return job(SqliteSession(connection))
            finally:
                connection.execute("COMMIT")
        finally:
            with self._guard:
                self._idle.append(connection)

    async def write(self, job: Callable[[SqliteSession], T]) -> T:
        if self._writing is None:
            self._writing = anyio.CapacityLimiter(1)
        return await anyio.to_thread.run_sync(self._write, job, limiter=self._writing)

    def _write(self, job: Callable[[SqliteSession], T]) -> T:
        writer = self._writer
        writer.execute("BEGIN IMMEDIATE")
        try:
            result = job(SqliteSession(writer))
            writer.execute("COMMIT")
        except BaseException:
            if writer.in_transaction:
                writer.execute("ROLLBACK")
            raise
        return result

    async def close(self) -> None:
        with self._guard:
            for connection in (*self._all, self._writer):
                connection.close()
            self._all.clear()
            self._idle.clear()
