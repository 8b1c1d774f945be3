"""Stand-ins for agentregistry over HTTP, in the shapes of its two generations, with state and refusals as it has."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, unquote

import yaml

from tests.tools.registries.serving import read_body

META = "io.modelcontextprotocol.registry/official"
NOW = "2026-01-20T10:00:00Z"


class Base:
    """ASGI plumbing: `answer` gets method, path segments, query and body, and returns status and JSON."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, bytes]] = []
        self.fail: dict[str, tuple[int, Any]] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = await read_body(receive)
        raw = scope["raw_path"].decode()
        self.requests.append((scope["method"], raw, body))
        parts = [unquote(part) for part in raw.split("/")[1:]]
        query = {key: values[0] for key, values in parse_qs(scope["query_string"].decode()).items()}
        failure = self.fail.pop(f"{scope['method']} {raw}", None)
        status, content = failure or self.answer(scope["method"], parts, query, body)
        kind = b"application/problem+json" if status >= 400 else b"application/json"
        if content is HTML:
            kind, payload = b"text/html", b"<!doctype html><title>agentregistry</title>"
        else:
            payload = b"" if content is None else json.dumps(content).encode()
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": payload})

    def answer(self, method: str, parts: list[str], query: dict[str, str], body: bytes) -> tuple[int, Any]:
        raise NotImplementedError


HTML = object()


def problem(status: int, detail: str, cause: str = "") -> tuple[int, Any]:
    errors = {"errors": [{"message": cause}]} if cause else {}
    return status, {"title": "Error", "status": status, "detail": detail, **errors}


class Seed(Base):
    """v0.1.23: ``/v0`` shows what is published, ``/admin/v0`` everything; the user interface answers all else."""

    def __init__(self) -> None:
        super().__init__()
        self.servers: dict[tuple[str, str], dict[str, Any]] = {}
        self.published: set[tuple[str, str]] = set()
        self.deployed: set[tuple[str, str]] = set()
        self.status: dict[tuple[str, str], str] = {}
        self.may_edit = False

    def wrapped(self, key: tuple[str, str]) -> dict[str, Any]:
        latest = max(version for name, version in self.servers if name == key[0]) == key[1]
        facts = {"status": self.status.get(key, "active"), "publishedAt": NOW, "updatedAt": NOW, "isLatest": latest}
        return {"server": self.servers[key], "_meta": {META: facts}}

    def answer(self, method: str, parts: list[str], query: dict[str, str], body: bytes) -> tuple[int, Any]:
        admin = parts[0] == "admin"
        parts = parts[1:] if admin else parts
        if not parts or parts[0] not in ("v0", "v0.1"):
            return 200, HTML
        match method, parts[1:]:
            case "GET", ["servers"]:
                return self.list(admin, query)
            case "GET", ["servers", name, "versions"]:
                found = [self.wrapped(key) for key in sorted(self.visible(admin)) if key[0] == name]
                return (
                    (200, {"servers": found, "metadata": {"count": len(found)}})
                    if found
                    else problem(404, "Server not found")
                )
            case "GET", ["servers", name, "versions", version]:
                key = (name, version)
                if key not in self.visible(admin):
                    return problem(404, "Server not found")
                return 200, {"servers": [self.wrapped(key)], "metadata": {"count": 1}}
            case "POST", ["servers", "push"]:
                return self.push(json.loads(body))
            case "POST", ["servers", name, "versions", version, "publish" | "unpublish" as verb] if admin:
                return self.flip((name, version), verb)
            case "PUT", ["servers", name, "versions", version]:
                if not self.may_edit:
                    return problem(404, "Server not found")
                self.status[name, version] = query["status"]
                return 200, self.wrapped((name, version))
            case "GET", ["deployments"]:
                return 200, {
                    "deployments": [
                        {
                            "serverName": name,
                            "version": version,
                            "resourceType": "mcp",
                            "status": "active",
                            "runtime": "local",
                        }
                        for name, version in self.deployed
                    ]
                }
        return problem(404, "Endpoint not found. See /docs for the API documentation.")

    def visible(self, admin: bool) -> set[tuple[str, str]]:
        return set(self.servers) if admin else self.published

    def list(self, admin: bool, query: dict[str, str]) -> tuple[int, Any]:
        limit = int(query.get("limit", 30))
        words = query.get("search", "").lower()
        after = tuple(query["cursor"].split(":", 1)) if query.get("cursor") else ("", "")
        keys = [key for key in sorted(self.visible(admin)) if words in key[0].lower() and key > after]
        if query.get("version") == "latest":
            keys = [key for key in keys if self.wrapped(key)["_meta"][META]["isLatest"]]
        page = keys[:limit]
        metadata: dict[str, Any] = {"count": len(page)}
        if len(keys) > limit:
            metadata["nextCursor"] = ":".join(page[-1])
        return 200, {"servers": [self.wrapped(key) for key in page], "metadata": metadata}

    def push(self, document: dict[str, Any]) -> tuple[int, Any]:
        key = (document["name"], document["version"])
        if "2025-10-17" not in document.get("$schema", ""):
            return problem(
                400,
                "Failed to create server",
                f"schema version {document.get('$schema')} is not supported. Please use schema version 2025-10-17",
            )
        if key in self.servers:
            return problem(400, "Failed to create server", "invalid version: cannot publish duplicate version")
        self.servers[key] = document
        return 200, self.wrapped(key)

    def flip(self, key: tuple[str, str], verb: str) -> tuple[int, Any]:
        if key not in self.servers:
            return problem(404, "Server not found")
        if verb == "publish":
            self.published.add(key)
            return 200, {"message": "Server published successfully"}
        if key in self.deployed:
            name, version = key
            return problem(
                500,
                f"cannot unpublish deployed server {name} (version {version}): "
                "server must be removed from deployment first",
            )
        self.published.discard(key)
        return 200, {"message": "Server unpublished successfully"}


