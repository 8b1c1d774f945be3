"""All that is special to Cargo packages.

Seeing one in a project, its `packages[]` entry, its ownership marker, how a client starts it, and how the
registry verifies it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_registrar_tools.packages import fields
from mcp_registrar_tools.packages.found import Found, Marker, about_mcp, readme_marker
from mcp_registrar_tools.packages.found import entry as common_entry
from mcp_registrar_tools.project import readme, rust
from mcp_registrar_tools.project.edits import Edit
from mcp_registrar_tools.project.walk import Project

BASE_URL = "https://crates.io"
"""The only `registryBaseUrl` the registry accepts for Cargo."""

# ---------------------------------------------------------------------------------------------------------------
# In a project: detect, entry, marker, launch
# ---------------------------------------------------------------------------------------------------------------


def detect(project: Project) -> list[Found]:
    """Every crate of the project that has a program, with what it inherits from its workspace."""
    results = []
    for crate in rust.crates(project):
        found = Found(
            registry_type="cargo",
            identifier=crate.name,
            file=crate.file,
            folder=crate.folder,
            line=crate.line,
            version=crate.version,
            version_where=crate.version_where,
            description=crate.text("description"),
            homepage=crate.text("homepage"),
            repository=crate.text("repository"),
            private=not crate.publish,
        )
        found.extra["readme"] = crate.readme
        visible = False
        if crate.readme and (token := readme.token_in(project, crate.readme)):
            text = project.text(crate.readme) or ""
            found.server_name = token[0]
            found.server_name_where = f"{project.shown(crate.readme)}:{token[1]}"
            visible = any(not readme.hidden(text, match.start()) for match in readme.TOKEN.finditer(text))
        # crates.io strips comments: a token in one was not meant for it.
        found.extra["visible"] = visible
        found.mcp = (
            "has an mcp-name"
            if found.server_name
            else about_mcp(crate.name, found.description, crate.keywords, crate.dependencies)
        )
        results.append(found)
    return results


def entry(found: Found, version: str | None) -> dict[str, Any]:
    """The `packages[]` element. Cargo requires a version."""
    return common_entry(found, version=found.version or version)


def marker(project: Project, found: Found, server_name: str) -> Marker:
    """``mcp-name: …`` as visible text in the crate's README: crates.io strips comments."""
    path = found.extra.get("readme")
    note = "" if path else f"{project.shown(found.file)} has no README beside it; crates.io shows none"
    mark = readme_marker(project, path, server_name, note)
    if mark.state == "present" and not found.extra.get("visible"):
        return Marker(
            file=mark.file,
            state="missing",
            text=mark.text,
            note="the token stands in a comment, which crates.io strips",
        )
    return mark


def write_marker(mark: Marker, server_name: str) -> Edit | None:
    """The README with the token as a line of its own; None when nothing is to do."""
    if mark.file is None or mark.state == "present":
        return None
    return readme.put_token(mark.file, server_name, visible=True)


def launch(package: dict[str, Any]) -> list[str]:
    """How a user installs and starts it: clients have no runner for crates, so `cargo install` comes first."""
    version = f"@{package['version']}" if package.get("version") else ""
    return ["cargo", "install", f"{package['identifier']}{version}"]


# ---------------------------------------------------------------------------------------------------------------
# At the registry: verify
# ---------------------------------------------------------------------------------------------------------------


def field_problems(package: Mapping[str, Any]) -> list[str]:
    """What the registry refuses in the entry itself, in its words and order."""
    return fields.index_problems(
        package,
        registry_type="cargo",
        label="Cargo",
        base_url=BASE_URL,
        hash_problem="cargo packages must not have 'fileSha256' field - this is only for MCPB packages",
    )
