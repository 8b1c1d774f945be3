"""All that is special to npm packages.

Seeing one in a project, its `packages[]` entry, its ownership marker, how a client starts it, and how the
registry verifies it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from mcp_registrar_tools.packages import fields
from mcp_registrar_tools.packages.found import Found, Marker, about_mcp
from mcp_registrar_tools.packages.found import entry as common_entry
from mcp_registrar_tools.project.edits import Edit, edit_text, read_exact, set_json_member
from mcp_registrar_tools.project.walk import Project, line_of

BASE_URL = "https://registry.npmjs.org"
"""The only `registryBaseUrl` the registry accepts for npm, and where it verifies."""

# ---------------------------------------------------------------------------------------------------------------
# In a project: detect, entry, marker, launch
# ---------------------------------------------------------------------------------------------------------------


def detect(project: Project) -> list[Found]:
    """Every ``package.json`` of the project that names a package. Unreadable ones go to ``project.problems``."""
    results = []
    for path in project.packages("package.json"):
        text = project.text(path)
        if text is None:
            continue
        try:
            data = json.loads(text)
        except ValueError as error:
            project.problems.append(f"{path} is not JSON: {error}")
            continue
        if isinstance(data, dict) and isinstance(data.get("name"), str) and data["name"].strip():
            results.append(_found(project, path, text, data))
    return results


def _found(project: Project, path: str, text: str, data: dict[str, Any]) -> Found:
    def string(key: str) -> str | None:
        value = data.get(key)
        return value.strip() or None if isinstance(value, str) else None

    def at(key: str) -> str:
        return f"{path}:{line_of(text, json.dumps(key))}"

    repository = data.get("repository")
    needs = [name for key in ("dependencies", "devDependencies", "peerDependencies") for name in _names(data.get(key))]
    keywords = [word for word in data.get("keywords") or [] if isinstance(word, str)]
    server_name = string("mcpName")
    found = Found(
        registry_type="npm",
        identifier=data["name"].strip(),
        file=project.folder / path,
        folder=path.rpartition("/")[0],
        line=line_of(text, '"name"'),
        version=string("version"),
        version_where=at("version"),
        server_name=server_name,
        server_name_where=at("mcpName") if server_name else "",
        title=string("displayName"),
        description=string("description"),
        homepage=string("homepage"),
        repository=(repository.get("url") if isinstance(repository, dict) else repository) or None,
        private=data.get("private") is True or bool(data.get("workspaces") and not data.get("bin")),
    )
    found.mcp = "has an mcpName" if server_name else about_mcp(found.identifier, found.description, keywords, needs)
    if isinstance(registry := _nested(data, "publishConfig", "registry"), str) and (registry.rstrip("/") != BASE_URL):
        found.questions.append(f"{path} publishes to {registry}; the MCP registry only accepts packages of {BASE_URL}")
    starts = data.get("bin")
    if isinstance(starts, dict) and len(starts) > 1 and found.identifier.rpartition("/")[2] not in starts:
        found.questions.append(
            f"{path}: npx cannot choose between the bins {', '.join(sorted(starts))}; "
            f"name one of them {found.identifier.rpartition('/')[2]}"
        )
    found.extra["bin"] = starts
    return found


def _names(value: Any) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, dict) else []


def _nested(data: dict[str, Any], *keys: str) -> Any:
    value: Any = data
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def entry(found: Found, version: str | None) -> dict[str, Any]:
    """The `packages[]` element. npm requires a version."""
    return common_entry(found, version=found.version or version, hint="npx")


def marker(project: Project, found: Found, server_name: str) -> Marker:
    """``mcpName`` of the package's own ``package.json``."""
    text = f'"mcpName": "{server_name}"'
    if not found.server_name:
        return Marker(file=found.file, state="missing", text=text)
    line = line_of(project.text(found.file) or "", '"mcpName"')
    state: Literal["present", "other"] = "present" if found.server_name == server_name else "other"
    return Marker(file=found.file, state=state, text=text, line=line, found=found.server_name)


def write_marker(mark: Marker, server_name: str) -> Edit | None:
    """``package.json`` with ``mcpName`` behind ``name``; nothing else changes."""
    if mark.file is None or mark.state == "present":
        return None
    before, text = read_exact(mark.file)
    return edit_text(mark.file, before, set_json_member(text, "mcpName", server_name, after=("name",)))


def launch(package: dict[str, Any]) -> list[str]:
    """How a client starts it, without arguments: ``npx -y id@version``."""
    version = f"@{package['version']}" if package.get("version") else ""
    return [package.get("runtimeHint") or "npx", "-y", f"{package['identifier']}{version}"]


# ---------------------------------------------------------------------------------------------------------------
# At the registry: verify
# ---------------------------------------------------------------------------------------------------------------


def field_problems(package: Mapping[str, Any]) -> list[str]:
    """What the registry refuses in the entry itself, in its words and order."""
    return fields.index_problems(
        package,
        registry_type="npm",
        label="NPM",
        base_url=BASE_URL,
        hash_problem="NPM packages must not have 'fileSha256' field",
    )
