"""Asking the package registries whether a document's packages name the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_registrar.registry.app import RegistryApp
    from mcp_registrar_tools.findings import Finding


async def problems(app: RegistryApp, document: dict[str, Any]) -> list[Finding]:
    """Ownership problems of every package in the registry's words, the first package's first."""
    from importlib import import_module

    try:
        rule = import_module("mcp_registrar_tools.rules.ownership").registry_problems
    except ImportError:
        return []
    found: list[Finding] = await rule(document, app.outbound(), app.config.settings)
    return found