class Apply(Base):
    """v0.4: MCPServer resources by name and tag, applied as YAML; no search, no status."""

    def __init__(self) -> None:
        super().__init__()
        self.resources: dict[tuple[str, str], dict[str, Any]] = {}
        self.refuse = ""

    def answer(self, method: str, parts: list[str], query: dict[str, str], body: bytes) -> tuple[int, Any]:
        if parts[0] != "v0":
            return 200, HTML
        match method, parts[1:]:
            case "GET", ["mcpservers"]:
                keys = sorted(self.resources)
                start = int(query.get("cursor", "0"))
                end = start + int(query.get("limit", 50))
                following = {"nextCursor": str(end)} if end < len(keys) else {}
                return 200, {"items": [self.resources[key] for key in keys[start:end]], **following}
            case "GET", ["mcpservers", name, "tags"]:
                return 200, {"items": [resource for key, resource in sorted(self.resources.items()) if key[0] == name]}
            case "GET", ["mcpservers", name, tag]:
                resource = self.resources.get((name, tag))
                return (200, resource) if resource else problem(404, "Not Found", f"MCPServer {name!r} not found")
            case "DELETE", ["mcpservers", name, tag]:
                return (204, None) if self.resources.pop((name, tag), None) else problem(404, "Not Found")
            case "POST", ["apply"]:
                return 200, {"results": [self.apply(item, query) for item in yaml.safe_load_all(body) if item]}
        return problem(404, "Not Found")

    def apply(self, resource: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
        assert resource["apiVersion"] == "ar.dev/v1alpha1"
        assert resource["kind"] == "MCPServer"
        metadata = resource["metadata"]
        key = (metadata["name"], metadata.get("tag", "latest"))
        result = {"apiVersion": resource["apiVersion"], "kind": "MCPServer", "name": key[0], "tag": key[1]}
        if self.refuse:
            return result | {"status": "failed", "error": self.refuse}
        if query.get("dryRun") == "true":
            return result | {"status": "dry-run"}
        there = self.resources.get(key)
        if there and there["spec"] == resource["spec"]:
            return result | {"status": "unchanged"}
        stored = resource | {"metadata": metadata | {"uid": "u", "createdAt": NOW, "updatedAt": NOW}}
        self.resources[key] = stored
        return result | {"status": "configured" if there else "created"}
