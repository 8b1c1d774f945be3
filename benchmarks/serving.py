"""The embedded registry on a real socket, for cases, tests and measurements."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp_registrar.registry.app import RegistryApp
from mcp_registrar.registry.auth.permissions import EVERYTHING, Permission
from mcp_registrar.registry.auth.tokens import Tokens
from mcp_registrar.registry.config import RegistryConfig
from mcp_registrar.registry.store import Store, open_store
from mcp_registrar_tools.outbound import Outbound

SEED = bytes(range(32))


@dataclass
class Reply:
    """What came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        import json

        return json.loads(self.body)


@dataclass
class Running:
    """A registry that answers on ``port`` of 127.0.0.1."""

    port: int
    app: RegistryApp
    store: Store
    tokens: Tokens = field(default_factory=lambda: Tokens(SEED))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def bearer(self, *permissions: Permission, lifetime: int = 300) -> str:
        """An Authorization header with a token of this registry; without permissions, one that may do everything."""
        token, _ = self.tokens.sign("none", "test", permissions or EVERYTHING, lifetime=lifetime)
        return f"Bearer {token}"

    async def ask(
        self, method: str, target: str, json: Any = None, *, content: bytes | None = None, **headers: str
    ) -> Reply:
        """One request, its target exactly as given (a null byte percent-encoded, as any client must)."""
        return await ask(self.port, method, target, json, content=content, **headers)

    async def publish(self, name: str, version: str, **more: Any) -> Reply:
        """Publish a small valid document with a token that may do everything."""
        return await self.ask("POST", "/v0/publish", document(name, version, **more), authorization=self.bearer())


def document(name: str, version: str, **more: Any) -> dict[str, Any]:
    """A small valid server.json."""
    return {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": name,
        "description": "A test server",
        "version": version,
        **more,
    }


async def ask(
    port: int, method: str, target: str, json: Any = None, *, content: bytes | None = None, **headers: str
) -> Reply:
    """One HTTP/1.1 request over a fresh connection, without any client's help or hindrance."""
    import json as codec

    body = codec.dumps(json).encode() if json is not None else content or b""
    if body or method in ("POST", "PUT", "PATCH"):
        headers.setdefault("content_type", "application/json")
        headers["content_length"] = str(len(body))
    lines = [f"{method} {target} HTTP/1.1".replace("\0", "%00"), f"host: 127.0.0.1:{port}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode("utf-8") + body)
        await writer.drain()
        raw = await asyncio.wait_for(reader.read(), 30)
    finally:
        writer.close()
    head, _, payload = raw.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    found = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    if found.get("transfer-encoding") == "chunked":
        payload = _joined(payload)
    return Reply(int(first.split()[1]), found, payload)


def _joined(chunks: bytes) -> bytes:
    """A body without the sizes of its chunks."""
    body = b""
    while chunks:
        size, _, rest = chunks.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        body += rest[:length]
        chunks = rest[length + 2 :] if length else b""
    return body


@asynccontextmanager
async def running(
    config: RegistryConfig | None = None,
    *,
    store: Store | None = None,
    outbound: Outbound | None = None,
) -> AsyncIterator[Running]:
    """Serve a registry until the block ends; without a store, a new SQLite file that is thrown away."""
    import dataclasses

    import uvicorn

    config = config or RegistryConfig(ownership="off")
    if not config.jwt_private_key:
        config = dataclasses.replace(config, jwt_private_key=SEED.hex())
    with tempfile.TemporaryDirectory() as folder:
        own = open_store(Path(folder) / "registry.sqlite3") if store is None else None
        used = store or own
        assert used is not None
        app = RegistryApp(used, config, outbound)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(128)
            server = uvicorn.Server(
                uvicorn.Config(app, log_level="error", lifespan="off", access_log=False, timeout_graceful_shutdown=1)
            )
            # Its main loop, left out here, only ticks ten times a second to see whether it should stop.
            server.config.load()
            server.lifespan = server.config.lifespan_class(server.config)
            await server.startup(sockets=[listener])
            try:
                yield Running(listener.getsockname()[1], app, used)
            finally:
                for each in server.servers:  # its own shutdown waits a tenth of a second
                    each.close()
                await app.close()
                if own is not None:
                    await own.close()
