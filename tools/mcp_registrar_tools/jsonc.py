"""Changing one value in a JSON file that a person wrote: comments, order, indentation and the rest stay as they are.

Understands what editors accept in their settings: comments, trailing commas, a byte-order mark, an empty file.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

_SPACE = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_SCALAR = re.compile(r"[^\s,\]}/]+")


class JsoncError(ValueError):
    """The text is not JSON with comments. ``line`` counts from 1."""

    def __init__(self, message: str, text: str, position: int) -> None:
        self.line = text.count("\n", 0, position) + 1
        super().__init__(f"{message} in line {self.line}")


def loads(text: str) -> Any:
    """The value of a JSON text with comments and trailing commas; None for an empty one. Raises `JsoncError`."""
    text = text.removeprefix("\ufeff")
    scan = _Scan(text)
    if scan.skip(0) == len(text):
        return None
    value, end = scan.value(scan.skip(0))
    if scan.skip(end) != len(text):
        raise JsoncError("unexpected text after the end", text, scan.skip(end))
    return value


def put(text: str, path: list[str | int], value: Any) -> str:
    """The text with ``value`` at ``path`` (names of nested objects, positions in arrays), replacing what was there.

    What is missing is added at the end; of arrays only existing elements can be replaced. Raises `JsoncError` when the
    text is no JSON or the path does not fit it.
    """
    loads(text)  # refuse what cannot be read as a whole
    mark, body = ("\ufeff", text[1:]) if text.startswith("\ufeff") else ("", text)
    if not body.strip() or loads(body) is None:
        return mark + body + json.dumps(_nest(path, value), indent=2, ensure_ascii=False) + "\n"
    newline = "\r\n" if "\r\n" in body else "\n"
    unit = _indent_unit(body)
    scan = _Scan(body)
    start = scan.skip(0)
    end = start
    for depth, name in enumerate(path):
        if isinstance(name, int):
            start, end = scan.element(start, name)
            continue
        if body[start : start + 1] != "{":
            raise JsoncError(f"{'.'.join(map(str, path[:depth])) or 'the file'} is not an object", body, start)
        members, close, last = scan.members(start)
        if name in members:
            start, end, _ = members[name]
            continue
        nested = _nest(path[depth + 1 :], value)
        return mark + _insert(body, start, close, last, name, nested, unit, newline)
    shown = _dump(value, unit, newline, _line_indent(body, start))
    return mark + body[:start] + shown + body[end:]


def _nest(path: list[str | int], value: Any) -> Any:
    for name in reversed(path):
        value = {str(name): value}
    return value


def _insert(body: str, start: int, close: int, last: int, name: str, value: Any, unit: str, newline: str) -> str:
    """A new member at the end of the object from ``start`` to ``close``; ``last`` is the end of its last member."""
    outer = _line_indent(body, start)
    inner = outer + unit
    member = f"{json.dumps(name, ensure_ascii=False)}: {_dump(value, unit, newline, inner)}"
    if last == 0:  # empty object, possibly with comments inside
        inside = body[start + 1 : close].rstrip()
        return f"{body[: start + 1]}{inside}{newline}{inner}{member}{newline}{outer}{body[close:]}"
    comma = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*.*?\*/)*,", re.DOTALL).match(body, last)
    if comma is None:
        body = body[:last] + "," + body[last:]
        close += 1
    tail = body[:close].rstrip()
    trailing = "," if comma else ""
    return f"{tail}{newline}{inner}{member}{trailing}{newline}{outer}{body[close:]}"


def _dump(value: Any, unit: str, newline: str, indent: str) -> str:
    text = json.dumps(value, indent=unit, ensure_ascii=False)
    return text.replace("\n", newline + indent)


def _indent_unit(body: str) -> str:
    found = re.search(r"^([ \t]+)\S", body, re.MULTILINE)
    return "\t" if found and found[1].startswith("\t") else found[1] if found and len(found[1]) <= 8 else "  "


def _line_indent(body: str, position: int) -> str:
    line = body.rfind("\n", 0, position) + 1
    found = re.match(r"[ \t]*", body[line:])
    return found[0] if found else ""


class _Member(NamedTuple):
    start: int
    end: int
    value: Any


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text

    def skip(self, position: int) -> int:
        """Past white space and comments."""
        found = _SPACE.match(self.text, position)
        return found.end() if found else position

    def string(self, position: int) -> tuple[str, int]:
        found = _STRING.match(self.text, position)
        if not found:
            raise JsoncError("a quoted name was expected", self.text, position)
        try:
            return str(json.loads(found[0])), found.end()
        except ValueError:
            raise JsoncError("a bad escape in a string", self.text, position) from None

    def value(self, position: int, depth: int = 0) -> tuple[Any, int]:
        if depth > 100:
            raise JsoncError("nested too deeply", self.text, position)
        head = self.text[position : position + 1]
        if head == "{":
            members, close, _ = self.members(position, depth)
            return {name: member.value for name, member in members.items()}, close + 1
        if head == "[":
            return self._array(position, depth)
        if head == '"':
            return self.string(position)
        found = _SCALAR.match(self.text, position)
        if not found:
            raise JsoncError("a value was expected", self.text, position)
        try:
            return json.loads(found[0]), found.end()
        except ValueError:
            raise JsoncError(f"{found[0][:20]!r} is no JSON value", self.text, position) from None

    def _array(self, position: int, depth: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        at = self.skip(position + 1)
        while self.text[at : at + 1] != "]":
            item, at = self.value(at, depth + 1)
            items.append(item)
            at = self._after(at, "]")
        return items, at + 1

    def element(self, position: int, index: int) -> tuple[int, int]:
        """Where an element of an array starts and ends."""
        at = self.skip(position + 1) if self.text[position : position + 1] == "[" else -1
        while at >= 0 and self.text[at : at + 1] != "]":
            _, end = self.value(at)
            if index == 0:
                return at, end
            index -= 1
            at = self._after(end, "]")
        raise JsoncError("no such element", self.text, position)

    def members(self, position: int, depth: int = 0) -> tuple[dict[str, _Member], int, int]:
        """Each member, where the closing brace stands, where the last value ends (0 when there is none)."""
        found: dict[str, _Member] = {}
        last = 0
        at = self.skip(position + 1)
        while self.text[at : at + 1] != "}":
            name, at = self.string(at)
            at = self.skip(at)
            if self.text[at : at + 1] != ":":
                raise JsoncError("a colon was expected", self.text, at)
            start = self.skip(at + 1)
            value, last = self.value(start, depth + 1)
            found[name] = _Member(start, last, value)
            at = self._after(last, "}")
        return found, at, last

    def _after(self, position: int, close: str) -> int:
        """Past the comma behind a member; stays on the closing bracket."""
        at = self.skip(position)
        head = self.text[at : at + 1]
        if head == ",":
            return self.skip(at + 1)
        if head != close:
            raise JsoncError(f"a comma or {close!r} was expected", self.text, at)
        return at
