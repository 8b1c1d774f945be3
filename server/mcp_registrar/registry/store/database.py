"""What the store asks of a database. Everything here runs in a worker thread, never on the event loop."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from mcp_registrar.registry.store.migrations import Dialect

T = TypeVar("T")


class Session(Protocol):
    """One connection inside one transaction. SQL uses ``?`` for parameters on both databases."""

    def run(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """All rows of one statement."""
        ...

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """One statement for each row."""
        ...

    def lock(self, names: Sequence[str], urls: Sequence[str] = ()) -> None:
        """Keep other writers away from these server names and remote URLs until the transaction ends."""
        ...

    def add_server(self, name: str) -> int:
        """The id of this server name, made when it is new."""
        ...

    def describe(self, server_id: int, name: str, title: str, description: str) -> None:
        """Put these words (see `words.indexed`) into the index for ranked search, in place of earlier ones."""
        ...

    def spelled(self, words: Collection[str]) -> set[str]:
        """Those of the words whose pairs of letters are stored already."""
        ...

    def names_containing(self, text: str, start: str, inclusive: bool, count: int) -> list[str]:
        """Server names that contain ``text`` in any letter case, in order from ``start``, at most ``count``."""
        ...

    def halves(self, text: str, count: int) -> list[str]:
        """Server names whose part behind the slash begins like ``text`` in any letter case, the exact ones first."""
        ...

    def matching(
        self, terms: Sequence[tuple[str, bool]], every: bool, where: str, parameters: Sequence[Any]
    ) -> list[tuple[str, str, float]]:
        """Servers with these words as (name, status, score), in no order; a higher score is better.

        A term is (word, also as a prefix). ``every`` asks for all of them, else one is enough. ``where`` and its
        parameters narrow the latest versions. Of very many matches only some are given, those in names first.
        """
        ...

    def known(self, word: str) -> bool:
        """Whether some server has a word that begins like this."""
        ...


class Database(Protocol):
    """A pool of connections."""

    dialect: Dialect

    async def read(self, job: Callable[[Session], T]) -> T:
        """Run ``job`` on a connection that only reads."""
        ...

    async def write(self, job: Callable[[Session], T]) -> T:
        """Run ``job`` in a transaction; when this returns the change is on disk. An exception undoes it all."""
        ...

    async def close(self) -> None: ...
