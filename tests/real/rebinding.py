"""Run inside namespaces of its own: a real name server that changes its mind, the system's resolver, and us.

Prints what became of each request, and how often anybody reached the service on 127.0.0.1, as JSON.
"""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import anyio
from dnslib import AAAA, QTYPE, RCODE, RR, A
from dnslib.server import DNSLogger, DNSServer

from mcp_registrar_tools.errors import OutboundError
from mcp_registrar_tools.outbound import Outbound

PUBLIC = "203.0.113.7"  # a documentation address: from here nothing leads there
NAMES = {
    "flips.test": [PUBLIC, "127.0.0.1"],
    "private.test": ["10.0.0.8"],
    "inner.test": ["64:ff9b::7f00:1", "fd00::8"],
}


class Fickle:
    """The first look-up of ``flips.test`` gives a public address, every later one 127.0.0.1."""

    def __init__(self) -> None:
        self.asked = 0

    def resolve(self, request: object, handler: object) -> object:
        question = request.q  # type: ignore[attr-defined]
        reply = request.reply()  # type: ignore[attr-defined]
        name, kind = str(question.qname).rstrip("."), QTYPE[question.qtype]
        if name not in NAMES:
            reply.header.rcode = RCODE.NXDOMAIN
            return reply
        addresses = NAMES[name]
        if name == "flips.test":
            if kind == "A":
                self.asked += 1
            addresses = addresses[:1] if self.asked <= 1 else addresses[1:]
        for address in addresses:
            if kind == ("AAAA" if ":" in address else "A"):
                data = AAAA(address) if ":" in address else A(address)
                reply.add_answer(RR(question.qname, question.qtype, rdata=data, ttl=0))
        return reply


def loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: UP, RUNNING


def ask_the_fickle_one(server: Fickle) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".conf", delete=False) as file:
        file.write("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", file.name, "/etc/resolv.conf"], check=True)
    Path(file.name).unlink()
    for tcp in (False, True):
        DNSServer(server, address="127.0.0.1", port=53, tcp=tcp, logger=DNSLogger("-request,-reply")).start_thread()


def count_visitors(visitors: list[object]) -> int:
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            connection, address = listener.accept()
            visitors.append(address)
            connection.close()

    threading.Thread(target=accept, daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


async def visit(port: int) -> dict[str, list[str]]:
    outbound = Outbound()
    found: dict[str, list[str]] = {}
    for name in ("flips.test", "flips.test", "private.test", "inner.test", "nowhere.test"):
        try:
            await outbound.fetch("GET", f"https://{name}:{port}/", timeout=5)
        except OutboundError as error:
            found.setdefault(name, []).append(error.code)
    await outbound.close()
    return found


def main() -> None:
    loopback_up()
    server, visitors = Fickle(), list[object]()
    ask_the_fickle_one(server)
    port = count_visitors(visitors)
    found = anyio.run(visit, port)
    # The name really leads to 127.0.0.1 by now, and somebody is at home there.
    with socket.create_connection(("flips.test", port), timeout=5) as connection:
        connection.recv(1)
    json.dump({"found": found, "asked": server.asked, "visitors": len(visitors)}, sys.stdout)


if __name__ == "__main__":
    main()
