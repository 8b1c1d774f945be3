"""Real HTTP servers on loopback for the registries' tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from mcp_registrar.bench import make_bench
from mcp_registrar.registry import create_app, open_store
from mcp_registrar.registry.config import RegistryConfig
from mcp_registrar_tools.workbench import Settings, Workbench

App = Callable[[Any, Any, Any], Awaitable[None]]


@contextmanager
def serve(app: App, *, certificate: tuple[str, str] | None = None) -> Iterator[str]:
    """The application behind a free port of 127.0.0.1, by uvicorn in a thread; yields its URL."""
    keyfile, certfile = certificate or (None, None)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="critical", lifespan="off", ssl_keyfile=keyfile, ssl_certfile=certfile
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the test server did not start")
        threading.Event().wait(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


class Recorder:
    """Passes requests on and remembers them: ``(method, path with query, headers, body)``."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        messages = []
        body = b""
        while True:
            message = await receive()
            messages.append(message)
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        query = f"?{scope['query_string'].decode()}" if scope["query_string"] else ""
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.requests.append((scope["method"], scope["raw_path"].decode() + query, headers, body))

        async def again() -> Any:
            return messages.pop(0) if messages else await receive()

        await self.app(scope, again, send)

    def sent(self, method: str) -> list[tuple[str, Any]]:
        """Path and JSON body of the requests of one method."""
        return [(path, json.loads(body or b"null")) for m, path, _, body in self.requests if m == method]


class Json:
    """A small JSON server: ``routes`` maps ``"GET /path"`` to an answer or a function of (query, headers, body).

    A function returns ``(status, body)`` or ``(status, body, headers)``.
    """

    def __init__(self, routes: dict[str, Any]) -> None:
        self.routes = routes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        route = self.routes.get(f"{scope['method']} {scope['raw_path'].decode()}")
        if callable(route):
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            result = route(scope["query_string"].decode(), headers, body)
        else:
            result = (404, {"title": "Not Found", "status": 404}) if route is None else (200, route)
        status, content, *more = result
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        extra = [(name.encode(), value.encode()) for name, value in (more[0] if more else {}).items()]
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-type", b"application/json"), *extra],
            }
        )
        await send({"type": "http.response.body", "body": raw})


@contextmanager
def embedded(folder: Path, wrap: Callable[[App], App] = lambda app: app, **config: Any) -> Iterator[str]:
    """The embedded registry served on loopback, as `mcp-registrar registry` serves it."""
    settings = config.pop("settings", None) or Settings(data_dir=folder)
    store = open_store(str(folder / "served.sqlite3"))
    app = create_app(store, RegistryConfig(**{"ownership": "off", "settings": settings} | config))
    with serve(wrap(app)) as url:
        yield url


def bench_in(folder: Path, **settings: Any) -> Workbench:
    """A workbench whose data is in this folder; loopback origins are trusted when a test names them."""
    return make_bench(Settings(data_dir=folder, **settings))[0]


def document(name: str = "io.github.octocat/weather", version: str = "1.0.0", **more: Any) -> dict[str, Any]:
    """A server.json that any registry of the official rules accepts."""
    return {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": name,
        "description": "Weather for any place",
        "version": version,
        **more,
    }


def project(folder: Path, content: dict[str, Any]) -> Path:
    """A project folder with this server.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "server.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
    return folder
