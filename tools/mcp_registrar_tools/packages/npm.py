"""All that is special to npm packages.

Seeing one in a project, its `packages[]` entry, its ownership marker, how a client starts it, and how the
registry verifies it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_registrar_tools.packages import fields

BASE_URL = "https://registry.npmjs.org"
"""The only `registryBaseUrl` the registry accepts for npm, and where it verifies."""

# ---------------------------------------------------------------------------------------------------------------
# In a project: detect, entry, marker, launch
# ---------------------------------------------------------------------------------------------------------------


# ---------------------------------------------------------------------------------------------------------------
# At the registry: verify
# ---------------------------------------------------------------------------------------------------------------


def field_problems(package: Mapping[str, Any]) -> list[str]:
    """What the registry refuses in the entry itself, in its words and order."""
    return fields.index_problems(
        package,
        registry_type="npm",
        label="NPM",
        base_url=BASE_URL,
        hash_problem="NPM packages must not have 'fileSha256' field",
    )
