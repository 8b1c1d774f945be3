"""The MCP project's own inspector and conformance suite, on their command lines."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.real.components import _node

PACKAGES = ("@modelcontextprotocol/inspector@2.12.0", "@modelcontextprotocol/conformance@0.2.0-alpha.12")
FOLDER = "inspector"


def missing() -> str | None:
    """What is not there, in words."""
    if reason := _node.missing():
        return reason
    modules = _node.COMPONENTS / FOLDER / "node_modules" / "@modelcontextprotocol"
    if not all((modules / name).is_dir() for name in ("inspector", "conformance")):
        return "the MCP inspector and conformance suite are not installed"
    return None


def install() -> None:
    """Install both from npm into the components' folder."""
    _node.install(FOLDER, *PACKAGES)


def run(program: str, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run ``inspector`` or ``conformance`` and return what it printed."""
    program_path = _node.COMPONENTS / FOLDER / "node_modules" / ".bin" / program
    return subprocess.run(
        [str(_node.BIN / "node"), str(program_path.resolve()), *arguments],
        env=_node.environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def json_of(completed: subprocess.CompletedProcess[str]) -> Any:
    """The JSON document a run printed."""
    return json.loads(completed.stdout)
