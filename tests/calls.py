"""Reading calls such as ``publish(path=".", wait=300)`` out of a text, as a model would."""

from __future__ import annotations

import ast
import re
from typing import Any

_NAMES = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}


def calls(text: str, known: set[str]) -> list[tuple[str, dict[str, Any]]]:
    """Every call of a known tool in the text, with its arguments; raises ValueError for one that cannot be read."""
    found = []
    for match in re.finditer(r"\b([a-z_]+)\(", text):
        if match[1] in known:
            found.append((match[1], _arguments(text, match.start())))
    return found


def _arguments(text: str, start: int) -> dict[str, Any]:
    line = text[start:].partition("\n")[0]
    for end in (m.end() for m in re.finditer(r"\)", line)):
        try:
            node = ast.parse(line[:end], mode="eval").body
        except SyntaxError:
            continue
        if not isinstance(node, ast.Call) or node.args:
            break
        return {str(keyword.arg): _value(keyword.value) for keyword in node.keywords}
    raise ValueError(f"not a call with named arguments: {text[start : start + 80]!r}")


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Name) and node.id in _NAMES:
        return _NAMES[node.id]
    return ast.literal_eval(node)
