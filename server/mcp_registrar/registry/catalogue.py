"""The catalogue for people: the Servers view at ``/`` and a page for each server.

Plain HTML from the server; the script only saves reloading. Everything a publisher wrote is escaped by the templates,
nothing is loaded from elsewhere, and the Content-Security-Policy says so.
"""

from __future__ import annotations

import json
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from mcp_registrar.registry.api.reads import STATUSES, join_cursor, split_cursor
from mcp_registrar.registry.http import Answer, Problem, Request, unescape
from mcp_registrar.registry.store.reading import Filter
from mcp_registrar.registry.store.rows import Row, rfc3339
from mcp_registrar_tools.answer import clean

if TYPE_CHECKING:
    from jinja2 import Environment

    from mcp_registrar.registry.app import RegistryApp

PAGES = Path(__file__).parent / "pages"
PAGE = 50
VERSIONS_SHOWN = 60
ASSETS = {"catalogue.css": "text/css", "catalogue.js": "text/javascript", "icon.svg": "image/svg+xml"}
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
    "vary": "x-part",
}


@cache
def templates() -> Environment:
    """The page templates, with escaping always on."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["version"] = assets_version()
    return environment


@cache
def assets_version() -> str:
    """Changes with the files, so that browsers may keep them for ever."""
    import hashlib

    return hashlib.sha256(b"".join((PAGES / name).read_bytes() for name in sorted(ASSETS))).hexdigest()[:12]


def html(template: str, code: int = 200, **values: Any) -> Answer:
    """A page."""
    answer = Answer(templates().get_template(template).render(**values), code, "text/html; charset=utf-8")
    answer.headers.update(HEADERS)
    return answer


async def asset(app: RegistryApp, request: Request) -> Answer:
    """A style sheet, script or icon of ours."""
    name = request.parameters["name"]
    if name not in ASSETS:
        raise Problem(404, "no such file")
    answer = Answer((PAGES / name).read_bytes(), content_type=f"{ASSETS[name]}; charset=utf-8")
    answer.headers["x-content-type-options"] = "nosniff"
    fresh = request.parameters["asset_version"] == assets_version()
    answer.headers["cache-control"] = "public, max-age=31536000, immutable" if fresh else "no-cache"
    return answer


async def servers(app: RegistryApp, request: Request) -> Answer:
    """The Servers view; with the header ``x-part: rows`` only its table."""
    query = {"q": "", "type": "", "status": "", "sort": "", "after": "", **request.query()}
    query = {key: value.replace("\0", "")[:500] for key, value in query.items()}
    status = query["status"] if query["status"] in STATUSES else ""
    filter = Filter(version="latest", kind=query["type"], status=status)
    rows, more, corrected = await _find(app, query, filter)
    images = await app.running_images()
    kept = {key: query[key] for key in ("q", "type", "status", "sort") if query[key]}
    values: dict[str, Any] = {
        "rows": [_line(row, images) for row in rows],
        "more": _address({**kept, "after": more}) if more else "",
        "first": _address(kept) if query["after"] else "",
        "corrected": corrected,
        "query": query,
    }
    if request.header("x-part") == "rows":
        return html("rows.html", **values)
    kinds = [(kind, count) for kind, count in await app.store.kinds() if kind]
    return html("list.html", here="servers", total=await app.store.count(), kinds=kinds, statuses=STATUSES, **values)


async def _find(app: RegistryApp, query: dict[str, str], filter: Filter) -> tuple[list[Row], str, dict[str, str]]:
    """A page of rows, where the next one begins, and the words that were corrected."""
    corrected: dict[str, str] = {}
    after = query["after"]
    offset = int(after) if after.isascii() and after.isdecimal() and len(after) < 8 else 0
    if query["q"].strip():
        rows, corrected = await app.store.ranked(query["q"], filter, offset=offset, limit=PAGE)
    elif query["sort"] == "updated":
        rows = await app.store.recent(filter, offset=offset, limit=PAGE)
    else:
        rows = await app.store.page(filter, after=split_cursor(after), limit=PAGE + 1)
        return rows[:PAGE], join_cursor(rows[PAGE - 1]) if len(rows) > PAGE else "", {}
    return rows, str(offset + PAGE) if len(rows) == PAGE else "", corrected


def _address(query: dict[str, str]) -> str:
    return f"/?{urlencode(query)}" if query else "/"


def _line(row: Row, images: set[str]) -> dict[str, Any]:
    from mcp_registrar.registry.store.rows import kind_of

    document = json.loads(row.document)
    return {
        "name": row.server_name,
        "url": page_address(row.server_name),
        "title": clean(str(document.get("title") or ""), 100),
        "description": clean(str(document.get("description") or ""), 200),
        "version": clean(row.version, 60),
        "kind": clean(kind_of(document), 40),
        "status": row.status,
        "deployed": _deployed(document, images),
        "updated": rfc3339(row.updated_at),
        "age": age(row.updated_at),
    }


def _deployed(document: dict[str, Any], images: set[str]) -> bool:
    if not images:
        return False
    from mcp_registrar_tools.search import runs

    return runs(document, images)


def page_address(name: str, version: str = "") -> str:
    """Where a server's page is."""
    query = f"?{urlencode({'version': version})}" if version else ""
    return f"/catalogue/{quote(name, safe='')}{query}"


