"""Checking a document against one of our schemas, with the registry's words.

The registry uses a Go library (santhosh-tekuri/jsonschema, version 5) whose nested errors it flattens.
`accepts` is a compiled yes or no, `errors` the library's tree of reasons, made only for a document that was
refused. Only the keywords that our schemas use are known; an unknown one is an error when the schema is
compiled, not ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from mcp_registrar_tools.manifest import gourl, schemas
from mcp_registrar_tools.manifest.body import Path, dotted
from mcp_registrar_tools.manifest.gotext import quote

Json = dict[str, Any]
Test = Callable[[Any], bool]

_ANNOTATIONS = {"$schema", "$id", "title", "description", "definitions"}
_TYPES: dict[str, type | tuple[type, ...]] = {"string": str, "boolean": bool, "object": dict, "array": list}


@dataclass(slots=True)
class SchemaError:
    """A failed keyword. ``keyword`` and ``absolute`` are JSON pointers (through ``$ref``, and to the
    definition).

    One with ``causes`` only groups them: the registry lists the leaves.
    """

    keyword: str
    absolute: str
    at: Path
    message: str
    causes: list[SchemaError] = field(default_factory=list)

    def leaves(self) -> list[SchemaError]:
        """The reasons themselves, in order."""
        if not self.causes:
            return [self]
        return [leaf for cause in self.causes for leaf in cause.leaves()]

    def everything(self) -> list[SchemaError]:
        """This node and all below it."""
        return [self, *(node for cause in self.causes for node in cause.everything())]


def accepts(version: str, document: Any) -> bool:
    """Whether the schema of this date accepts the document (draft-07, formats asserted)."""
    return _compiled(version)(document)


def errors(version: str, document: Any, limit: int = 1_000_000) -> SchemaError | None:
    """Why the schema of this date refuses the document, None when it accepts it.

    After ``limit`` reasons the rest of the document is not looked at.
    """
    if accepts(version, document):
        return None
    root = schemas.shared(version)
    found = _Explain(root, limit).check(root, document, (), "", "#")
    if found is None:
        return None
    return SchemaError("", "#", (), "doesn't validate", _flatten([found]))


def pointer_path(pointer: str) -> str:
    """A JSON pointer in the registry's notation: ``/packages/0/transport`` -> ``packages[0].transport``."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.removeprefix("/").split("/")]
    path: Path = tuple(int(part) if part.isascii() and part.isdigit() else part for part in parts if part)
    return dotted(path)


def reference(root: Json, keyword: str, absolute: str) -> str:
    """The ``reference`` of an issue: the absolute location, then the way there with each ``$ref`` as its
    target.

    ``#/definitions/Repository/properties/url/format from:
    [#/definitions/ServerDetail]/properties/repository/…``
    """
    if not keyword or not absolute:
        return ""
    absolute = "#" + absolute.partition("#")[2] if "#" in absolute else absolute
    shown: list[str] = []
    where = ""
    for part in keyword.strip("/").split("/"):
        if part != "$ref":
            shown.append(part)
            where += f"/{part}"
            continue
        target = _at(root, where)
        ref = target.get("$ref") if isinstance(target, dict) else None
        shown.append(f"[{ref}]" if isinstance(ref, str) else "[$ref]")
        if isinstance(ref, str):
            where = ref.removeprefix("#")
    return f"{absolute} from: {'/'.join(shown)}"


def _at(root: Any, pointer: str) -> Any:
    for part in pointer.strip("/").split("/") if pointer else []:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(root, dict):
            root = root.get(key)
        elif isinstance(root, list) and key.isdigit() and int(key) < len(root):
            root = root[int(key)]
        else:
            return None
    return root


def go_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern as Go's regexp means it: ``$`` is the very end, ``\\s`` and ``\\d`` are ASCII."""
    translated = re.sub(r"\\s", r"\\t\\n\\f\\r ", pattern)
    if translated.endswith("$"):
        translated = translated[:-1] + r"\Z"
    return re.compile(translated, re.ASCII)


# --- yes or no
# -------------------------------------------------------------------------------------------------


@cache
def _compiled(version: str) -> Test:
    return _Compile(schemas.shared(version)).test(schemas.shared(version))


