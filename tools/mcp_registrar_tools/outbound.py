"""Every request that leaves this process, and what it may reach.

One place for the whole project: https only, no private address, bounded time and size, no redirect unless asked
for. The seam is the transport (`httpx2.AsyncBaseTransport`): the embedded registry is reached through the same
class with an in-process transport. `safe_transport` is the network itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mcp_registrar_tools.errors import OutboundError

if TYPE_CHECKING:
    import httpx2

    from mcp_registrar_tools.safe_transport import Resolve

USER_AGENT = "mcp-registrar"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_CREDENTIALS = {"authorization", "proxy-authorization", "cookie", "x-api-key", "x-registry-auth"}


@dataclass(frozen=True)
class Fetched:
    """An answer: ``status``, lower-case ``headers``, the ``body`` (never more than the limit asked for).

    ``url`` is where the answer came from, after redirects.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    def json(self) -> Any:
        """The body as JSON; raises ValueError when it is not."""
        import json

        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("nested too deeply") from None


class Outbound:
    """An HTTP client with the project's safety rules.

    ``transport`` replaces the network altogether (tests, the embedded registry): then only the limits of time, size
    and redirects hold. ``trusted_origins`` are origins that the user named in settings or as an argument: they may
    be plain http and private. ``ca_file`` is a PEM file of certificates to trust besides the system's. ``resolver``
    replaces the look-up of names (tests).
    """

    def __init__(
        self,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        trusted_origins: Iterable[str] = (),
        ca_file: Path | None = None,
        resolver: Resolve | None = None,
    ) -> None:
        self._transport = transport
        self._ca_file = ca_file
        self._resolver = resolver
        self._client: httpx2.AsyncClient | None = None
        self._trusted: set[tuple[str, str, int]] = set()
        for origin in trusted_origins:
            self.trust(origin)

    def trust(self, url: str) -> None:
        """Let requests go to the origin of ``url`` although it is private or plain http: the user named it."""
        self._trusted.add(_origin(url))

    def trusts(self, url: str) -> bool:
        """Whether the user named the origin of ``url``."""
        return _origin(url) in self._trusted

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        timeout: float = 10.0,
        limit: int = 5 * 1024 * 1024,
        redirects: int = 0,
        other_hosts: bool = False,
        cut: bool = False,
        enough: Callable[[bytes], bool] | None = None,
    ) -> Fetched:
        """One request. ``timeout`` is seconds for the whole exchange, ``limit`` bytes of (unpacked) body.

        A redirect is an ordinary answer unless ``redirects`` (how many to follow, for GET and HEAD) is given. They
        stay on the same scheme, host and port; with ``other_hosts`` they may leave it, without the credentials.
        ``cut`` takes the first ``limit`` bytes of a longer body instead of failing. ``enough`` is asked after each
        piece whether the body so far will do: a stream of events need not end.

        Raises `OutboundError` when there is no answer: ``outbound-url``, ``outbound-not-https``,
        ``outbound-private``, ``outbound-unknown-host``, ``outbound-refused``, ``outbound-tls``, ``outbound-timeout``,
        ``outbound-too-large``, ``outbound-redirect``, ``outbound-redirect-loop``, ``outbound-failed``.
        """
        import anyio

        sent = {name.lower(): value for name, value in (headers or {}).items()}
        here, followed = url, 0
        try:
            with anyio.fail_after(timeout):
                while True:
                    self._check(here, method)
                    answer = await self._exchange(
                        method, here, headers=sent, json=json, content=content, limit=limit, cut=cut, enough=enough
                    )
                    location = answer.headers.get("location")
                    moved = answer.status in (301, 302, 303, 307, 308) and location
                    if not moved or redirects <= 0 or method not in ("GET", "HEAD"):
                        return answer
                    followed += 1
                    if followed > redirects:
                        raise OutboundError(
                            "outbound-redirect-loop",
                            f"{method} {_shown(url)}: stopped after {redirects} redirects",
                            "the address leads in a circle or too far: name the final address",
                        )
                    there = self._next(here, str(location), other_hosts)
                    if _origin(there) != _origin(here):
                        sent = {name: value for name, value in sent.items() if name not in _CREDENTIALS}
                    here = there
        except TimeoutError:
            raise OutboundError(
                "outbound-timeout",
                f"{method} {_shown(here)}: not finished within {timeout:g} s",
                "try again later",
                transient=True,
            ) from None

    def _check(self, url: str, method: str) -> None:
        """Refuse what is no http(s) URL, and plain http to an origin that the user did not name."""
        origin = _origin(url)
        if self._transport is None and origin[0] != "https" and origin not in self._trusted:
            raise OutboundError(
                "outbound-not-https",
                f"{method} {_shown(url)}: only https is allowed",
                "use https, or name this origin in MCP_REGISTRAR_TRUSTED_ORIGINS",
            )

    def _next(self, here: str, location: str, other_hosts: bool) -> str:
        """Where a redirect leads, or the refusal to go there."""
        from urllib.parse import urldefrag, urljoin

        there = urldefrag(urljoin(here, location)).url
        old, new = _origin(here), _origin(there)
        # An origin is trusted because the user named it, not because a stranger points at it.
        if new != old and (not other_hosts or (new in self._trusted and old not in self._trusted)):
            raise OutboundError(
                "outbound-redirect",
                f'{_shown(here)}: refusing redirect to unexpected URL "{_shown(there)}"',
                "if that is where it lives now, name that address instead",
            )
        return there

    async def _exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        json: Any,
        content: bytes | None,
        limit: int,
        cut: bool,
        enough: Callable[[bytes], bool] | None,
    ) -> Fetched:
        import zlib

        import httpx2

        client = self._client or self._open()
        try:
            request = client.build_request(method, url, headers=dict(headers), json=json, content=content)
            response = await client.send(request, stream=True)
            try:
                body = await _read(response, limit, cut, enough)
            finally:
                await response.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, zlib.error) as error:
            _raise(error, method, url)
        except UnicodeError:
            raise OutboundError(
                "outbound-url",
                f"{method} {_shown(url)}: the address or a header holds characters that HTTP cannot carry",
                "write it in ASCII",
            ) from None
        except _Oversized:
            raise OutboundError(
                "outbound-too-large",
                f"{method} {_shown(url)}: the answer is larger than {limit} bytes",
                "check the address: this is not what was expected there",
            ) from None
        except Exception as error:
            # What our own network layer raises is not wrapped by the HTTP stack; its module is loaded by now.
            from mcp_registrar_tools.safe_transport import AddressRefused, NameUnknown

            if isinstance(error, AddressRefused):
                raise OutboundError(
                    "outbound-private",
                    f"{method} {_shown(url)}: {error}",
                    "use a public address, or name this origin in MCP_REGISTRAR_TRUSTED_ORIGINS",
                ) from None
            if isinstance(error, NameUnknown):
                raise OutboundError(
                    "outbound-unknown-host",
                    f"{method} {_shown(url)}: no address found for {error}",
                    "check the host name and the network",
                    transient=error.transient,
                ) from None
            raise
        return Fetched(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body, url)

    def _open(self) -> httpx2.AsyncClient:
        import httpx2

        transport = self._transport
        if transport is None:
            from mcp_registrar_tools import safe_transport

            transport = safe_transport.SafeTransport(
                trusted=lambda host, port: any((host, port) == origin[1:] for origin in self._trusted),
                ca_file=self._ca_file,
                resolver=self._resolver or safe_transport.resolve,
            )
        self._client = httpx2.AsyncClient(
            transport=transport,
            trust_env=False,
            timeout=None,  # `fetch` bounds the whole exchange
            headers={"user-agent": USER_AGENT, "accept-encoding": "gzip"},
        )
        return self._client

    async def close(self) -> None:
        """Close connections; the object must not be used afterwards."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


class _Oversized(Exception):
    """The body is larger than allowed."""


async def _read(
    response: httpx2.Response, limit: int, cut: bool, enough: Callable[[bytes], bool] | None = None
) -> bytes:
    """The body up to ``limit`` bytes, unpacked piece by piece so that a small answer cannot grow without bound."""
    import zlib

    packed = response.headers.get("content-encoding", "").lower() in ("gzip", "x-gzip")
    unpack = zlib.decompressobj(wbits=31) if packed else None
    announced = response.headers.get("content-length", "")
    has_body = response.request.method != "HEAD"
    if has_body and not packed and not cut and announced.isdecimal() and int(announced) > limit:
        raise _Oversized
    body = bytearray()
    if response.is_stream_consumed:  # a transport that had the whole body at once
        body += response.content
        if len(body) > limit and not cut:
            raise _Oversized
        return bytes(body[:limit])
    async for chunk in response.aiter_raw():
        rest = chunk
        while rest:
            if unpack is None:
                body += rest
                rest = b""
            else:
                body += unpack.decompress(rest, limit + 1 - len(body))
                rest = unpack.unconsumed_tail
            if len(body) > limit:
                if cut:
                    return bytes(body[:limit])
                raise _Oversized
        if enough is not None and enough(bytes(body)):
            break
    return bytes(body)


def _raise(error: Exception, method: str, url: str) -> NoReturn:
    """Turn what the HTTP stack says into our own words, one code for each kind of failure."""
    import ssl

    import httpx2

    what = f"{method} {_shown(url)}"
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and cause not in causes:
        causes.append(cause)
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            reason = getattr(cause, "verify_message", "") or cause.reason or str(cause)
            raise OutboundError(
                "outbound-tls",
                f"{what}: no trusted connection: {reason}",
                "check the host's certificate; a private authority is named by MCP_REGISTRAR_CA_FILE",
            ) from None
    if isinstance(error, httpx2.TimeoutException):
        raise TimeoutError from None
    if isinstance(error, httpx2.InvalidURL | httpx2.UnsupportedProtocol):
        _bad_url(url)
    if isinstance(error, httpx2.ConnectError):
        raise OutboundError(
            "outbound-refused",
            f"{what}: no connection: {_reason(causes)}",
            "check the address and the network",
            transient=True,
        ) from None
    raise OutboundError(
        "outbound-failed",
        f"{what}: {_reason(causes)}",
        "try again; if it stays so, the host does not speak HTTP as it should",
        transient=True,
    ) from None


def _reason(causes: list[BaseException]) -> str:
    """The innermost words that say something."""
    for cause in reversed(causes):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return next((str(cause) for cause in causes if str(cause)), type(causes[0]).__name__)


def _origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL, lower-case; raises `OutboundError` when it has none."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
        port = parts.port or _DEFAULT_PORTS.get(scheme, 0)
    except ValueError:
        _bad_url(url)
    if scheme not in _DEFAULT_PORTS or not host:
        _bad_url(url)
    return scheme, host, port


def _bad_url(url: str) -> NoReturn:
    raise OutboundError(
        "outbound-url", f"{_shown(url)!r} is not an http or https URL", "write it as https://host/path"
    ) from None


def _shown(url: str) -> str:
    """A URL for a message: without password, query (it may hold a signature) and excess length."""
    from urllib.parse import urlsplit, urlunsplit

    try:
        parts = urlsplit(url)
        netloc = parts.netloc.rpartition("@")[2]
        url = urlunsplit((parts.scheme, netloc, parts.path, "", ""))
    except ValueError:
        pass
    return url if len(url) <= 200 else url[:199] + "…"
