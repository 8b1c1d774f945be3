"""Schemas, guides, examples and registry entries as MCP resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_registrar.adapter import RegistrarServer
    from mcp_registrar_tools.workbench import Workbench


def register(server: RegistrarServer, bench: Workbench) -> None:
    """Add the resources to the server."""
