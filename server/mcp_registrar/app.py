"""Builds the MCP server from the tools, resources and prompts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp_registrar import prompts, resources
from mcp_registrar.adapter import RegistrarServer
from mcp_registrar.bench import make_bench
from mcp_registrar.catalog import TOOLS
from mcp_registrar_tools.version import VERSION
from mcp_registrar_tools.workbench import Settings


def build_server(settings: Settings) -> RegistrarServer:
    """The server with all tools, resources and prompts. Nothing is opened before it is used."""
    bench, close = make_bench(settings)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await close()

    server = RegistrarServer(
        "mcp-registrar",
        TOOLS,
        bench,
        title="MCP Registrar",
        version=VERSION,
        description="Publishes MCP servers: server.json, image, ownership, login, registry",
        instructions=prompts.INSTRUCTIONS,
        lifespan=lifespan,
        log_level="ERROR",
    )
    resources.register(server, bench)
    prompts.register(server)
    return server
