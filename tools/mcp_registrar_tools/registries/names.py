"""Which registry a name or a URL stands for, and which kind of registry answers there."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from mcp_registrar_tools.errors import InputError, OutboundError, RegistryError
from mcp_registrar_tools.registries import Registry
from mcp_registrar_tools.registries.refusals import unavailable

if TYPE_CHECKING:
    from mcp_registrar_tools.registries.session import Session
    from mcp_registrar_tools.workbench import Settings, Workbench

OFFICIAL_URL = "https://registry.modelcontextprotocol.io"
OFFICIAL_URLS = {OFFICIAL_URL, "https://staging.registry.modelcontextprotocol.io"}
AGENTREGISTRY_URL = "http://localhost:12121"
"""Where agentregistry's own daemon listens."""
LOCAL_URL = "http://registry.invalid"
"""The embedded registry in this process: no port, so no host either (RFC 6761 keeps ``.invalid`` unresolvable)."""


@dataclass(frozen=True)
class Place:
    """A registry's address. ``chosen`` is True when the user's settings or the project name it, not only a call."""

    name: str
    url: str
    chosen: bool

    @property
    def private(self) -> bool:
        """True when only this machine or a private network can see it."""
        return self.name == "local" or is_private(self.url)

    @property
    def loopback(self) -> bool:
        """True when it runs on this machine."""
        host = (urlsplit(self.url).hostname or "").lower()
        if host == "localhost" or host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False


def is_private(url: str) -> bool:
    """True when the URL's host is by its spelling not on the public internet. No look-up is made."""
    host = (urlsplit(url).hostname or "").lower()
    if "." not in host and ":" not in host:
        return True
    if host.endswith((".localhost", ".local", ".internal", ".lan", ".home.arpa", ".invalid", ".test")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def _link_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_link_local
    except ValueError:
        return False


def base_url(text: str) -> str:
    """A registry's URL without path ``/v0`` or ``/v0.1``, trailing slash, query and fragment.

    Raises `InputError` when it is no http(s) URL or carries a password.
    """
    try:
        parts = urlsplit(text.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InputError("registry-url", "the registry's address is no http(s) URL", 'write it like "https://host"')
    if parts.username or parts.password:
        raise InputError(
            "registry-url",
            "the registry's address holds a user name or password",
            "leave it out and prove who you are with login(registry=…)",
        )
    if _link_local(parts.hostname or ""):
        raise InputError(
            "registry-url",
            "no registry is at a link-local address (clouds keep credentials there)",
            "name its real address",
        )
    path = parts.path.rstrip("/")
    for version in ("/v0.1", "/v0"):
        path = path.removesuffix(version)
    return urlunsplit((parts.scheme, parts.netloc.lower(), path.rstrip("/"), "", ""))


def resolve(settings: Settings, registry: str = "") -> Place:
    """The place that ``registry`` (empty: `Settings.registry`) names. Raises `InputError` for an unknown name."""
    name = (registry or settings.registry or "local").strip()
    known = {"local": LOCAL_URL, "official": OFFICIAL_URL, "agentregistry": AGENTREGISTRY_URL}
    named = {key: base_url(url) for key, url in settings.registries.items()}
    if name in named:
        return Place(name, named[name], chosen=True)
    if name in known:
        return Place(name, known[name], chosen=True)
    if "://" in name:
        url = base_url(name)
        for key, value in {**known, **named}.items():
            if value == url:
                return Place(key, url, chosen=True)
        trusted = {origin.rstrip("/").lower() for origin in settings.trusted_origins}
        default = "://" in settings.registry and base_url(settings.registry) == url
        return Place(url, url, chosen=default or "://".join(urlsplit(url)[:2]) in trusted)
    choices = ", ".join(dict.fromkeys([*known, *named]))
    raise InputError(
        "unknown-registry",
        f"there is no registry {name!r}",
        f"use one of {choices} or a URL; MCP_REGISTRAR_REGISTRIES names others",
    )


def for_login(settings: Settings, registry: str = "") -> Place:
    """Like `resolve`, but a login that names no registry is meant for the official one: the local asks for none."""
    place = resolve(settings, registry)
    return place if registry or place.name != "local" else resolve(settings, "official")


async def detect(bench: Workbench, place: Place, session: Session) -> Registry:
    """The right client for whatever answers at this URL: a few small reads at the same time.

    agentregistry of the seed era alone has ``/admin/v0``, the declarative one alone ``/v0/mcpservers``; some
    catalogues speak only ``/v0.1`` of the official API. A web page in place of JSON counts as "not there".
    """
    import anyio

    probes = ("/admin/v0/servers", "/v0/mcpservers", "/v0/servers", "/v0.1/servers", "/v0/search")
    found: dict[str, Any] = {}
    failures: list[OutboundError | RegistryError] = []

    async def probe(path: str) -> None:
        try:
            answer = await bench.outbound.fetch("GET", f"{place.url}{path}?limit=1", timeout=10)
            body = answer.json() if answer.status == 200 else None
        except OutboundError as error:
            failures.append(error)
        except ValueError:
            pass
        else:
            if answer.status >= 500 or answer.status == 429:
                failures.append(unavailable(place.url, answer.status))
            found[path] = body if isinstance(body, dict) else None

    async with anyio.create_task_group() as group:
        for path in probes:
            group.start_soon(probe, path)

    from mcp_registrar_tools.registries.agentregistry import SeedRegistry
    from mcp_registrar_tools.registries.agentregistry_apply import ApplyRegistry
    from mcp_registrar_tools.registries.official import OfficialRegistry

    if "servers" in (found.get(probes[0]) or {}):
        return SeedRegistry(place.name, place.url, bench.outbound, session=session)
    if "items" in (found.get(probes[1]) or {}):
        return ApplyRegistry(place.name, place.url, bench.outbound, session=session)
    ranked = "servers" in (found.get(probes[4]) or {})
    for path, prefix in ((probes[2], "/v0"), (probes[3], "/v0.1")):
        if "servers" in (found.get(path) or {}):
            return OfficialRegistry(
                place.name, place.url, bench.outbound, session=session, prefix=prefix, ranked=ranked
            )
    if failures:
        raise failures[0]
    raise RegistryError(
        "not-a-registry",
        f"{place.url} answers, but not as a registry: neither /v0/servers nor /v0/mcpservers is there",
        "check the address; it is the part before /v0",
    )
