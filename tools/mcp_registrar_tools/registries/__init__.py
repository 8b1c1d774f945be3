"""Talking to a registry, whichever kind it is.

`connect` gives a `Registry` for a name or URL; the official API, the embedded registry (the same client over an
in-process transport) and agentregistry stand behind the one protocol.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from mcp_registrar_tools.registries.tokens import Grants
    from mcp_registrar_tools.workbench import Workbench

Status = Literal["active", "deprecated", "deleted"]
Kind = Literal["official", "agentregistry-v0", "agentregistry-apply"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One published version: ``server`` is its server.json, the rest is what the registry says of it.

    Times are RFC 3339 strings as the registry sent them. ``published`` is False for what only the registry's own
    administration shows (agentregistry's unpublished versions); ``deployed`` is what the registry itself runs.
    ``warnings`` is what a registry let pass that another would refuse (the embedded one, about ownership).
    """

    server: dict[str, Any]
    status: Status = "active"
    status_message: str = ""
    published_at: str = ""
    updated_at: str = ""
    is_latest: bool = False
    published: bool = True
    deployed: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Page:
    """Part of a list; ``next_cursor`` is empty on the last page. ``corrected`` maps words to what was looked for."""

    entries: list[Entry] = field(default_factory=list)
    next_cursor: str = ""
    corrected: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Query:
    """What is looked for. ``type`` and ``status`` are a wish: a registry that cannot filter by them leaves them out."""

    words: str = ""
    version: str = "latest"  # "" for all
    updated_since: str = ""
    include_deleted: bool = False
    type: str = ""
    status: str = ""
    limit: int = 30
    cursor: str = ""


class Registry(Protocol):
    """A registry backend. Every method raises `RegistryError` or `OutboundError`; `get` is None for "not there".

    Writing methods prove who is publishing by themselves (`session.Session`) and raise `LoginError` when they cannot.
    """

    name: str  # "local", "official", … or the URL
    url: str  # base URL without a trailing slash; for "local" a URL that exists only in this process
    kind: Kind
    searches: str  # what a search looks at, in words
    statuses: tuple[Status, ...]  # what `set_status` can do here

    def prepared(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document as this registry will show it: what it cannot hold is gone."""
        ...

    async def publish(self, document: dict[str, Any]) -> Entry: ...

    async def get(
        self, server_name: str, version: str = "latest", *, include_deleted: bool = False
    ) -> Entry | None: ...

    async def versions(self, server_name: str, *, include_deleted: bool = False) -> list[Entry]: ...

    async def search(self, query: Query) -> Page: ...

    async def set_status(
        self, server_name: str, status: Status, *, version: str | None, message: str = ""
    ) -> list[Entry]:
        """Change one version, or all of them when ``version`` is None."""
        ...

    async def validate(self, document: dict[str, Any]) -> list[dict[str, Any]]:
        """The registry's own issues ``{type, path, message, severity, reference}``, as it sends them."""
        ...

    async def grants(self) -> Grants | None:
        """What may be published with the login of this registry; None when it asks for no login."""
        ...

    def page(self, server_name: str, version: str) -> str:
        """The canonical URL of a version."""
        ...


async def connect(bench: Workbench, registry: str = "") -> Registry:
    """The registry of this name: "local", "official", "agentregistry", a name from settings, or a URL.

    Empty means `Settings.registry`. The kind of registry behind a URL is found by asking it. Raises `InputError`
    for a name nobody knows.
    """
    from mcp_registrar_tools.registries.names import resolve

    place = resolve(bench.settings, registry)
    if place.url:
        bench.outbound.trust(place.url)
    if place.name == "local":
        from mcp_registrar_tools.registries.official import OfficialRegistry

        return OfficialRegistry(place.name, place.url, await bench.local_registry(), session=None, ranked=True)

    from mcp_registrar_tools.registries.names import OFFICIAL_URLS, detect
    from mcp_registrar_tools.registries.session import Session

    session = Session(bench, place)
    if place.url in OFFICIAL_URLS:
        from mcp_registrar_tools.registries.official import OfficialRegistry

        return OfficialRegistry(place.name, place.url, bench.outbound, session=session)
    return await detect(bench, place, session)
