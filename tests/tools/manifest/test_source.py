"""The text of a manifest: what is wrong with it, where things are, changes that leave the rest alone."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from mcp_registrar_tools.manifest.source import DEPTH_LIMIT, Source, dump, too_deep

TEXT = (
    '{\r\n\t"name":"a",\r\n\t"packages": [ {"registry_type" : "npm", "n": 1.0} ],\r\n'
    '\t"empty": {},\r\n\t"last": "é"\r\n}\r\n'
)


@pytest.mark.parametrize(
    ("text", "code", "line", "hint"),
    [
        ("", "json-syntax", 1, "init_manifest"),
        ('{"a": 1,}', "json-syntax", 1, "comma"),
        ('{"a": 1 // why\n}', "json-syntax", 1, "comments"),
        ("{'a': 1}", "json-syntax", 1, "double quotes"),
        ("{a: 1}", "json-syntax", 1, "double quotes"),
        ('{"a": True}', "json-syntax", 1, "lower case"),
        ('{\n"a": 1\n"b": 2}', "json-syntax", 3, "comma"),
        ('{"a": {"b": [1', "json-syntax", 1, "ends too early"),
        ('{"a": "x\ny"}', "json-syntax", 1, "\\n"),
        ('{\n<<<<<<< HEAD\n"a": 1}', "json-syntax", 2, "merge conflict"),
        ('{"a": NaN}', "json-number", 1, "number"),
        ('{"a": 1e999}', "json-number", 1, "number"),
        ('{"a": ' + "1" * 5000 + "}", "json-number", 1, "number"),
        ("[" * 10_000 + "]" * 10_000, "json-too-deep", 1, "flatten"),
        ('{"a":' * 300 + "1" + "}" * 300, "json-too-deep", 1, "flatten"),
        ("[1]", "not-an-object", 1, "one object"),
        ('"text"', "not-an-object", 1, "one object"),
        ("null", "not-an-object", 1, "one object"),
    ],
)
def test_what_makes_it_no_document(text: str, code: str, line: int, hint: str) -> None:
    (problem,) = Source(text).problems
    assert (problem.code, problem.line, problem.fatal) == (code, line, True)
    assert hint in problem.hint
    assert len(problem.message) < 300


def test_a_byte_order_mark_is_named_and_left_out() -> None:
    source = Source('\ufeff{"a": 1}')
    assert [problem.code for problem in source.problems] == ["byte-order-mark"]
    assert source.document == {"a": 1}
    assert source.text == '{"a": 1}'


def test_duplicate_keys_are_found_where_they_are() -> None:
    source = Source('{"a": 1,\n "b": {"c": 1,\n "c": 2},\n "a": 3}')
    assert {(p.code, p.line, p.at) for p in source.problems} == {
        ("duplicate-key", 3, ("b", "c")),
        ("duplicate-key", 4, ("a",)),
    }
    assert source.document == {"a": 3, "b": {"c": 2}}


def test_half_a_surrogate_pair_is_replaced() -> None:
    source = Source('{"a": "\\ud800x", "b": "\\ud83d\\ude00"}')
    assert source.document == {"a": "\ufffdx", "b": "😀"}
    assert [problem.code for problem in source.problems] == ["lone-surrogate"]
    json.dumps(source.document, ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize(
    ("at", "place"),
    [
        ((), (1, 1)),
        (("name",), (2, 2)),
        (("packages", 0), (3, 16)),
        (("packages", 0, "n"), (3, 42)),
        (("packages", 0, "registryType"), (3, 17)),  # under its old name
        (("packages", 0, "missing"), (3, 16)),
        (("packages", 7), (3, 2)),
        (("last", "deeper"), (5, 2)),
    ],
)
def test_places(at: tuple[str | int, ...], place: tuple[int, int]) -> None:
    assert Source(TEXT).find(at) == place


def test_an_unchanged_document_is_the_same_text() -> None:
    source = Source(TEXT)
    assert source.rewrite(source.document) == TEXT
    assert source.newline == "\r\n"
    assert source.indent == "\t"


def test_a_change_touches_nothing_else() -> None:
    source = Source(TEXT)
    changed = {
        "$schema": "s",
        "name": "a",
        "packages": [{"registryType": "npm", "n": 1.0, "transport": {"type": "stdio"}}, {"x": []}],
        "empty": {"now": ["full"]},
        "last": "e",
    }
    assert source.rewrite(changed) == (
        '{\r\n\t"$schema": "s",\r\n\t"name":"a",\r\n\t"packages": [ {"registryType" : "npm", "n": 1.0, "transport": '
        '{"type": "stdio"}}, {"x": []} ],\r\n\t"empty": {\r\n\t\t"now": [\r\n\t\t\t"full"\r\n\t\t]\r\n\t},\r\n'
        '\t"last": "e"\r\n}\r\n'
    )


def test_numbers_are_not_taken_for_booleans() -> None:
    assert json.loads(Source('{"a": 1, "b": true, "c": 1.0}').rewrite({"a": True, "b": 1, "c": 1})) == {
        "a": True,
        "b": 1,
        "c": 1,
    }


def test_members_can_go() -> None:
    source = Source('{"a": 1, "b": 2, "c": 3}')
    assert source.rewrite({"b": 2}) == '{"b": 2}'
    assert source.rewrite({"a": 1, "c": 3}) == '{"a": 1, "c": 3}'
    assert source.rewrite({}) == "{}"


@pytest.mark.parametrize("seed", range(200))
def test_any_change_gives_that_document(seed: int) -> None:
    pick = random.Random(seed)

    def value(depth: int = 0) -> Any:
        kind = pick.randrange(7 if depth < 4 else 5)
        if kind < 5:
            return [None, True, 1, 'text " \\ é\n', 1.5][kind]
        if kind == 5:
            return [value(depth + 1) for _ in range(pick.randrange(4))]
        return {pick.choice("abcdefgh"): value(depth + 1) for _ in range(pick.randrange(5))}

    def changed(old: Any) -> Any:
        if isinstance(old, dict):
            made = {k: changed(v) for k, v in old.items() if pick.random() < 0.8}
            return {**made, "new": value(3)} if pick.random() < 0.3 else made
        if isinstance(old, list):
            return [changed(v) for v in old if pick.random() < 0.8] + ([value(3)] if pick.random() < 0.3 else [])
        return value(4) if pick.random() < 0.3 else old

    old = {"top": value(), "second": value(), "third": [value(), value()]}
    text = json.dumps(old, indent=pick.choice([None, 2, "\t"]), ensure_ascii=pick.random() < 0.5)
    new = changed(old)
    result = json.loads(Source(text).rewrite(new))
    assert json.dumps(result, sort_keys=True) == json.dumps(new, sort_keys=True)
    assert Source(text).rewrite(old) == text


COMPACT = """{
  "packages": [
    {
      "registryType": "pypi",
      "packageArguments": [
        { "name": "--transport", "choices": ["stdio", "http"] },
        {
          "name": "--level",
          "choices": ["low",  "high"],
          "type": "named"
        }
      ],
      "environmentVariables": [{"name": "A"}, {"name": "B", "choices": ["x", "y"]}]
    }
  ]
}
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        (
            lambda one: one["packageArguments"].insert(0, {"name": "--first", "choices": ["a"]}),
            '[\n        { "name": "--transport"',
            '[\n        {\n          "name": "--first",\n          "choices": [\n            "a"\n'
            '          ]\n        },\n        { "name": "--transport"',
        ),
        (
            lambda one: one["packageArguments"].insert(1, {"name": "--second"}),
            '["stdio", "http"] },\n',
            '["stdio", "http"] },\n        {\n          "name": "--second"\n        },\n',
        ),
        (
            lambda one: one["packageArguments"].pop(0),
            '        { "name": "--transport", "choices": ["stdio", "http"] },\n',
            "",
        ),
        (lambda one: one["packageArguments"][1].update(type="positional"), '"type": "named"', '"type": "positional"'),
        (
            lambda one: one["packageArguments"][1].update(isRequired=True),
            '"type": "named"',
            '"type": "named",\n          "isRequired": true',
        ),
        (
            lambda one: one["packageArguments"][1]["choices"].insert(1, "mid"),
            '"low",  "high"',
            '"low",  "mid",  "high"',
        ),
        (lambda one: one["environmentVariables"].pop(0), '{"name": "A"}, ', ""),
        (lambda one: one["environmentVariables"].insert(1, {"name": "C"}), '"A"}, ', '"A"}, {"name": "C"}, '),
        (lambda one: one["environmentVariables"][1].update(name="D"), '"B"', '"D"'),
        (lambda one: one.update(runtimeHint="uvx"), ']}]\n', ']}],\n      "runtimeHint": "uvx"\n'),
    ],
)  # fmt: skip
def test_beside_a_change_every_byte_stays(change: Any, old: str, new: str, newline: str) -> None:
    source = Source(COMPACT.replace("\n", newline))
    document = json.loads(COMPACT)
    change(document["packages"][0])
    assert COMPACT.count(old) == 1
    assert source.rewrite(document) == COMPACT.replace(old, new).replace("\n", newline)


@pytest.mark.parametrize("at", [0, 1])
def test_a_package_beside_another_leaves_it_alone(at: int) -> None:
    document = json.loads(COMPACT)
    document["packages"].insert(at, {"registryType": "npm"})
    text = Source(COMPACT).rewrite(document)
    inner = COMPACT[COMPACT.index("    {\n") : COMPACT.rindex("\n  ]")]
    assert inner in text
    assert json.loads(text) == document


def test_lists_too_long_to_compare_are_still_rewritten() -> None:
    old = {"a": [{"name": str(n)} for n in range(2000)]}
    new = {"a": [{"name": "x"}, *old["a"][1:], {"name": "y"}]}
    assert json.loads(Source(json.dumps(old)).rewrite(new)) == new


def test_deep_is_deep() -> None:
    document: Any = {}
    for _ in range(DEPTH_LIMIT - 1):
        document = {"a": document}
    assert not too_deep(document)
    assert too_deep({"a": document})


def test_dump() -> None:
    assert dump({"é": [1]}, "\t", "\r\n") == '{\r\n\t"é": [\r\n\t\t1\r\n\t]\r\n}\r\n'
