"""`init_manifest` against what maintainers publish, on the open corpus; the figures are in docs/measurements.md."""

from __future__ import annotations

from benchmarks.init_accuracy import Result, run

from tests.conftest import shared


def share(result: Result, field: str, *, known: bool = False) -> float:
    score = result.scores[field]
    return 100 * (score.known_hits / score.known if known else score.hits / score.asked)


def test_the_open_corpus() -> None:
    result, count = run(shared("corpus"), every=False, peer=None)
    assert count >= 40
    assert share(result, "valid") == 100, result.scores["valid"].misses
    # Of the values that the projects' files hold at all.
    assert share(result, "name", known=True) >= 95, result.scores["name"].misses
    assert share(result, "identifier", known=True) >= 95, result.scores["identifier"].misses
    assert share(result, "repository", known=True) >= 95, result.scores["repository"].misses
    assert share(result, "version", known=True) >= 95, result.scores["version"].misses
    # Of all, also where the files say nothing.
    assert share(result, "transport") >= 95, result.scores["transport"].misses
    assert share(result, "types") >= 80, result.scores["types"].misses
    assert share(result, "name") >= 75, result.scores["name"].misses
