"""Talking to a registry, whichever kind it is.

`connect` gives a `Registry` for a name or URL; the official API, the embedded registry (the same client over an
in-process transport) and agentregistry stand behind the one protocol.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from mcp_registrar_tools.workbench import Workbench

Status = Literal["active", "deprecated", "deleted"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One published version: ``server`` is its server.json, the rest is what the registry says of it.

    Times are RFC 3339 strings as the registry sent them.
    """

    server: dict[str, Any]
    status: Status = "active"
    status_message: str = ""
    published_at: str = ""
    updated_at: str = ""
    is_latest: bool = False


@dataclass(frozen=True, kw_only=True)
class Page:
    """Part of a list; ``next_cursor`` is empty on the last page."""

    entries: list[Entry] = field(default_factory=list)
    next_cursor: str = ""


class Registry(Protocol):
    """A registry backend. Every method raises `RegistryError` or `OutboundError`; `get` is None for "not there"."""

    name: str  # "local", "official", … or the URL
    url: str  # base URL without a trailing slash; for "local" a URL that exists only in this process
    kind: Literal["official", "agentregistry-v0", "agentregistry-apply"]

    async def publish(self, document: dict[str, Any]) -> Entry: ...

    async def get(
        self, server_name: str, version: str = "latest", *, include_deleted: bool = False
    ) -> Entry | None: ...

    async def versions(self, server_name: str, *, include_deleted: bool = False) -> list[Entry]: ...

    async def search(
        self,
        words: str = "",
        *,
        version: str = "latest",
        updated_since: str = "",
        include_deleted: bool = False,
        limit: int = 30,
        cursor: str = "",
    ) -> Page: ...

    async def set_status(
        self, server_name: str, status: Status, *, version: str | None, message: str = ""
    ) -> list[Entry]:
        """Change one version, or all of them when ``version`` is None."""
        ...

    async def validate(self, document: dict[str, Any]) -> list[dict[str, Any]]:
        """The registry's own issues, as it sends them."""
        ...


async def connect(bench: Workbench, registry: str = "") -> Registry:
    """The registry of this name: "local", "official", "agentregistry", a name from settings, or a URL.

    Empty means `Settings.registry`. Raises `InputError` for a name nobody knows.
    """
    raise NotImplementedError
