"""A stand-in for everybody else's servers: canned answers over real HTTP on loopback.

`Upstream` is the server, `Upstream.transport` an httpx2 transport that carries every request there, whatever host it
names: the request line, the headers, the body's framing are real, only the address is not.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

_REASONS = {200: "OK", 302: "Found", 404: "Not Found"}


@dataclass(frozen=True)
class Asked:
    """One request: ``url`` is the whole address that the client named, ``headers`` have lower-case names."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """One answer. ``delay`` is seconds before it is sent."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0

    @classmethod
    def of(cls, document: Any, status: int = 200, **headers: str) -> Reply:
        """A JSON answer."""
        return cls(status, json.dumps(document).encode(), {"content-type": "application/json", **headers})


Answerer = Callable[[Asked], Reply | Awaitable[Reply | None] | None]


class Upstream:
    """The server. ``answer`` gives each request's reply, or None for what nobody expected (then 599)."""

    def __init__(self, answer: Answerer) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.unexpected: list[Asked] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def transport(self) -> httpx2.AsyncBaseTransport:
        """Carries every request to this server; the ``Host`` header still names whom the client meant."""
        return _Redirected(self.port)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked = await _read(reader)
                self.asked.append(asked)
                found = self.answer(asked)
                reply = await found if isinstance(found, Awaitable) else found
                if reply is None:
                    self.unexpected.append(asked)
                    reply = Reply(599)
                if reply.delay:
                    await asyncio.sleep(reply.delay)
                writer.write(_written(asked, reply))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serve(answer: Answerer) -> AsyncIterator[Upstream]:
    """Run an `Upstream` until the block ends."""
    upstream = Upstream(answer)
    server = await asyncio.start_server(upstream._client, "127.0.0.1", 0)
    upstream.port = server.sockets[0].getsockname()[1]
    try:
        yield upstream
    finally:
        server.close()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ", 2)
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    scheme = headers.pop("x-scheme", "http")
    return Asked(method, f"{scheme}://{headers.get('host', '')}{target}", headers, body)


def _written(asked: Asked, reply: Reply) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    lines += [f"content-length: {len(reply.body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + (b"" if asked.method == "HEAD" else reply.body)


class _Redirected(httpx2.AsyncBaseTransport):
    """Real HTTP to one port, under the names that the requests carry."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._network = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["x-scheme"] = request.url.scheme
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self._port)
        return await self._network.handle_async_request(request)

    async def aclose(self) -> None:
        await self._network.aclose()
