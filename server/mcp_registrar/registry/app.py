"""The registry as one ASGI application: paths to handlers, and what holds for every answer.

Server names carry an encoded slash (``io.github.user%2Fweather``), which an ordinary router decodes too early;
so paths are split here as they came over the wire and each part is decoded by itself.
"""

from __future__ import annotations

import logging
import posixpath
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from mcp_registrar.registry.api import reads, writes
from mcp_registrar.registry.http import Answer, Problem, Request
from mcp_registrar.registry.metrics import Metrics
from mcp_registrar_tools.answer import clean

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from mcp_registrar.registry.auth.tokens import Tokens
    from mcp_registrar.registry.config import RegistryConfig
    from mcp_registrar.registry.store import Store
    from mcp_registrar_tools.findings import Finding
    from mcp_registrar_tools.outbound import Outbound

Handler = Callable[["RegistryApp", Request], Awaitable[Answer]]

PREFIXES = ("v0", "v0.1")
IMAGES_SECONDS = 5.0
CORS = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "Content-Type, Content-Length",
}
PREFLIGHT = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
    "access-control-allow-headers": "*",
    "access-control-max-age": "86400",
}

log = logging.getLogger("mcp_registrar.registry")


class RegistryApp:
    """Handlers find the store, the settings and the metrics here."""

    def __init__(self, store: Store, config: RegistryConfig, outbound: Outbound | None = None) -> None:
        self.store = store
        self.config = config
        self.metrics = Metrics()
        self._tokens: Tokens | None = None
        self._outbound = outbound
        self._images: tuple[float, set[str]] = (-IMAGES_SECONDS - 1, set())
        self._routes: dict[tuple[str, int], list[tuple[list[str], Handler]]] = {}
        for method, path, handler in (*reads.ROUTES, *writes.ROUTES, *_auth_routes()):
            for prefix in PREFIXES:
                self._add(method, f"/{prefix}{path}", handler)
        for method, path, handler in _page_routes():
            self._add(method, path, handler)

    async def tokens(self) -> Tokens:
        """The signer of this registry's tokens; its key is in the settings or in the store."""
        if self._tokens is None:
            from mcp_registrar.registry.auth.tokens import Tokens

            seed = self.config.jwt_private_key
            self._tokens = Tokens(bytes.fromhex(seed) if seed else await self.store.jwt_seed())
        return self._tokens

    def report(self, name: str, findings: Sequence[Finding]) -> None:
        """Ownership problems that this registry lets pass: the operator's log says so. In process, the answer does."""
        for finding in findings:
            log.log(
                logging.INFO if self.config.owner else logging.WARNING,
                "%s: %s",
                clean(name, 200),
                clean(finding.message, 500),
            )

    def log_refusal(self, method: str, why: str) -> None:
        """Why a login failed: for the operator, also where the caller is not told."""
        log.info("login by %s refused: %s", method, clean(why, 500))

    def outbound(self) -> Outbound:
        """The way out to package registries, GitHub and domains."""
        if self._outbound is None:
            from mcp_registrar_tools.outbound import Outbound

            settings = self.config.settings
            ca_file = settings.ca_file if settings is not None else None
            self._outbound = Outbound(trusted_origins=self.config.listed(self.config.trusted_origins), ca_file=ca_file)
        return self._outbound

    async def running_images(self) -> set[str]:
        """Images that run on this machine's Docker Engine, looked up at most every few seconds."""
        at, images = self._images
        if time.monotonic() - at > IMAGES_SECONDS:
            from mcp_registrar_tools.registries import Entry
            from mcp_registrar_tools.search import running_images

            # It asks the engine only when there is a server with an image.
            images = await running_images([Entry(server={"packages": [{"registryType": "oci"}]})])
            self._images = time.monotonic(), images
        return images

    async def txt(self, name: str, seconds: float) -> list[str]:
        """TXT records of a domain. Raises OSError."""
        from mcp_registrar.registry.auth.dns import txt

        return await txt(name, seconds, self.config.dns_server)

    async def close(self) -> None:
        """Close what was opened here; the store belongs to the caller."""
        if self._outbound is not None:
            await self._outbound.close()

    def _add(self, method: str, path: str, handler: Handler) -> None:
        segments = path.split("/")[1:]
        self._routes.setdefault((method, len(segments)), []).append((segments, handler))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        request = Request(scope, receive)
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        try:
            answer = await self._answer(request, raw)
        except Problem as problem:
            answer = Answer(problem.body(), problem.status, "application/problem+json")
        except Exception:
            log.exception("%s %s failed", request.method, request.route or "unknown route")
            answer = Answer(Problem(500, "Internal server error").body(), 500, "application/problem+json")
        if raw.startswith((b"/v0/", b"/v0.1/", b"/openapi")):
            answer.headers.update(CORS)
        body = b"" if request.method == "HEAD" else answer.body
        headers = [(k.encode(), v.encode("latin-1")) for k, v in answer.headers.items()]
        headers.append((b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        self.metrics.count(request.method, request.route, answer.status, time.perf_counter() - started)

    async def _answer(self, request: Request, raw: bytes) -> Answer:
        for where, part in (("URL path contains", raw), ("query parameters contain", request.query_string)):
            # The path is looked at as it was sent and once decoded, for handlers decode it again.
            if b"\0" in part or b"%00" in part or (part is raw and b"%00" in unquote_to_bytes(part)):
                return Answer(Problem(400, f"Invalid request: {where} null bytes").body(), 400)
        if request.method == "OPTIONS":
            answer = Answer(b"", 204)
            answer.headers = dict(PREFLIGHT)
            return answer
        path = raw.decode("latin-1")
        if path != "/" and path.endswith("/"):
            query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
            return _moved(_cleaned(path) + query)
        handler = self._route(request, path)
        if handler is None:
            return not_found(path)
        return await handler(self, request)

    def _route(self, request: Request, path: str) -> Handler | None:
        parts = path.split("/")[1:]
        method = "GET" if request.method == "HEAD" else request.method
        for segments, handler in self._routes.get((method, len(parts)), ()):
            if all(s == p or (s.startswith("{") and p) for s, p in zip(segments, parts, strict=True)):
                request.route = "/" + "/".join(segments)
                request.parameters = {
                    # Bytes that are no UTF-8 keep their escapes: the handler's own decoding refuses them.
                    s[1:-1]: unquote_to_bytes(p).decode("utf-8", "surrogateescape")
                    for s, p in zip(segments, parts, strict=True)
                    if s.startswith("{")
                }
                return handler
        return None


def _cleaned(path: str) -> str:
    """A path without empty, ``.`` and ``..`` parts and without a slash at its end: never another host."""
    return "/" + posixpath.normpath(path).lstrip("/")


def _moved(location: str) -> Answer:
    from html import escape

    body = f'<a href="{escape(location)}">Permanent Redirect</a>.\n\n'
    return Answer(body, 308, "text/html; charset=utf-8", location=location)


def not_found(path: str) -> Answer:
    if path.startswith(("/v0/", "/v0.1/")):
        detail = "Endpoint not found. See /docs for the API documentation."
    else:
        detail = f"Endpoint not found. Did you mean '/v0.1{path}' or '/v0{path}'? See /docs for the API documentation."
    answer = Answer(Problem(404, detail).body(), 404, "application/problem+json")
    answer.headers["x-content-type-options"] = "nosniff"
    return answer


def _later(module: str, name: str) -> Handler:
    """A handler whose module is imported when it is first called."""

    async def call(app: RegistryApp, request: Request) -> Answer:
        from importlib import import_module

        handler: Handler = getattr(import_module(f"mcp_registrar.registry.{module}"), name)
        return await handler(app, request)

    return call


def _auth_routes() -> Iterable[tuple[str, str, Handler]]:
    for method in ("github-at", "github-oidc", "oidc", "dns", "http", "none"):
        yield "POST", f"/auth/{method}", partial(_exchange, method)


async def _exchange(method: str, app: RegistryApp, request: Request) -> Answer:
    from mcp_registrar.registry.auth.routes import exchange

    return await exchange(method, app, request)


def _page_routes() -> Iterable[tuple[str, str, Handler]]:
    yield "GET", "/", _later("catalogue", "servers")
    yield "GET", "/catalogue/{server_name}", _later("catalogue", "server")
    yield "GET", "/assets/{asset_version}/{name}", _later("catalogue", "asset")
    yield "GET", "/docs", _later("openapi", "docs")
    yield "GET", "/openapi.json", _later("openapi", "as_json")
    yield "GET", "/openapi.yaml", _later("openapi", "as_yaml")
    yield "GET", "/metrics", _later("metrics", "page")


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message: Any = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