class _Compile:
    """Turns a schema into nested functions. Definitions are compiled once and may not be recursive."""

    def __init__(self, root: Json) -> None:
        self.root = root
        self.refs: dict[str, Test] = {}

    def test(self, schema: Json) -> Test:
        if "$ref" in schema:  # draft-07: whatever stands beside a $ref is ignored
            ref = schema["$ref"]
            if ref not in self.refs:
                self.refs[ref] = self.test(_at(self.root, ref.removeprefix("#")))
            return self.refs[ref]
        tests = [
            made
            for key, value in schema.items()
            if key not in _ANNOTATIONS and (made := self.keyword(key, value, schema)) is not None
        ]
        if len(tests) == 1:
            return tests[0]

        def all_of(value: Any) -> bool:
            for test in tests:  # noqa: SIM110 - a plain loop is what makes this quick
                if not test(value):
                    return False
            return True

        return all_of

    def keyword(self, key: str, value: Any, schema: Json) -> Test | None:
        made = getattr(self, "do_" + key.strip("$"), None)
        if made is None:
            raise ValueError(f"keyword {key} is not known")
        result: Test | None = made(value, schema)
        return result

    def do_type(self, value: str, _: Json) -> Test:
        wanted = _TYPES[value]
        return lambda v: isinstance(v, wanted)

    def do_enum(self, value: list[str], _: Json) -> Test:
        words = frozenset(value)
        return lambda v: not isinstance(v, str) or v in words

    def do_const(self, value: str, _: Json) -> Test:
        return lambda v: type(v) is str and v == value

    def do_not(self, value: Json, _: Json) -> Test:
        test = self.test(value)
        return lambda v: not test(v)

    def do_minLength(self, value: int, _: Json) -> Test:
        return lambda v: not isinstance(v, str) or len(v) >= value

    def do_maxLength(self, value: int, _: Json) -> Test:
        return lambda v: not isinstance(v, str) or len(v) <= value

    def do_pattern(self, value: str, _: Json) -> Test:
        search = go_pattern(value).search
        return lambda v: not isinstance(v, str) or search(v) is not None

    def do_format(self, value: str, _: Json) -> Test:
        if value != "uri":
            raise ValueError(f"format {value} is not known")
        return lambda v: not isinstance(v, str) or gourl.is_absolute(v)

    def do_required(self, value: list[str], _: Json) -> Test:
        names = frozenset(value)
        return lambda v: not isinstance(v, dict) or names <= v.keys()

    def do_properties(self, value: Json, _: Json) -> Test:
        tests = {name: self.test(inner) for name, inner in value.items()}

        def properties(v: Any) -> bool:
            if isinstance(v, dict):
                for name, inner in v.items():
                    test = tests.get(name)
                    if test is not None and not test(inner):
                        return False
            return True

        return properties

    def do_additionalProperties(self, value: Any, schema: Json) -> Test | None:
        if value is True:
            return None
        known = frozenset(schema.get("properties", ()))
        if value is False:
            return lambda v: not isinstance(v, dict) or v.keys() <= known
        test = self.test(value)
        return lambda v: not isinstance(v, dict) or all(test(x) for k, x in v.items() if k not in known)

    def do_items(self, value: Json, _: Json) -> Test:
        test = self.test(value)
        return lambda v: not isinstance(v, list) or all(map(test, v))

    def do_anyOf(self, value: list[Json], _: Json) -> Test:
        tests = [self.test(inner) for inner in value]
        return lambda v: any(test(v) for test in tests)

    def do_allOf(self, value: list[Json], _: Json) -> Test:
        tests = [self.test(inner) for inner in value]
        return lambda v: all(test(v) for test in tests)


# --- the reasons
# -----------------------------------------------------------------------------------------------


