"""The text of a manifest: reading it with everything Go's decoder would object to, finding places in it,
changing it without disturbing the rest.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

from mcp_registrar_tools.manifest.body import Path
from mcp_registrar_tools.manifest.schemas import SNAKE_CASE

_TOKEN = re.compile(r'[{}\[\]]|"(?:[^"\\]|\\.)*"|[^\s{}\[\],:"]+')
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class TextProblem:
    """Something about the text that the document no longer shows. ``line`` and ``column`` count from 1."""

    code: str
    message: str
    hint: str
    line: int
    column: int
    fatal: bool = False
    at: Path = ()


@dataclass(slots=True)
class Node:
    """A value's place in the text: ``[start, end)``, and its members in order (a list's have no key)."""

    start: int
    end: int = 0
    members: list[Member] = field(default_factory=list)
    _index: dict[str | int, Member] | None = None

    def member(self, key: str | int) -> Member | None:
        """The member of this key; of one that appears twice the last, as when reading."""
        if self._index is None:
            self._index = {member.key: member for member in self.members}
        return self._index.get(key)


@dataclass(slots=True)
class Member:
    """A member of an object or list; ``start`` is where its key (or value) begins."""

    key: str | int
    start: int
    node: Node


class Source:
    """A manifest's text and what was read from it.

    ``document`` is None when there is none (then one of ``problems`` is fatal). ``text`` is without a
    byte-order mark.
    """

    def __init__(self, text: str) -> None:
        self.problems: list[TextProblem] = []
        self.document: Any = None
        self._tree: Node | None = None
        self._lines: list[int] | None = None
        self.text = text.removeprefix("\ufeff")
        if self.text is not text and len(self.text) != len(text):
            self._add(
                "byte-order-mark",
                "the file begins with a byte-order mark, which the registry's decoder refuses",
                "save it as UTF-8 without a byte-order mark",
                0,
            )
        self._read()

    def _add(self, code: str, message: str, hint: str, offset: int, fatal: bool = False, at: Path = ()) -> None:
        line, column = self.position(offset)
        self.problems.append(TextProblem(code, message, hint, line, column, fatal, at))

    def _read(self) -> None:
        duplicates = False

        def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            nonlocal duplicates
            made = dict(pairs)
            if len(made) != len(pairs):
                duplicates = True
            return made

        try:
            self.document = json.loads(
                self.text, object_pairs_hook=members, parse_constant=_constant, parse_float=_float
            )
        except json.JSONDecodeError as error:
            message, hint = _syntax(self.text, error)
            self._add("json-syntax", message, hint, error.pos, fatal=True)
            return
        except RecursionError:
            self._add("json-too-deep", "the document is nested too deeply", "flatten it", 0, fatal=True)
            return
        except ValueError as error:
            self._add("json-number", str(error)[:200], "write a number that fits", 0, fatal=True)
            return
        if too_deep(self.document):
            self.document = None
            self._add("json-too-deep", "the document is nested too deeply", "flatten it", 0, fatal=True)
            return
        if "\\u" in self.text or not self.text.isascii():
            self._surrogates()
        if duplicates:
            self._duplicates()
        if not isinstance(self.document, dict):
            kind = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}.get(
                type(self.document), "a number"
            )
            self._add(
                "not-an-object",
                f"the document is {kind}, not an object",
                'a server.json is one object: {"$schema": …, "name": …}',
                0,
                fatal=True,
            )

    def _surrogates(self) -> None:
        clean = without_surrogates(self.document)
        if clean is not self.document:
            self._add(
                "lone-surrogate",
                "a \\u escape is half of a surrogate pair; the registry stores U+FFFD instead",
                "write the character itself",
                max(self.text.lower().find("\\ud"), 0),
            )
            self.document = clean

    def _duplicates(self) -> None:
        todo: list[tuple[Path, Node]] = [((), self.tree)]
        while todo:
            at, node = todo.pop()
            seen: set[str | int] = set()
            for member in node.members:
                if member.key in seen:
                    self._add(
                        "duplicate-key",
                        f'"{str(member.key)[:100]}" appears twice in one object; only the last one counts',
                        "remove one of them",
                        member.start,
                        at=(*at, member.key),
                    )
                seen.add(member.key)
                if member.node.members:
                    todo.append(((*at, member.key), member.node))

    # Places
    # ------------------------------------------------------------------------------------------------

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column (in characters), both from 1."""
        if self._lines is None:
            self._lines = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", self.text))]
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    @property
    def tree(self) -> Node:
        """Where every value is. The text must have been readable."""
        if self._tree is None:
            self._tree = _scan(self.text)
        return self._tree

    def find(self, at: Path) -> tuple[int, int]:
        """Line and column of a member's key (a list item's value); of the nearest parent when it is not there."""
        node, offset = self.tree, self.tree.start
        for part in at:
            member = node.member(part)
            if member is None and isinstance(part, str) and part in SNAKE_CASE:
                member = node.member(SNAKE_CASE[part])
            if member is None:
                break
            node, offset = member.node, member.start
        return self.position(offset)

    # Changes
    # -----------------------------------------------------------------------------------------------

    @property
    def newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    @property
    def indent(self) -> str:
        """One step of indentation, as this file does it; two spaces when it shows none."""
        found = re.search(r'^([ \t]+)"', self.text, re.MULTILINE)
        return found[1] if found else "  "

    def rewrite(self, document: Any) -> str:
        """The text with this document in it: what did not change stays byte for byte as it was.

        A key that took another's place in an object counts as renamed.
        """
        tree = self.tree
        changed = _Writer(self).value(tree, self.document, document, 0)
        return self.text[: tree.start] + changed + self.text[tree.end :]


