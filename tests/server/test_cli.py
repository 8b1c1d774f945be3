"""The command line is the same function as the MCP tool: same facts, same failures, and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from mcp_registrar import cli
from mcp_registrar.app import build_server
from mcp_registrar.catalog import COMMANDS_ONLY, TOOLS
from mcp_registrar_tools.workbench import Settings

GOOD = {
    "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
    "name": "io.github.acme/weather",
    "description": "Weather of a few cities",
    "version": "1.0.0",
    "remotes": [{"type": "streamable-http", "url": "https://weather.example.com/mcp"}],
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "server.json").write_text(json.dumps(GOOD, indent=2))
    return folder


def run(tmp_path: Path, *arguments: str) -> int:
    return cli.run(["--data-dir", str(tmp_path / "data"), *arguments])


def test_every_tool_has_a_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(tmp_path, "--help") == 0
    printed = capsys.readouterr().out
    for spec in (*TOOLS, *COMMANDS_ONLY):
        assert f" {spec.command} " in printed
    for spec in (*TOOLS, *COMMANDS_ONLY):
        assert run(tmp_path, spec.command, "--help") == 0
        assert "Usage: mcp-registrar " + spec.command in capsys.readouterr().out


@pytest.mark.anyio
async def test_json_is_exactly_the_structured_result(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import anyio.to_thread

    assert await anyio.to_thread.run_sync(run, tmp_path, "validate", str(project), "--format", "json") == 0
    printed = json.loads(capsys.readouterr().out)
    async with Client(build_server(Settings(data_dir=tmp_path / "data"))) as client:
        result: Any = await client.call_tool("validate", {"path": str(project)})
    assert printed == result.structured_content


def test_publish_then_search(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "publish", str(project)) == 0
    assert "io.github.acme/weather" in capsys.readouterr().out
    assert run(tmp_path, "search", "weather") == 0
    printed = capsys.readouterr().out
    assert "NAME" in printed
    assert "io.github.acme/weather" in printed
    assert run(tmp_path, "publish", str(project)) == 0, "the same content again is no error"
    assert "Already published" in capsys.readouterr().out


def test_a_name_in_other_letter_case_is_recognised(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "publish", str(project)) == 0
    assert run(tmp_path, "show", "io.github.Acme/Weather") == 1
    told = capsys.readouterr().err
    assert "letter case counts" in told
    assert 'get_server(name="io.github.acme/weather", registry="local")' in told


def test_the_words_of_agentregistrys_command_line(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "publish", str(project)) == 0
    capsys.readouterr()
    assert run(tmp_path, "list") == 0
    header, row = capsys.readouterr().out.splitlines()[:2]
    assert header.split() == ["NAME", "VERSION", "TYPE", "PUBLISHED", "DEPLOYED", "UPDATED"]
    assert row.split()[:2] == ["io.github.acme/weather", "1.0.0"]
    assert run(tmp_path, "unpublish", "io.github.acme/weather", "--version", "1.0.0") == 0
    capsys.readouterr()
    assert run(tmp_path, "list") == 0
    assert "io.github.acme/weather" not in capsys.readouterr().out


def test_a_manifest_with_errors_exits_with_one(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "server.json").write_text(json.dumps({**GOOD, "version": "^1.0.0"}))
    assert run(tmp_path, "validate", str(project)) == 1
    assert "version-looks-like-range" in capsys.readouterr().out


def test_a_failure_goes_to_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "validate", str(tmp_path / "nowhere")) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert "Next: " in printed.err


def test_a_failure_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "validate", str(tmp_path / "nowhere"), "--format", "json") == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert {"code", "message", "hint"} <= set(error)


@pytest.mark.parametrize("arguments", [["nonsense"], ["validate", "--no-such-option"], ["search", "--limit", "many"]])
def test_a_wrong_command_exits_with_two(arguments: list[str], tmp_path: Path) -> None:
    assert run(tmp_path, *arguments) == 2


def test_a_wrong_setting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("MCP_REGISTRAR_OWNERSHIP", "perhaps")
    assert run(tmp_path, "search") == 1
    assert "MCP_REGISTRAR_OWNERSHIP" in capsys.readouterr().err


def test_the_program_itself(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mcp_registrar", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("mcp-registrar ")
