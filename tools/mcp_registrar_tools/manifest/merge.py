"""Filling a manifest that a person wrote with what a draft knows, losing nothing of theirs."""

from __future__ import annotations

import json
import re
from typing import Any

from mcp_registrar_tools.project.edits import json_members, newline, set_json_member

_PLACEHOLDER = re.compile(r"your[-_ ](username|org|package|github)|\[describe what|<[a-z -]+>|^com\.example/", re.I)

ORDER = ("$schema", "name", "title", "description", "version", "websiteUrl", "repository", "packages", "remotes")


def merge(existing: dict[str, Any], draft: dict[str, Any], *, may_add: set[str]) -> tuple[dict[str, Any], list[str]]:
    """``existing`` with what it lacks, and remarks on where both differ (then the existing value stays).

    Placeholders that generators leave (``<your-username>``, ``YOUR_API_KEY``) count as lacking. A package of a type
    that ``existing`` does not list is added when its type is in ``may_add``.
    """
    merged = dict(existing)
    remarks: list[str] = []
    for key, value in draft.items():
        if key in {"packages", "remotes"}:
            continue
        old = existing.get(key)
        if old in (None, "", {}) or (isinstance(old, str) and key != "$schema" and _PLACEHOLDER.search(old)):
            merged[key] = value
        elif key in {"version", "name"} and old != value:
            remarks.append(f"{key} stays {old}; the project's files say {value}")
    packages, more = _packages(_objects(existing.get("packages")), _objects(draft.get("packages")), may_add)
    remarks += more
    if packages:
        merged["packages"] = packages
    remotes = _objects(existing.get("remotes"))
    missing = [one for one in _objects(draft.get("remotes")) if one["url"] not in {old.get("url") for old in remotes}]
    if missing:
        merged["remotes"] = [*remotes, *missing]
    return {key: merged[key] for key in [*(k for k in existing), *(k for k in merged if k not in existing)]}, remarks


def _packages(
    existing: list[dict[str, Any]], draft: list[dict[str, Any]], may_add: set[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    packages = [_without_placeholders(one) for one in existing]
    remarks: list[str] = []
    for new in draft:
        same = [one for one in packages if one.get("registryType") == new["registryType"]]
        for old in same:
            for key, value in new.items():
                if old.get(key) in (None, "", [], {}) or (isinstance(old[key], str) and _PLACEHOLDER.search(old[key])):
                    old[key] = value
                elif key in {"identifier", "version"} and old[key] != value and len(same) == 1:
                    remarks.append(f"{new['registryType']} {key} stays {old[key]}; the project's files say {value}")
        if not same:
            if not existing or new["registryType"] in may_add:
                packages.append(new)
            else:
                remarks.append(f"{new['registryType']} {new['identifier']} was found and not added")
    return packages, remarks


def _without_placeholders(package: dict[str, Any]) -> dict[str, Any]:
    variables = package.get("environmentVariables")
    if not isinstance(variables, list):
        return dict(package)
    kept = [one for one in variables if not (isinstance(one, dict) and one.get("name") == "YOUR_API_KEY")]
    result = {**package, "environmentVariables": kept}
    if not kept:
        del result["environmentVariables"]
    return result


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def dump(document: dict[str, Any]) -> str:
    """A manifest as a new file: the official documents' order, two spaces, a last newline."""
    ordered = {key: document[key] for key in ORDER if key in document}
    ordered |= {key: value for key, value in document.items() if key not in ordered}
    return json.dumps(ordered, indent=2, ensure_ascii=False) + "\n"


def apply(text: str, existing: dict[str, Any], merged: dict[str, Any]) -> str:
    """The file's text with only the members that changed written anew."""
    indent = re.search(r"^([ \t]+)\"", text, re.M)
    unit = indent[1] if indent else "  "
    keys = list(json_members(text))
    for key in keys:
        if key not in merged:
            return json.dumps(merged, indent=unit, ensure_ascii=False) + ("\n" if text.endswith("\n") else "")
    previous: list[str] = []
    for key in [*(k for k in ORDER if k in merged), *(k for k in merged if k not in ORDER)]:
        if key not in existing or existing[key] != merged[key]:
            text = set_json_member(text, key, merged[key], after=tuple(reversed(previous)), indent=unit)
        previous.append(key)
    return text if "\n" in text else text + newline(text)