def without_surrogates(document: Any, dumped: str = "") -> Any:
    """The document with U+FFFD for halves of surrogate pairs, as Go reads it; itself when it has none.

    ``dumped`` is its JSON in ASCII, where that is at hand.
    """
    if dumped and "\\ud" not in dumped:
        return document
    plain = json.dumps(document, ensure_ascii=False)
    return json.loads(_SURROGATE.sub("\ufffd", plain)) if _SURROGATE.search(plain) else document


DEPTH_LIMIT = 200
"""Levels of nesting that are read; a server.json has about eight."""


def too_deep(document: Any) -> bool:
    """Whether a document is nested more deeply than `DEPTH_LIMIT`; never recursive itself."""
    level = [document]
    for _ in range(DEPTH_LIMIT):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def dump(document: Any, indent: str = "  ", newline: str = "\n") -> str:
    """A document as we write a new file."""
    return json.dumps(document, indent=indent, ensure_ascii=False).replace("\n", newline) + newline


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:40]} does not fit into 64 bits")
    return number


_HINTS = (
    (re.compile(r"\s*(//|/\*|#)"), "JSON has no comments: remove it"),
    (re.compile(r"\s*'"), "strings stand in double quotes"),
    (re.compile(r"\s*[A-Za-z_]\w*\s*:"), "keys stand in double quotes"),
    (re.compile(r"\s*(True|False|None)\b"), "write true, false or null in lower case"),
    (re.compile(r"\s*[}\]]"), "remove the comma before it"),
    (re.compile(r"\s*\Z"), "the text ends too early: close every brace, bracket and quote"),
    (re.compile(r"<{7}|={7}|>{7}", re.MULTILINE), "resolve the merge conflict"),
)


def _syntax(text: str, error: json.JSONDecodeError) -> tuple[str, str]:
    if not text.strip():
        return "the file is empty", "write a server.json into it, for example with init_manifest"
    if "trailing comma" in error.msg:  # Python 3.13 and later see it themselves
        return f"not JSON: {error.msg}", "remove the comma before it"
    hint = "correct the JSON here"
    before = text[: error.pos].rstrip()
    for pattern, advice in _HINTS:
        if pattern.match(text, error.pos) and (advice != _HINTS[4][1] or before.endswith(",")):
            hint = advice
            break
    else:
        if before.endswith(",") and text[error.pos : error.pos + 1] in "}]":
            hint = "remove the comma before it"
        elif error.msg.startswith("Expecting ',' delimiter"):
            hint = "put a comma (or the closing bracket) before it"
        elif error.msg.startswith("Invalid control character"):
            hint = "write a line break in a string as \\n"
    return f"not JSON: {error.msg}", hint


def _scan(text: str) -> Node:
    """The tree of a text that is known to be JSON. Not recursive: the depth of the text is not ours to trust."""
    root = Node(0)
    stack: list[Node] = []
    pending: tuple[str, int] | None = None
    objects: list[bool] = []
    for token in _TOKEN.finditer(text):
        first, start, end = token[0][0], token.start(), token.end()
        if first in "}]":
            node = stack.pop()
            node.end = end
            objects.pop()
            continue
        if first == '"' and objects and objects[-1] and pending is None:
            raw = token[0]
            pending = (json.loads(raw) if "\\" in raw else raw[1:-1], start)
            continue
        node = Node(start, end)
        if not stack:
            root = node
        elif objects[-1] and pending is not None:
            stack[-1].members.append(Member(pending[0], pending[1], node))
            pending = None
        else:
            parent = stack[-1]
            parent.members.append(Member(len(parent.members), start, node))
        if first in "{[":
            stack.append(node)
            objects.append(first == "{")
    return root


