"""Speaking MCP as a client would, just far enough to know that a server is one.

``initialize`` (protocols up to 2025-11-25) or ``server/discover`` (2026-07-28), then ``tools/list``. Written by hand
because only the outer layer of this project knows the MCP SDK.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from mcp_registrar_tools.answer import clean

if TYPE_CHECKING:
    from mcp_registrar_tools.outbound import Fetched, Outbound

HANDSHAKE_PROTOCOL = "2025-11-25"
STATELESS_PROTOCOL = "2026-07-28"

_META = "io.modelcontextprotocol/"
_CLIENT = {"name": "mcp-registrar-check", "version": "1"}
_TOOL_PAGES = 50
_METHOD_NOT_FOUND = -32601
_UNSUPPORTED_VERSION = -32022
_LINE_LIMIT = 16 * 1024 * 1024


class Fault(Exception):
    """What is wrong with a server, as its author reads it: ``code``, ``message``, ``hint``."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


@dataclass(kw_only=True)
class Introduction:
    """What a server says of itself."""

    name: str
    version: str
    protocol: str
    tools: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Wire(Protocol):
    """A way to exchange JSON-RPC messages. ``request`` gives the whole response message."""

    async def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]: ...

    async def notify(self, method: str) -> None: ...

    def speak(self, protocol: str) -> None:
        """Told once which protocol version was agreed on."""
        ...


async def introduce(wire: Wire) -> Introduction:
    """Shake hands and list the tools. Raises `Fault`."""
    answer = await wire.request(
        "initialize",
        {"protocolVersion": HANDSHAKE_PROTOCOL, "capabilities": {}, "clientInfo": _CLIENT},
    )
    meta: dict[str, Any] = {}
    error = answer.get("error")
    if isinstance(error, dict) and error.get("code") in {_METHOD_NOT_FOUND, _UNSUPPORTED_VERSION}:
        wire.speak(STATELESS_PROTOCOL)
        meta = {
            f"{_META}protocolVersion": STATELESS_PROTOCOL,
            f"{_META}clientInfo": _CLIENT,
            f"{_META}clientCapabilities": {},
        }
        result = _result("server/discover", await wire.request("server/discover", {"_meta": meta}))
        info = result.get("serverInfo") or (result.get("_meta") or {}).get(f"{_META}serverInfo")
        protocol = STATELESS_PROTOCOL
    else:
        result = _result("initialize", answer)
        info = result.get("serverInfo")
        protocol = str(result.get("protocolVersion") or "")
        if not protocol:
            raise Fault(
                "answer-invalid",
                "the server's answer to initialize names no protocolVersion",
                "answer initialize as the MCP specification says (an SDK does)",
            )
        wire.speak(protocol)
        await wire.notify("notifications/initialized")
    info = info if isinstance(info, dict) else {}
    seen = Introduction(
        name=clean(str(info.get("name") or ""), 200),
        version=clean(str(info.get("version") or ""), 100),
        protocol=protocol,
    )
    if not seen.name:
        seen.notes.append("the server does not say its name (serverInfo.name)")
    capabilities = result.get("capabilities")
    if isinstance(capabilities, dict) and "tools" in capabilities:
        await _list_tools(wire, meta, seen)
    else:
        seen.notes.append("the server declares no tools")
    return seen


async def _list_tools(wire: Wire, meta: dict[str, Any], seen: Introduction) -> None:
    cursor: str | None = None
    for _ in range(_TOOL_PAGES):
        params: dict[str, Any] = {"_meta": meta} if meta else {}
        if cursor is not None:
            params["cursor"] = cursor
        result = _result("tools/list", await wire.request("tools/list", params))
        tools = result.get("tools")
        if not isinstance(tools, list):
            raise Fault(
                "answer-invalid", "the server's answer to tools/list has no `tools`", "answer tools/list with a list"
            )
        for tool in tools:
            name = tool.get("name") if isinstance(tool, dict) else None
            if not isinstance(name, str) or not name:
                raise Fault("answer-invalid", "tools/list holds a tool without a name", "give each tool a name")
            schema = tool.get("inputSchema")
            if not isinstance(schema, dict) or schema.get("type") != "object":
                seen.notes.append(f"tool {clean(name, 80)}: inputSchema is not of type object; clients refuse it")
            seen.tools.append(clean(name, 200))
        cursor = result.get("nextCursor")
        if not isinstance(cursor, str) or not cursor:
            break
    twice = sorted({name for name in seen.tools if seen.tools.count(name) > 1})
    if twice:
        seen.notes.append(f"tools listed twice: {', '.join(twice[:5])}")


def _result(method: str, answer: dict[str, Any]) -> dict[str, Any]:
    error = answer.get("error")
    if error is not None:
        said = error.get("message") if isinstance(error, dict) else error
        code = error.get("code") if isinstance(error, dict) else ""
        raise Fault(
            "server-error",
            f"the server answers {method} with an error: {clean(str(said), 300)} ({code})",
            "its log says more; a missing setting is the usual cause",
        )
    result = answer.get("result")
    if not isinstance(result, dict):
        raise Fault("answer-invalid", f"the server's answer to {method} holds no result", "answer as JSON-RPC 2.0 says")
    return result


