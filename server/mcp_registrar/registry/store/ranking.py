"""The ranked search: words in name, title and description, as prefixes, with slips of the finger forgiven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mcp_registrar.registry.store import words
from mcp_registrar.registry.store.database import Session
from mcp_registrar.registry.store.reading import Filter
from mcp_registrar.registry.store.rows import COLUMNS, Row

NAMES = 300
"""How many names that a text is a part of are looked at."""
MAX_WORDS = 8


def ranked(session: Session, query: str, filter: Filter, offset: int, limit: int) -> tuple[list[Row], dict[str, str]]:
    """Latest versions that match, best first, and the corrections that were made to find them."""
    asked = list(dict.fromkeys(words.tokens(query)))[:MAX_WORDS]
    if not asked:
        return [], {}
    corrected: dict[str, str] = {}
    terms = [(word, True) for word in asked]
    named = _by_name(session, query.strip(), asked)
    found = _narrowed(session, named, filter)
    if not found or len(asked) == 1:
        matches = session.matching(terms, True, *filter.where())
        # Words that only servers beyond the filter have are spelt right all the same.
        if not matches and not named and not session.matching(terms, True, "1 = 1", ()):
            matches, corrected = _forgiven(session, asked, filter)
            asked = [corrected.get(word, word) for word in asked]
        found |= {name: (status, score) for name, status, score in matches}
    order = sorted((-_score(name, status, asked, score), name) for name, (status, score) in found.items())
    return _rows(session, [name for _, name in order[offset : offset + limit]]), corrected


def _by_name(session: Session, text: str, asked: Sequence[str]) -> dict[str, float]:
    """Servers whose name the text is a part of, when it looks like one; or whose name's second half it begins."""
    if "/" in text or "." in text.strip("."):
        names = session.names_containing(text, "", True, NAMES) if not text.split()[1:] else []
        return dict.fromkeys(names, 50.0)
    if len(asked) == 1 and len(text) >= 2:
        return dict.fromkeys(session.halves(text, 50), 0.0)
    return {}


def _forgiven(
    session: Session, asked: Sequence[str], filter: Filter
) -> tuple[list[tuple[str, str, float]], dict[str, str]]:
    """Matches of the words that were probably meant, else of any of them; and what was taken for what."""
    corrected: dict[str, str] = {}
    for word in asked:
        if words.is_spellable(word) and not session.known(word):
            meant = nearest(session, word)
            if meant:
                corrected[word] = meant
    terms = [(corrected.get(word, word), True) for word in asked]
    found = session.matching(terms, True, *filter.where()) if corrected else []
    if not found and (corrected or len(terms) > 1):
        found = session.matching(terms, False, *filter.where())
    return found, corrected if found else {}


def _narrowed(session: Session, found: Mapping[str, float], filter: Filter) -> dict[str, tuple[str, float]]:
    """Status and score of those whose latest version passes the filter."""
    if not found:
        return {}
    where, parameters = filter.where()
    holes = ", ".join("?" * len(found))
    rows = session.run(
        f"SELECT server_name, status FROM versions WHERE is_latest = 1 AND server_name IN ({holes}) AND {where}",  # noqa: S608
        *found, *parameters,
    )  # fmt: skip
    return {name: (status, found[name]) for name, status in rows}


def _rows(session: Session, names: Sequence[str]) -> list[Row]:
    """The latest versions of these servers, in this order."""
    if not names:
        return []
    holes = ", ".join("?" * len(names))
    found = session.run(
        f"SELECT {COLUMNS} FROM versions WHERE is_latest = 1 AND server_name IN ({holes})",  # noqa: S608
        *names,
    )
    rows = {row[0]: Row(*row) for row in found}
    return [rows[name] for name in names]


def _score(name: str, status: str, asked: list[str], score: float) -> float:
    """The index's score, and more for whole words in the name, most for the name itself."""
    part = words.tokens(name.partition("/")[2])
    # The second half's words are among the name's: mostly there is nothing more to look for.
    whole = part if all(word in part for word in asked) else words.named(name).split()
    # A name has at least two words before its second half.
    is_name = part == asked or (len(asked) > len(part) and words.tokens(name) == asked)
    bonus = 100.0 if is_name else 0.0
    spaced = " " + " ".join(part)
    for word in asked:
        bonus += 4.0 * (word in part) + 2.0 * (word in whole) + 1.0 * (f" {word}" in spaced)
    # Among equals the one whose name says least else.
    return score + bonus - len(part) * 0.05 - (3.0 if status != "active" else 0.0)


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
