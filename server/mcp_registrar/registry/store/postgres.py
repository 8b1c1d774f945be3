"""The store in PostgreSQL: any number of processes on one database are one registry."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.to_thread

from mcp_registrar.registry.store.migrations import STEPS, Dialect
from mcp_registrar_tools.errors import InputError

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg_pool import ConnectionPool

T = TypeVar("T")

CONNECTIONS = 8
DENSE = 300
"""Names with a substring beyond which they are met soon enough by walking all names in order."""
RANKED = 200
"""Matches of a ranked search that are weighed; of more, those in names come first."""
_MIGRATION_LOCK = 0x6D637072  # any number that other programs on this database do not use


@lru_cache(maxsize=512)
def _translated(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


class PostgresSession:
    def __init__(self, connection: Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def run(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(_translated(sql), parameters)
        return cursor.fetchall() if cursor.description else []

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(_translated(sql), rows)

    def lock(self, names: Sequence[str], urls: Sequence[str] = ()) -> None:
        # Names before URLs and each kind in order: two transactions never wait for each other in a circle.
        for space, keys in ((1, names), (2, urls)):
            for key in sorted(set(keys)):
                self.run("SELECT pg_advisory_xact_lock(?::integer, hashtext(?))", space, key)

    def add_server(self, name: str) -> int:
        found = self.run("SELECT id FROM servers WHERE name = ?", name)
        if not found:
            found = self.run("INSERT INTO servers (name) VALUES (?) ON CONFLICT DO NOTHING RETURNING id", name)
        if not found:
            found = self.run("SELECT id FROM servers WHERE name = ?", name)
        return int(found[0][0])

    def describe(self, server_id: int, name: str, title: str, description: str) -> None:
        # Written out as a tsvector, because PostgreSQL's own parser knows no words beyond the database's locale.
        weighted = [(word, w) for text, w in ((name, "A"), (title, "B"), (description, "D")) for word in text.split()]
        vector = " ".join(f"'{word}':{at}{weight}" for at, (word, weight) in enumerate(weighted, 1))
        self.run(
            "INSERT INTO words (id, words) VALUES (?, ?::tsvector) "
            "ON CONFLICT (id) DO UPDATE SET words = excluded.words",
            server_id, vector,
        )  # fmt: skip

    def spelled(self, words: Collection[str]) -> set[str]:
        rows = self.run(
            "SELECT term FROM pairs WHERE pair = ANY(?) AND term = ANY(?)",
            sorted({f"^{word[0]}" for word in words}), sorted(words),
        )  # fmt: skip
        return {term for (term,) in rows}

    def names_containing(self, text: str, start: str, inclusive: bool, count: int) -> list[str]:
        pattern = "%" + re.sub(r"([\\%_])", r"\\\1", text.lower()) + "%"
        after = "name >= ?" if inclusive else "name > ?"
        # Asked for an order at once, the planner walks all names even when there are few matches.
        few = self.run("SELECT id FROM servers WHERE lower(name) LIKE ? LIMIT ?", pattern, DENSE + 1)
        if len(few) <= DENSE:
            rows = self.run(
                f"SELECT name FROM servers WHERE id = ANY(?) AND {after} ORDER BY name LIMIT ?",  # noqa: S608
                [i for (i,) in few], start, count,
            )  # fmt: skip
        else:
            rows = self.run(
                f"SELECT name FROM servers WHERE {after} AND lower(name) LIKE ? ORDER BY name LIMIT ?",  # noqa: S608
                start, pattern, count,
            )  # fmt: skip
        return [name for (name,) in rows]

    def halves(self, text: str, count: int) -> list[str]:
        half = "lower(substr(name, strpos(name, '/') + 1))"
        rows = self.run(
            f"SELECT name FROM servers WHERE {half} >= ? AND {half} < ? ORDER BY {half}, name LIMIT ?",  # noqa: S608
            text.lower(), text.lower() + "\U0010ffff", count,
        )  # fmt: skip
        return [name for (name,) in rows]

    def matching(
        self, terms: Sequence[tuple[str, bool]], every: bool, where: str, parameters: Sequence[Any]
    ) -> list[tuple[str, str, float]]:
        joiner = " & " if every else " | "
        query = joiner.join(f"'{word}'{':*' if prefix else ''}" for word, prefix in terms)
        ids = self.run("SELECT id FROM words WHERE words @@ ?::tsquery LIMIT ?", query, RANKED + 1)
        latest = "JOIN servers s ON s.id = w.id JOIN versions v ON v.server_name = s.name AND v.is_latest = 1"
        if len(ids) <= RANKED:
            rows = self.run(
                "SELECT s.name, v.status, 10 * ts_rank('{0.05, 0.1, 0.6, 1.0}', w.words, ?::tsquery) "  # noqa: S608
                f"FROM words w {latest} WHERE w.id = ANY(?) AND {where}",
                query, [i for (i,) in ids], *parameters,
            )  # fmt: skip
            return [(name, status, float(score)) for name, status, score in rows]
        # As in SQLite: of a word that so many have it only counts where it is.
        found: dict[str, str] = {}
        for wanted in (
            joiner.join(f"'{word}':A" for word, _ in terms),
            joiner.join(f"'{word}':{'*' if prefix else ''}A" for word, prefix in terms),
            query,
        ):
            rows = self.run(
                f"SELECT s.name, v.status FROM words w {latest} "  # noqa: S608
                f"WHERE w.words @@ ?::tsquery AND {where} ORDER BY w.id LIMIT ?",
                wanted, *parameters, RANKED,
            )  # fmt: skip
            for name, status in rows:
                if len(found) < RANKED:
                    found[name] = status
            if len(found) == RANKED:
                break
        return [(name, status, 0.0) for name, status in found.items()]

    def known(self, word: str) -> bool:
        return bool(self.run("SELECT 1 FROM words WHERE words @@ ?::tsquery LIMIT 1", f"'{word}':*"))


class PostgresDatabase:
    """A pool of connections; statements run in worker threads."""

    dialect: Dialect = "postgres"

    def __init__(self, url: str) -> None:
        try:
            import psycopg
            from psycopg_pool import ConnectionPool
        except ImportError:
            raise InputError(
                "store-no-driver", "the PostgreSQL driver is not installed",
                "pip install 'mcp-registrar[postgres]'",
            ) from None  # fmt: skip
        try:
            with psycopg.connect(url, connect_timeout=10) as connection:
                _migrate(PostgresSession(connection))
        except psycopg.Error as error:
            # The driver's message names host and database, never the password.
            raise InputError(
                "store-unusable", f"the PostgreSQL store cannot be opened: {str(error).strip()}",
                "check MCP_REGISTRAR_DATABASE_URL and that the server accepts connections",
            ) from None  # fmt: skip
        self._pool: ConnectionPool[Connection[tuple[Any, ...]]] = ConnectionPool(
            url, min_size=1, max_size=CONNECTIONS, open=False, timeout=30
        )
        self._limiter: anyio.CapacityLimiter | None = None

    async def read(self, job: Callable[[PostgresSession], T]) -> T:
        return await self._thread(job, True)

    async def write(self, job: Callable[[PostgresSession], T]) -> T:
        return await self._thread(job, False)

    async def _thread(self, job: Callable[[PostgresSession], T], read_only: bool) -> T:
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(CONNECTIONS)
        return await anyio.to_thread.run_sync(self._run, job, read_only, limiter=self._limiter)

    def _run(self, job: Callable[[PostgresSession], T], read_only: bool) -> T:
        if self._pool.closed:
            self._pool.open()
        with self._pool.connection() as connection:  # one transaction, undone by an exception
            if read_only:
                connection.execute("SET TRANSACTION READ ONLY")
            return job(PostgresSession(connection))

    async def close(self) -> None:
        if not self._pool.closed:
            await anyio.to_thread.run_sync(self._pool.close)


def _migrate(session: PostgresSession) -> None:
    session.run("SELECT pg_advisory_xact_lock(?)", _MIGRATION_LOCK)
    session.run("CREATE TABLE IF NOT EXISTS registrar_schema (step INTEGER NOT NULL)")
    found = session.run("SELECT max(step) FROM registrar_schema")
    done = found[0][0] or 0
    if done > len(STEPS):
        raise InputError(
            "store-too-new", "this PostgreSQL database was written by a newer version", "upgrade mcp-registrar"
        )
    for number, step in enumerate(STEPS[done:], done + 1):
        for statement in step.statements("postgres"):
            session.run(statement)
        session.run("INSERT INTO registrar_schema (step) VALUES (?)", number)