def age(micros: int) -> str:
    """How long ago, in one unit."""
    seconds = max(0, time.time() - micros / 1e6)
    for length, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= length:
            return f"{int(seconds // length)}{unit} ago"
    return "just now"


async def server(app: RegistryApp, request: Request) -> Answer:
    """One server; ``?version=`` chooses which, the latest without it."""
    name = unescape(request.parameters["server_name"], "Invalid server name encoding")
    wanted = request.query().get("version", "latest").replace("\0", "")
    row = await app.store.get(name, wanted, include_deleted=True)
    if row is None:
        shown = clean(name, 200)
        text = f"{shown} is not in this registry." if wanted == "latest" else f"{shown} has no such version."
        return html("message.html", 404, here="", heading="Not found", text=text)
    versions = await app.store.versions(name, include_deleted=True)
    return html(
        "server.html",
        here="",
        versions=[
            {
                "version": clean(each.version, 60),
                "url": page_address(name, each.version),
                "status": each.status,
                "published": rfc3339(each.published_at),
                "age": age(each.published_at),
            }
            for each in versions[:VERSIONS_SHOWN]
        ],
        hidden_versions=max(0, len(versions) - VERSIONS_SHOWN),
        **_page(row, await app.running_images()),
    )


def _page(row: Row, images: set[str]) -> dict[str, Any]:
    document = json.loads(row.document)
    repository = document.get("repository") or {}
    links = [
        ("Website", document.get("websiteUrl")),
        ("Repository", repository.get("url")),
        ("README", _readme(repository)),
    ]
    return {
        "name": row.server_name,
        "title": clean(str(document.get("title") or ""), 100),
        "description": clean(str(document.get("description") or "")),
        "shown": clean(row.version, 60),
        "status": row.status,
        "message": clean(row.status_message or ""),
        "is_latest": bool(row.is_latest),
        "deployed": _deployed(document, images),
        "published": rfc3339(row.published_at),
        "published_day": rfc3339(row.published_at)[:10],
        "updated": rfc3339(row.updated_at),
        "age": age(row.updated_at),
        "links": [(text, url) if _linkable(url) else (f"{text}: {url}", "") for text, url in links if url],
        "packages": [_package(each) for each in document.get("packages") or []],
        "remotes": [_remote(each) for each in document.get("remotes") or []],
        "snippets": [] if row.status == "deleted" else _snippets(document),
        "raw": json.dumps(document, indent=2, ensure_ascii=False),
    }


def _linkable(url: Any) -> bool:
    """Whether an address may become a link: http(s) to a named host, nothing that a browser would run."""
    try:
        parts = urlsplit(str(url))
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.hostname)


def _readme(repository: dict[str, Any]) -> str:
    """Where the README is shown: the repository's page, or its folder's."""
    url, folder = str(repository.get("url") or "").removesuffix("/").removesuffix(".git"), repository.get("subfolder")
    if repository.get("source") not in ("github", "gitlab") or not url:
        return ""
    if not folder:
        return f"{url}#readme"
    return f"{url}/{'-/' if repository['source'] == 'gitlab' else ''}tree/HEAD/{quote(str(folder))}#readme"


def _package(package: dict[str, Any]) -> dict[str, Any]:
    transport = package.get("transport") or {}
    facts = [
        ("transport", transport.get("type")),
        ("url", transport.get("url")),
        ("runtime", package.get("runtimeHint")),
        ("base URL", package.get("registryBaseUrl")),
        ("sha256", package.get("fileSha256")),
    ]
    return {
        "kind": clean(str(package.get("registryType", "")), 40),
        "identifier": clean(str(package.get("identifier", ""))),
        "version": clean(str(package.get("version") or "")),
        "facts": [(key, clean(str(value))) for key, value in facts if value],
        "environment": _inputs(package.get("environmentVariables")),
        "runtime_arguments": _inputs(package.get("runtimeArguments")),
        "package_arguments": _inputs(package.get("packageArguments")),
    }


def _remote(remote: dict[str, Any]) -> dict[str, Any]:
    variables = remote.get("variables") or {}
    return {
        "kind": clean(str(remote.get("type", "")), 40),
        "url": clean(str(remote.get("url", ""))),
        "headers": _inputs(remote.get("headers")),
        "variables": _inputs([{"name": name, **each} for name, each in variables.items() if isinstance(each, dict)]),
    }


def _inputs(items: Any) -> list[dict[str, Any]]:
    return [
        {
            "name": clean(str(each.get("name") or each.get("valueHint") or each.get("value") or "value")),
            "required": bool(each.get("isRequired")),
            "secret": bool(each.get("isSecret")),
            "value": clean(str(each.get("value") or each.get("default") or "")),
            "description": clean(str(each.get("description") or "")),
            "choices": [clean(str(choice)) for choice in each.get("choices") or []],
        }
        for each in items or []
        if isinstance(each, dict)
    ]


def _snippets(document: dict[str, Any]) -> list[Any]:
    """How each client installs it; none when the document cannot be started."""
    from mcp_registrar_tools.clients import client_config

    return list(client_config(document).values())
