"""One server of a registry: what it offers, and the exact configuration for a client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from mcp_registrar_tools.answer import Answer, clean, quoted
from mcp_registrar_tools.clients import CLIENTS, ClientName, Snippet
from mcp_registrar_tools.errors import InputError

if TYPE_CHECKING:
    from mcp_registrar_tools.registries import Entry, Registry
    from mcp_registrar_tools.workbench import Workbench


class ServerInfo(Answer):
    """A registry entry. ``versions`` are newest first, ``ways`` the values of `use` that can be configured.

    ``about`` is the status message, title and description.
    """

    name: str
    version: str
    about: str
    status: str
    is_latest: bool
    published_at: str
    versions: list[str]
    packages: list[str]
    remotes: list[str]
    ways: list[str]
    registry: str
    config: Snippet | None = None
    document: dict[str, Any] | None = None

    def lines(self) -> list[str]:
        latest = " (latest)" if self.is_latest else ""
        head = f"{self.name} {self.version}{latest}, {self.status}, published {self.published_at[:10] or 'unknown'}"
        lines = [head, clean(self.about, 500)]
        lines += [f"package: {package}" for package in self.packages[:8]]
        lines += [f"remote: {remote}" for remote in self.remotes[:8]]
        others = [version for version in self.versions if version != self.version]
        if others:
            lines.append("other versions: " + ", ".join(others[:8]) + (" …" if len(others) > 8 else ""))
        if self.config:
            lines += config_lines(self.config)
        elif self.ways:
            lines.append(f"client: one of {', '.join(CLIENTS)}")
        if self.document is not None:
            import json

            lines.append(json.dumps(self.document, indent=2, ensure_ascii=False))
        return [clean(line) for line in lines]


def config_lines(config: Snippet) -> list[str]:
    """A snippet as text: where it goes, what it is, what to fill in."""
    lines = [f"{config.title}, {config.file}:", config.text] if config.text else []
    return lines + ([f"or: {config.command}"] if config.command else []) + config.notes


async def get_server(
    bench: Workbench,
    name: Annotated[str, Field(description="server name")],
    version: Annotated[str, Field(description="latest when empty")] = "",
    client: Annotated[Literal[ClientName, ""], Field(description="show its configuration")] = "",
    use: Annotated[str, Field(description="package type or remote")] = "",
    registry: Annotated[str, Field(description="as in publish")] = "",
    detail: Annotated[Literal["concise", "full"], Field(description="full adds server.json")] = "concise",
) -> ServerInfo:
    """Show a registry entry: packages, remotes, versions, and a client's configuration for it."""
    from mcp_registrar_tools.registries import connect

    source = await connect(bench, registry)
    entry, versions = await find_entry(source, name, version)
    return server_info(entry, versions, source.name, client=client, use=use, full=detail == "full")


async def find_entry(source: Registry, name: str, version: str = "") -> tuple[Entry, list[Entry]]:
    """The entry and all versions of its server, newest first; raises `InputError` when it is not there."""
    versions = await source.versions(name)
    entry = next((e for e in versions if str(e.server.get("version")) == version), None) if version else None
    if version in ("", "latest"):
        entry = next((e for e in versions if e.is_latest), versions[0] if versions else None)
    if entry is None and not versions:
        if near := await _other_case(source, name):
            raise InputError(
                "server-not-found",
                f"{clean(name, 200)!r} is not in registry {source.name!r}, but {near!r} is: letter case counts",
                f"get_server(name={quoted(near)}, registry={quoted(source.name)})",
            )
        raise InputError(
            "server-not-found",
            f"{clean(name, 200)!r} is not in registry {source.name!r}",
            f"search(words={quoted(name.rpartition('/')[2])}"
            + (', registry="official")' if source.name == "local" else f", registry={quoted(source.name)})"),
        )
    if entry is None:
        known = ", ".join(str(e.server.get("version")) for e in versions[:10])
        raise InputError(
            "version-not-found",
            f"{clean(name, 200)} has no version {clean(version, 80)!r} in registry {source.name!r}; it has {known}",
            f"get_server(name={quoted(name)})",
        )
    return entry, versions


async def _other_case(source: Registry, name: str) -> str:
    """The name of a server that differs in letter case only; "" when there is none, or the registry cannot say."""
    from mcp_registrar_tools.errors import OutboundError, RegistryError
    from mcp_registrar_tools.registries import Query

    try:
        page = await source.search(Query(words=name, limit=10))
    except (RegistryError, OutboundError):
        return ""
    names = [clean(str(entry.server.get("name")), 200) for entry in page.entries]
    return next((found for found in names if found.lower() == name.lower()), "")


def server_info(
    entry: Entry, versions: list[Entry], registry: str, *, client: str = "", use: str = "", full: bool = False
) -> ServerInfo:
    """The answer for an entry; raises `InputError` for a ``use`` that the entry does not offer."""
    from mcp_registrar_tools.clients import client_config
    from mcp_registrar_tools.launch import starts

    server = entry.server
    ways = list(dict.fromkeys(way.label for way in starts(server)))
    snippets = client_config(entry, use=use) if client or use else {}
    if use and not snippets:
        raise InputError(
            "no-such-way",
            f"{server.get('name')} cannot be started as {clean(use, 40)!r}",
            f"use one of {', '.join(ways)}" if ways else "it declares neither packages nor remotes",
        )
    name = str(server.get("name", ""))
    return ServerInfo(
        name=name,
        version=str(server.get("version", "")),
        about=". ".join(
            str(part) for part in (entry.status_message, server.get("title"), server.get("description")) if part
        ),
        status=entry.status,
        is_latest=entry.is_latest,
        published_at=entry.published_at,
        versions=[str(other.server.get("version", "")) for other in versions],
        packages=[_package(package) for package in server.get("packages") or []],
        remotes=[f"{remote.get('type')} {remote.get('url')}" for remote in server.get("remotes") or []],
        ways=ways,
        registry=registry,
        config=next((s for c, s in snippets.items() if c == client), None),
        document=server if full else None,
    )


def _package(package: dict[str, Any]) -> str:
    version = f" {package['version']}" if package.get("version") else ""
    transport = (package.get("transport") or {}).get("type", "")
    required = [v["name"] for v in package.get("environmentVariables") or [] if v.get("isRequired") and v.get("name")]
    needs = f", needs {', '.join(required)}" if required else ""
    return f"{package.get('registryType')} {package.get('identifier')}{version}, {transport}{needs}"
