"""From starting the process to the answer of ``initialize``: ours against a bare `MCPServer` with one tool.

``python -m benchmarks.start [--runs 15] [--format json]``. The two are started in turn, so that whatever else the
machine does falls on both; the median is compared. The aim is at most 1.15 times the bare server.
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


def start(command: list[str], environment: dict[str, str]) -> float:
    """Milliseconds from spawning the process to the complete first line of its answer."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes")
        process.stdin.write(json.dumps(INITIALIZE).encode() + b"\n")
        process.stdin.flush()
        line = process.stdout.readline()
        took = (time.perf_counter() - began) * 1000
        process.stdin.close()
        process.wait(timeout=20)
    if "result" not in json.loads(line):
        raise RuntimeError(f"{command[-1]}: {line!r}")
    return took


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
        times: dict[str, list[float]] = {name: [] for name in commands}
        for round_number in range(options.runs + 1):
            for name, command in commands.items():
                took = start(command, environment)
                if round_number:  # the first round warms the file cache
                    times[name].append(took)
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratio = medians["mcp-registrar"] / medians["bare"]
    if options.format == "json":
        print(json.dumps({"median_ms": medians, "ratio": ratio, "runs": options.runs}))
    else:
        for name, value in medians.items():
            print(f"{name:15} {value:7.0f} ms (median of {options.runs})")
        print(f"ratio           {ratio:7.2f} (aim: at most 1.15)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
