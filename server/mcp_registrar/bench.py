"""The workbench of this process: settings, the way out, and the embedded registry opened at first use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from mcp_registrar_tools.outbound import Outbound
from mcp_registrar_tools.workbench import Settings, Workbench


def make_bench(settings: Settings) -> tuple[Workbench, Callable[[], Awaitable[None]]]:
    """A workbench and the function that closes what it opened."""
    outbound = Outbound(trusted_origins=settings.trusted_origins, ca_file=settings.ca_file)
    local: list[Outbound] = []

    async def local_registry() -> Outbound:
        if not local:
            from mcp_registrar.registry import in_process

            local.append(Outbound(transport=in_process(settings)))
        return local[0]

    async def close() -> None:
        for opened in (outbound, *local):
            await opened.close()

    return Workbench(settings=settings, outbound=outbound, local_registry=local_registry), close
