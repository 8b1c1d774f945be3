"""JSON Patch (RFC 6902), the operations that our fixes use: add, remove, replace, move."""

from __future__ import annotations

import copy
from typing import Any

from mcp_registrar_tools.manifest.body import Path


def pointer(at: Path) -> str:
    """A path as a JSON pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in at)


def get(document: Any, at: Path) -> Any:
    """The value at a path, None when there is none."""
    for part in at:
        try:
            document = document[part]
        except (KeyError, IndexError, TypeError):
            return None
    return document


def apply(document: Any, operations: list[dict[str, Any]]) -> Any:
    """A changed copy; see `change`."""
    document = copy.deepcopy(document)
    change(document, operations)
    return document


def change(document: Any, operations: list[dict[str, Any]]) -> None:
    """Change a document itself. A moved member keeps its place when only its name changes.

    Raises KeyError, IndexError or TypeError when an operation does not fit the document; those before it are done.
    """
    for operation in operations:
        parent, key = _parent(document, operation["path"])
        name = operation["op"]
        if name == "remove":
            del parent[key]
        elif name == "replace":
            parent[key]
            parent[key] = operation["value"]
        elif name == "add":
            if isinstance(parent, list):
                parent.insert(key, copy.deepcopy(operation["value"]))
            else:
                parent[key] = copy.deepcopy(operation["value"])
        elif name == "move":
            source, old = _parent(document, operation["from"])
            if source is parent and isinstance(parent, dict):
                members = [(key if k == old else k, v) for k, v in parent.items() if k != key]
                parent[old]
                parent.clear()
                parent.update(members)
            else:
                value = source.pop(old)
                parent[key] = value
        else:
            raise TypeError(name)


def _parent(document: Any, text: str) -> tuple[Any, Any]:
    parts = [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]
    for part in parts[:-1]:
        document = document[int(part)] if isinstance(document, list) else document[part]
    if isinstance(document, list):
        return document, len(document) if parts[-1] == "-" else int(parts[-1])
    return document, parts[-1]
