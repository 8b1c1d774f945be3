"""The network as this project may use it: names are resolved once, the addresses are judged, and the connection goes
to an address that was judged. Imported at the first request only (it brings the whole HTTP stack).
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import anyio
import httpcore2
import httpx2

from mcp_registrar_tools.addresses import blocked
from mcp_registrar_tools.errors import InputError

ADDRESS_SECONDS = 3.0
"""How long one of several addresses of a host may take to answer before the next is tried."""

Resolve = Callable[[str, int], Awaitable[list[str]]]


class AddressRefused(Exception):
    """Every address of the host is one that we do not connect to."""


class NameUnknown(Exception):
    """The host has no address. ``transient`` when the name server could not say."""

    def __init__(self, host: str, transient: bool) -> None:
        super().__init__(host)
        self.transient = transient


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host as text, each once, in the order the system prefers."""
    try:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise NameUnknown(host, error.errno == socket.EAI_AGAIN) from error
    except (UnicodeError, OSError) as error:
        raise NameUnknown(host, False) from error
    return list(dict.fromkeys(str(item[4][0]) for item in found))


class JudgedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects to public addresses only, except for hosts that ``trusted(host, port)`` lets through.

    The HTTP stack hands over the name; TLS (server name, certificate) and the ``Host`` header keep it, the socket
    goes to the address that was judged. A name that changes its mind afterwards changes nothing.
    """

    def __init__(self, trusted: Callable[[str, int], bool], resolver: Resolve = resolve) -> None:
        self._trusted = trusted
        self._resolve = resolver
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = await self._resolve(host, port)
        if not self._trusted(host, port):
            addresses = [address for address in addresses if not blocked(address)]
            if not addresses:
                raise AddressRefused(f"dial {host}: refusing to connect to private or loopback address")
        for address in addresses[:-1]:
            seconds = ADDRESS_SECONDS if timeout is None else min(timeout, ADDRESS_SECONDS)
            try:
                return await self._network.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._network.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        raise AddressRefused(f"dial {path}: refusing to connect to a socket file")

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


class SafeTransport(httpx2.AsyncHTTPTransport):
    """httpx's own transport over a `JudgedNetwork`, without proxies from the environment.

    ``ca_file`` is a PEM file trusted in addition to the system's certificates.
    """

    def __init__(
        self, *, trusted: Callable[[str, int], bool], ca_file: Path | None = None, resolver: Resolve = resolve
    ) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl_context(ca_file),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=JudgedNetwork(trusted, resolver),
        )


def ssl_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """Certificates are checked against the system's authorities and, when given, those of a PEM file.

    Raises `InputError` when that file cannot be used.
    """
    context = httpx2.create_ssl_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=str(ca_file))
        except OSError as error:  # ssl.SSLError is one
            reason = "it holds no PEM certificate" if isinstance(error, ssl.SSLError) else error.strerror
            raise InputError(
                "ca-file",
                f"the certificate file {ca_file} cannot be used: {reason}",
                "correct MCP_REGISTRAR_CA_FILE: it names a PEM file of certificate authorities",
            ) from None
    return context
