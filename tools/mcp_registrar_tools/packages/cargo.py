"""All that is special to Cargo packages.

Seeing one in a project, its `packages[]` entry, its ownership marker, how a client starts it, and how the
registry verifies it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_registrar_tools.packages import fields

BASE_URL = "https://crates.io"
"""The only `registryBaseUrl` the registry accepts for Cargo."""

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
        registry_type="cargo",
        label="Cargo",
        base_url=BASE_URL,
        hash_problem="cargo packages must not have 'fileSha256' field - this is only for MCPB packages",
    )
