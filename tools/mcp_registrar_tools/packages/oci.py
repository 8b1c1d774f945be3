"""All that is special to OCI packages.

Seeing one in a project, its `packages[]` entry, its ownership marker, how a client starts it, and how the
registry verifies it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mcp_registrar_tools.packages import fields
from mcp_registrar_tools.packages.found import Found, Marker
from mcp_registrar_tools.packages.found import entry as common_entry
from mcp_registrar_tools.project import dockerfile
from mcp_registrar_tools.project.edits import Edit, edit_text, read_exact
from mcp_registrar_tools.project.walk import Project

if TYPE_CHECKING:
    from mcp_registrar_tools.findings import Finding
    from mcp_registrar_tools.images.distribution import DistributionError, RemoteImage
    from mcp_registrar_tools.launch import Text
    from mcp_registrar_tools.outbound import Outbound

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
        found = found_in(project, project.folder / path, text)
        if found.extra["dockerfile"].stages:
            results.append(found)
    return sorted(
        results, key=lambda found: (not found.extra["labelled"], found.folder.count("/"), len(found.file.name))
    )


def found_in(project: Project, file: Path, text: str) -> Found:
    """The image that a Dockerfile of this text builds; its name is not known yet."""
    parsed = dockerfile.parse(text)
    path = project.shown(file)
    label = parsed.labels.get(LABEL)

    def of(key: str) -> str | None:
        value = parsed.labels.get(f"org.opencontainers.image.{key}")
        return value[0] if value else None

    found = Found(
        registry_type="oci",
        identifier="",
        file=file,
        folder=path.rpartition("/")[0],
        line=label[1] if label else parsed.stages[-1].line if parsed.stages else 1,
        title=of("title"),
        description=of("description"),
        repository=of("source"),
        mcp="is labelled" if label else "",
        assumed=frozenset({"identifier"}),
    )
    if label and "/" in label[0] and "$" not in label[0]:
        found.server_name = label[0]
        found.server_name_where = f"{path}:{label[1]}"
    found.extra |= {"dockerfile": parsed, "labelled": bool(label)}
    for key in ("org.opencontainers.image.version", "io.modelcontextprotocol.server.version"):
        if key in parsed.labels and "$" not in parsed.labels[key][0]:
            found.version, found.version_where = parsed.labels[key][0], f"{path}:{parsed.labels[key][1]}"
    if transport := dockerfile.transport(parsed):
        found.extra["transport"] = transport
    return found


def entry(found: Found, version: str | None) -> dict[str, Any]:
    """The `packages[]` element: the version stands in the identifier, never in a field of its own.

    An image that serves HTTP needs its port published, which the runtime arguments say.
    """
    url = found.extra.get("transport", {}).get("url", "")
    port = re.search(r":(\d+)", url.removeprefix("http://localhost"))
    if port and "runtimeArguments" not in found.extra:
        publish = {
            "type": "named",
            "name": "-p",
            "value": f"{port[1]}:{port[1]}",
            "description": "Publish the HTTP port",
        }
        found.extra |= {"runtimeHint": "docker", "runtimeArguments": [publish]}
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


def launch(
    package: Mapping[str, Any], runtime: list[Text], own: list[Text], *, env: list[str], port: int | None
) -> tuple[list[Text], str]:
    """``docker run -i --rm -e VARIABLE … image …``; an HTTP server's port is published under its own number."""
    from mcp_registrar_tools.launch import hint, reference, sets_variable

    rest = runtime[1:] if runtime[:1] == [("run",)] else runtime
    lead: list[Text] = [("run",), *(flag for flag in (("-i",), ("--rm",)) if flag not in rest)]
    lead += [part for name in env if not sets_variable(rest, name) for part in (("-e",), (name,))]
    if port and not any(text in {("-p",), ("--publish",)} for text in rest):
        lead += [("-p",), (f"{port}:{port}",)]
    return [(hint(package, "docker"),), *lead, *rest, *reference(package, rest, ""), *own], ""


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


