"""Asking the package registries whether a document's packages name the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_registrar.registry.app import RegistryApp
    from mcp_registrar_tools.findings import Finding


REPORT_SECONDS = 5.0
"""A rehearsal does not hang because this machine is offline: a package that takes longer is reported as such."""


async def problems(app: RegistryApp, document: dict[str, Any]) -> list[Finding]:
    """Ownership problems of every package in the registry's words, the first package's first."""
    from mcp_registrar_tools.rules import ownership
    from mcp_registrar_tools.workbench import Settings

    seconds = ownership.PACKAGE_SECONDS if app.config.ownership == "enforce" else REPORT_SECONDS
    settings = app.config.settings or Settings()
    return await ownership.registry_problems(document, app.outbound(), settings, seconds=seconds)
