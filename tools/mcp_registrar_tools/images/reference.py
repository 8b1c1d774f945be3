"""Names of images: reading them as the registry does, and building them from a project's name and version.

The official registry reads an OCI identifier with go-containerregistry's weak rules (`reference/name`): the
first path segment is a host when it holds a dot or a colon or is ``localhost``, otherwise the image is on
Docker Hub.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mcp_registrar_tools.errors import InputError

HUB = "index.docker.io"
"""Docker Hub's own name for itself; ``docker.io`` is read as this and written back as ``docker.io``."""
LABEL = "io.modelcontextprotocol.server.name"
"""The image label that must equal the server's name."""

_REPOSITORY = re.compile(r"[a-z0-9_\-./]{2,255}\Z")
_TAG = re.compile(r"[A-Za-z0-9_.\-]{1,128}\Z")
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}\Z")
# An RFC 3986 authority without user information: a name or bracketed address, and a port when there is a colon.
_HOST = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=\-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?\Z")


@dataclass(frozen=True)
class ImageReference:
    """Where an image is: ``registry`` (host and port), ``repository``, ``tag``, ``digest`` (``sha256:`` and
    hex).

    Without tag and digest ``tag`` is ``latest`` and ``tagged`` is false.
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None
    tagged: bool = True

    @property
    def host(self) -> str:
        """The registry as people write it (``docker.io`` for Docker Hub)."""
        return "docker.io" if self.registry == HUB else self.registry

    @property
    def version(self) -> str | None:
        """What distinguishes this image from its siblings: the digest if there is one, else the written tag."""
        return self.digest or (self.tag if self.tagged else None)

    def canonical(self) -> str:
        """The whole reference, nothing left to a default: ``docker.io/library/alpine:latest``."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.host}/{self.repository}{tag}{digest}"


def parse(reference: str) -> ImageReference:
    """Read an image reference. Raises `InputError` (``image-reference-invalid``) with the registry's message."""
    found = _tagged(reference) or _digested(reference)
    if found is None:
        shown = reference if len(reference) <= 300 else reference[:300] + "…"
        raise InputError(
            "image-reference-invalid",
            f"invalid OCI reference: could not parse reference: {shown}",
            "write it as host/owner/image:tag in lower case, without https:// or oci://, "
            "for example ghcr.io/owner/image:1.0.0",
        )
    return found


def _tagged(reference: str) -> ImageReference | None:
    head, colon, tail = reference.rpartition(":")
    base, tag = (head, tail) if colon and "/" not in tail else (reference, "")
    if tag and not _TAG.match(tag):
        return None
    where = _repository(base)
    return where and ImageReference(*where, tag=tag or "latest", tagged=bool(tag))


def _digested(reference: str) -> ImageReference | None:
    parts = reference.split("@")
    if len(parts) != 2 or not _DIGEST.match(parts[1]):
        return None
    named = _tagged(parts[0])
    if named is not None:
        tag = named.tag if named.tagged else None
        return ImageReference(named.registry, named.repository, tag, parts[1], tagged=named.tagged)
    return None


def _repository(name: str) -> tuple[str, str] | None:
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, repository = first, rest
        if not _HOST.match(registry):
            return None
    else:
        registry, repository = HUB, name
    if not _REPOSITORY.match(repository):
        return None
    if registry == "docker.io":
        registry = HUB
    if registry == HUB and "/" not in repository:
        repository = f"library/{repository}"
    return registry, repository


def kebab(name: str) -> str:
    """A project's name as an image is called: ``MyProject`` and ``My Project`` give ``my-project``.

    Characters that an image name cannot hold become hyphens; an empty result becomes ``server``.
    """
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name.strip()).lower()
    name = re.sub(r"[^a-z0-9.]+", "-", name)
    name = re.sub(r"[-.]*-[-.]*|\.{2,}", "-", name).strip("-.")
    return name or "server"


def build_reference(registry_prefix: str, name: str, version: str) -> str:
    """``docker.io/user``, ``My Server``, ``1.0.0`` -> ``docker.io/user/my-server:1.0.0``.

    An empty prefix gives a local image, a blank version the tag ``latest``. ``+`` of a semantic version
    becomes ``_`` because a tag cannot hold it. Raises `InputError` for a prefix or version that cannot be
    part of a reference.
    """
    prefix = registry_prefix.strip().rstrip("/")
    if "://" in prefix:
        raise InputError(
            "image-registry-invalid",
            f"{prefix} is not an image registry: a reference has no scheme",
            f"use {prefix.partition('://')[2] or 'docker.io/owner'}",
        )
    tag = version.strip().replace("+", "_") or "latest"
    if not _TAG.match(tag) or tag[0] in ".-":
        raise InputError(
            "image-tag-invalid",
            f"{version!r} cannot be an image tag",
            "use at most 128 letters, digits, dots, hyphens and underscores, starting with a letter or digit",
        )
    reference = f"{prefix}/{kebab(name)}:{tag}" if prefix else f"{kebab(name)}:{tag}"
    parse(reference)
    return reference
