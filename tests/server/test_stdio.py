"""The process a host starts: raw JSON-RPC over standard input and output, in both protocol eras."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def converse(messages: list[dict[str, Any]], tmp_path: Path, *arguments: str) -> tuple[list[dict[str, Any]], str, int]:
    """Send all messages, wait for as many answers as there were requests, close the input and read the rest."""
    expected = sum("id" in message for message in messages)
    with subprocess.Popen(
        [sys.executable, "-m", "mcp_registrar", *arguments, "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=tmp_path,
        env={**os.environ, "MCP_REGISTRAR_DATA_DIR": str(tmp_path / "data")},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for message in messages:
            process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(expected)]
        rest, errors = process.communicate(timeout=30)
        answers += [json.loads(line) for line in rest.splitlines()]
    return answers, errors, process.returncode


def request(number: int, method: str, params: dict[str, Any] | None = None, *, modern: bool = False) -> dict[str, Any]:
    params = dict(params or {})
    if modern:
        params["_meta"] = MODERN
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def by_id(answers: list[dict[str, Any]], number: int) -> dict[str, Any]:
    return next(answer for answer in answers if answer.get("id") == number)


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
def test_handshake_era(version: str, tmp_path: Path) -> None:
    initialize = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
    answers, errors, code = converse(
        [
            request(1, "initialize", initialize),
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            request(2, "tools/list"),
            request(3, "tools/call", {"name": "validate", "arguments": {"path": "nowhere"}}),
        ],
        tmp_path,
    )
    hello = by_id(answers, 1)["result"]
    assert hello["protocolVersion"] == version
    assert hello["serverInfo"]["name"] == "mcp-registrar"
    assert hello["instructions"]
    assert len(by_id(answers, 2)["result"]["tools"]) >= 5
    refused = by_id(answers, 3)["result"]
    assert refused["isError"]
    assert "nowhere" in refused["content"][0]["text"]
    assert "Next:" in refused["content"][0]["text"]
    assert code == 0
    assert "Traceback" not in errors


def test_stateless_era(tmp_path: Path) -> None:
    answers, errors, code = converse(
        [
            request(1, "server/discover", modern=True),
            request(2, "tools/list", modern=True),
            request(3, "tools/call", {"name": "search", "arguments": {}}, modern=True),
        ],
        tmp_path,
    )
    assert "2026-07-28" in by_id(answers, 1)["result"]["supportedVersions"]
    assert len(by_id(answers, 2)["result"]["tools"]) >= 5
    found = by_id(answers, 3)["result"]
    assert not found.get("isError")
    assert 'registry="official"' in found["content"][0]["text"]
    assert code == 0
    assert "Traceback" not in errors


def test_nothing_but_the_protocol_on_standard_output(tmp_path: Path) -> None:
    """Answers are one JSON object a line even when logging is loud."""
    answers, _, _ = converse([request(1, "tools/list", modern=True)], tmp_path, "--log-level", "DEBUG")
    assert [answer["jsonrpc"] for answer in answers] == ["2.0"]
