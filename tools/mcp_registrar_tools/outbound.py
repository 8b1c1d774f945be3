"""Every request that leaves this process, and what it may reach.

One place for the whole project: https only, no private address, bounded time and size, no redirect unless asked
for. The seam is the transport (`httpx2.AsyncBaseTransport`): the embedded registry is reached through the same
class with an in-process transport.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_registrar_tools.errors import OutboundError

if TYPE_CHECKING:
    import httpx2

USER_AGENT = "mcp-registrar"


@dataclass(frozen=True)
class Fetched:
    """An answer: ``status``, lower-case ``headers``, the whole ``body`` (never more than the limit asked for)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    def json(self) -> Any:
        """The body as JSON; raises ValueError when it is not."""
        import json

        return json.loads(self.body)


class Outbound:
    """An HTTP client with the project's safety rules.

    ``transport`` replaces the network altogether (tests, the embedded registry). ``trusted_origins`` are origins
    that the user named in settings or as an argument: they may be plain http and private.
    """

    def __init__(
        self, *, transport: httpx2.AsyncBaseTransport | None = None, trusted_origins: Iterable[str] = ()
    ) -> None:
        self._transport = transport
        self._trusted = set(trusted_origins)
        self._client: httpx2.AsyncClient | None = None

    def trust(self, url: str) -> None:
        """Let requests go to the origin of ``url`` although it is private or plain http: the user named it."""
        from urllib.parse import urlsplit

        parts = urlsplit(url)
        self._trusted.add(f"{parts.scheme}://{parts.netloc}".lower())

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
    ) -> Fetched:
        """One request. ``timeout`` is seconds for the whole exchange, ``limit`` bytes of body.

        A redirect is an ordinary answer unless ``redirects`` (how many to follow) is given; credentials never
        travel to another origin. Raises `OutboundError` (codes ``outbound-…``) when there is no answer.
        """
        import anyio
        import httpx2

        if self._client is None:
            self._client = httpx2.AsyncClient(
                transport=self._transport, trust_env=False, headers={"user-agent": USER_AGENT}
            )
        try:
            with anyio.fail_after(timeout):
                response = await self._client.request(
                    method, url, headers=dict(headers or {}), json=json, content=content, timeout=timeout
                )
        except (TimeoutError, httpx2.TimeoutException):
            raise OutboundError(
                "outbound-timeout",
                f"{method} {url}: no answer within {timeout:g} s",
                "try again later",
                transient=True,
            ) from None
        except httpx2.HTTPError as error:
            raise OutboundError(
                "outbound-failed",
                f"{method} {url}: {error or type(error).__name__}",
                "check the address and the network",
                transient=True,
            ) from None
        return Fetched(response.status_code, {k.lower(): v for k, v in response.headers.items()}, response.content, url)

    async def close(self) -> None:
        """Close connections; the object must not be used afterwards."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None
