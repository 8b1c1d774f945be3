"""From a project folder to an image: name, labels, builder, push, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp_registrar_tools.errors import ImageError, InputError
from mcp_registrar_tools.images import reference
from mcp_registrar_tools.images.project import Project
from mcp_registrar_tools.workbench import Progress

_SECRET_NAME = re.compile(r"(^|_)(TOKEN|PASSWORD|PASSWD|SECRET|API_?KEY|PRIVATE_?KEY|CREDENTIALS?)$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be built. ``tag`` is a whole reference and wins over ``registry`` (a prefix)."""

    tag: str = ""
    registry: str = ""
    platforms: tuple[str, ...] = ()
    push: bool = False
    dockerfile: str = ""
    target: str = ""
    build_args: Mapping[str, str] = field(default_factory=dict)
    large_context: bool = False


@dataclass(frozen=True, kw_only=True)
class Built:
    """An image. ``digest`` is the registry's, "" when nothing was pushed; ``size`` is bytes on this machine."""

    image: str
    image_id: str
    size: int
    platforms: list[str]
    labels: dict[str, str]
    builder: str
    context_size: int
    project: Project
    digest: str = ""
    pushed: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def canonical(self) -> str:
        """The reference that a manifest names: nothing left to a default."""
        return reference.parse(self.image).canonical()

    @property
    def is_declared(self) -> bool:
        """Whether the manifest already names this image."""
        declared = (self.project.declared or {}).get("identifier")
        return isinstance(declared, str) and declared in {self.canonical, self.image}

    def package(self) -> dict[str, Any]:
        """The ``packages`` entry for this image, everything else in the manifest's own entry kept."""
        kept = {k: v for k, v in (self.project.declared or {}).items() if k not in _REPLACED}
        return {"registryType": "oci", "identifier": self.canonical, "transport": self.project.transport, **kept}


# What an OCI entry may not carry (registry rules), and what is said anew.
_REPLACED = frozenset(
    {
        *("registryType", "registry_type", "identifier", "version"),
        *("registryBaseUrl", "registry_base_url", "fileSha256", "file_sha256", "transport"),
    }
)


def arguments(pairs: list[str]) -> dict[str, str]:
    """``NAME=VALUE`` pairs as a mapping. Raises `InputError` for anything else, and for what looks like a secret."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise InputError(
                "build-argument-invalid", "a build argument is not of the form NAME=VALUE", "write NAME=VALUE"
            )
        if _SECRET_NAME.search(name):
            raise InputError(
                "build-argument-secret",
                f"the build argument {name} looks like a secret; build arguments stay readable in the image",
                f"put it in a file, use `RUN --mount=type=secret,id={name.lower()}` and name the file in secret_files",
            )
        found[name] = value
    return found


def image_name(project: Project, order: Order) -> str:
    """The reference to build: the tag asked for ▸ prefix/name:version ▸ (to push) the manifest's ▸ name:version."""
    if order.tag:
        parsed = reference.parse(order.tag)
        if parsed.digest:
            raise InputError(
                "image-tag-invalid", f"{order.tag} names a digest, which only a push can give", "give name:tag"
            )
        return order.tag if parsed.tagged else f"{order.tag}:{_tag(project)}"
    declared = (project.declared or {}).get("identifier")
    if order.push and not order.registry:
        if not isinstance(declared, str) or not declared:
            raise InputError(
                "push-needs-registry",
                "push=true without a place to push to: no `registry`, no `tag`, and server.json names no image",
                f'build_image(path="{project.folder}", registry="ghcr.io/OWNER", push=true)',
            )
        where = reference.parse(declared)
        return f"{where.host}/{where.repository}:{_tag(project)}"
    return reference.build_reference(order.registry, project.name, project.version)


def _tag(project: Project) -> str:
    return reference.build_reference("", "x", project.version).partition(":")[2]


async def build(path: str, order: Order, progress: Progress) -> Built:
    """Build, label, and push when asked. Raises `InputError` and `ImageError`; what is wrong with the project is
    said before the engine is asked for anything.
    """
    import anyio.to_thread

    from mcp_registrar_tools.images import classic, context, engine, platforms, project

    folder = await anyio.to_thread.run_sync(Path(path).expanduser)
    where = await anyio.to_thread.run_sync(lambda: context.read(folder, order.dockerfile, large=order.large_context))
    made = await anyio.to_thread.run_sync(lambda: project.read(folder))
    image = image_name(made, order)
    text = where.dockerfile_path.read_text(encoding="utf-8", errors="replace")
    labels = made.labels(text)
    docker = await engine.connect()
    if len(order.platforms) > 1:
        raise ImageError(
            "builder-missing",
            f"building for several platforms ({', '.join(order.platforms)}) needs BuildKit's buildx, which is not here",
            "install docker-buildx, or build for one platform",
        )
    steps = _Steps(progress)
    platform = order.platforms[0] if order.platforms else ""
    identity = await classic.build(
        docker,
        where,
        tag=image,
        labels=labels,
        platform=platform,
        target=order.target,
        build_args=order.build_args,
        progress=steps.next(),
    )
    known = await docker.inspect(image) or {}
    made_for = platforms.of_image(known)
    if platform and made_for != platforms.normalise(platform):
        raise ImageError(
            "platform-unavailable",
            f"{image} was asked for {platform} and came out for {made_for}: the base image here is for {made_for} only",
            f"use a base image published for {platform}, `docker pull --platform {platform}` it, or install buildx",
        )
    digest = ""
    if order.push:
        from mcp_registrar_tools.images import push

        digest = (await push.push(docker, image, steps.next())).digest
    return Built(
        image=image,
        image_id=str(known.get("Id") or identity),
        size=int(known.get("Size") or 0),
        platforms=[made_for],
        labels={k: str(v) for k, v in ((known.get("Config") or {}).get("Labels") or {}).items()},
        builder=f"Docker Engine {docker.version}",
        context_size=where.size,
        project=made,
        digest=digest,
        pushed=order.push,
        notes=[*where.notes, *_notes(made, known)],
    )


def _notes(project: Project, known: Mapping[str, Any]) -> list[str]:
    notes = []
    if not project.server_name:
        notes.append(
            f"no ownership label {reference.LABEL}: nobody said yet what the server is called; "
            f'run init_manifest(path="{project.folder}") and build again'
        )
    config = known.get("Config") or {}
    if not config.get("Entrypoint") and not config.get("Cmd"):
        notes.append("the image has neither ENTRYPOINT nor CMD: `docker run` would start nothing")
    return notes


class _Steps:
    """Progress over several stages as one line that only rises."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._base = 0.0

    def next(self) -> Progress:
        start = self._base

        async def report(done: float, total: float | None, message: str) -> None:
            value = max(start + done, self._base + 1e-6)
            self._base = value
            await self._progress(value, None if total is None else max(start + total, value), message)

        return report
