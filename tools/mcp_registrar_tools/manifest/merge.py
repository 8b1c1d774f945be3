"""Filling a manifest that a person wrote with what a draft knows, losing nothing of theirs."""

from __future__ import annotations

import re
from typing import Any

PLACEHOLDER = re.compile(
    r"your[-_ ](username|org|package|github)|\[describe what|(?<!<)<[a-z -]+>(?!>)|^com\.example/", re.I
)

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
        if old in (None, "", {}) or (isinstance(old, str) and key != "$schema" and PLACEHOLDER.search(old)):
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
    # New members go to their usual place among those that are there.
    keys = list(existing)
    for key in [*ORDER, *merged]:
        if key in merged and key not in keys:
            before = [one for one in ORDER[: ORDER.index(key)] if one in keys] if key in ORDER else keys
            keys.insert(keys.index(before[-1]) + 1 if before else 0, key)
    return {key: merged[key] for key in keys}, remarks


def _packages(
    existing: list[dict[str, Any]], draft: list[dict[str, Any]], may_add: set[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    packages = [_without_placeholders(one) for one in existing]
    remarks: list[str] = []
    for new in draft:
        same = [one for one in packages if one.get("registryType") == new["registryType"]]
        for old in same:
            for key, value in new.items():
                if old.get(key) in (None, "", [], {}) or (isinstance(old[key], str) and PLACEHOLDER.search(old[key])):
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
    if len(kept) == len(variables):
        return dict(package)
    result = {**package, "environmentVariables": kept}
    if not kept:
        del result["environmentVariables"]
    return result


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def ordered(document: dict[str, Any]) -> dict[str, Any]:
    """A manifest's members in the order of the official documents; unknown ones last."""
    first = {key: document[key] for key in ORDER if key in document}
    return first | {key: value for key, value in document.items() if key not in first}
