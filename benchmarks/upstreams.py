"""Small real servers on loopback that say what a case wants said: GitHub's API, JWKS, key files, DNS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import Any

Responder = Callable[[str], tuple[int, bytes, bool]]
"""Path to (status, body, whether the body ends too early)."""


@asynccontextmanager
async def serving(respond: Responder) -> AsyncIterator[str]:
    """An HTTP server; gives its URL."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode()
            status, body, cut = respond(path)
            length = len(body) + (100 if cut else 0)
            writer.write(
                f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n"
                "connection: close\r\n\r\n".encode()
                + body
            )
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@asynccontextmanager
async def json_server(pages: Mapping[str, Any]) -> AsyncIterator[str]:
    """Answers each path with its value as JSON, others with 404."""

    def respond(path: str) -> tuple[int, bytes, bool]:
        return (200, json.dumps(pages[path]).encode(), False) if path in pages else (404, b"{}", False)

    async with serving(respond) as url:
        yield url


@asynccontextmanager
async def key_server(status: int, text: str, *, cut: bool = False) -> AsyncIterator[str]:
    """A well-known file."""

    def respond(path: str) -> tuple[int, bytes, bool]:
        found = path == "/.well-known/mcp-registry-auth"
        return (status if found else 404), text.encode() if found else b"", cut

    async with serving(respond) as url:
        yield url


@asynccontextmanager
async def github_api(login: str, memberships: Sequence[Mapping[str, Any]]) -> AsyncIterator[str]:
    """GitHub's API for one account. ``memberships`` are ``{login, state, role}``."""
    full = [
        {"state": m["state"], "role": m["role"], "organization": {"login": m["login"], "id": 1}} for m in memberships
    ]

    def respond(path: str) -> tuple[int, bytes, bool]:
        if path == "/user":
            return 200, json.dumps({"login": login, "id": 1}).encode(), False
        if path.startswith("/user/memberships/orgs?"):
            return 200, json.dumps(full).encode(), False
        return 404, b"{}", False

    async with serving(respond) as url:
        yield url


@contextmanager
def nameserver(zone: Mapping[str, Sequence[str]], *, broken: bool = False) -> Iterator[str]:
    """A DNS server with these TXT records; other names do not exist. ``broken`` answers with a server failure."""
    from dnslib import QTYPE, RCODE, RR, TXT
    from dnslib.server import BaseResolver, DNSLogger, DNSServer

    class Zone(BaseResolver):  # type: ignore[misc]
        def resolve(self, request: Any, handler: Any) -> Any:
            reply = request.reply()
            name = str(request.q.qname).rstrip(".").lower()
            if broken:
                reply.header.rcode = RCODE.SERVFAIL
            elif name not in {each.lower() for each in zone}:
                reply.header.rcode = RCODE.NXDOMAIN
            else:
                for text in next(texts for each, texts in zone.items() if each.lower() == name):
                    raw = text.encode()
                    parts = [raw[i : i + 255] for i in range(0, len(raw), 255)] or [b""]
                    reply.add_answer(RR(request.q.qname, QTYPE.TXT, rdata=TXT(parts), ttl=1))
            return reply

    server = DNSServer(Zone(), address="127.0.0.1", port=0, logger=DNSLogger("-request,-reply,-truncated,-error"))
    server.start_thread()
    try:
        yield f"127.0.0.1:{server.server.server_address[1]}"
    finally:
        server.stop()
        server.server.server_close()


@cache
def rsa_key() -> tuple[Any, dict[str, Any]]:
    """A private key and its public half as a JWK."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from jwt.algorithms import RSAAlgorithm

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return private, json.loads(RSAAlgorithm.to_jwk(private.public_key()))
