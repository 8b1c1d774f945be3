"""The tools that are offered, in the order in which they are used, and what each may do."""

from __future__ import annotations

import importlib
import inspect
import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mcp_registrar_tools.answer import Answer
from mcp_registrar_tools.workbench import Workbench

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
    name: str,
    title: str,
    command: str,
    *,
    destructive: bool,
    idempotent: bool = True,
    open_world: bool = True,
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
    # `validate` writes only with fix=true and `init_manifest` overwrites only when told to; the hints speak of what
    # a call may do at most.
    _writes("init_manifest", "Write server.json", "init", destructive=True, open_world=False),
    _writes("validate", "Validate server.json", "validate", destructive=True),
    _writes("build_image", "Build the image", "build", destructive=True, idempotent=False),
    _writes("publish", "Publish", "publish", destructive=True),
    _reads("search", "Search a registry", "search"),
    _reads("get_server", "Show a server", "show"),
    _writes("set_status", "Change a status", "status", destructive=True),
    _writes("login", "Log in", "login", destructive=False),
    _writes("logout", "Log out", "logout", destructive=True, open_world=False),
    _writes("create_key", "Create a domain key", "create-key", destructive=False),
    _writes("check_server", "Check a server", "check", destructive=False),
    _writes("add_workflow", "Write a workflow", "workflow", destructive=True, open_world=False),
    _reads("read_guide", "Read a guide", "guide", open_world=False),
)


COMMANDS_ONLY: tuple[ToolSpec, ...] = (
    _writes("install", "Add to a client's settings", "install", destructive=True),
    _writes("set_version", "Set the version everywhere", "set-version", destructive=True, open_world=False),
)
"""Commands that are no MCP tools: an assistant is a client already, and edits its own settings at its user's word; the
version is set by the release workflow."""


def signature(function: ToolFunction) -> inspect.Signature:
    """The signature without ``bench``, annotations evaluated. Tools need not import `Workbench` at run time."""
    hints = typing.get_type_hints(function, localns={"Workbench": Workbench}, include_extras=True)
    bare = inspect.signature(function)
    parameters = [p.replace(annotation=hints[n]) for n, p in bare.parameters.items() if n != "bench"]
    return bare.replace(parameters=parameters, return_annotation=hints["return"])


def tool(name: str) -> ToolSpec:
    """The tool of this name; raises KeyError."""
    return {spec.name: spec for spec in TOOLS}[name]
