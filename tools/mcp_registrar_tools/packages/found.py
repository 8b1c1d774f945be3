"""What a package type's reader says of a package it found in a project, and of its ownership marker."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mcp_registrar_tools.manifest.names import has_token
from mcp_registrar_tools.project.readme import TOKEN
from mcp_registrar_tools.project.walk import Project, line_of

TEMPLATE = re.compile(r"\{\{.*\}\}|\$\{?\w|<<.*>>|\$\(|__[A-Z_]+__|%\w+%|@\w+@")
"""A value that some build fills in."""


@dataclass(kw_only=True)
class Found:
    """A package in a project.

    ``folder`` is relative to the project's folder ("" for itself), ``file`` and ``line`` say where the identifier
    stands. ``assumed`` names what is a guess (``identifier``, ``version``). ``mcp`` tells why this looks like an
    MCP server ("" when nothing says so); ``private`` packages are never published. ``server_name`` is what its
    ownership marker says.
    """

    registry_type: str
    identifier: str
    file: Path
    folder: str = ""
    line: int = 1
    version: str | None = None
    version_where: str = ""
    server_name: str | None = None
    server_name_where: str = ""
    title: str | None = None
    description: str | None = None
    homepage: str | None = None
    repository: str | None = None
    mcp: str = ""
    private: bool = False
    assumed: frozenset[str] = frozenset()
    questions: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    """Fields of the entry beyond the common ones (`runtimeHint`, `packageArguments`, `fileSha256`, `transport`)."""


@dataclass(frozen=True, kw_only=True)
class Marker:
    """Where the proof of ownership stands or must go. ``state``: present, other (another name), missing, nowhere.

    ``nowhere`` means that no file of the project can carry it; ``note`` then says what to do.
    """

    file: Path | None
    state: Literal["present", "other", "missing", "nowhere"]
    text: str
    line: int = 0
    found: str = ""
    note: str = ""


def readme_marker(project: Project, path: Path | None, server_name: str, note: str) -> Marker:
    """The marker of the types that look for the ``mcp-name`` token in a README."""
    text = f"mcp-name: {server_name}"
    if path is None:
        return Marker(file=None, state="nowhere", text=text, note=note)
    whole = project.text(path) or ""
    names = [(match[1].rstrip("-"), line_of(whole, match[0])) for match in TOKEN.finditer(whole)]
    if has_token(whole, server_name):
        return Marker(file=path, state="present", text=text, line=line_of(whole, text), found=server_name)
    if any(name == server_name for name, _ in names):
        note = "the token must be followed by a space, a line break or a closing comment"
        return Marker(file=path, state="missing", text=text, note=note)
    if names:
        return Marker(file=path, state="other", text=text, line=names[0][1], found=names[0][0])
    return Marker(file=path, state="missing", text=text)


def entry(found: Found, *, version: str | None, hint: str | None = None) -> dict[str, Any]:
    """The common `packages[]` element in the order that the official documents use."""
    element: dict[str, Any] = {"registryType": found.registry_type, "identifier": found.identifier}
    if version:
        element["version"] = version
    if "fileSha256" in found.extra:
        element["fileSha256"] = found.extra["fileSha256"]
    if found.extra.get("runtimeHint", hint):
        element["runtimeHint"] = found.extra.get("runtimeHint", hint)
    if found.extra.get("runtimeArguments"):
        element["runtimeArguments"] = found.extra["runtimeArguments"]
    element["transport"] = found.extra.get("transport", {"type": "stdio"})
    if found.extra.get("packageArguments"):
        element["packageArguments"] = found.extra["packageArguments"]
    return element


def about_mcp(name: str, description: str | None, keywords: Iterable[str], dependencies: Iterable[str]) -> str:
    """Why a package looks like an MCP server, or ""."""
    for dependency in dependencies:
        if dependency.lower() in _SDKS:
            return f"depends on {dependency}"
    if re.search(r"(^|[^a-z])mcp([^a-z]|$)", name.lower()):
        return "is named so"
    if any(
        word.lower() in {"mcp", "mcp-server", "model-context-protocol", "modelcontextprotocol"} for word in keywords
    ):
        return "has the keyword"
    if description and re.search(r"\bMCP\b|model context protocol", description, re.IGNORECASE):
        return "is described so"
    return ""


_SDKS = frozenset(
    """mcp fastmcp mcp-use mcpo @modelcontextprotocol/sdk @modelcontextprotocol/server mcp-framework
    xmcp mcp-handler @vercel/mcp-adapter rmcp rust-mcp-sdk mcp-server mcp-core rust-mcp-schema turbomcp pmcp
    fastapi-mcp django-mcp-server flask-mcp-server github.com/mark3labs/mcp-go
    github.com/modelcontextprotocol/go-sdk github.com/metoro-io/mcp-golang""".split()  # noqa: SIM905 (reads better)
)
