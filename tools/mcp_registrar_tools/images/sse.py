"""The older HTTP transport: a stream of events that stays open, and POSTs to an address that it names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import anyio

from mcp_registrar_tools.errors import OutboundError
from mcp_registrar_tools.images.handshake import Fault, Introduction, introduce

if TYPE_CHECKING:
    from mcp_registrar_tools.outbound import Outbound


class SseWire:
    """JSON-RPC over the HTTP+SSE transport of protocol 2024-11-05. Only `introduce` opens the stream."""

    def __init__(self, outbound: Outbound, url: str, headers: dict[str, str], seconds: float) -> None:
        self._outbound = outbound
        self._url = url
        self._headers = headers
        self._seconds = seconds
        self._endpoint = ""
        self._answers: dict[int, dict[str, Any]] = {}
        self._news = anyio.Event()
        self._ended: Exception | None = None
        self._last_id = 0

    async def introduce(self) -> Introduction:
        """Open the stream, shake hands, close it."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._listen)
            seen: Introduction | Exception
            try:
                await self._until(lambda: bool(self._endpoint))
                seen = await introduce(self)
            except (Fault, OutboundError) as error:  # not through the group, which would wrap it
                seen = error
            group.cancel_scope.cancel()
        if isinstance(seen, Exception):
            raise seen
        return seen

    def speak(self, protocol: str) -> None:
        pass

    async def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._last_id += 1
        wanted = self._last_id
        await self._post({"jsonrpc": "2.0", "id": wanted, "method": method, "params": params})
        await self._until(lambda: wanted in self._answers)
        return self._answers[wanted]

    async def notify(self, method: str) -> None:
        await self._post({"jsonrpc": "2.0", "method": method})

    async def _post(self, message: dict[str, Any]) -> None:
        got = await self._outbound.fetch(
            "POST", self._endpoint, headers=self._headers, json=message, timeout=self._seconds
        )
        if got.status >= 400:
            raise Fault("answer-invalid", f"{self._endpoint} answers with status {got.status}", "see the server's log")

    async def _until(self, ready: Any) -> None:
        while not ready():
            if self._ended is not None:
                raise self._ended
            await self._news.wait()
            self._news = anyio.Event()

    async def _listen(self) -> None:
        try:
            got = await self._outbound.fetch(
                "GET",
                self._url,
                headers={"accept": "text/event-stream", **self._headers},
                timeout=self._seconds,
                enough=self._heard,
            )
            kind = got.headers.get("content-type", "")
            if got.status in (401, 403):
                self._ended = Fault("login-needed", f"{self._url} wants a login", "its address works; offer OAuth")
            elif got.status != 200 or "text/event-stream" not in kind:
                self._ended = Fault(
                    "endpoint-missing",
                    f"{self._url} is no stream of events (status {got.status}, {kind or 'no content type'})",
                    "check the path (often /sse), or declare streamable-http",
                )
            else:
                self._ended = Fault("server-exited", f"{self._url} closed its stream", "see the server's log")
        except OutboundError as error:
            self._ended = error
        self._news.set()

    def _heard(self, body: bytes) -> bool:
        """Read what has arrived so far; never enough, the stream is ours to end."""
        for block in body.replace(b"\r\n", b"\n").split(b"\n\n")[:-1]:
            lines = block.decode("utf-8", "replace").split("\n")
            event = next((line[6:].strip() for line in lines if line.startswith("event:")), "message")
            data = "\n".join(line[5:].removeprefix(" ") for line in lines if line.startswith("data:"))
            if event == "endpoint":
                there = urljoin(self._url, data.strip())
                if urlsplit(there).netloc == urlsplit(self._url).netloc:
                    self._endpoint = there
            else:
                self._take(data)
        self._news.set()
        return False

    def _take(self, data: str) -> None:
        try:
            message = json.loads(data)
        except (ValueError, RecursionError):
            return
        if isinstance(message, dict) and isinstance(message.get("id"), int) and "method" not in message:
            self._answers[message["id"]] = message
