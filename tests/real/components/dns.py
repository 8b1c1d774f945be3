"""A DNS server on loopback, UDP and TCP, whose TXT records a test may change while it runs."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

PACKAGE = "dnslib>=0.9.26"


def install() -> None:
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", PACKAGE], check=True)


def missing() -> str | None:
    return None if find_spec("dnslib") else "the Python package dnslib is not installed"


@dataclass
class NameServer:
    """``address`` is ``host:port``; ``zone`` maps names to their TXT records; ``silent`` answers nothing."""

    address: str
    zone: dict[str, list[str]]
    asked: list[str]


@contextmanager
def start(zone: dict[str, list[str]] | None = None) -> Iterator[NameServer]:
    """A server for this zone. Names that are not in it do not exist; a name with an empty list has no TXT."""
    from dnslib import QTYPE, RCODE, RR, TXT
    from dnslib.server import BaseResolver, DNSLogger, DNSServer

    running = NameServer("", dict(zone or {}), [])

    class Zone(BaseResolver):
        def resolve(self, request: Any, handler: Any) -> Any:
            name = str(request.q.qname).rstrip(".").lower()
            running.asked.append(name)
            reply = request.reply()
            if name not in running.zone:
                reply.header.rcode = RCODE.NXDOMAIN
            elif request.q.qtype == QTYPE.TXT:
                for text in running.zone[name]:
                    raw = text.encode()
                    strings = [raw[at : at + 255] for at in range(0, len(raw), 255)] or [b""]
                    reply.add_answer(RR(request.q.qname, QTYPE.TXT, rdata=TXT(strings), ttl=1))
            return reply

    quiet = DNSLogger("-request,-reply,-truncated,-error,-recv,-send,-data")
    udp = DNSServer(Zone(), address="127.0.0.1", port=0, logger=quiet)
    port = udp.server.server_address[1]
    tcp = DNSServer(Zone(), address="127.0.0.1", port=port, tcp=True, logger=quiet)
    running.address = f"127.0.0.1:{port}"
    threads = [threading.Thread(target=server.server.serve_forever, args=(0.02,), daemon=True) for server in (udp, tcp)]
    for thread in threads:
        thread.start()
    try:
        yield running
    finally:
        for server in (udp, tcp):
            server.server.shutdown()
            server.server.server_close()
