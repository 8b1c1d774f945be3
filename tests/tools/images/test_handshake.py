"""The client's half of a handshake, word by word: what a server may send between, and what it must not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mcp_registrar_tools.images.handshake import Fault, HttpWire, StdioWire, introduce
from mcp_registrar_tools.outbound import Outbound

pytestmark = pytest.mark.anyio

HELLO = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "w", "version": "1"}}


def tool(name: str) -> dict[str, Any]:
    return {"name": name, "inputSchema": {"type": "object"}}


class Script:
    """A pipe that answers each request by method; ``before`` is sent ahead of the first answer."""

    def __init__(self, answers: dict[str, Any], before: str = "", piece: int = 10_000) -> None:
        self.answers, self.before, self.piece = answers, before, piece
        self.sent: list[dict[str, Any]] = []
        self._out = b""

    async def send(self, data: bytes) -> None:
        message = json.loads(data)
        self.sent.append(message)
        if "method" not in message or "id" not in message:
            return
        answer = self.answers.get(message["method"])
        if callable(answer):
            answer = answer(message)
        if answer is None:
            answer = {"error": {"code": -32601, "message": "Method not found"}}
        self._out += self.before.encode()
        self.before = ""
        self._out += json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}).encode() + b"\n"

    async def receive(self) -> bytes:
        piece, self._out = self._out[: self.piece], self._out[self.piece :]
        return piece


def result(value: Any) -> dict[str, Any]:
    return {"result": value}


async def test_the_usual_way_in_tiny_pieces() -> None:
    pipe = Script({"initialize": result(HELLO), "tools/list": result({"tools": [tool("a"), tool("b")]})}, piece=7)
    seen = await introduce(StdioWire(pipe))
    assert (seen.name, seen.version, seen.protocol, seen.tools) == ("w", "1", "2025-06-18", ["a", "b"])
    assert [message["method"] for message in pipe.sent] == ["initialize", "notifications/initialized", "tools/list"]
    assert seen.notes == []


async def test_pages_of_tools() -> None:
    def page(message: dict[str, Any]) -> dict[str, Any]:
        cursor = message["params"].get("cursor")
        return result({"tools": [tool(f"t{cursor}")], **({"nextCursor": "2"} if cursor is None else {})})

    seen = await introduce(StdioWire(Script({"initialize": result(HELLO), "tools/list": page})))
    assert seen.tools == ["tNone", "t2"]


async def test_an_endless_list_ends() -> None:
    def page(message: dict[str, Any]) -> dict[str, Any]:
        return result({"tools": [tool("again")], "nextCursor": "more"})

    seen = await introduce(StdioWire(Script({"initialize": result(HELLO), "tools/list": page})))
    assert len(seen.tools) == 50
    assert any("twice" in note for note in seen.notes)


async def test_a_server_that_only_knows_the_stateless_protocol() -> None:
    def discover(message: dict[str, Any]) -> dict[str, Any]:
        assert message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
        server = {"name": "modern", "version": "9"}
        return result({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "serverInfo": server})

    def tools(message: dict[str, Any]) -> dict[str, Any]:
        assert "io.modelcontextprotocol/clientInfo" in message["params"]["_meta"]
        return result({"tools": [tool("a")]})

    pipe = Script({"server/discover": discover, "tools/list": tools})
    seen = await introduce(StdioWire(pipe))
    assert (seen.name, seen.protocol, seen.tools) == ("modern", "2026-07-28", ["a"])
    assert all(message["method"] != "notifications/initialized" for message in pipe.sent)


async def test_what_a_server_may_send_between() -> None:
    before = (
        '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"hi"}}\n'
        '{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
        '{"jsonrpc":"2.0","id":"r","method":"roots/list"}\n\n'
    )
    pipe = Script({"initialize": result(HELLO), "tools/list": result({"tools": []})}, before)
    wire = StdioWire(pipe)
    assert (await introduce(wire)).tools == []
    assert wire.noise == []
    answers = [message for message in pipe.sent if "method" not in message]
    assert answers[0] == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert answers[1]["error"]["code"] == -32601


async def test_noise_is_kept_and_not_taken_for_messages() -> None:
    before = 'Listening…\n{"not": "json-rpc"}\n\x1b[1m\x00banner\n[1,2]\n'
    wire = StdioWire(Script({"initialize": result(HELLO), "tools/list": result({"tools": []})}, before))
    await introduce(wire)
    assert wire.noise[0] == "Listening…"
    assert len(wire.noise) == 4
    assert all(ord(character) >= 32 for line in wire.noise for character in line)


@pytest.mark.parametrize(
    ("answers", "code", "words"),
    [
        ({"initialize": {"error": {"code": -32603, "message": "no API_KEY"}}}, "server-error", "no API_KEY"),
        ({"initialize": result([])}, "answer-invalid", "initialize"),
        ({"initialize": result({})}, "answer-invalid", "protocolVersion"),
        ({"initialize": result(HELLO), "tools/list": result({})}, "answer-invalid", "tools"),
        ({"initialize": result(HELLO), "tools/list": result({"tools": [{}]})}, "answer-invalid", "without a name"),
        ({"initialize": result(HELLO)}, "server-error", "tools/list"),
        ({}, "server-error", "server/discover"),
    ],
)
async def test_servers_that_answer_wrongly(answers: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(Fault) as caught:
        await introduce(StdioWire(Script(answers)))
    assert caught.value.code == code
    assert words in caught.value.message
    assert caught.value.hint


async def test_a_tool_that_clients_refuse_is_noted() -> None:
    answers = {
        "initialize": result(HELLO),
        "tools/list": result({"tools": [{"name": "a", "inputSchema": {"type": "array"}}]}),
    }
    seen = await introduce(StdioWire(Script(answers)))
    assert any("inputSchema" in note for note in seen.notes)


async def test_over_http_with_a_session_and_one_stream_per_answer() -> None:
    import httpx2

    requests: list[tuple[str, dict[str, str]]] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        requests.append((request.method, dict(request.headers)))
        if request.method == "DELETE":
            return httpx2.Response(200)
        message = json.loads(request.content)
        if "id" not in message:
            return httpx2.Response(202)
        value = HELLO if message["method"] == "initialize" else {"tools": [tool("a")]}
        answer = json.dumps({"jsonrpc": "2.0", "id": message["id"], **result(value)})
        note = '{"jsonrpc":"2.0","method":"notifications/message","params":{}}'
        body = f": hello\r\n\r\nevent: message\r\ndata: {note}\r\n\r\nid: 7\r\ndata: {answer}\r\n\r\n"
        headers = {"content-type": "text/event-stream", "mcp-session-id": "s1"}
        return httpx2.Response(200, headers=headers, text=body)

    outbound = Outbound(transport=httpx2.MockTransport(handler))
    wire = HttpWire(outbound, "https://w.example.com/mcp", {"x-key": "k"}, 5)
    seen = await introduce(wire)
    await wire.close()
    assert seen.tools == ["a"]
    assert [method for method, _ in requests] == ["POST", "POST", "POST", "DELETE"]
    assert "mcp-session-id" not in requests[0][1]
    assert all(headers["mcp-session-id"] == "s1" for _, headers in requests[1:])
    assert all(headers["mcp-protocol-version"] == "2025-06-18" for _, headers in requests[1:])
    assert all(headers["x-key"] == "k" for _, headers in requests)
    await outbound.close()
