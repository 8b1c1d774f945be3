"""All that is special to NuGet packages.

Seeing one in a project, its `packages[]` entry, its ownership marker, how a client starts it, and how the
registry verifies it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_registrar_tools.packages import fields
from mcp_registrar_tools.packages.found import Found, Marker, readme_marker
from mcp_registrar_tools.packages.found import entry as common_entry
from mcp_registrar_tools.project import dotnet, readme
from mcp_registrar_tools.project.edits import Edit
from mcp_registrar_tools.project.walk import Project

BASE_URL = "https://api.nuget.org/v3/index.json"
"""The only `registryBaseUrl` the registry accepts for NuGet: the service index."""

# ---------------------------------------------------------------------------------------------------------------
# In a project: detect, entry, marker, launch
# ---------------------------------------------------------------------------------------------------------------


def detect(project: Project) -> list[Found]:
    """Every .NET project that packs an MCP server: a tool, ``PackageType`` McpServer, or a package on the SDK."""
    results = []
    for one in dotnet.projects(project):
        if not one.packs:
            continue
        found = Found(
            registry_type="nuget",
            identifier=one.package_id,
            file=one.file,
            folder=one.folder,
            line=one.line,
            version=one.version,
            version_where=one.version_where,
            title=one.properties.get("title") or one.properties.get("assemblytitle"),
            description=one.properties.get("description") or one.properties.get("packagedescription"),
            homepage=one.properties.get("packageprojecturl"),
            repository=one.properties.get("repositoryurl"),
            mcp=one.mcp,
        )
        found.extra["readme"] = one.readme
        path = one.readme or readme.find(project, found.folder) or readme.find(project)
        if path and (token := readme.token_in(project, path)):
            found.server_name = token[0]
            found.server_name_where = f"{project.shown(path)}:{token[1]}"
        if one.version is None:
            found.questions.append(f"{project.shown(one.file)} gets its version from its build: which is published?")
        results.append(found)
    return results


def entry(found: Found, version: str | None) -> dict[str, Any]:
    """The `packages[]` element. NuGet requires a version."""
    return common_entry(found, version=found.version or version, hint="dnx")


def marker(project: Project, found: Found, server_name: str) -> Marker:
    """``mcp-name: …`` in the README that the package embeds (``PackageReadmeFile``)."""
    path = found.extra.get("readme")
    note = "" if path else f"{project.shown(found.file)} embeds no README; add PackageReadmeFile and pack the file"
    return readme_marker(project, path, server_name, note)


def write_marker(mark: Marker, server_name: str) -> Edit | None:
    """The README with the token; None when nothing is to do."""
    if mark.file is None or mark.state == "present":
        return None
    return readme.put_token(mark.file, server_name)


def launch(package: dict[str, Any]) -> list[str]:
    """How a client starts it, without arguments: ``dnx id@version --yes``."""
    version = f"@{package['version']}" if package.get("version") else ""
    return [package.get("runtimeHint") or "dnx", f"{package['identifier']}{version}", "--yes"]


# ---------------------------------------------------------------------------------------------------------------
# At the registry: verify
# ---------------------------------------------------------------------------------------------------------------


def field_problems(package: Mapping[str, Any]) -> list[str]:
    """What the registry refuses in the entry itself, in its words and order."""
    return fields.index_problems(
        package,
        registry_type="nuget",
        label="NuGet",
        base_url=BASE_URL,
        hash_problem="NuGet packages must not have 'fileSha256' field - this is only for MCPB packages",
        version_last=True,
    )
