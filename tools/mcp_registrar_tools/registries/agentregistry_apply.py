"""agentregistry since v0.4: resources applied as YAML, one ``MCPServer`` per name and tag.

It knows no published state, no deprecation and no search; a tag's content may be applied over. A ``server.json`` says
more than an MCPServer can hold, so `prepared` gives the document as it will come back, and whoever publishes can say
what is lost.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from mcp_registrar_tools.answer import clean
from mcp_registrar_tools.errors import RegistryError
from mcp_registrar_tools.manifest.versions import compare
from mcp_registrar_tools.registries import Entry, Kind, Page, Query, Status
from mcp_registrar_tools.registries.official import OfficialRegistry, objects, segment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_registrar_tools.outbound import Fetched

API_VERSION = "ar.dev/v1alpha1"
NAME_ANNOTATION = "mcp-registrar/server-name"
VERSION_ANNOTATION = "mcp-registrar/version"
COMMANDS = {"npm": "npx", "pypi": "uvx", "oci": ""}
PAGE = 100
MOST_PAGES = 50


class ApplyRegistry(OfficialRegistry):
    """agentregistry's declarative API."""

    kind: Kind = "agentregistry-apply"
    statuses: tuple[Status, ...] = ("deleted",)

    def prepared(self, document: dict[str, Any]) -> dict[str, Any]:
        return document_of(resource_of(document))

    async def get(self, server_name: str, version: str = "latest", *, include_deleted: bool = False) -> Entry | None:
        if version == "latest":
            return next((item for item in await self.versions(server_name) if item.is_latest), None)
        answer = await self.read(f"/mcpservers/{segment(resource_name(server_name))}/{segment(tag_of(version))}")
        if answer is None:
            return None
        found = _entry(objects(answer))
        return found if found.server["name"] == server_name else None

    async def versions(self, server_name: str, *, include_deleted: bool = False) -> list[Entry]:
        answer = await self.read(f"/mcpservers/{segment(resource_name(server_name))}/tags")
        items = [_entry(item) for item in _resources(answer)]
        return _ranked(item for item in items if item.server["name"] == server_name)

    async def search(self, query: Query) -> Page:
        # It has no search of its own: the whole list is read and looked through here.
        found: list[Entry] = []
        place = ""
        for _ in range(MOST_PAGES):
            answer = await self.read("/mcpservers", namespace="all", limit=PAGE, cursor=place)
            found += [_entry(item) for item in _resources(answer)]
            place = str((objects(answer) if answer else {}).get("nextCursor") or "")
            if not place:
                break
        names: dict[str, list[Entry]] = {}
        for item in found:
            names.setdefault(item.server["name"], []).append(item)
        wanted = query.words.lower().split()
        rows = []
        for name in sorted(names):
            for item in _ranked(names[name]):
                text = " ".join(str(item.server.get(key, "")) for key in ("name", "title", "description")).lower()
                fits = item.is_latest if query.version == "latest" else query.version in ("", item.server["version"])
                if fits and all(word in text for word in wanted) and item.updated_at >= query.updated_since:
                    rows.append(item)
        start = int(query.cursor) if query.cursor.isdigit() else 0
        end = start + query.limit
        return Page(entries=rows[start:end], next_cursor=str(end) if end < len(rows) else "")

    async def validate(self, document: dict[str, Any]) -> list[dict[str, Any]]:
        """A dry run of the apply: all that the registry checks, its probes of npm, PyPI and OCI included."""
        result = await self._apply(document, dry_run=True)
        if result.get("status") != "failed":
            return []
        error = str(result.get("error") or "refused")
        return [
            {"type": "semantic", "path": "", "message": part, "severity": "error", "reference": "apply"}
            for part in error.split("; ")
        ]

    async def grants(self) -> None:
        return None

    def page(self, server_name: str, version: str) -> str:
        return f"{self.url}/v0/mcpservers/{segment(resource_name(server_name))}/{segment(tag_of(version))}"

    async def publish(self, document: dict[str, Any]) -> Entry:
        result = await self._apply(document)
        if result.get("status") == "failed":
            raise self._failed(str(result.get("error") or ""))
        there = await self.get(document["name"], document["version"])
        if there is None:
            what = f"{document['name']} {document['version']}"
            raise RegistryError(
                "read-back",
                f"{self.name} said {result.get('status')!r}, and does not show {what}",
                "call publish again",
            )
        return there

    async def set_status(
        self, server_name: str, status: Status, *, version: str | None, message: str = ""
    ) -> list[Entry]:
        if status != "deleted":
            raise RegistryError(
                "status-unsupported",
                f"{self.name} keeps no status: a version is there or deleted",
                'use status="deleted", or publish the version again to restore it',
            )
        chosen = await self.versions(server_name)
        if version is not None:
            chosen = [item for item in chosen if item.server["version"] == version]

        gone = []
        for item in chosen:
            path = f"/mcpservers/{segment(resource_name(server_name))}/{segment(tag_of(item.server['version']))}"
            answer = await self._send("DELETE", path)
            if answer.status not in (200, 202, 204, 404):
                raise self.refusal(answer.status, answer)
            gone.append(Entry(server=item.server, status="deleted", published=False))
        if not gone:
            raise self.refusal(404, None)
        return gone

    async def _apply(self, document: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        import yaml

        resource = resource_of(document)
        body = yaml.safe_dump(resource, sort_keys=False, allow_unicode=True).encode()

        async def applied() -> dict[str, Any] | None:
            there = await self.get(document["name"], document["version"])
            return {"status": "unchanged"} if there and there.server == document_of(resource) else None

        async def nothing() -> None:
            return None

        query = urlencode({"dryRun": "true"} if dry_run else {})
        answer = await self._write(
            "POST", "/apply" + (f"?{query}" if query else ""), body, nothing if dry_run else applied
        )
        if isinstance(answer, dict):
            return answer
        results = objects(answer).get("results") or [{}]
        result = results[0] if isinstance(results[0], dict) else {}
        if not result.get("status"):
            raise RegistryError(
                "unexpected-answer", f"{self.name} did not say what became of it", "check the registry's address"
            )
        return result

    def _failed(self, error: str) -> RegistryError:
        stage = error.partition(":")[0]
        code, hint = {
            "registries": ("ownership", "put the ownership marker into the package, release it, and publish again"),
            "forbidden": ("forbidden", f'login(registry="{self.name}") as somebody who may, or ask its administrator'),
        }.get(stage, ("invalid-document", "correct what the registry names and publish again"))
        return RegistryError(code, f"{self.name}: {clean(error, 1500) or 'refused without a reason'}", hint, status=200)


def resource_name(server_name: str) -> str:
    """``io.github.User/my_server`` -> ``io.github.user.my-server``: a DNS-1123 subdomain."""
    return re.sub(r"[^a-z0-9.]+", "-", server_name.lower().replace("/", ".")).strip("-.")[:253]


def tag_of(version: str) -> str:
    """The version as a tag: ``+`` and whatever else a tag cannot hold becomes ``_``."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", version)[:128]


def resource_of(document: dict[str, Any]) -> dict[str, Any]:
    """The MCPServer for a ``server.json``: its first npm, PyPI or OCI package, else its first remote.

    Raises `RegistryError` when it has neither.
    """
    spec: dict[str, Any] = {key: document[key] for key in ("title", "description") if document.get(key)}
    if icon := next((icon.get("src") for icon in document.get("icons") or [] if icon.get("src")), None):
        spec["iconUrl"] = icon
    package = next((p for p in document.get("packages") or [] if p.get("registryType") in COMMANDS), None)
    remote = next(iter(document.get("remotes") or []), None)
    if package:
        spec["source"] = {"package": _package(package, document["name"])}
        repository = document.get("repository") or {}
        if repository.get("url"):
            spec["source"]["repository"] = {key: repository[key] for key in ("url", "subfolder") if repository.get(key)}
    elif remote:
        headers = [
            {"name": h["name"], **({"value": h["value"]} if h.get("value") else {})}
            for h in remote.get("headers") or []
        ]
        spec["remote"] = {"type": remote["type"], "url": remote["url"], **({"headers": headers} if headers else {})}
    else:
        raise RegistryError(
            "cannot-hold",
            "agentregistry holds npm, PyPI and OCI packages and remotes; this server.json has none of them",
            'add one of them, or publish to another registry such as registry="local"',
        )
    return {
        "apiVersion": API_VERSION,
        "kind": "MCPServer",
        "metadata": {
            "name": resource_name(document["name"]),
            "tag": tag_of(document["version"]),
            "annotations": {NAME_ANNOTATION: document["name"], VERSION_ANNOTATION: document["version"]},
        },
        "spec": spec,
    }


def _package(package: dict[str, Any], server_name: str) -> dict[str, Any]:
    kind, identifier, version = package["registryType"], package["identifier"], package.get("version", "")
    detail: dict[str, Any] = {"serverName": server_name}
    if kind != "oci":
        detail = {"version": version} | detail
    result: dict[str, Any] = {"origin": {"type": kind, "identifier": identifier, kind: detail}}

    env = [
        {
            "name": item["name"],
            **({"value": value} if (value := item.get("value") or item.get("default")) else {}),
            **({"isRequired": True} if item.get("isRequired") else {}),
        }
        for item in package.get("environmentVariables") or []
    ]
    runtime, own = (_arguments(package.get(f"{where}Arguments")) for where in ("runtime", "package"))
    if kind != "oci" and (runtime or own or env):
        # With a launch of its own nothing is added for it: the default command is spelled out.
        own = [*runtime, *({"type": "positional", "value": word} for word in _itself(kind, identifier, version)), *own]
    launch = {
        **({"command": COMMANDS[kind]} if COMMANDS[kind] and (own or env) else {}),
        **({"args": own} if own else {}),
        **({"env": env} if env else {}),
    }
    if launch:
        result["launch"] = launch

    transport = package.get("transport") or {}
    if transport.get("type", "stdio") == "stdio":
        result["transport"] = {"type": "stdio"}
    elif transport["type"] == "streamable-http":
        url = urlsplit(re.sub(r"\{[^}]*\}", "0", transport.get("url") or "http://localhost:3000/mcp"))
        try:
            port = url.port or (443 if url.scheme == "https" else 80)
        except ValueError:
            port = 3000
        result["transport"] = {"type": "http", "port": port, "path": url.path or "/mcp"}
    else:
        raise RegistryError(
            "cannot-hold",
            f"agentregistry holds no package over {clean(str(transport['type']), 40)}",
            "use the transport stdio or streamable-http",
        )
    return result


def _itself(kind: str, identifier: str, version: str) -> list[str]:
    return ["-y", f"{identifier}@{version}"] if kind == "npm" else [f"{identifier}=={version}"]


def _arguments(items: Any) -> list[dict[str, Any]]:
    result = []
    for item in items or []:
        value = item.get("value") or item.get("default") or ""
        if item.get("type") == "named":
            result.append({"type": "named", "name": item["name"], **({"value": value} if value else {})})
        elif value:
            result.append({"type": "positional", "value": value})
    return result


def document_of(resource: dict[str, Any]) -> dict[str, Any]:
    """The ``server.json`` that an MCPServer amounts to."""
    metadata = resource.get("metadata") or {}
    spec = resource.get("spec") or {}
    annotations = metadata.get("annotations") or {}
    source = spec.get("source") or {}
    package = source.get("package") or {}
    origin = package.get("origin") or {}
    kind = str(origin.get("type", ""))
    detail = origin.get(kind) or {}
    name = annotations.get(NAME_ANNOTATION) or detail.get("serverName")
    document: dict[str, Any] = {
        "name": name or f"{metadata.get('namespace') or 'default'}/{metadata.get('name', '')}",
        "description": spec.get("description", ""),
        "version": annotations.get(VERSION_ANNOTATION) or metadata.get("tag") or "latest",
    }
    if spec.get("title"):
        document["title"] = spec["title"]
    if spec.get("iconUrl"):
        document["icons"] = [{"src": spec["iconUrl"]}]
    repository = source.get("repository") or {}
    if repository.get("url"):
        host = urlsplit(repository["url"]).hostname or ""
        document["repository"] = {
            "url": repository["url"],
            **({"source": host.removeprefix("www.").removesuffix(".com")} if host else {}),
            **({"subfolder": repository["subfolder"]} if repository.get("subfolder") else {}),
        }
    if origin:
        document["packages"] = [_package_of(package, origin, kind, detail)]
    if remote := spec.get("remote"):
        document["remotes"] = [{key: remote[key] for key in ("type", "url", "headers") if remote.get(key)}]
    return document


def _package_of(package: dict[str, Any], origin: dict[str, Any], kind: str, detail: dict[str, Any]) -> dict[str, Any]:
    identifier, version = str(origin.get("identifier", "")), str(detail.get("version", ""))
    result: dict[str, Any] = {"registryType": kind, "identifier": identifier}
    if version:
        result["version"] = version
    transport = package.get("transport") or {}
    if transport.get("type") == "http":
        url = f"http://localhost:{transport.get('port', 3000)}{transport.get('path', '/mcp')}"
        result["transport"] = {"type": "streamable-http", "url": url}
    else:
        result["transport"] = {"type": "stdio"}
    launch = package.get("launch") or {}
    arguments = list(launch.get("args") or [])
    words = _itself(kind, identifier, version) if kind != "oci" else []
    values = [item.get("value") for item in arguments]
    for start in range(len(values) if words else 0):
        if values[start : start + len(words)] == words:
            if start:
                result["runtimeArguments"] = arguments[:start]
            arguments = arguments[start + len(words) :]
            break
    if arguments:
        result["packageArguments"] = arguments
    if launch.get("env"):
        result["environmentVariables"] = launch["env"]
    return result


def _entry(resource: dict[str, Any]) -> Entry:
    metadata = resource.get("metadata") or {}
    return Entry(
        server=document_of(resource),
        status="deleted" if metadata.get("deletionTimestamp") else "active",
        published=not metadata.get("deletionTimestamp"),
        published_at=str(metadata.get("createdAt") or ""),
        updated_at=str(metadata.get("updatedAt") or metadata.get("createdAt") or ""),
    )


def _resources(answer: Fetched | None) -> list[dict[str, Any]]:
    if answer is None:
        return []
    items = objects(answer).get("items") or []
    return [item for item in items if isinstance(item, dict)]


def _ranked(entries: Iterable[Entry]) -> list[Entry]:
    """Newest version first, which is marked as the latest."""
    from dataclasses import replace
    from functools import cmp_to_key

    def order(a: Entry, b: Entry) -> int:
        epoch = "1970-01-01T00:00:00Z"
        return compare(a.server["version"], b.server["version"], a.published_at or epoch, b.published_at or epoch)

    ranked = sorted(entries, key=cmp_to_key(order), reverse=True)
    return [replace(item, is_latest=index == 0) for index, item in enumerate(ranked)]
