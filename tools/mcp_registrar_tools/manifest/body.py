"""A document as the registry's own program receives it.

The registry checks a posted body against the tags of its Go structs (rules R1 to R7 of the reference:
framework messages, in the order of the struct's fields), then works on the struct: unknown keys are gone,
keys match without regard to case, and what is empty and optional is not written again. `bind` does both in
one pass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from mcp_registrar_tools.manifest import gourl
from mcp_registrar_tools.manifest.schemas import (
    FORMATS,
    MIME_TYPES,
    NAME_PATTERN,
    PUBLISHER_PROVIDED,
    SHA256_PATTERN,
    THEMES,
)

Path = tuple[str | int, ...]
_MISSING: Any = object()


@dataclass(frozen=True, slots=True)
class BodyProblem:
    """One entry of the ``errors`` of a 422: ``location`` (``body.packages[0].version``), ``message``,
    ``value``.

    ``at`` is where it is in the document as keys and indexes (of a missing property: where it belongs),
    ``rule`` our word for the kind of problem.
    """

    location: str
    message: str
    value: Any
    at: Path
    rule: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a struct: its JSON key, what it holds and its limits (lengths in characters)."""

    name: str
    kind: str = "string"  # string, boolean, strings, struct, list, map, free
    struct: Struct | None = None
    required: bool = False
    minimum: int = 0
    maximum: int = 0
    pattern: str = ""
    enum: tuple[str, ...] = ()
    uri: bool = False


