"""The MCP project's own inspector against our server as a host starts it, in both protocol eras."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.real.components import inspector, require

SERVE = (sys.executable, "-m", "mcp_registrar", "serve")
pytestmark = [pytest.mark.node, pytest.mark.parametrize("era", ["modern", "legacy"])]


@pytest.fixture(autouse=True)
def _present() -> None:
    require(inspector)


def test_schemas_are_sound(era: str) -> None:
    """``--strict`` exits with 6 on a schema that clients would stumble over."""
    completed = inspector.run("inspector", "--cli", *SERVE, "--protocol-era", era, "--method", "tools/list", "--strict")
    assert completed.returncode == 0, completed.stderr + completed.stdout
    names = [tool["name"] for tool in inspector.json_of(completed)["tools"]]
    assert {"init_manifest", "validate", "build_image", "publish", "search"} <= set(names)


def test_a_call_answers(era: str) -> None:
    call = ("--method", "tools/call", "--tool-name", "search", "--format", "json")
    completed = inspector.run("inspector", "--cli", *SERVE, "--protocol-era", era, *call)
    assert completed.returncode == 0, completed.stderr + completed.stdout


def test_a_refusal_is_a_tool_error(era: str, tmp_path: Path) -> None:
    call = ("--method", "tools/call", "--tool-name", "validate", "--tool-arg", f"path={tmp_path}/nothing")
    completed = inspector.run("inspector", "--cli", *SERVE, "--protocol-era", era, *call)
    assert completed.returncode == 5
    assert "Next:" in completed.stdout + completed.stderr
