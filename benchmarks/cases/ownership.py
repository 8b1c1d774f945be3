"""Cases of who owns a published package, of domains, and of addresses that nobody may be sent to.

The ownership cases come with the canned answers of a package registry: a server on loopback gives them, over real
HTTP, and what was asked is compared too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from benchmarks.official_cases import Case, differs, kind
from benchmarks.upstream import Asked, Reply, Upstream, serve
from mcp_registrar_tools.addresses import blocked, is_domain
from mcp_registrar_tools.images.reference import LABEL
from mcp_registrar_tools.outbound import Outbound
from mcp_registrar_tools.packages import cargo, npm, nuget, pypi
from mcp_registrar_tools.rules import ownership as rule
from mcp_registrar_tools.workbench import Settings

_AGENT = "MCP-Registry-Validator/1.0"
_CONFIG, _MANIFEST = "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.manifest.v1+json"


@kind("blocked_ip")
async def blocked_ip(case: Case) -> str | None:
    return differs("blocked", case["expected"]["blocked"], blocked(_text(case["input"], "ip")))


@kind("domain")
async def domain(case: Case) -> str | None:
    return differs("valid", case["expected"]["valid"], is_domain(_text(case["input"], "domain")))


@kind("ownership")
async def ownership(case: Case) -> str | None:
    given, expected = case["input"], case["expected"]
    canned = Canned(given["upstream"], given["package"], given["server_name"])
    async with serve(canned.answer) as upstream:
        outbound = Outbound(transport=upstream.transport())
        try:
            document = {"name": given["server_name"], "packages": [given["package"]]}
            found = await rule.registry_problems(document, outbound, Settings())
        finally:
            await outbound.close()
    return _verdict(given["package"], expected, [finding.message for finding in found]) or _asked(canned, upstream)


def _verdict(package: Mapping[str, Any], expected: Mapping[str, Any], messages: list[str]) -> str | None:
    wrong = differs("valid", expected["valid"], not messages)
    if wrong or not messages:
        return wrong and f"{wrong} {messages}"
    prefix = f"registry validation failed for package 0 ({package.get('identifier', '')}): "
    if not messages[0].startswith(prefix):
        return f"not reported as the registry does: {messages[0]!r}"
    message = messages[0].removeprefix(prefix)
    for wanted in expected["errors"]:
        if wanted.get("message", message) != message:
            return differs("message", wanted["message"], message)
        if (
            not message.startswith(wanted.get("message_prefix", ""))
            or wanted.get("message_contains", "") not in message
        ):
            return differs("message", wanted, message)
    return None


def _asked(canned: Canned, upstream: Upstream) -> str | None:
    """Whether exactly the canned answers were asked for, by the registry's name."""
    if upstream.unexpected:
        return f"asked for what nobody answers: {upstream.unexpected[0]}"
    agents = {asked.headers.get("user-agent", "") for asked in upstream.asked}
    if any(not agent.startswith(_AGENT) for agent in agents):
        return f"asked under the name {agents}"
    return differs("answers not asked for", [], canned.left)


