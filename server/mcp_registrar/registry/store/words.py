"""How text becomes words for the ranked search, and how a misspelt word finds its way."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Scripts written without spaces: every character is a word of its own.
_IDEOGRAPH = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(f"[{_IDEOGRAPH}]|[^\\W_{_IDEOGRAPH}]+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def fold(text: str) -> str:
    """Lower case without accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c))).lower()


def tokens(text: str) -> list[str]:
    """The words of a query or a text, lower case, without accents, in order."""
    folded = fold(text)
    return (_ASCII_WORD if folded.isascii() else _WORD).findall(folded)


def indexed(text: str) -> str:
    """The words that a text is found by, separated by spaces; ``GooglePlay`` counts as it is and as two words."""
    if text.islower():
        return " ".join(tokens(text))
    parts = _HUMP.split(text)
    return " ".join(tokens(text) + (tokens(" ".join(parts)) if len(parts) > 1 else []))


def named(server_name: str) -> str:
    """The words that a server's name is found by: not the ones that its whole neighbourhood shares.

    ``io.github.alice/weather-mcp`` is found by alice, weather and mcp: were it found by io and github, so would
    most of a registry.
    """
    namespace, _, part = server_name.partition("/")
    labels = namespace.split(".")
    labels = labels[2:] if labels[:2] in (["io", "github"], ["io", "gitlab"]) else labels[1:]
    return indexed(" ".join([*labels, part]))


def pairs(word: str) -> set[str]:
    """Neighbouring letters of a word, its beginning and end marked: what similar words share."""
    marked = f"^{word}$"
    return {marked[i : i + 2] for i in range(len(marked) - 1)}


def is_spellable(word: str) -> bool:
    """Whether a word is worth correcting and being corrected to."""
    return 4 <= len(word) <= 40 and word.isalpha()


def tolerance(word: str) -> int:
    """How many slips of the finger a word of this length may have."""
    return 1 if len(word) < 8 else 2


@lru_cache(maxsize=4096)
def distance(a: str, b: str, limit: int) -> int:
    """Letters to add, drop, change or swap with their neighbour to get from ``a`` to ``b``; ``limit + 1`` for more."""
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    previous = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit and min(previous) >= limit:
            return limit + 1
        before, previous = previous, row
    return min(previous[-1], limit + 1)
