"""agentregistry of the seed era (v0.1.3 to v0.1.23): the official API's shapes, with publishing in two steps.

A version is pushed unpublished and then marked published; unpublishing hides it again. Public paths show what is
published, ``/admin/v0`` shows everything, and no answer says which is which: it is told by where an entry appears.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mcp_registrar_tools.errors import RegistryError
from mcp_registrar_tools.registries import Entry, Kind, Page, Query, Status
from mcp_registrar_tools.registries.compare import differences
from mcp_registrar_tools.registries.official import OfficialRegistry, entry, objects, segment

SCHEMA_URL = "https://static.modelcontextprotocol.io/schemas/2025-10-17/server.schema.json"
"""The only schema that the seed era accepts. The current one adds to it and changes nothing it knows."""


class SeedRegistry(OfficialRegistry):
    """agentregistry v0.1.x. Its routes need no login; a login that was made is sent along."""

    kind: Kind = "agentregistry-v0"

    def prepared(self, document: dict[str, Any]) -> dict[str, Any]:
        return document | {"$schema": SCHEMA_URL}

    # Reading: the public view, and with include_deleted the administration's

    async def get(self, server_name: str, version: str = "latest", *, include_deleted: bool = False) -> Entry | None:
        path = self._version_path(server_name, version)
        public = _first(await self.read(path))
        if public is not None or not include_deleted:
            return await self._with_deployed(public)
        return _unpublished(_first(await self.read(path, admin=True)))

    async def versions(self, server_name: str, *, include_deleted: bool = False) -> list[Entry]:
        path = f"/servers/{segment(server_name)}/versions"
        public = _entries(await self.read(path))
        if not include_deleted:
            return public
        shown = {item.server.get("version") for item in public}
        everything = _entries(await self.read(path, admin=True))
        return [item if item.server.get("version") in shown else _hidden(item) for item in everything]

    async def search(self, query: Query) -> Page:
        asked: dict[str, Any] = {
            "limit": query.limit,
            "cursor": query.cursor,
            "search": query.words,
            "version": query.version,
            "updated_since": query.updated_since,
        }
        answer = await self.read("/servers", **asked)
        public = _entries(answer)
        if query.include_deleted:
            # Both lists are sorted alike and the public one is part of the other: it covers at least this page.
            shown = {(item.server.get("name"), item.server.get("version")) for item in public}
            answer = await self.read("/servers", admin=True, **asked)
            public = [
                item if (item.server.get("name"), item.server.get("version")) in shown else _hidden(item)
                for item in _entries(answer)
            ]
        metadata = (objects(answer) if answer else {}).get("metadata") or {}
        deployed = await self._deployed()
        entries = [
            replace(item, deployed=(item.server.get("name"), item.server.get("version")) in deployed) for item in public
        ]
        return Page(entries=entries, next_cursor=str(metadata.get("nextCursor") or ""))

    async def validate(self, document: dict[str, Any]) -> list[dict[str, Any]]:
        return []  # it checks only while creating

    async def grants(self) -> None:
        return None

    # Writing

    async def publish(self, document: dict[str, Any]) -> Entry:
        document = self.prepared(document)
        name, version = document["name"], document["version"]
        path = self._version_path(name, version)

        async def pushed() -> Entry | None:
            there = _first(await self.read(path, admin=True))
            return there if there and not differences(document, there.server) else None

        if await pushed() is None:
            await self._write("POST", "/servers/push", document, pushed)
        return await self._show(name, version, True)

    async def set_status(
        self, server_name: str, status: Status, *, version: str | None, message: str = ""
    ) -> list[Entry]:
        if version is not None:
            return [await self._set_one(server_name, status, version)]
        done = []
        for item in await self.versions(server_name, include_deleted=True):
            done.append(await self._set_one(server_name, status, str(item.server.get("version"))))
        return done

    async def _set_one(self, name: str, status: Status, version: str) -> Entry:
        if status != "deprecated":
            return await self._show(name, version, status == "active")
        there = await self.get(name, version, include_deleted=True)
        if there is None:
            raise self.refusal(404, None)
        path = self._version_path(name, version)

        async def deprecated() -> Entry | None:
            found = await self.get(name, version, include_deleted=True)
            return found if found and found.status == "deprecated" else None

        try:
            await self._write("PUT", f"{path}?status=deprecated", there.server, deprecated)
        except RegistryError as error:
            if error.status not in (403, 404):
                raise
            # It answers 404 to those who may not edit.
            raise RegistryError(
                "edit-login-needed",
                f"{self.name}: deprecating needs a login that may edit {name}",
                f'login(registry="{self.name}", method="oidc"), or hide the version with status="deleted"',
                status=error.status,
            ) from None
        return await deprecated() or replace(there, status="deprecated")

    async def _show(self, name: str, version: str, published: bool) -> Entry:
        """Publish or unpublish a version that is there, and read it back."""
        path = self._version_path(name, version)

        async def as_asked() -> Entry | None:
            public = _first(await self.read(path))
            if published or public is not None:
                return public if published else None
            return _unpublished(_first(await self.read(path, admin=True)))

        found = await as_asked()
        if found is None:
            verb = "publish" if published else "unpublish"
            await self._write("POST", f"{path}/{verb}", None, as_asked, admin=True)
            found = await as_asked()
        if found is None:
            raise RegistryError(
                "read-back",
                f"{self.name} said yes, and still shows {name} {version} as it was",
                f'search(words="{name}", registry="{self.name}") shows what it holds',
            )
        return found

    async def _deployed(self) -> set[tuple[str, str]]:
        """Names and versions that this registry runs; empty when it does not say."""
        try:
            answer = await self.read("/deployments")
            body = answer.json() if answer else None
        except (RegistryError, ValueError):
            return set()
        items = body.get("deployments") if isinstance(body, dict) else body
        return {
            (str(item.get("serverName")), str(item.get("version")))
            for item in (items if isinstance(items, list) else [])
            if isinstance(item, dict) and item.get("resourceType", "mcp") == "mcp"
        }

    async def _with_deployed(self, item: Entry | None) -> Entry | None:
        if item is None:
            return None
        key = (str(item.server.get("name")), str(item.server.get("version")))
        return replace(item, deployed=key in await self._deployed())


def _entries(answer: Any) -> list[Entry]:
    """Entries of a list; one version comes as a list of one here, elsewhere bare."""
    if answer is None:
        return []
    body = objects(answer)
    if "server" in body:
        return [entry(body, answer.url)]
    return [entry(item, answer.url) for item in body.get("servers") or []]


def _first(answer: Any) -> Entry | None:
    return next(iter(_entries(answer)), None)


def _hidden(item: Entry) -> Entry:
    return replace(item, published=False, status="deleted")


def _unpublished(item: Entry | None) -> Entry | None:
    return item and _hidden(item)
