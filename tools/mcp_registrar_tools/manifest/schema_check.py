"""Checking a document against one of our schemas with `jsonschema`, and saying why not in the registry's words.

The registry uses a Go library (santhosh-tekuri/jsonschema, version 5). The verdict is `jsonschema`'s, told what Go
means by a pattern and by a URI; its errors are then put into the Go library's order, places and sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from mcp_registrar_tools.manifest import gourl, schemas
from mcp_registrar_tools.manifest.body import Path
from mcp_registrar_tools.manifest.gotext import quote

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

Json = dict[str, Any]


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
    """Whether the schema of this date accepts the document."""
    return _validator(version).is_valid(document)


def errors(version: str, document: Any, limit: int = 1_000_000) -> SchemaError | None:
    """Why the schema of this date refuses the document, None when it accepts it.

    After ``limit`` reasons the rest of the document is not looked at.
    """
    found = list(islice(_unrepeated(_validator(version).iter_errors(document)), limit))
    return SchemaError("", "#", (), "doesn't validate", _tree(schemas.shared(version), found)) if found else None


def _unrepeated(found: Iterator[ValidationError]) -> Iterator[ValidationError]:
    """`jsonschema` tells each missing property by itself, the registry all of an object in one sentence."""
    seen: set[tuple[int, Path]] = set()
    for error in found:
        if error.validator == "required":
            key = (id(error.validator_value), tuple(error.absolute_path))
            if key in seen:
                continue
            seen.add(key)
        yield error


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


@cache
def _validator(version: str) -> Validator:
    """The compiled schema of this date: draft-07, formats asserted, patterns as Go reads them."""
    from jsonschema import Draft7Validator, FormatChecker, ValidationError
    from jsonschema.validators import extend

    formats = FormatChecker(formats=())
    formats.checks("uri")(lambda value: not isinstance(value, str) or gourl.is_absolute(value))

    def pattern(_: Validator, wanted: str, value: Any, __: Json) -> Iterator[ValidationError]:
        if isinstance(value, str) and not go_pattern(wanted).search(value):
            yield ValidationError(f"does not match {wanted}")

    made: type[Validator] = extend(Draft7Validator, {"pattern": pattern})  # type: ignore[no-untyped-call]
    return made(schemas.shared(version), format_checker=formats)


@cache
def go_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern as Go's regexp means it: ``$`` is the very end, ``\\s`` and ``\\d`` are ASCII."""
    translated = re.sub(r"\\s", r"\\t\\n\\f\\r ", pattern)
    if translated.endswith("$"):
        translated = translated[:-1] + r"\Z"
    return re.compile(translated, re.ASCII)


# The Go library's order of keywords in one schema. A wrong type is told first and alone.
_ORDER = (
    *("type", "const", "enum", "format", "minLength", "maxLength", "pattern"),
    *("required", "properties", "additionalProperties", "items", "not", "allOf", "anyOf"),
)
_RANK = {keyword: rank for rank, keyword in enumerate(_ORDER)}
Order = tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _Place:
    """Where an error of `jsonschema` stands, in the Go library's terms."""

    keyword: str
    absolute: str
    order: Order
    schema: Json


def _place(root: Json, error: ValidationError) -> _Place:
    """Walk from the root along the error's schema path; `jsonschema` leaves the ``$ref`` steps out of it."""
    steps, at = list(error.absolute_schema_path), list(error.absolute_path)
    schema: Any = root
    keyword, absolute, order = "", "#", []
    while steps:
        while "$ref" in schema:  # draft-07: whatever stands beside a $ref is ignored
            absolute = schema["$ref"]
            schema = _at(root, absolute.removeprefix("#"))
            keyword += "/$ref"
        step = str(steps.pop(0))
        keyword += f"/{step}"
        absolute += f"/{step}"
        number = 0
        inner = schema.get(step)
        if step in ("items", "additionalProperties") and steps:
            key = at.pop(0)
            number = key if isinstance(key, int) else 0
        elif step in ("properties", "anyOf", "allOf") and steps:
            name = steps.pop(0)
            if step == "properties":
                at.pop(0)
                number = list(inner).index(name)
            else:
                number = int(name)
            inner = inner[name]
            part = str(name).replace("~", "~0").replace("/", "~1")
            keyword += f"/{part}"
            absolute += f"/{part}"
        order.append((_RANK[step], number))
        if steps:
            schema = inner
    return _Place(keyword, absolute, tuple(order), schema)


def _tree(root: Json, found: Iterable[ValidationError]) -> list[SchemaError]:
    """The errors as the Go library would list them: ordered, and nothing beside a wrong type."""
    placed = [(_place(root, error), error) for error in found]
    wrong = {_value(error) for _, error in placed if error.validator == "type"}
    placed = [(place, error) for place, error in placed if error.validator == "type" or _value(error) not in wrong]
    placed.sort(key=lambda pair: pair[0].order)
    return [_error(root, place, error) for place, error in placed]


def _value(error: ValidationError) -> tuple[Path, int]:
    """The value an error speaks of, and the schema it was held against."""
    return tuple(error.absolute_path), id(error.schema)


def _error(root: Json, place: _Place, error: ValidationError) -> SchemaError:
    at: Path = tuple(error.absolute_path)
    causes: list[SchemaError] = []
    if error.validator == "anyOf":
        branches: dict[int, list[ValidationError]] = {}
        for inner in error.context or ():
            branches.setdefault(int(inner.relative_schema_path[0]), []).append(inner)
        for number in sorted(branches):
            leaves = _tree(root, branches[number])
            branch = f"{place.keyword}/{number}"
            causes.append(leaves[0] if len(leaves) == 1 else SchemaError(branch, branch, at, "", leaves))
    return SchemaError(place.keyword, place.absolute, at, _message(place, error), causes)


def _message(place: _Place, error: ValidationError) -> str:
    """The Go library's sentence for a failed keyword."""
    wanted: Any = error.validator_value
    value: Any = error.instance
    match error.validator:
        case "type":
            return f"expected {wanted}, but got {_go_type(value)}"
        case "const":
            return f"value must be {quote(wanted)}"
        case "enum":
            shown = ", ".join(quote(word) for word in wanted)
            return f"value must be {'one of ' if len(wanted) > 1 else ''}{shown}"
        case "format":
            return f"{_quoted(value)} is not valid 'uri'"
        case "minLength":
            return f"length must be >= {wanted}, but got {len(value)}"
        case "maxLength":
            return f"length must be <= {wanted}, but got {len(value)}"
        case "pattern":
            return f"does not match pattern {_quoted(wanted)}"
        case "required":
            return "missing properties: " + ", ".join(_quoted(name) for name in wanted if name not in value)
        case "additionalProperties":
            known = place.schema.get("properties", {})
            shown = ", ".join(_quoted(name) for name in value if name not in known)
            return f"additionalProperties {shown} not allowed"
        case other:
            return f"{other} failed"


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