async def verify(
    package: Mapping[str, Any], server_name: str, outbound: Outbound, base_url: str, *, extras: bool = True
) -> list[Finding]:
    """Whether the label of the published image equals the server's name, letter for letter, pulled by anybody.

    ``base_url`` is where the image's registry is reached (`distribution.endpoint`). `packages.published` says what
    the findings are; ``package`` has passed `field_problems`. ``extras`` adds what explains a refusal (whether an
    image is private or not there, with Docker's own credentials) and which platforms the image serves.
    """
    from mcp_registrar_tools.images import distribution
    from mcp_registrar_tools.images.reference import LABEL
    from mcp_registrar_tools.packages import published

    identifier = package["identifier"]
    try:
        image = await distribution.inspect(identifier, outbound, base_url=base_url)
    except distribution.DistributionError as error:
        more = (
            await _private(identifier, server_name, outbound, base_url) if extras and error.status in (401, 403) else []
        )
        return [_refusal(identifier, error), *more]
    found = image.labels.get(LABEL)
    if found == server_name:
        return _platforms(image) if extras else []
    if found is None:
        refusal = published.note(
            "ownership-marker-missing",
            f"OCI image '{identifier}' is missing required annotation. Add this to your Dockerfile: "
            f'LABEL {LABEL}="{server_name}"',
            "build and push the image again with that label; build_image sets it",
            severity="error",
        )
    else:
        refusal = published.note(
            "ownership-marker-differs",
            f"OCI image ownership validation failed. Expected annotation '{LABEL}' = '{server_name}', got '{found}'",
            f'build and push the image again with LABEL {LABEL}="{server_name}", or name the server {found}',
            severity="error",
        )
    more = published.near_misses(server_name, [found or ""], "the image's label") if extras and found else []
    return [refusal, *more, *(_not_the_label(image, server_name) if extras and found is None else [])]


def _refusal(identifier: str, error: DistributionError) -> Finding:
    """The registry's words for an image that could not be read."""
    from mcp_registrar_tools.packages import published

    if error.about_config:
        code, message = "package-registry-failed", f"failed to get image config: {error.message}"
    elif error.timed_out:
        code = "package-registry-unreachable"
        message = (
            f"OCI image validation timed out after 30 seconds for '{identifier}'. "
            "The registry may be slow or unreachable"
        )
    elif error.status == 404:
        code, message = "package-not-found", f"OCI image '{identifier}' does not exist in the registry"
    elif error.status in (401, 403):
        code = "image-private"
        message = f"OCI image '{identifier}' is private or requires authentication. Only public images are supported"
    elif error.status == 429:
        # The registry fails closed here since 1.7.9; of its words only "retry shortly" is known.
        code = "package-registry-busy"
        message = (
            f"OCI image '{identifier}' could not be validated: rate limited by registry (status: 429), retry shortly"
        )
    else:
        code = "package-registry-busy" if error.status >= 500 else "package-registry-failed"
        code = "package-registry-unreachable" if error.code == "image-unreachable" else code
        message = f"failed to fetch OCI image: {error.message}"
    hint = "push the image, or correct the reference; if you just pushed it, try again with wait=120"
    return published.note(code, message, hint if error.status == 404 else error.hint, severity="error")


async def _private(identifier: str, server_name: str, outbound: Outbound, base_url: str) -> list[Finding]:
    """With Docker's own login: is the image there, and would it pass if it were public?"""
    import anyio.to_thread

    from mcp_registrar_tools.errors import ImageError
    from mcp_registrar_tools.images import credentials, distribution
    from mcp_registrar_tools.images.reference import LABEL, parse
    from mcp_registrar_tools.packages import published

    reference = parse(identifier)
    try:
        known = await anyio.to_thread.run_sync(credentials.find, reference.registry)
        if known is None:
            return []
        image = await distribution.inspect(reference, outbound, base_url=base_url, credentials=known, seconds=10)
    except ImageError:
        return []
    label = "carries the right label" if image.labels.get(LABEL) == server_name else "lacks the right label too"
    return [
        published.note(
            "image-not-public",
            f"with Docker's login for {reference.host} the image is there and {label}: it is private, not missing",
            f"make the package public at {reference.host}; the official registry pulls without login",
        )
    ]


def _not_the_label(image: RemoteImage, server_name: str) -> list[Finding]:
    """An annotation or a label under another key does not count, and looks as if it did."""
    from mcp_registrar_tools.packages import published

    near = [key for key, value in image.labels.items() if value == server_name]
    if not near:
        return []
    return [
        published.note(
            "ownership-other-label",
            f"the image has the name under the label {near[0]}, which the registry does not read",
            "use the key io.modelcontextprotocol.server.name",
        )
    ]


def _platforms(image: RemoteImage) -> list[Finding]:
    """Who has to emulate, or cannot run the image at all."""
    from mcp_registrar_tools.packages import published

    found = {name for name in image.platforms if name.startswith("linux/")}
    lacking = [name for name in ("linux/amd64", "linux/arm64") if not any(p.startswith(name) for p in found)]
    if not lacking:
        return []
    return [
        published.note(
            "image-platform",
            f"the image is for {', '.join(image.platforms)} only; nothing for {', '.join(lacking)}",
            "build it for linux/amd64 and linux/arm64 to serve both kinds of machines",
        )
    ]
