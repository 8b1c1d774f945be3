"""The checks of a `packages[]` entry that the registry makes before it asks anybody (all types share them).

Each package type's ``field_problems`` returns the registry's own messages in the order in which it looks; the
registry stops at the first, we show all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def text(package: Mapping[str, Any], key: str) -> str:
    """A field as the registry sees it: missing, null and anything that is no string count as empty."""
    value = package.get(key)
    return value if isinstance(value, str) else ""


def index_problems(
    package: Mapping[str, Any],
    *,
    registry_type: str,
    label: str,
    base_url: str,
    hash_problem: str,
    version_last: bool = False,
) -> list[str]:
    """The checks of the four types that live in a package index. ``version_last`` is NuGet's order."""
    missing_version = f"package version is required for {label} packages" if not text(package, "version") else None
    url = text(package, "registryBaseUrl")
    found = [
        f"package identifier is required for {label} packages" if not text(package, "identifier") else None,
        None if version_last else missing_version,
        hash_problem if text(package, "fileSha256") else None,
        f"registry type and base URL do not match: '{url}' is not valid for registry type '{registry_type}'. "
        f"Expected: {base_url}"
        if url and url != base_url
        else None,
        missing_version if version_last else None,
    ]
    return [problem for problem in found if problem is not None]