class Pipe(Protocol):
    """A program's standard input and output."""

    async def send(self, data: bytes) -> None: ...

    async def receive(self) -> bytes:
        """The next bytes of standard output, empty at its end."""
        ...


class StdioWire:
    """JSON-RPC as lines. ``noise`` are lines on standard output that are no messages: they confuse clients."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._rest = b""
        self._last_id = 0
        self.noise: list[str] = []

    def speak(self, protocol: str) -> None:
        pass

    async def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._last_id += 1
        await self._send({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params})
        while True:
            message = await self._receive(method)
            if message.get("id") == self._last_id and "method" not in message:
                return message
            if "method" in message and "id" in message:
                await self._decline(message)

    async def notify(self, method: str) -> None:
        await self._send({"jsonrpc": "2.0", "method": method})

    async def _decline(self, message: dict[str, Any]) -> None:
        """Answer what the server asks of its client: a ping, and nothing else."""
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        if message["method"] == "ping":
            answer["result"] = {}
        else:
            answer["error"] = {"code": _METHOD_NOT_FOUND, "message": "not offered by this client"}
        await self._send(answer)

    async def _send(self, message: dict[str, Any]) -> None:
        await self._pipe.send(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    async def _receive(self, method: str) -> dict[str, Any]:
        while True:
            line, newline, rest = self._rest.partition(b"\n")
            if newline:
                self._rest = rest
                if (message := self._read(line)) is not None:
                    return message
                continue
            if len(self._rest) > _LINE_LIMIT:
                raise Fault("answer-invalid", "a line on standard output has more than 16 MB", "send smaller messages")
            chunk = await self._pipe.receive()
            if not chunk:
                if self._rest.strip() and (message := self._read(self._rest)) is not None:
                    self._rest = b""
                    return message
                raise Fault(
                    "server-exited", f"the server ended before it answered {method}", "see its log for the reason"
                )
            self._rest += chunk

    def _read(self, line: bytes) -> dict[str, Any] | None:
        if not line.strip():
            return None
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if isinstance(message, dict) and message.get("jsonrpc") == "2.0":
            return message
        if len(self.noise) < 20:
            self.noise.append(clean(line.decode("utf-8", "replace").strip(), 200))
        return None


class HttpWire:
    """Streamable HTTP: each message is a POST; answers come as JSON or as one event stream."""

    def __init__(self, outbound: Outbound, url: str, headers: dict[str, str], seconds: float) -> None:
        self._outbound = outbound
        self._url = url
        self._headers = {"accept": "application/json, text/event-stream", **headers}
        self._seconds = seconds
        self._last_id = 0
        self._session = ""
        self._protocol = ""

    def speak(self, protocol: str) -> None:
        self._protocol = protocol

    async def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._last_id += 1
        wanted = self._last_id
        message = {"jsonrpc": "2.0", "id": wanted, "method": method, "params": params}
        got = await self._post(message, lambda body: _event(body, wanted) is not None)
        if session := got.headers.get("mcp-session-id"):
            self._session = session
        if got.headers.get("content-type", "").lower().startswith("text/event-stream"):
            answer = _event(got.body, wanted)
        else:
            answer = _object(got.body)
        if answer is not None and ("result" in answer or "error" in answer):
            return answer
        raise self._refused(method, got)

    async def notify(self, method: str) -> None:
        await self._post({"jsonrpc": "2.0", "method": method}, None)

    async def close(self) -> None:
        """End the session, if there is one; a server need not offer that."""
        if self._session:
            await self._outbound.fetch("DELETE", self._url, headers=self._sent(""), timeout=5)

    def _sent(self, method: str) -> dict[str, str]:
        headers = dict(self._headers)
        if self._session:
            headers["mcp-session-id"] = self._session
        if self._protocol:
            headers["mcp-protocol-version"] = self._protocol
        if self._protocol == STATELESS_PROTOCOL and method:
            headers["mcp-method"] = method
        return headers

    async def _post(self, message: dict[str, Any], enough: Callable[[bytes], bool] | None) -> Fetched:
        return await self._outbound.fetch(
            "POST",
            self._url,
            headers=self._sent(message["method"]),
            json=message,
            timeout=self._seconds,
            enough=enough,
        )

    def _refused(self, method: str, got: Fetched) -> Fault:
        where = f"{self._url} answers {method} with status {got.status}"
        if got.status in (401, 403):
            return Fault(
                "login-needed",
                f"{where}: it wants a login",
                "that is right for a private server: its address works; say how to log in in `headers` or offer OAuth",
            )
        if got.status in (404, 405):
            return Fault(
                "endpoint-missing", f"{where}: no MCP endpoint there", "check the path of the URL (often /mcp)"
            )
        if got.status >= 500:
            return Fault("server-error", where, "its log says more")
        said = clean(got.body[:300].decode("utf-8", "replace").strip(), 200)
        return Fault(
            "answer-invalid", f"{where} and no JSON-RPC answer: {said}", "check that the URL is an MCP endpoint"
        )


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _event(body: bytes, wanted: int) -> dict[str, Any] | None:
    """The response with this id among the complete events of a stream."""
    for block in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        data = b"\n".join(line[5:].removeprefix(b" ") for line in block.split(b"\n") if line.startswith(b"data:"))
        if data and (message := _object(data)) and message.get("id") == wanted and "method" not in message:
            return message
    return None
