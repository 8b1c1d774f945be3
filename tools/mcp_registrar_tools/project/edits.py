"""Small edits to text files that leave every other line, the line endings and the last newline as they are."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Edit:
    """A file's new content. ``before`` is None for a new file."""

    path: Path
    before: bytes | None
    after: bytes

    def diff(self, shown: str) -> str:
        """A unified diff with two lines of context; ``shown`` is the path to print."""
        old = (self.before or b"").decode("utf-8", "replace").splitlines()
        new = self.after.decode("utf-8", "replace").splitlines()
        start = "/dev/null" if self.before is None else f"a/{shown}"
        return "\n".join(difflib.unified_diff(old, new, start, f"b/{shown}", lineterm="", n=2))


@dataclass(frozen=True)
class Member:
    """Where a member of a JSON object stands in its text; ends are exclusive."""

    key_start: int
    value_start: int
    value_end: int


def newline(text: str) -> str:
    """The line ending that the text uses at its first line."""
    end = text.find("\n")
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"


def json_members(text: str) -> dict[str, Member]:
    """The members of the object that is the whole text. Raises ValueError when it is none."""
    decoder = json.JSONDecoder()
    space = re.compile(r"[\s\ufeff]*")

    def skip(index: int) -> int:
        found = space.match(text, index)
        return found.end() if found else index

    at = skip(0)
    if text[at : at + 1] != "{":
        raise ValueError("not a JSON object")
    at = skip(at + 1)
    members: dict[str, Member] = {}
    while text[at : at + 1] != "}":
        key, end = decoder.raw_decode(text, at)
        colon = skip(end)
        if not isinstance(key, str) or text[colon : colon + 1] != ":":
            raise ValueError("not a JSON object")
        start = skip(colon + 1)
        _, value_end = decoder.raw_decode(text, start)
        members[key] = Member(at, start, value_end)
        at = skip(value_end)
        if text[at : at + 1] == ",":
            at = skip(at + 1)
    return members


def set_json_member(text: str, key: str, value: Any, *, after: tuple[str, ...] = (), indent: str = "  ") -> str:
    """``text`` with the top-level member ``key`` set: replaced in place, or put behind the first of ``after`` there.

    Indentation and separators follow the neighbour; ``indent`` is the unit for a value of several lines. Raises
    ValueError when the text is no JSON object.
    """
    members = json_members(text)
    written = json.dumps(value, ensure_ascii=False)
    if isinstance(value, (dict, list)) and "\n" in text:
        written = json.dumps(value, ensure_ascii=False, indent=indent).replace("\n", newline(text) + indent)
    if key in members:
        spot = members[key]
        return text[: spot.value_start] + written + text[spot.value_end :]
    neighbour = next((members[name] for name in after if name in members), None)
    if neighbour is None:
        if not members:
            return re.sub(r"\{\s*\}", lambda _: "{ " + f"{json.dumps(key)}: {written}" + " }", text, count=1)
        neighbour = list(members.values())[-1]
    lead = re.search(r"[\s]*$", text[: neighbour.key_start])
    between = lead[0] if lead else ""
    colon = text[neighbour.key_start : neighbour.value_start].partition(":")[2]
    member = f",{between}{json.dumps(key)}:{colon}{written}"
    return text[: neighbour.value_end] + member + text[neighbour.value_end :]


def insert_line(text: str, index: int, line: str) -> str:
    """``text`` with ``line`` put before its line number ``index`` (from 0); at the end when there are fewer lines."""
    lines = text.splitlines(keepends=True)
    end = newline(text)
    if index < len(lines):
        lines.insert(index, line + end)
        return "".join(lines)
    if lines and not lines[-1].endswith(("\n", "\r")):
        return text + end + line  # the file had no last newline and keeps having none
    return text + line + end


def edit_text(path: Path, before: bytes, after: str) -> Edit | None:
    """An `Edit` of a UTF-8 file from its new text, None when nothing changed. A byte-order mark stays."""
    data = after.encode("utf-8")
    if before.startswith(b"\xef\xbb\xbf") and not data.startswith(b"\xef\xbb\xbf"):
        data = b"\xef\xbb\xbf" + data
    return None if data == before else Edit(path, before, data)


def read_exact(path: Path) -> tuple[bytes, str]:
    """Bytes and text without changing line endings. Raises OSError or UnicodeDecodeError."""
    data = path.read_bytes()
    return data, data.decode("utf-8-sig")