@dataclass(frozen=True, slots=True)
class Struct:
    """Fields in the order in which they are checked and written."""

    fields: tuple[Field, ...]
    names: frozenset[str] = field(init=False)
    folded: dict[str, str] = field(init=False)
    patterns: dict[str, re.Pattern[str]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", frozenset(f.name for f in self.fields))
        object.__setattr__(self, "folded", {f.name.casefold(): f.name for f in self.fields})
        object.__setattr__(
            self,
            "patterns",
            {f.name: re.compile(f.pattern[:-1] + r"\Z") for f in self.fields if f.pattern},
        )


_INPUT_FIELDS = (
    Field("description"),
    Field("isRequired", "boolean"),
    Field("format", enum=FORMATS),
    Field("value"),
    Field("isSecret", "boolean"),
    Field("default"),
    Field("placeholder"),
    Field("choices", "strings"),
)
INPUT = Struct(_INPUT_FIELDS)
_VARIABLES = Field("variables", "map", INPUT)
KEY_VALUE_INPUT = Struct((Field("name", required=True), _VARIABLES, *_INPUT_FIELDS))
ARGUMENT = Struct(
    (
        Field("type", required=True),
        Field("name"),
        Field("isRepeated", "boolean"),
        Field("valueHint"),
        _VARIABLES,
        *_INPUT_FIELDS,
    )
)
TRANSPORT = Struct((Field("type", required=True), Field("url"), Field("headers", "list", KEY_VALUE_INPUT), _VARIABLES))
PACKAGE = Struct(
    (
        Field("registryType", required=True, minimum=1),
        Field("registryBaseUrl", uri=True),
        Field("identifier", required=True, minimum=1),
        Field("version", minimum=1, maximum=255),
        Field("fileSha256", pattern=SHA256_PATTERN),
        Field("runtimeHint"),
        Field("transport", "struct", TRANSPORT, required=True),
        Field("runtimeArguments", "list", ARGUMENT),
        Field("packageArguments", "list", ARGUMENT),
        Field("environmentVariables", "list", KEY_VALUE_INPUT),
    )
)
REPOSITORY = Struct((Field("url", uri=True), Field("source"), Field("id"), Field("subfolder")))
ICON = Struct(
    (
        Field("src", required=True, maximum=255, uri=True),
        Field("mimeType", enum=MIME_TYPES),
        Field("sizes", "strings"),
        Field("theme", enum=THEMES),
    )
)
SERVER = Struct(
    (
        Field("$schema", required=True, minimum=1, uri=True),
        Field("name", required=True, minimum=3, maximum=200, pattern=NAME_PATTERN),
        Field("description", required=True, minimum=1, maximum=100),
        Field("title", minimum=1, maximum=100),
        Field("repository", "struct", REPOSITORY),
        Field("version", required=True, minimum=1, maximum=255),
        Field("websiteUrl", uri=True),
        Field("icons", "list", ICON),
        Field("packages", "list", PACKAGE),
        Field("remotes", "list", TRANSPORT),
        Field("_meta", "struct", Struct((Field(PUBLISHER_PROVIDED, "free"),))),
    )
)


def bind(document: Any) -> tuple[dict[str, Any], list[BodyProblem]]:
    """The document as the registry holds it, and what its body check refuses, in its order.

    Values of the wrong type count as absent in the bound document, so the later rules always have one.
    """
    problems: list[BodyProblem] = []
    if not isinstance(document, dict):
        return {"$schema": "", "name": "", "description": "", "version": ""}, [
            _problem((), (), "expected object", document, "wrong-type")
        ]
    return _struct(SERVER, document, (), problems), problems


def dotted(at: Path) -> str:
    """``("packages", 0, "version")`` -> ``packages[0].version``, the notation of the registry's answers."""
    text = ""
    for part in at:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def _problem(at: Path, target: Path, message: str, value: Any, rule: str) -> BodyProblem:
    path = dotted(at)
    location = f"body.{path}" if path else "body"
    return BodyProblem(location, message, value, target, rule)


def _struct(struct: Struct, given: dict[str, Any], at: Path, problems: list[BodyProblem]) -> dict[str, Any]:
    bound: dict[str, Any] = {}
    known = 0
    others: dict[str, str] | None = None
    for spec in struct.fields:
        name = spec.name
        value = given.get(name, _MISSING)
        if value is not _MISSING:
            known += 1
        elif known < len(given):
            # The framework takes a key in any case when the exact one is missing.
            if others is None:
                others = {k.casefold(): k for k in given if k not in struct.names}
            if others and name.casefold() in others:
                value = given[others[name.casefold()]]
        if value is _MISSING:
            if spec.required:
                message = f"expected required property {name} to be present"
                problems.append(_problem(at, (*at, name), message, given, "missing-property"))
                bound[name] = _zero(spec)
            continue
        if value is None and (not spec.required or spec.kind == "list"):
            continue
        kind = spec.kind
        if kind == "string":
            if type(value) is not str:
                problems.append(_wrong(spec, at, value, "expected string"))
                value = ""
            elif spec.minimum or spec.maximum or spec.pattern or spec.uri or spec.enum:
                _string(struct, spec, value, at, problems)
            if value or spec.required:
                bound[name] = value
        else:
            _other(spec, value, (*at, name), bound, problems)
    if known != len(given):
        for key in given:
            if key not in struct.names and key.casefold() not in struct.folded:
                here = (*at, key)
                problems.append(_problem(here, here, "unexpected property", given, "unexpected-property"))
    return bound


def _zero(spec: Field) -> Any:
    return "" if spec.struct is None else {f.name: _zero(f) for f in spec.struct.fields if f.required}


def _wrong(spec: Field, at: Path, value: Any, message: str) -> BodyProblem:
    here = (*at, spec.name)
    return _problem(here, here, message, value, "wrong-type")


def _string(struct: Struct, spec: Field, value: str, at: Path, problems: list[BodyProblem]) -> None:
    def refuse(message: str, rule: str) -> None:
        here = (*at, spec.name)
        problems.append(_problem(here, here, message, value, rule))

    if spec.minimum and len(value) < spec.minimum:
        refuse(f"expected length >= {spec.minimum}", "too-short")
    if spec.maximum and len(value) > spec.maximum:
        refuse(f"expected length <= {spec.maximum}", "too-long")
    if spec.pattern and not struct.patterns[spec.name].match(value):
        refuse(f"expected string to match pattern {spec.pattern}", "pattern-mismatch")
    if spec.uri:
        try:
            gourl.parse(value)
        except gourl.GoURLError as error:
            refuse(f"expected string to be RFC 3986 uri: {error}", "not-a-uri")
    if spec.enum and value not in spec.enum:
        refuse(f'expected value to be one of "{", ".join(spec.enum)}"', "not-one-of")


def _other(spec: Field, value: Any, here: Path, bound: dict[str, Any], problems: list[BodyProblem]) -> None:
    name, kind, struct = spec.name, spec.kind, spec.struct
    if kind == "boolean":
        if value is True:
            bound[name] = True
        elif value is not False:
            problems.append(_problem(here, here, "expected boolean", value, "wrong-type"))
    elif kind in ("list", "strings"):
        if not isinstance(value, list):
            problems.append(_problem(here, here, "expected array", value, "wrong-type"))
        elif value:
            bound[name] = [_item(struct, item, (*here, i), problems) for i, item in enumerate(value)]
    elif not isinstance(value, dict):
        problems.append(_problem(here, here, "expected object", value, "wrong-type"))
        if spec.required:
            bound[name] = _zero(spec)
    elif kind == "struct":
        bound[name] = _struct(struct or INPUT, value, here, problems)
    elif kind == "map":
        if value:
            bound[name] = {k: _item(struct, v, (*here, k), problems) for k, v in value.items()}
    elif value:
        bound[name] = value


def _item(struct: Struct | None, item: Any, here: Path, problems: list[BodyProblem]) -> Any:
    if struct is None:
        if type(item) is str:
            return item
        problems.append(_problem(here, here, "expected string", item, "wrong-type"))
        return ""
    if isinstance(item, dict):
        return _struct(struct, item, here, problems)
    problems.append(_problem(here, here, "expected object", item, "wrong-type"))
    return {f.name: _zero(f) for f in struct.fields if f.required}
