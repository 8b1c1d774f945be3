"""What the chosen registry already holds and allows: a taken version, a remote URL in use, permission."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_registrar_tools.errors import LoginError
from mcp_registrar_tools.findings import Finding, Severity
from mcp_registrar_tools.manifest.body import Path, dotted

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_registrar_tools.registries import Registry

PAGES = 20
"""Pages of 100 servers that are looked through for a remote URL; a larger registry is not searched."""


def _found(code: str, at: Path, message: str, hint: str, severity: Severity = "error") -> Finding:
    return Finding(code=code, severity=severity, path=dotted(at), message=message, layer="registry", hint=hint, at=at)


async def check(
    registry: Registry,
    document: dict[str, Any],
    *,
    differences: Callable[[dict[str, Any], dict[str, Any]], list[str]],
    prediction: Callable[[Any, str], tuple[str, str] | None],
) -> list[Finding]:
    """R52 to R54 and permission, asked of a registry. Raises `RegistryError` or `OutboundError` when it cannot say."""
    name, version = document.get("name"), document.get("version")
    if not isinstance(name, str) or "/" not in name:
        return []
    found = []
    if isinstance(version, str) and version:
        found += await _version(registry, document, name, version, differences)
    found += await _permission(registry, name, prediction)
    found += await _remotes(registry, document, name)
    return found


async def _version(
    registry: Registry, document: dict[str, Any], name: str, version: str, differences: Any
) -> list[Finding]:
    from mcp_registrar_tools.manifest.versions import next_free

    there = await registry.get(name, version, include_deleted=True)
    if there is None:
        return []
    if there.published and not differences(registry.prepared(document), there.server):
        return [
            _found(
                "already-published",
                ("version",),
                f"{registry.name} has this version with the same content",
                "nothing is left to do",
                "info",
            )
        ]
    taken = [str(entry.server.get("version")) for entry in await registry.versions(name, include_deleted=True)]
    return [
        _found(
            "duplicate-version",
            ("version",),
            "invalid version: cannot publish duplicate version",
            f"{registry.name} has {version} with other content; set version to {next_free(version, taken)}",
        )
    ]


async def _permission(registry: Registry, name: str, prediction: Any) -> list[Finding]:
    try:
        grants = await registry.grants()
    except LoginError as error:
        return [_found("permission-unknown", ("name",), error.message, error.hint, "info")]
    refused = prediction(grants, name) if grants is not None else None
    return [_found("permission-missing", ("name",), *refused)] if refused else []


async def _remotes(registry: Registry, document: dict[str, Any], name: str) -> list[Finding]:
    from mcp_registrar_tools.registries import Query

    remotes = document.get("remotes")
    urls = {
        remote["url"]: ("remotes", i, "url")
        for i, remote in enumerate(remotes if isinstance(remotes, list) else [])
        if isinstance(remote, dict) and isinstance(remote.get("url"), str)
    }
    found: dict[str, Finding] = {}
    cursor = ""
    for _ in range(PAGES if urls and registry.name == "local" else 0):
        page = await registry.search(Query(limit=100, cursor=cursor, version=""))
        for entry in page.entries:
            other = entry.server.get("name")
            if other == name or entry.status == "deleted":
                continue
            for remote in entry.server.get("remotes") or ():
                at = urls.get(remote.get("url"))
                if at:
                    found.setdefault(
                        remote["url"],
                        _found(
                            "remote-url-in-use",
                            at,
                            f"remote URL {remote['url']} is already used by server {other}",
                            "each remote URL belongs to one server: use another one, or publish under that name",
                        ),
                    )
        cursor = page.next_cursor
        if not cursor:
            break
    return list(found.values())
