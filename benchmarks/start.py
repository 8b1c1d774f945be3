"""From starting the process to the answers of ``initialize`` and ``tools/list``: ours against a bare `MCPServer`.

``python -m benchmarks.start [--runs 15] [--format json]``. The two are started in turn, so that whatever else the
machine does falls on both; the median is compared. The bare server has one tool, ours thirteen, made when they are
first asked for. The aim is at most 1.15 times the bare server to the answer of ``initialize``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

BARE = """
from mcp.server import MCPServer
server = MCPServer("bare", version="1")
@server.tool()
def echo(text: str) -> str:
    "Echo."
    return text
server.run()
"""
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}},
}


LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
STEPS = ("initialize", "tools/list")


def start(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Milliseconds from spawning the process to the complete answer of each of `STEPS`."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as process:

        def answered(*messages: dict[str, Any]) -> float:
            if process.stdin is None or process.stdout is None:
                raise RuntimeError("no pipes")
            process.stdin.write(b"".join(json.dumps(message).encode() + b"\n" for message in messages))
            process.stdin.flush()
            line = process.stdout.readline()
            if "result" not in json.loads(line):
                raise RuntimeError(f"{command[-1]}: {line!r}")
            return (time.perf_counter() - began) * 1000

        taken = answered(INITIALIZE), answered(INITIALIZED, LIST)
        if process.stdin is not None:
            process.stdin.close()
        process.wait(timeout=20)
    return taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "HOME": home}
        commands = {
            "bare": [sys.executable, "-c", BARE],
            "mcp-registrar": [sys.executable, "-m", "mcp_registrar", "serve"],
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for round_number in range(options.runs + 1):
            for name, command in commands.items():
                taken = start(command, environment)
                if round_number:  # the first round warms the file cache
                    times[name].append(taken)
    report: dict[str, dict[str, float]] = {}
    for index, step in enumerate(STEPS):
        medians = {name: statistics.median(taken[index] for taken in values) for name, values in times.items()}
        report[step] = {**medians, "ratio": medians["mcp-registrar"] / medians["bare"]}
    if options.format == "json":
        print(json.dumps({"median_ms": report, "runs": options.runs}))
        return 0
    for step, row in report.items():
        print(f"{step:12} bare {row['bare']:4.0f} ms, ours {row['mcp-registrar']:4.0f} ms, ratio {row['ratio']:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