class Canned:
    """The answers of one case. Entries with ``url`` answer that request, in order; others describe a kind's state."""

    def __init__(self, upstream: Any, package: Mapping[str, Any], server_name: str) -> None:
        self._package = package
        self._label: Mapping[str, str] | None = None
        self._readme: str | None = None
        self._state: dict[str, Any] = {}
        self.left: list[str] = []
        self._queue: list[Mapping[str, Any]] = []
        self._server_name = server_name
        self._marked = isinstance(upstream, str)  # "package upstream carries the matching ownership mark"
        for entry in [] if self._marked else upstream:
            if "url" in entry or "method" in entry:
                self._queue.append(entry)
                self.left.append(f"{entry['method']} {entry.get('url', package.get('identifier'))}")
            else:
                self._state.update(entry)

    def answer(self, asked: Asked) -> Reply | None:
        if self._queue:
            return self._queued(asked)
        if self._marked:
            return self._matching(asked)
        if self._package["registryType"] == "nuget":
            return self._nuget(asked)
        if self._package["registryType"] == "oci":
            return self._oci(asked)
        return None

    def _queued(self, asked: Asked) -> Reply | None:
        entry = self._queue[0]
        url = entry.get("url", self._package.get("identifier"))
        if (asked.method, _plain(asked.url)) != (entry["method"], _plain(url)):
            return None
        self._queue.pop(0)
        self.left.pop(0)
        body = entry["text"].encode() if "text" in entry else json.dumps(entry.get("json")).encode()
        return Reply(entry["status"], body, entry.get("headers", {}))

    def _matching(self, asked: Asked) -> Reply | None:
        """A registry in which everything carries the right mark."""
        token = f"mcp-name: {self._server_name}"
        self._state = {"readme_status": 200, "text": token, "image_config_labels": {LABEL: self._server_name}}
        host = urlsplit(asked.url).hostname
        if host == urlsplit(npm.BASE_URL).hostname:
            return Reply.of({"mcpName": self._server_name})
        if host == urlsplit(pypi.BASE_URL).hostname:
            return Reply.of({"info": {"description": token}})
        if host == urlsplit(cargo.BASE_URL).hostname:
            return Reply.of({"url": f"https://{cargo.STATIC_HOST}/readme.html"})
        if host == cargo.STATIC_HOST:
            return Reply(body=token.encode())
        if asked.method == "HEAD":
            return Reply(200)
        return self._nuget(asked) or self._oci(asked)

    def _nuget(self, asked: Asked) -> Reply | None:
        base = nuget.BASE_URL.removesuffix("/index.json") + "-flatcontainer"
        if asked.url == nuget.BASE_URL:
            resources = [
                {"@id": f"{base}/{{lower_id}}/{{lower_version}}/readme", "@type": "ReadmeUriTemplate/6.13.0"},
                {"@id": f"{base}/", "@type": "PackageBaseAddress/3.0.0"},
            ]
            return Reply.of({"version": "3.0.0", "resources": resources}, self._state.get("service_index_status", 200))
        name, version = self._package["identifier"].lower(), self._package.get("version", "").lower().split("+")[0]
        if _plain(asked.url) == f"{base}/{name}/{version}/readme" and "readme_status" in self._state:
            return Reply(self._state["readme_status"], self._state.get("text", "").encode())
        if _plain(asked.url) == f"{base}/{name}/index.json" and "index_status" in self._state:
            return Reply.of({"versions": self._state.get("versions", [])}, self._state["index_status"])
        return None

    def _oci(self, asked: Asked) -> Reply | None:
        """A registry that hands out tokens to anybody, as Docker Hub and GHCR do."""
        host = urlsplit(asked.url).netloc
        if asked.url.startswith(f"https://{host}/token?"):
            return Reply.of({"token": "anonymous"})
        if asked.headers.get("authorization") != "Bearer anonymous":
            challenge = f'Bearer realm="https://{host}/token",service="{host}",scope="repository:x:pull"'
            return Reply(401, b"{}", {"www-authenticate": challenge})
        config = json.dumps(
            {
                "os": "linux",
                "architecture": self._state.get("architecture", "amd64"),
                "config": {"Labels": self._state.get("image_config_labels")},
            }
        ).encode()
        digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
        if "/manifests/" in asked.url:
            described = {"mediaType": _CONFIG, "digest": digest, "size": len(config)}
            manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": described, "layers": []}
            return Reply.of(manifest, self._state.get("manifest_status", 200), **{"content-type": _MANIFEST})
        if asked.url.endswith(f"/blobs/{digest}"):
            return Reply(self._state.get("config_status", 200), config)
        return None


def _plain(url: str) -> str:
    """An address without regard to how its characters are escaped, except the slash."""
    return unquote(url.replace("%2F", "%252F").replace("%2f", "%252F"))


def _text(given: Any, key: str) -> str:
    return str(given if isinstance(given, str) else given[key])
