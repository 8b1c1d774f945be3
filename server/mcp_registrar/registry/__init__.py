"""The embedded registry: the official registry's API over a store of our own.

Nothing here is imported when the server starts; `in_process` opens the store at first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2
    from starlette.types import ASGIApp

    from mcp_registrar.registry.config import RegistryConfig
    from mcp_registrar.registry.store import Store
    from mcp_registrar_tools.workbench import Settings

__all__ = ["create_app", "in_process", "open_store", "store_address"]


def store_address(settings: Settings) -> str:
    """Where these settings keep the registry: a PostgreSQL URL or the path of a SQLite file."""
    return settings.database_url or str(settings.data_dir / "registry.sqlite3")


def open_store(url_or_path: str) -> Store:
    """See `mcp_registrar.registry.store.open_store`."""
    from mcp_registrar.registry.store import open_store as really

    return really(url_or_path)


def create_app(store: Store, config: RegistryConfig) -> ASGIApp:
    """The registry as an ASGI application: API, catalogue page, metrics."""
    from mcp_registrar.registry.app import RegistryApp

    return RegistryApp(store, config)


def in_process(settings: Settings) -> httpx2.AsyncBaseTransport:
    """A transport that leads to the embedded registry in this process, whatever the URL's host.

    The one who runs this process owns the store: nothing asks for a token here. Closing the transport closes the
    store.
    """
    from mcp_registrar.registry.config import RegistryConfig
    from mcp_registrar.registry.transport import InProcessTransport

    store = open_store(store_address(settings))
    return InProcessTransport(create_app(store, RegistryConfig.for_owner(settings)), store)
