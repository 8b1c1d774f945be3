"""The schema, as steps that are applied once and in order on both databases.

A step is never edited after it was released: a change is a new step. ``{id}`` stands for the database's way of
numbering rows and ``{text}`` for text that compares by its bytes, as the paging of the official registry does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Dialect = Literal["sqlite", "postgres"]

_TYPES: dict[Dialect, dict[str, str]] = {
    "sqlite": {"{id}": "INTEGER PRIMARY KEY", "{text}": "TEXT", "{integer}": "INTEGER"},
    "postgres": {
        "{id}": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        "{text}": 'TEXT COLLATE "C"',
        "{integer}": "BIGINT",
    },
}


@dataclass(frozen=True)
class Step:
    """Statements for both databases, then those for one of them."""

    both: tuple[str, ...] = ()
    sqlite: tuple[str, ...] = ()
    postgres: tuple[str, ...] = ()

    def statements(self, dialect: Dialect) -> list[str]:
        joined = "\0".join((*self.both, *(self.sqlite if dialect == "sqlite" else self.postgres)))
        for hole, text in _TYPES[dialect].items():
            joined = joined.replace(hole, text)
        return joined.split("\0")


STEPS: tuple[Step, ...] = (
    Step(
        both=(
            "CREATE TABLE servers (id {id}, name {text} NOT NULL UNIQUE)",
            """CREATE TABLE versions (
                id {id},
                server_name {text} NOT NULL REFERENCES servers (name),
                version {text} NOT NULL CHECK (length(trim(version)) > 0),
                status {text} NOT NULL CHECK (status IN ('active', 'deprecated', 'deleted')),
                status_message TEXT CHECK (length(status_message) <= 500),
                status_changed_at {integer} NOT NULL,
                published_at {integer} NOT NULL,
                updated_at {integer} NOT NULL,
                is_latest {integer} NOT NULL CHECK (is_latest IN (0, 1)),
                document TEXT NOT NULL,
                kind {text} NOT NULL,
                source {text} NOT NULL DEFAULT '',
                UNIQUE (server_name, version)
            )""",
            "CREATE UNIQUE INDEX one_latest ON versions (server_name) WHERE is_latest = 1",
            "CREATE INDEX latest ON versions (server_name, version) WHERE is_latest = 1",
            "CREATE INDEX updated ON versions (updated_at)",
            "CREATE INDEX recent ON versions (updated_at, server_name) WHERE is_latest = 1",
            "CREATE INDEX kinds ON versions (kind, server_name, version, status) WHERE is_latest = 1",
            "CREATE INDEX statuses ON versions (status, server_name, version) WHERE is_latest = 1",
            """CREATE TABLE remotes (
                url {text} NOT NULL, server_name {text} NOT NULL, version {text} NOT NULL,
                PRIMARY KEY (url, server_name, version)
            )""",
            "CREATE INDEX remotes_of ON remotes (server_name, version)",
            # Words that occur, and the pairs of letters they consist of: for finding what a misspelt word meant.
            "CREATE TABLE pairs (pair {text} NOT NULL, term {text} NOT NULL, PRIMARY KEY (pair, term))",
            "CREATE TABLE secrets (name {text} PRIMARY KEY, value {text} NOT NULL)",
            """CREATE TABLE mirrors (
                source {text} PRIMARY KEY, position {text} NOT NULL, since {text} NOT NULL, started {text} NOT NULL
            )""",
        ),
        sqlite=(
            """CREATE VIRTUAL TABLE names USING fts5(
                name, content='servers', content_rowid='id', tokenize='trigram', detail='full'
            )""",
            "CREATE VIRTUAL TABLE words USING fts5(name, title, description, prefix='2 3')",
        ),
        postgres=(
            # The trigram index makes substrings fast; without the right to create the extension they still work.
            """DO $$ BEGIN
                CREATE EXTENSION IF NOT EXISTS pg_trgm;
                CREATE INDEX names ON servers USING gin (lower(name) gin_trgm_ops);
            EXCEPTION WHEN OTHERS THEN NULL; END $$""",
            "CREATE TABLE words (id BIGINT PRIMARY KEY REFERENCES servers (id), words tsvector NOT NULL)",
            "CREATE INDEX words_index ON words USING gin (words)",
        ),
    ),
    # The second half of a name, for the ranked search.
    Step(
        sqlite=("CREATE INDEX halves ON servers (lower(substr(name, instr(name, '/') + 1)), name)",),
        postgres=("CREATE INDEX halves ON servers (lower(substr(name, strpos(name, '/') + 1)), name)",),
    ),
)
