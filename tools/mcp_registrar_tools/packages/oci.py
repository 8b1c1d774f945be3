"""All that is special to OCI packages.

Seeing one in a project, its `packages[]` entry, its ownership marker, how a client starts it, and how the
registry verifies it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_registrar_tools.packages import fields

# ---------------------------------------------------------------------------------------------------------------
# In a project: detect, entry, marker, launch
# ---------------------------------------------------------------------------------------------------------------


# ---------------------------------------------------------------------------------------------------------------
# At the registry: verify
# ---------------------------------------------------------------------------------------------------------------


ALLOWED_REGISTRIES = frozenset(
    {"docker.io", "registry-1.docker.io", "index.docker.io", "ghcr.io", "quay.io", "mcr.microsoft.com"}
)
ALLOWED_SUFFIXES = (".pkg.dev", ".azurecr.io")
"""Where the official registry accepts images from: the registry part of the reference, port included."""

_CANONICAL = "(e.g., 'docker.io/owner/image:1.0.0')"


def field_problems(package: Mapping[str, Any]) -> list[str]:
    """What the registry refuses in the entry itself, in its words and order."""
    identifier = fields.text(package, "identifier")
    found: list[str] = []
    if not identifier:
        found.append("package identifier is required for OCI packages")
    if fields.text(package, "registryBaseUrl"):
        found.append(
            "OCI packages must not have 'registryBaseUrl' field - "
            f"use canonical reference in 'identifier' instead {_CANONICAL}"
        )
    if fields.text(package, "version"):
        found.append(
            f"OCI packages must not have 'version' field - include version in 'identifier' instead {_CANONICAL}"
        )
    if fields.text(package, "fileSha256"):
        found.append("OCI packages must not have 'fileSha256' field")
    if identifier:
        found.extend(reference_problems(identifier))
    return found


def reference_problems(identifier: str) -> list[str]:
    """Whether the reference can be read, and whether its registry is one the official registry accepts."""
    from mcp_registrar_tools.errors import RegistrarError
    from mcp_registrar_tools.images import reference

    try:
        parsed = reference.parse(identifier)
    except RegistrarError as error:
        # The parser's own message may carry the same opening words.
        return [f"invalid OCI reference: {error.message.removeprefix('invalid OCI reference: ')}"]
    registry = parsed.registry
    if registry in ALLOWED_REGISTRIES or registry.endswith(ALLOWED_SUFFIXES):
        return []
    return [f"unsupported OCI registry: {registry}"]
