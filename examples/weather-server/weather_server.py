"""An MCP server on standard input and output with nothing but Python's library: monthly climate of a few cities.

It is small on purpose (no dependency, no network), so that its image builds anywhere in a second.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MEAN_CELSIUS = {  # rounded long-term means, one per month
    "berlin": (1, 2, 5, 10, 15, 18, 20, 20, 15, 10, 5, 2),
    "nairobi": (19, 20, 20, 20, 19, 17, 17, 17, 19, 20, 19, 19),
    "seoul": (-2, 1, 6, 13, 18, 23, 25, 26, 22, 15, 8, 0),
    "sydney": (24, 23, 22, 19, 16, 14, 13, 14, 17, 19, 20, 22),
}
TOOLS = [
    {
        "name": "list_cities",
        "description": "The cities whose climate is known.",
        "inputSchema": {"type": "object", "properties": {}, "additionalProperties": False},
    },
    {
        "name": "monthly_climate",
        "description": "Mean temperature of a city in a month.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "a name from list_cities"},
                "month": {"type": "string", "enum": list(MONTHS)},
            },
            "required": ["city", "month"],
            "additionalProperties": False,
        },
    },
]


def monthly_climate(city: str, month: str) -> str:
    """The mean temperature in the unit that WEATHER_UNITS asks for; KeyError or ValueError for what is unknown."""
    celsius = MEAN_CELSIUS[city.lower()][MONTHS.index(month.lower()[:3])]
    if os.environ.get("WEATHER_UNITS", "metric") == "imperial":
        return f"{city}, {month}: {celsius * 9 / 5 + 32:.0f} °F"
    return f"{city}, {month}: {celsius} °C"


def call(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The result of a tool call."""
    try:
        if name == "list_cities":
            text = ", ".join(sorted(MEAN_CELSIUS))
        elif name == "monthly_climate":
            text = monthly_climate(str(arguments["city"]), str(arguments["month"]))
        else:
            raise LookupError(f"no tool {name}")
    except (LookupError, ValueError) as error:
        return {"content": [{"type": "text", "text": f"unknown: {error}"}], "isError": True}
    return {"content": [{"type": "text", "text": text}]}


def answer(message: dict[str, Any]) -> dict[str, Any] | None:
    """The JSON-RPC answer to one message; None for a notification."""
    if "id" not in message:
        return None
    method, params = message.get("method"), message.get("params") or {}
    reply: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
    if method == "initialize":
        reply["result"] = {
            "protocolVersion": params.get("protocolVersion", "2025-06-18"),
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "weather-server", "version": "1.0.0"},
        }
    elif method == "ping":
        reply["result"] = {}
    elif method == "tools/list":
        reply["result"] = {"tools": TOOLS}
    elif method == "tools/call":
        reply["result"] = call(str(params.get("name")), params.get("arguments") or {})
    else:
        reply["error"] = {"code": -32601, "message": f"Method not found: {method}"}
    return reply


def main() -> None:
    """Answer line by line until the input ends."""
    for line in sys.stdin:
        if line.strip() and (reply := answer(json.loads(line))) is not None:
            print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
