"""The tools that are offered, in the order in which they are used, and what each may do."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mcp_registrar_tools.answer import Answer

ToolFunction = Callable[..., Awaitable[Answer]]


@dataclass(frozen=True, kw_only=True)
class ToolSpec:
    """One tool: its function is ``mcp_registrar_tools.<name>.<name>``.

    ``command`` is its name on the command line. The four hints are MCP's tool annotations; all must be said.
    """

    name: str
    title: str
    command: str
    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool

    def function(self) -> ToolFunction:
        """The tool's function, imported now."""
        function: Any = getattr(importlib.import_module(f"mcp_registrar_tools.{self.name}"), self.name)
        return function  # type: ignore[no-any-return]


def _reads(name: str, title: str, command: str, *, open_world: bool = True) -> ToolSpec:
    return ToolSpec(
        name=name,
        title=title,
        command=command,
        read_only=True,
        destructive=False,
        idempotent=True,
        open_world=open_world,
    )


def _writes(
    name: str, title: str, command: str, *, destructive: bool, idempotent: bool = True, open_world: bool = True
) -> ToolSpec:
    return ToolSpec(
        name=name,
        title=title,
        command=command,
        read_only=False,
        destructive=destructive,
        idempotent=idempotent,
        open_world=open_world,
    )


TOOLS: tuple[ToolSpec, ...] = (
    _writes("init_manifest", "Write server.json", "init", destructive=True, open_world=False),
    _writes("validate", "Validate server.json", "validate", destructive=True),
    _writes("build_image", "Build the image", "build", destructive=True, idempotent=False),
    _writes("publish", "Publish", "publish", destructive=True),
    _reads("search", "Search a registry", "search"),
)
"""`validate` writes only with ``fix=true``, `init_manifest` overwrites only with ``overwrite=true``; the hints speak
of what a call may do at most."""


def spec(name: str) -> ToolSpec:
    """The tool of this name; raises KeyError."""
    for tool in TOOLS:
        if tool.name == name:
            return tool
    raise KeyError(name)
