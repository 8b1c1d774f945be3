"""Small edits to text files that leave every other line, the line endings and the last newline as they are."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path


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


def without(text: str, start: str, end: str) -> str:
    """``text`` without what stands between the two marks; an unclosed one takes the rest. Linear in time."""
    kept: list[str] = []
    at = 0
    while (begin := text.find(start, at)) >= 0:
        kept.append(text[at:begin])
        close = text.find(end, begin + len(start))
        if close < 0:
            return "".join(kept)
        at = close + len(end)
    return "".join([*kept, text[at:]])


def newline(text: str) -> str:
    """The line ending that the text uses at its first line."""
    end = text.find("\n")
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"


def insert_lines(text: str, index: int, new: list[str]) -> str:
    """``text`` with lines put before its line number ``index`` (from 0); at the end when there are fewer.

    A text without a last line ending keeps having none.
    """
    lines = text.splitlines(keepends=True)
    end = newline(text)
    if index < len(lines):
        return "".join([*lines[:index], *(line + end for line in new), *lines[index:]])
    if lines and not lines[-1].endswith(("\n", "\r")):
        return text + "".join(end + line for line in new)
    return text + "".join(line + end for line in new)


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
