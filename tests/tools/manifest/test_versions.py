"""Semver, ordering, ranges, the next free version."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from mcp_registrar_tools.manifest.versions import compare, is_semver, looks_like_range, next_free


def test_order_of_semver_2() -> None:
    ordered = [
        "snapshot",
        "0.9.9-0",
        "1.0.0-1",
        "1.0.0-2",
        "1.0.0-10",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.1",
        "1.2.0",
        "1.10.0",
        "2.0.0",
    ]
    for (i, a), (j, b) in itertools.product(enumerate(ordered), repeat=2):
        assert compare(a, b) == (i > j) - (i < j), (a, b)


def test_times_decide_only_between_versions_that_are_not_semantic() -> None:
    early, late = datetime(2026, 1, 1, tzinfo=UTC), "2026-01-02T00:00:00.5Z"
    assert compare("b", "a", early, late) == -1
    assert compare("b", "a", late, early) == 1
    assert compare("1.0.0", "2.0.0", late, early) == -1
    assert compare("1.0.0", "zzz", early, late) == 1


@pytest.mark.parametrize(
    "version",
    [
        "1.0.0-next.1",
        "2.0.0-eXp",
        "x.1",
        "1.*",
        "v1.X",
        "^1",
        "~v1.2.3.4-a",
        "= 1",
        "1 - 2",
        "1 -2",
        "1||2",
        " ~1 ",
    ],
)
def test_ranges(version: str) -> None:
    assert looks_like_range(version)


@pytest.mark.parametrize(
    "version",
    [
        "1.0.0-next.1+b",
        "1.2.3.x",
        "x",
        "*",
        "x.y",
        ">=1 <2",
        "[1,2)",
        "~> 1.2",
        "1.2.3-rc",
        "1||",
        "",
    ],
)
def test_not_ranges(version: str) -> None:
    assert not looks_like_range(version)


def test_endless_digits_are_no_problem() -> None:
    nines = "9" * 100_000
    assert is_semver(f"{nines}.0.0-{nines}")
    assert compare(f"{nines}.0.0", "1.0.0") == 1
    assert compare(f"1.0.0-{nines}", "1.0.0-8") == 1
    assert not looks_like_range("1." * 50_000 + "x")


@pytest.mark.parametrize(
    ("version", "taken", "expected"),
    [
        ("1.0.0", [], "1.0.1"),
        ("1.0.0", ["1.0.1", "1.0.7", "2.0.0"], "1.0.8"),
        ("1.0.0-rc.1", [], "1.0.0"),
        ("1.0.0-rc.1", ["1.0.0"], "1.0.1"),
        ("v1.2.3", [], "v1.2.4"),
        ("2025-06-18", ["2025-06-18.1"], "2025-06-18.2"),
    ],
)
def test_next_free(version: str, taken: list[str], expected: str) -> None:
    assert next_free(version, taken) == expected
