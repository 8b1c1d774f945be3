"""Version strings as the registry understands them.

Semantic versions are recognised and ordered as the registry does it (internal/service/versioning.go),
ranges as internal/validators does: with its quirks, because the registry's answer is what counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from mcp_registrar_tools.manifest.gotext import GO_SPACE

_NUMBER = r"(?:0|[1-9][0-9]*)"
_SEMVER = re.compile(
    rf"v?({_NUMBER})\.({_NUMBER})\.({_NUMBER})"
    rf"(?:-((?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?\Z"
)

_PLAIN = r"v?[0-9]+(?:\.[0-9]+){0,3}(?:-[0-9A-Za-z.-]+)?"
_S = r"[\t\n\f\r ]"
_COMPARATOR = re.compile(rf"(?:\^|~|>=|<=|>|<|=){_S}*{_PLAIN}\Z")
_HYPHEN = re.compile(rf"{_PLAIN}{_S}-{_S}*{_PLAIN}\Z")
_ONE = re.compile(rf"{_PLAIN}\Z")
_DOTTED = re.compile(r"(?:v?[0-9]+|x|X|\*)(?:\.(?:[0-9]+|x|X|\*)){1,2}(?:-[0-9A-Za-z.-]+)?\Z")
_WILDCARD = re.compile(r"[xX*]")


def is_semver(version: str) -> bool:
    """An optional ``v``, exactly three numbers without leading zeros, then semver 2's prerelease and build."""
    return _SEMVER.match(version) is not None


def looks_like_range(version: str) -> bool:
    """Whether the registry takes this for a range (`version-looks-like-range`).

    Two or three dotted parts whose prerelease holds an ``x`` (``1.0.0-next.1``) count as one; ``*`` alone and
    compound comparators do not.
    """
    trimmed = version.strip(GO_SPACE)
    if not trimmed or len(trimmed) > 1024:  # longer ones fail on length; the patterns need not see them
        return False
    if _DOTTED.match(trimmed):
        return _WILDCARD.search(trimmed) is not None
    if _COMPARATOR.match(trimmed) or _HYPHEN.match(trimmed):
        return True
    if "||" in trimmed:
        first, *rest = trimmed.split("||")
        parts = [first.rstrip("\t\n\f\r "), *(part.strip("\t\n\f\r ") for part in rest)]
        return all(_ONE.match(part) for part in parts)
    return False


def compare(a: str, b: str, a_time: datetime | str | None = None, b_time: datetime | str | None = None) -> int:
    """-1, 0 or 1: semantic versions in semver's order (build metadata ignored), others by publication time.

    A semantic version is above any other. Times are datetimes or RFC 3339 strings; without them two
    versions that are not semantic are equal.
    """
    left, right = _SEMVER.match(a), _SEMVER.match(b)
    if left and right:
        mine, theirs = _key(left), _key(right)
    elif left or right:
        return 1 if left else -1
    elif a_time is None or b_time is None:
        return 0
    else:
        return _sign(_when(a_time), _when(b_time))
    return (mine > theirs) - (mine < theirs)


def _sign(a: datetime, b: datetime) -> int:
    return (a > b) - (a < b)


def _when(time: datetime | str) -> datetime:
    return time if isinstance(time, datetime) else datetime.fromisoformat(time)


_Key = tuple[int, int, int, int, tuple[tuple[int, int, str], ...]]


def _key(match: re.Match[str]) -> _Key:
    prerelease = match[4]
    parts: tuple[tuple[int, int, str], ...] = ()
    if prerelease:
        # Numbers below words; a number with more digits is larger, so no conversion of endless digits is needed.
        parts = tuple((0, len(part), part) if part.isdecimal() else (1, 0, part) for part in prerelease.split("."))
    return (*(_number(match[i]) for i in (1, 2, 3)), 0 if prerelease else 1, parts)  # type: ignore[return-value]


def _number(digits: str) -> int:
    # Python refuses to convert more than 4300 digits; such a version only has to sort last.
    return int(digits) if len(digits) <= 4000 else 10**4000 + len(digits)


def next_free(version: str, taken: Iterable[str]) -> str:
    """The next version to publish instead of ``version`` when it is taken: the highest patch level, plus one.

    A version that is no semantic version gets ``.1``, ``.2`` … appended.
    """
    used = set(taken) | {version}
    match = _SEMVER.match(version)
    if match is None:
        number = 1
        while f"{version}.{number}" in used:
            number += 1
        return f"{version}.{number}"
    prefix = "v" if version.startswith("v") else ""
    major, minor, patch = (_number(match[i]) for i in (1, 2, 3))
    if match[4] and f"{prefix}{major}.{minor}.{patch}" not in used:
        return f"{prefix}{major}.{minor}.{patch}"
    for other in used:
        found = _SEMVER.match(other)
        if found and (_number(found[1]), _number(found[2])) == (major, minor):
            patch = max(patch, _number(found[3]))
    return f"{prefix}{major}.{minor}.{patch + 1}"
