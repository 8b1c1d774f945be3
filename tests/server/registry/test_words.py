"""Words, and the distance between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_registrar.registry.store.words import distance, indexed, named, pairs, tokens


def plain(a: str, b: str) -> int:
    """The distance by its definition, without any limit."""
    table = [[i + j if not i * j else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            steps = [table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a[i - 1] != b[j - 1])]
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                steps.append(table[i - 2][j - 2] + 1)
            table[i][j] = min(steps)
    return table[-1][-1]


@given(st.text("abc", max_size=9), st.text("abc", max_size=9), st.integers(0, 4))
def test_the_distance_is_right_up_to_its_limit(a: str, b: str, limit: int) -> None:
    assert distance(a, b, limit) == min(plain(a, b), limit + 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Weather, FORECASTS!", ["weather", "forecasts"]),
        ("naïve Über ÅNGSTRÖM", ["naive", "uber", "angstrom"]),
        ("snake_case kebab-case a.b/c", ["snake", "case", "kebab", "case", "a", "b", "c"]),
        ("数据库 검색", ["数", "据", "库", "검", "색"]),
        ("🙂 \0 \u200b", []),
    ],
)
def test_tokens(text: str, words: list[str]) -> None:
    assert tokens(text) == words


def test_a_word_of_several_humps_is_found_by_each() -> None:
    assert indexed("GooglePlayAPI") == "googleplayapi google play api"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("io.github.alice/weather-mcp", "alice weather mcp"),
        ("io.github.github/github-mcp-server", "github github mcp server"),
        ("com.example.api/tool", "example api tool"),
        ("weather/tool", "tool"),
    ],
)
def test_a_name_is_found_by_what_is_its_own(name: str, words: str) -> None:
    assert named(name) == words


def test_similar_words_share_pairs() -> None:
    assert pairs("slack") & pairs("slcak") == {"^s", "sl", "k$"}
