"""Editing settings that a person wrote."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_registrar_tools import jsonc

ZED = """// my settings
{
  /* looks */
  "theme": "One Dark", // dark
  "context_servers": {
    // mine
    "old": {
      "command": "x", // keep this
    },
  },
  "vim_mode": true,
}
"""


def test_a_member_is_added_and_every_other_byte_stays() -> None:
    result = jsonc.put(ZED, ["context_servers", "new"], {"command": "uvx", "args": ["a"]})
    added = [line for line in result.splitlines() if line not in ZED.splitlines()]
    assert added == ['    "new": {', '      "command": "uvx",', '      "args": [', '        "a"', "      ]"]
    for line in ZED.splitlines():
        assert line in result.splitlines()
    assert jsonc.loads(result)["context_servers"] == {
        "old": {"command": "x"},
        "new": {"command": "uvx", "args": ["a"]},
    }


def test_a_member_is_replaced_in_place() -> None:
    result = jsonc.put(ZED, ["context_servers", "old"], {"command": "y"})
    assert jsonc.loads(result)["context_servers"] == {"old": {"command": "y"}}
    assert "// mine" in result
    assert "/* looks */" in result
    assert result.count('"old"') == 1


def test_twice_is_once() -> None:
    once = jsonc.put(ZED, ["context_servers", "new"], {"command": "uvx"})
    assert jsonc.put(once, ["context_servers", "new"], {"command": "uvx"}) == once


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"a": {"b": 1}}),
        ("\ufeff", {"a": {"b": 1}}),
        ("// nothing yet\n", {"a": {"b": 1}}),
        ("{}", {"a": {"b": 1}}),
        ("{ // empty\n}", {"a": {"b": 1}}),
        ('{"a": {}}', {"a": {"b": 1}}),
        ('{"x": [1, 2,], "a": {"c": 2}}', {"x": [1, 2], "a": {"c": 2, "b": 1}}),
        ('{"x": "}//{,", "a": {"c": 2,}}', {"x": "}//{,", "a": {"c": 2, "b": 1}}),
        ('{"x": 1 // last\n}', {"x": 1, "a": {"b": 1}}),
        ('{"x": 1 /* c */ , // last\n}', {"x": 1, "a": {"b": 1}}),
    ],
)
def test_every_shape_of_file(text: str, expected: object) -> None:
    result = jsonc.put(text, ["a", "b"], 1)
    assert jsonc.loads(result) == expected
    assert result.startswith("\ufeff") == text.startswith("\ufeff")
    for comment in re.findall(r"// \w+|/\* c \*/", text):
        assert comment in result


def test_tabs_and_windows_line_endings_are_kept() -> None:
    text = '{\r\n\t"servers": {\r\n\t\t"a": {}\r\n\t}\r\n}\r\n'
    result = jsonc.put(text, ["servers", "b"], {"url": "https://x"})
    assert result.replace("\r\n", "").count("\n") == 0
    assert '\t\t"b": {\r\n\t\t\t"url": "https://x"\r\n\t\t}\r\n\t}' in result


@pytest.mark.parametrize(
    ("text", "line"),
    [("{", 1), ('{"a" 1}', 1), ('{\n"a": tru}', 2), ('{"a": 1\n"b": 2}', 2), ("[1]", 1), ('{"a": 5}', 1), ("{}x", 1)],
)
def test_what_is_no_such_file_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(jsonc.JsoncError) as caught:
        jsonc.put(text, ["a", "b"], 1)
    assert caught.value.line == line


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(
    st.dictionaries(st.text(max_size=4), JSON, max_size=4),
    JSON,
    st.sampled_from([None, 2, 4, "\t"]),
    st.sampled_from(["k", "", 'q"', "ключ"]),
)
def test_any_object_keeps_its_members(document: dict[str, object], value: object, indent: object, name: str) -> None:
    text = json.dumps(document, indent=indent)  # type: ignore[arg-type]
    assert jsonc.loads(text) == document
    assert jsonc.loads(jsonc.put(text, [name], value)) == document | {name: value}


def test_deep_nesting_is_refused_quickly() -> None:
    with pytest.raises(jsonc.JsoncError):
        jsonc.loads('{"a":' * 5000)
    assert jsonc.loads('{"a":' * 60 + "1" + "}" * 60)
