"""What asking package registries costs: ``python -m benchmarks.ownership``.

Prints JSON: seconds for several packages whose registries each need a second, seconds and memory for an answer of
1 GB, for a packed answer that unfolds to 1 GB, and for one that drips. All over real HTTP on loopback.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
import zlib
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

import anyio

from benchmarks.upstream import Asked, Reply, serve
from mcp_registrar_tools.errors import OutboundError
from mcp_registrar_tools.outbound import Outbound
from mcp_registrar_tools.rules import ownership
from mcp_registrar_tools.workbench import Settings

NAME = "io.github.acme/widget"
GIGABYTE = 1024 * 1024 * 1024


async def packages(count: int) -> float:
    """Seconds until that many packages are verified, each answer taking one second."""

    def answer(asked: Asked) -> Reply:
        return Reply(body=json.dumps({"mcpName": NAME}).encode(), delay=1)

    entry = {"registryType": "npm", "version": "1.0.0", "transport": {"type": "stdio"}}
    document = {"name": NAME, "packages": [{**entry, "identifier": f"pkg-{n}"} for n in range(count)]}
    async with serve(answer) as upstream:
        outbound = Outbound()
        start = time.perf_counter()
        found = await ownership.verify(document, outbound, Settings(npm_url=upstream.url))
        seconds = time.perf_counter() - start
        await outbound.close()
    assert all(one.verified for one in found)
    return round(seconds, 2)


Writer = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def plain(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    for _ in range(GIGABYTE // 65536):
        writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        await writer.drain()


@cache
def bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(b"\0" * 1048576) for _ in range(1024)) + packer.flush()


async def packed(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb()))
    writer.write(bomb())
    await writer.drain()


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.2)


async def hostile(write: Writer) -> dict[str, Any]:
    """How a fetch of 5 MiB in 3 seconds ends against this server, when, and with how much more memory."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await write(writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    outbound = Outbound(trusted_origins=[url])
    before, start, code = _peak(), time.perf_counter(), "answered"
    try:
        await outbound.fetch("GET", url, timeout=3)
    except OutboundError as error:
        code = error.code
    seconds = time.perf_counter() - start
    await outbound.close()
    server.close()
    return {"ends": code, "seconds": round(seconds, 2), "more_memory_mb": round(_peak() - before, 1)}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def main() -> None:
    bomb()
    figures = {
        "packages_1": await packages(1),
        "packages_3": await packages(3),
        "packages_16": await packages(16),
        "gigabyte": await hostile(plain),
        "packed_gigabyte": await hostile(packed),
        "drip": await hostile(drip),
    }
    json.dump(figures, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    anyio.run(main)
