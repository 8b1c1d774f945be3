"""The MCP project's conformance suite over HTTP: every scenario that needs no fixture tool of the suite's own."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.components import inspector, require

# The other scenarios call tools, prompts and resources that only the suite's own example server has.
GENERIC = {
    "2025-11-25": {
        "server-initialize",
        "server-session-lifecycle",
        "ping",
        "tools-list",
        "tools-call-error",
        "server-sse-multiple-streams",
        "resources-list",
        "prompts-list",
        "dns-rebinding-protection",
    },
    "2026-07-28": {
        "tools-list",
        "tools-call-error",
        "server-sse-multiple-streams",
        "resources-list",
        "sep-2164-resource-not-found",
        "prompts-list",
        "dns-rebinding-protection",
        "caching",
        "input-required-result-missing-input-response",
        "input-required-result-unsupported-methods",
        "input-required-result-ignore-extra-params",
        "input-required-result-validate-input",
    },
}


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "mcp_registrar",
        "--data-dir",
        str(tmp_path),
        "serve",
        "--http",
        "--port",
        str(port),
    ]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(200):
                with socket.socket() as attempt:
                    if attempt.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.terminate()
            process.wait(timeout=10)


@pytest.mark.node
@pytest.mark.parametrize("version", sorted(GENERIC))
def test_generic_scenarios_pass(version: str, url: str) -> None:
    require(inspector)
    completed = inspector.run(
        "conformance", "server", "--url", url, "--suite", "all", "--spec-version", version, timeout=100
    )
    passed = set(re.findall(r"^✓ ([\w-]+):", completed.stdout, re.MULTILINE))
    assert passed >= GENERIC[version], completed.stdout[-3000:]
