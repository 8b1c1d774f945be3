"""The ranked search: words in name, title and description, as prefixes, with slips of the finger forgiven."""

from __future__ import annotations

from collections.abc import Sequence

from mcp_registrar.registry.store import words
from mcp_registrar.registry.store.core import Filter
from mcp_registrar.registry.store.database import Session
from mcp_registrar.registry.store.rows import COLUMNS, Row

CANDIDATES = 400
"""How many of the best matches are looked at again; more pages than these have are not served."""
MAX_WORDS = 8


def ranked(session: Session, query: str, filter: Filter, offset: int, limit: int) -> tuple[list[Row], dict[str, str]]:
    """Latest versions that match, best first, and the corrections that were made to find them."""
    asked = list(dict.fromkeys(words.tokens(query)))[:MAX_WORDS]
    if not asked:
        return [], {}
    corrected: dict[str, str] = {}
    found = session.matching([(word, True) for word in asked], True, CANDIDATES)
    if not found:
        for word in asked:
            if words.is_spellable(word) and not session.known(word):
                meant = nearest(session, word)
                if meant:
                    corrected[word] = meant
        asked = [corrected.get(word, word) for word in asked]
        terms = [(word, True) for word in asked]
        found = (session.matching(terms, True, CANDIDATES) if corrected else []) or (
            session.matching(terms, False, CANDIDATES) if len(terms) > 1 or corrected else []
        )
    if not found:
        return [], {}
    rows = _latest(session, [name for name, _ in found], filter)
    scores = dict(found)
    rows.sort(key=lambda row: (-_score(row, asked, scores[row.server_name]), row.server_name))
    return rows[offset : offset + limit], corrected


def _latest(session: Session, names: Sequence[str], filter: Filter) -> list[Row]:
    where, parameters = filter.where()
    holes = ", ".join("?" * len(names))
    found = session.run(
        f"SELECT {COLUMNS} FROM versions WHERE is_latest = 1 AND server_name IN ({holes}) AND {where}",  # noqa: S608
        *names, *parameters,
    )  # fmt: skip
    return [Row(*row) for row in found]


def _score(row: Row, asked: Sequence[str], score: float) -> float:
    """The index's score, and more for whole words in the name, most for the name itself."""
    part = words.tokens(row.server_name.partition("/")[2])
    whole = set(words.indexed(row.server_name).split())
    bonus = 0.0
    if part == list(asked) or words.tokens(row.server_name) == list(asked):
        bonus += 100
    bonus += sum(4.0 for word in asked if word in part) + sum(2.0 for word in asked if word in whole)
    bonus += sum(1.0 for word in asked if any(each.startswith(word) for each in part))
    if row.status != "active":
        bonus -= 3
    return score + bonus


def nearest(session: Session, word: str) -> str | None:
    """The known word that was most likely meant, or None."""
    shared = sorted(words.pairs(word))
    holes = ", ".join("?" * len(shared))
    limit = words.tolerance(word)
    candidates = session.run(
        f"SELECT term FROM pairs WHERE pair IN ({holes}) AND length(term) BETWEEN ? AND ? "  # noqa: S608
        "GROUP BY term HAVING count(*) >= ? ORDER BY count(*) DESC, term LIMIT 200",
        *shared, len(word) - limit, len(word) + limit, max(2, len(shared) - 3 * limit - 1),
    )  # fmt: skip
    best: tuple[int, int, str] | None = None
    for position, (term,) in enumerate(candidates):
        steps = words.distance(word, term, limit)
        if steps <= limit and (best is None or (steps, position) < best[:2]):
            best = (steps, position, term)
    return best[2] if best else None
