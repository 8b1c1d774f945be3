"""All that is special to OCI packages.

Seeing one in a project, its `packages[]` entry, its ownership marker, how a client starts it, and how the
registry verifies it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from mcp_registrar_tools.packages import fields
from mcp_registrar_tools.packages.found import Found, Marker
from mcp_registrar_tools.packages.found import entry as common_entry
from mcp_registrar_tools.project import dockerfile
from mcp_registrar_tools.project.edits import Edit, edit_text, read_exact
from mcp_registrar_tools.project.walk import Project

# ---------------------------------------------------------------------------------------------------------------
# In a project: detect, entry, marker, launch
# ---------------------------------------------------------------------------------------------------------------


LABEL = "io.modelcontextprotocol.server.name"
"""The image config label that proves ownership."""


def detect(project: Project) -> list[Found]:
    """Every Dockerfile of the project, the labelled ones first. ``identifier`` is "" until an image name is known."""
    results = []
    for path in project.packages("Dockerfile", "Dockerfile.*", "*.Dockerfile", "Containerfile"):
        text = project.text(path)
        if not text or path.endswith((".dockerignore", ".md", ".yml", ".yaml", ".json")):
            continue
        parsed = dockerfile.parse(text)
        if not parsed.stages:
            continue
        label = parsed.labels.get(LABEL)
        found = Found(
            registry_type="oci",
            identifier="",
            file=project.folder / path,
            folder=path.rpartition("/")[0],
            line=label[1] if label else parsed.stages[-1].line,
            title=(parsed.labels.get("org.opencontainers.image.title") or (None, 0))[0],
            description=(parsed.labels.get("org.opencontainers.image.description") or (None, 0))[0],
            repository=(parsed.labels.get("org.opencontainers.image.source") or (None, 0))[0],
            mcp="is labelled" if label else "",
            assumed=frozenset({"identifier"}),
        )
        if label and "/" in label[0] and "$" not in label[0]:
            found.server_name = label[0]
            found.server_name_where = f"{path}:{label[1]}"
        found.extra |= {"dockerfile": parsed, "labelled": bool(label)}
        if transport := dockerfile.transport(parsed):
            found.extra["transport"] = transport
        results.append(found)
    return sorted(
        results, key=lambda found: (not found.extra["labelled"], found.folder.count("/"), len(found.file.name))
    )


def entry(found: Found, version: str | None) -> dict[str, Any]:
    """The `packages[]` element: the version stands in the identifier, never in a field of its own."""
    return common_entry(found, version=None)


def marker(project: Project, found: Found, server_name: str) -> Marker:
    """``LABEL io.modelcontextprotocol.server.name`` in the last stage of the Dockerfile."""
    text = f'LABEL {LABEL}="{server_name}"'
    parsed = found.extra.get("dockerfile")
    label = parsed.labels.get(LABEL) if parsed else None
    if not label:
        return Marker(file=found.file, state="missing", text=text)
    state: Literal["present", "other"] = "present" if label[0] == server_name or "$" in label[0] else "other"
    return Marker(file=found.file, state=state, text=text, line=label[1], found=label[0])


def write_marker(mark: Marker, server_name: str) -> Edit | None:
    """The Dockerfile with the label in its last stage; None when nothing is to do."""
    if mark.file is None or mark.state == "present":
        return None
    before, text = read_exact(mark.file)
    return edit_text(mark.file, before, dockerfile.set_label(text, LABEL, server_name))


def launch(package: dict[str, Any]) -> list[str]:
    """How a client starts it, without arguments: ``docker run -i --rm IMAGE``."""
    return [package.get("runtimeHint") or "docker", "run", "-i", "--rm", package["identifier"]]


# ---------------------------------------------------------------------------------------------------------------
# At the registry: verify
# ---------------------------------------------------------------------------------------------------------------


ALLOWED_REGISTRIES = frozenset(
    {"docker.io", "registry-1.docker.io", "index.docker.io", "ghcr.io", "quay.io", "mcr.microsoft.com"}
)
ALLOWED_SUFFIXES = (".pkg.dev", ".azurecr.io")
"""Where the official registry accepts images from: the registry part of the reference, port included."""

_CANONICAL = "(e.g., 'docker.io/owner/image:1.0.0')"


def field_problems(package: Mapping[str, Any]) -> list[str]:
    """What the registry refuses in the entry itself, in its words and order."""
    identifier = fields.text(package, "identifier")
    found: list[str] = []
    if not identifier:
        found.append("package identifier is required for OCI packages")
    if fields.text(package, "registryBaseUrl"):
        found.append(
            "OCI packages must not have 'registryBaseUrl' field - "
            f"use canonical reference in 'identifier' instead {_CANONICAL}"
        )
    if fields.text(package, "version"):
        found.append(
            f"OCI packages must not have 'version' field - include version in 'identifier' instead {_CANONICAL}"
        )
    if fields.text(package, "fileSha256"):
        found.append("OCI packages must not have 'fileSha256' field")
    if identifier:
        found.extend(reference_problems(identifier))
    return found


def reference_problems(identifier: str) -> list[str]:
    """Whether the reference can be read, and whether its registry is one the official registry accepts."""
    from mcp_registrar_tools.errors import RegistrarError
    from mcp_registrar_tools.images import reference

    try:
        parsed = reference.parse(identifier)
    except RegistrarError as error:
        # The parser's own message may carry the same opening words.
        return [f"invalid OCI reference: {error.message.removeprefix('invalid OCI reference: ')}"]
    registry = parsed.registry
    if registry in ALLOWED_REGISTRIES or registry.endswith(ALLOWED_SUFFIXES):
        return []
    return [f"unsupported OCI registry: {registry}"]