class _Writer:
    """Puts a changed document into the old text."""

    def __init__(self, source: Source) -> None:
        self.text = source.text
        self.newline = source.newline
        self.indent = source.indent

    def value(self, node: Node, old: Any, new: Any, depth: int) -> str:
        if type(old) is type(new) and old == new and not _mixes_types(old, new):
            return self.text[node.start : node.end]
        if isinstance(old, dict) and isinstance(new, dict) and node.members:
            return self._object(node, old, new, depth)
        if isinstance(old, list) and isinstance(new, list) and node.members:
            return self._list(node, old, new, depth)
        return self._new(new, depth, inline=False)

    def _object(self, node: Node, old: dict[str, Any], new: dict[str, Any], depth: int) -> str:
        members = {m.key: m for m in node.members}  # of a key that appears twice, the last, as when reading
        order = [str(m.key) for m in node.members]
        gone = [key for key in order if key not in new]
        multiline = "\n" in self.text[node.start : node.members[0].start]
        parts: list[tuple[str | None, str]] = []
        old_keys = list(old)
        for index, (key, value) in enumerate(new.items()):
            was = key if key in members else None
            if was is None and index < len(old_keys) and old_keys[index] in gone and _alike(old, new, index):
                was = old_keys[index]
            if was is None:
                parts.append((None, self._member(key, self._new(value, depth + 1, inline=not multiline))))
                continue
            member = members[was]
            name = self.text[member.start : member.node.start]
            if was != key:
                quoted = re.match(r'"(?:[^"\\]|\\.)*"', name)
                name = json.dumps(key, ensure_ascii=False) + name[quoted.end() if quoted else 0 :]
            parts.append((was, name + self.value(member.node, old[was], value, depth + 1)))
        return self._join(node, parts, order)

    def _list(self, node: Node, old: list[Any], new: list[Any], depth: int) -> str:
        multiline = "\n" in self.text[node.start : node.members[0].start]
        parts: list[tuple[str | None, str]] = []
        for was, value in _paired(old, new):
            if was is None:
                parts.append((None, self._new(value, depth + 1, inline=not multiline)))
            else:
                parts.append((str(was), self.value(node.members[was].node, old[was], value, depth + 1)))
        return self._join(node, parts, [str(i) for i in range(len(old))])

    def _join(self, node: Node, parts: list[tuple[str | None, str]], order: list[str]) -> str:
        opening, closing = self.text[node.start], self.text[node.end - 1]
        if not parts:
            return opening + closing
        lead = self.text[node.start + 1 : node.members[0].start]
        tail = self.text[node.members[-1].node.end : node.end - 1]
        before = {  # what stands before each member that had one before it
            order[i]: self.text[node.members[i - 1].node.end : node.members[i].start] for i in range(1, len(order))
        }
        usual = next(iter(before.values()), "," + (lead or (" " if not tail else lead)))
        text = opening + lead + parts[0][1]
        for was, part in parts[1:]:
            text += (before.get(was, usual) if was else usual) + part
        return text + tail + closing

    def _member(self, key: str, value: str) -> str:
        return f"{json.dumps(key, ensure_ascii=False)}: {value}"

    def _new(self, value: Any, depth: int, *, inline: bool) -> str:
        if inline or not isinstance(value, dict | list):
            return json.dumps(value, ensure_ascii=False)
        dumped = json.dumps(value, ensure_ascii=False, indent=self.indent)
        return dumped.replace("\n", self.newline + self.indent * depth)


_PAIRS_LIMIT = 250_000
"""Old times new items up to which equals are looked for; beyond, each item continues the one in its place."""


def _paired(old: list[Any], new: list[Any]) -> list[tuple[int | None, Any]]:
    """Each new item with the index of the old one that it continues (None when it is new): its equal, else the one
    between the same equals that has the same name.
    """
    if len(old) * len(new) > _PAIRS_LIMIT:
        return [(index if index < len(old) else None, value) for index, value in enumerate(new)]
    from difflib import SequenceMatcher

    before, after = [json.dumps(item) for item in old], [json.dumps(item) for item in new]
    pairs: list[tuple[int | None, Any]] = []
    for _, start, end, at, to in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        left = list(range(start, end))
        for index in range(at, to):
            was = next((one for one in left if _continues(old[one], new[index])), None)
            if was is None and len(left) >= to - index:
                was = left[0]
            left = [one for one in left if was is None or one > was]
            pairs.append((was, new[index]))
    return pairs


def _continues(old: Any, new: Any) -> bool:
    """Whether the new value may be the old one changed: objects that share what names them."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return type(old) is type(new)
    for key in ("name", "identifier", "url", "registryType"):
        if key in old and key in new:
            return bool(old[key] == new[key])
    return True


def _mixes_types(old: Any, new: Any) -> bool:
    """1 == True == 1.0 in Python, not in JSON."""
    return json.dumps(old) != json.dumps(new)


def _alike(old: dict[str, Any], new: dict[str, Any], index: int) -> bool:
    """Whether the key at this index was renamed rather than replaced: the value is of the same type."""
    return type(list(old.values())[index]) is type(list(new.values())[index])