def _go_type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _quoted(text: str) -> str:
    """The library's own quoting: single quotes, inner ones escaped."""
    return "'" + quote(text)[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"


def _flatten(found: list[SchemaError]) -> list[SchemaError]:
    if len(found) == 1 and not found[0].message:
        return found[0].causes
    return found


class _Explain:
    """The library's order of keywords: type first and alone, then const, enum, format, content, refs,
    combiners.
    """

    def __init__(self, root: Json, limit: int) -> None:
        self.root = root
        self.left = limit

    def check(self, schema: Json, value: Any, at: Path, keyword: str, absolute: str) -> SchemaError | None:
        def error(word: str, message: str, causes: list[SchemaError] | None = None) -> SchemaError:
            tail = f"/{word}" if word else ""
            self.left -= 1
            return SchemaError(keyword + tail, absolute + tail, at, message, causes or [])

        if "$ref" in schema:
            ref = schema["$ref"]
            inner = self.check(_at(self.root, ref.removeprefix("#")), value, at, f"{keyword}/$ref", ref)
            return inner and error("$ref", f"doesn't validate with {_quoted(ref)}", _flatten([inner]))
        wanted = schema.get("type")
        if wanted and not isinstance(value, _TYPES[wanted]):
            return error("type", f"expected {wanted}, but got {_go_type(value)}")
        found: list[SchemaError] = []
        if "const" in schema and not (type(value) is str and value == schema["const"]):
            found.append(error("const", f"value must be {quote(schema['const'])}"))
        if isinstance(value, str):
            found += self.text(schema, value, error)
        elif isinstance(value, dict):
            found += self.mapping(schema, value, at, keyword, absolute, error)
        elif isinstance(value, list) and "items" in schema:
            for i, item in enumerate(value):
                if self.left < 0:
                    break
                below = self.check(schema["items"], item, (*at, i), f"{keyword}/items", f"{absolute}/items")
                if below:
                    found.append(below)
        if "not" in schema and not self.check(schema["not"], value, at, f"{keyword}/not", f"{absolute}/not"):
            found.append(error("not", "not failed"))
        for i, part in enumerate(schema.get("allOf", ())):
            word = f"allOf/{i}"
            below = self.check(part, value, at, f"{keyword}/{word}", f"{absolute}/{word}")
            if below:
                found.append(error(word, "allOf failed", [below]))
        if "anyOf" in schema:
            branches = [
                self.check(part, value, at, f"{keyword}/anyOf/{i}", f"{absolute}/anyOf/{i}")
                for i, part in enumerate(schema["anyOf"])
            ]
            if all(branches):
                found.append(error("anyOf", "anyOf failed", [b for b in branches if b]))
        if len(found) > 1:
            return error("", "", found)
        return found[0] if found else None

    def text(self, schema: Json, value: str, error: Callable[..., SchemaError]) -> list[SchemaError]:
        found = []
        words = schema.get("enum")
        if words and value not in words:
            shown = ", ".join(quote(word) for word in words)
            found.append(error("enum", f"value must be {'one of ' if len(words) > 1 else ''}{shown}"))
        if schema.get("format") == "uri" and not gourl.is_absolute(value):
            found.append(error("format", f"{_quoted(value)} is not valid 'uri'"))
        if len(value) < schema.get("minLength", 0):
            found.append(error("minLength", f"length must be >= {schema['minLength']}, but got {len(value)}"))
        if len(value) > schema.get("maxLength", len(value)):
            found.append(error("maxLength", f"length must be <= {schema['maxLength']}, but got {len(value)}"))
        pattern = schema.get("pattern")
        if pattern and not go_pattern(pattern).search(value):
            found.append(error("pattern", f"does not match pattern {_quoted(pattern)}"))
        return found

    def mapping(
        self,
        schema: Json,
        value: Json,
        at: Path,
        keyword: str,
        absolute: str,
        error: Callable[..., SchemaError],
    ) -> list[SchemaError]:
        found = []
        missing = [_quoted(name) for name in schema.get("required", ()) if name not in value]
        if missing:
            found.append(error("required", f"missing properties: {', '.join(missing)}"))
        properties = schema.get("properties", {})
        for name, inner in properties.items():
            if name in value:
                word = "properties/" + name.replace("~", "~0").replace("/", "~1")
                below = self.check(inner, value[name], (*at, name), f"{keyword}/{word}", f"{absolute}/{word}")
                if below:
                    found.append(below)
        more = schema.get("additionalProperties", True)
        extra = [name for name in value if name not in properties] if more is not True else []
        if more is False and extra:
            shown = ", ".join(_quoted(name) for name in extra)
            found.append(error("additionalProperties", f"additionalProperties {shown} not allowed"))
        elif extra:
            word = "additionalProperties"
            for name in extra:
                below = self.check(more, value[name], (*at, name), f"{keyword}/{word}", f"{absolute}/{word}")
                if below:
                    found.append(below)
        return found
