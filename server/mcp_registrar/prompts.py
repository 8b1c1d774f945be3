"""Prompts a person picks, and the instructions every client gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_registrar.adapter import RegistrarServer

INSTRUCTIONS = ""


def register(server: RegistrarServer) -> None:
    """Add the prompts to the server."""
