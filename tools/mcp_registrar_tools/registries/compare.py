"""Whether two ``server.json`` documents say the same, and where they differ.

A registry stores a document re-serialised: empty strings, false, empty lists and foreign ``_meta`` keys are gone.
What is lost that way makes no difference.
"""

from __future__ import annotations

import json
from typing import Any

PUBLISHER_META = "io.modelcontextprotocol.registry/publisher-provided"


def normal(document: Any) -> Any:
    """The document as a registry keeps it: without what is empty."""
    if isinstance(document, dict):
        kept = {key: normal(value) for key, value in document.items()}
        return {key: value for key, value in kept.items() if value not in (None, "", False, [], {})}
    if isinstance(document, list):
        return [normal(item) for item in document]
    return document


def differences(ours: dict[str, Any], theirs: dict[str, Any], limit: int = 20) -> list[str]:
    """Where the documents differ, as lines ``path: theirs -> ours``; empty when they say the same.

    ``theirs`` is what the registry holds. At most ``limit`` lines, the last saying how many more there are.
    """
    lines = list(_walk("", _top(theirs), _top(ours)))
    return lines if len(lines) <= limit else [*lines[: limit - 1], f"and {len(lines) - limit + 1} more"]


def _top(document: dict[str, Any]) -> dict[str, Any]:
    document = dict(document)
    meta = document.pop("_meta", None)
    document.pop("status", None)  # 2025-07-09 let a publisher write it; registries keep their own
    document = normal(document)
    if isinstance(meta, dict) and meta.get(PUBLISHER_META):
        document["_meta"] = {PUBLISHER_META: meta[PUBLISHER_META]}  # the publisher's own: kept to the letter
    return document


def _walk(path: str, old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            yield from _walk(f"{path}.{key}" if path else key, old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            pair = [items[index] if index < len(items) else None for items in (old, new)]
            yield from _walk(f"{path}[{index}]", *pair)
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield f"{path}: {_short(old)} -> {_short(new)}"


def _short(value: Any) -> str:
    if value is None:
        return "(nothing)"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:79] + "…"
