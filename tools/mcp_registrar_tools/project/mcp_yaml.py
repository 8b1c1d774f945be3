"""``mcp.yaml``: what agentregistry's `arctl` knows of a project, in both generations of the file.

The first is a flat description of an image to build (`name`, `framework`, `version`, …); the second is a resource of
kind ``MCPServer`` whose ``spec.source`` names a package and a repository (reference/agentregistry.md §1.1, §3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mcp_registrar_tools.project.walk import Project


@dataclass(frozen=True, kw_only=True)
class McpYaml:
    """``type`` and ``identifier`` name the package (an image for the first generation, its name still unknown).

    ``server_name`` is the registry name that the package's marker must carry; ``transport`` is ready for an entry.
    ``author`` is whom the first generation publishes under ("user" when the file names nobody); the second has none.
    """

    name: str
    type: str = "oci"
    identifier: str = ""
    server_name: str = ""
    version: str = ""
    title: str = ""
    description: str = ""
    repository: str = ""
    remote: str = ""
    author: str = ""
    transport: dict[str, Any] | None = None


def read(project: Project) -> McpYaml | None:
    """The project's ``mcp.yaml``; None when there is none or it is something else."""
    text = project.text("mcp.yaml") if "mcp.yaml" in project.files else None
    if not text:
        return None
    import yaml

    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        project.problems.append("mcp.yaml is not YAML and was not read")
        return None
    known = isinstance(data, dict) and ("framework" in data or data.get("kind") == "MCPServer")
    return parse(data) if known else None


def parse(data: Any) -> McpYaml | None:
    """What the file's document says, whichever generation it is; None when it names no server."""
    data = _table(data)
    if data.get("kind") == "MCPServer":
        return _resource(data)
    if not _string(data.get("name")):
        return None
    transport = _table(data.get("transport"))
    url = _string(transport.get("url")) or "http://localhost:3000/mcp"
    return McpYaml(
        name=_string(data["name"]), version=_string(data.get("version")), title=_string(data.get("title")),
        description=_string(data.get("description")), author=_string(data.get("author")) or "user",
        transport={"type": "streamable-http", "url": url} if transport.get("type") == "streamable-http" else None,
    )  # fmt: skip


def _resource(data: dict[str, Any]) -> McpYaml | None:
    metadata, spec = _table(data.get("metadata")), _table(data.get("spec"))
    source = _table(spec.get("source"))
    package = _table(source.get("package"))
    origin = _table(package.get("origin"))
    kind = _string(origin.get("type")) or "oci"
    detail = _table(origin.get(kind))
    speaks = _table(package.get("transport"))
    port = speaks.get("port")
    transport = None
    if speaks.get("type") == "http" and isinstance(port, int):
        transport = {
            "type": "streamable-http",
            "url": f"http://localhost:{port}{_string(speaks.get('path')) or '/mcp'}",
        }
    return McpYaml(
        name=_string(metadata.get("name")), type=kind, identifier=_string(origin.get("identifier")),
        server_name=_string(detail.get("serverName")), version=_string(detail.get("version")),
        title=_string(spec.get("title")), description=_string(spec.get("description")),
        repository=_string(_table(source.get("repository")).get("url")),
        remote=_string(_table(spec.get("remote")).get("url")), transport=transport,
    )  # fmt: skip


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _string(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
