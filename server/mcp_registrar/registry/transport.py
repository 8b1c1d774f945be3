"""The embedded registry without a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from mcp_registrar.registry.store import Store


class InProcessTransport(httpx2.ASGITransport):
    """Requests go straight to the application; closing it closes the store."""

    def __init__(self, app: ASGIApp, store: Store) -> None:
        super().__init__(app=app)
        self._store = store

    async def aclose(self) -> None:
        await super().aclose()
        await self._store.close()
