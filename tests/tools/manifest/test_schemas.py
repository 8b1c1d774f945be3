"""Our schemas and our checker against the official files, over generated documents.

The documents are valid ones built at random for each date, changed at random in a few places. Three verdicts must
agree: the official file under `jsonschema`, ours under `jsonschema`, and what `schema_check` makes of it. `jsonschema`
gets the meaning that Go gives to patterns and to ``uri``, which is what the registry asserts.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from mcp_registrar_tools.manifest import gourl, schema_check, schemas
from mcp_registrar_tools.manifest.aliases import RENAMED
from tests.conftest import shared

Json = Any
WORDS = [
    "",
    "a",
    "stdio",
    "sse",
    "streamable-http",
    "named",
    "positional",
    "latest",
    "string",
    "file_path",
    "x" * 100,
    "x" * 101,
    "x" * 256,
    "https://example.com",
    "http://a b",
    "ftp://x",
    "example.com",
    "{base}/mcp",
    "a/b",
    "a/b\n",
    "io.github.a/b",
    "한글",
    "0" * 64,
    "0" * 63,
    "G" * 64,
    "48x48",
    "any",
    "48x",
    "٣x٣",
    "light",
    "image/png",
    "active",
    "https://%zz",
    "https://[::1]/",
    "https://[::g]/",
    "mailto:x",
    "\u000b",
    "https://a\u000bb",
]
ODD: list[Json] = [None, True, False, 0, 1, 1.5, [], {}, [None], {"a": 1}, "latest", [[]], [{}]]


def official(version: str) -> Json:
    return json.loads(shared("schemas", f"{version}.json").read_text("utf-8"))


def lenient(schema: Json) -> jsonschema.protocols.Validator:
    """`jsonschema`, asserting patterns and URIs as the registry's library does."""

    def pattern(_: Any, value: str, instance: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
        if isinstance(instance, str) and not schema_check.go_pattern(value).search(instance):
            yield jsonschema.ValidationError("pattern")

    checker = jsonschema.FormatChecker(formats=())
    checker.checks("uri")(lambda value: not isinstance(value, str) or gourl.is_absolute(value))
    kind = jsonschema.validators.extend(jsonschema.Draft7Validator, {"pattern": pattern})
    return kind(schema, format_checker=checker)


class Maker:
    """Documents for one date: built from its schema, every optional part there or not, then damaged."""

    def __init__(self, schema: Json, seed: int) -> None:
        self.schema = schema
        self.random = random.Random(seed)

    def document(self) -> Json:
        made = self.build(self.schema)
        for _ in range(self.random.choice([0, 0, 1, 1, 1, 2, 3])):
            made = self.damage(made)
        return made

    def build(self, schema: Json) -> Json:
        pick = self.random
        if "$ref" in schema:
            return self.build(self.schema["definitions"][schema["$ref"].rpartition("/")[2]])
        if "allOf" in schema:
            merged: Json = {}
            for part in schema["allOf"]:
                merged.update(self.build(part))
            return merged
        if "anyOf" in schema and "properties" not in schema:
            return self.build(pick.choice(schema["anyOf"]))
        if schema.get("type") == "object":
            made = {}
            required = set(schema.get("required", ()))
            if "anyOf" in schema:
                required |= set(pick.choice(schema["anyOf"])["required"])
            for name, inner in schema.get("properties", {}).items():
                if name in required or pick.random() < 0.4:
                    made[name] = self.build(inner)
            if isinstance(schema.get("additionalProperties"), dict):
                made |= {f"v{i}": self.build(schema["additionalProperties"]) for i in range(pick.randrange(3))}
            return made
        if schema.get("type") == "array":
            return [self.build(schema["items"]) for _ in range(pick.randrange(3))]
        if schema.get("type") == "boolean":
            return pick.random() < 0.5
        return self.text(schema)

    def text(self, schema: Json) -> str:
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        if schema.get("format") == "uri":
            return self.random.choice(["https://example.com/a", "http://h", "mailto:a@b"])
        pattern = schema.get("pattern", "")
        known = {
            "^https?": "https://example.com/mcp",
            "^[a-f0-9]": "0" * 64,
            "^[a-zA-Z0-9.-]+/": "io.github.a/b",
            "^(\\d+x": "48x48",
        }
        return next((text for start, text in known.items() if pattern.startswith(start)), "1.0.0")

    def damage(self, document: Json) -> Json:
        document = copy.deepcopy(document)
        places: list[tuple[Json, Any]] = []
        todo = [document]
        while todo:
            node = todo.pop()
            members = list(node.items()) if isinstance(node, dict) else list(enumerate(node))
            for key, value in members:
                places.append((node, key))
                if isinstance(value, dict | list):
                    todo.append(value)
        if not places:
            return self.random.choice(ODD)
        node, key = self.random.choice(places)
        action = self.random.randrange(6)
        if action == 0:
            del node[key]
        elif action == 1:
            node[key] = copy.deepcopy(self.random.choice(ODD))
        elif action == 2 and isinstance(node, dict):
            other = {**RENAMED, **{v: k for k, v in RENAMED.items()}}.get(key, "extra")
            node[other] = node.pop(key)
        elif action == 3 and isinstance(node, list):
            node.append(copy.deepcopy(node[key]))
        else:
            node[key] = self.random.choice(WORDS)
        return document


def compare(version: str, count: int, seed: int) -> dict[bool, int]:
    theirs, ours = official(version), schemas.schema(version)
    one, other = lenient(theirs), lenient(ours)
    maker = Maker(theirs, seed)
    verdicts = {True: 0, False: 0}
    for _ in range(count):
        document = maker.document()
        expected = one.is_valid(document)
        shown = json.dumps(document)[:2000]
        assert other.is_valid(document) == expected, shown
        assert schema_check.accepts(version, document) == expected, shown
        assert (schema_check.errors(version, document) is None) == expected, shown
        verdicts[expected] += 1
    return verdicts


@pytest.mark.parametrize("version", schemas.VERSIONS)
def test_ours_decide_as_the_official_files(version: str) -> None:
    verdicts = compare(version, 150, seed=20260000 + schemas.VERSIONS.index(version))
    assert min(verdicts.values()) > 20, "both valid and invalid documents must have been tried"


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("version", schemas.VERSIONS)
def test_ours_decide_as_the_official_files_20000_times(version: str) -> None:
    verdicts = compare(version, 20_000, seed=schemas.VERSIONS.index(version))
    print(f"{version}: {verdicts[True]} valid, {verdicts[False]} invalid, no disagreement")
    assert sum(verdicts.values()) == 20_000


@pytest.mark.parametrize("version", schemas.VERSIONS)
def test_a_fresh_copy_each_time(version: str) -> None:
    schemas.schema(version)["definitions"].clear()
    assert schemas.schema(version)["definitions"]
    jsonschema.Draft7Validator.check_schema(schemas.schema(version))


def test_versions_are_read_from_any_host() -> None:
    assert schemas.version_of("http://elsewhere/schemas/2025-12-11/server.schema.json?x") == "2025-12-11"
    assert schemas.version_of("https://static.modelcontextprotocol.io/schemas/2025-12-11/server.json") is None
    with pytest.raises(KeyError):
        schemas.schema("draft")


def test_references_show_the_way() -> None:
    document = {"name": "io.github.a/b", "description": "d", "version": "1", "repository": {"url": "no", "source": "g"}}
    tree = schema_check.errors("2025-12-11", document)
    assert tree is not None
    (leaf,) = tree.leaves()
    assert leaf.message == "'no' is not valid 'uri'"
    root = schemas.shared("2025-12-11")
    assert schema_check.reference(root, leaf.keyword, leaf.absolute) == (
        "#/definitions/Repository/properties/url/format from: [#/definitions/ServerDetail]/properties/repository/"
        "[#/definitions/Repository]/properties/url/format"
    )
    assert schema_check.reference(root, "", "") == ""


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"type": "stdio", "url": 1}, None),
        ("stdio", "expected object, but got string"),
        (None, "expected object, but got null"),
        ([], "expected object, but got array"),
        (1, "expected object, but got number"),
        (True, "expected object, but got boolean"),
        ({"type": "sse"}, "missing properties: 'url'"),
        ({}, "missing properties: 'type'"),
    ],
)
def test_words_of_the_library(value: Json, message: str | None) -> None:
    document = {
        "name": "io.github.a/b",
        "description": "d",
        "version": "1",
        "packages": [{"registryType": "npm", "identifier": "x", "transport": value}],
    }
    tree = schema_check.errors("2025-12-11", document)
    assert [leaf.message for leaf in tree.leaves()].count(message) > 0 if tree and message else tree is None


@pytest.mark.parametrize("version", schemas.VERSIONS)
def test_every_keyword_has_its_place_in_the_order(version: str) -> None:
    """An error of a keyword without a rank could not be sorted among the others."""
    known = {*schema_check._RANK, "$ref", "$schema", "$id", "title", "description", "definitions"}

    def keywords(schema: Any) -> Iterator[str]:
        yield from schema
        for key in ("properties", "definitions"):
            for inner in schema.get(key, {}).values():
                yield from keywords(inner)
        for inner in (schema.get("items"), schema.get("additionalProperties"), schema.get("not")):
            if isinstance(inner, dict):
                yield from keywords(inner)
        for inner in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
            yield from keywords(inner)

    assert set(keywords(schemas.shared(version))) <= known
