"""From a project folder to an image: name, labels, builder, push, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_registrar_tools.answer import quoted
from mcp_registrar_tools.errors import ImageError, InputError
from mcp_registrar_tools.images import platforms, reference
from mcp_registrar_tools.images.lines import Steps
from mcp_registrar_tools.images.project import Project

if TYPE_CHECKING:
    from mcp_registrar_tools.images.buildx import Builder
    from mcp_registrar_tools.images.check import Check
    from mcp_registrar_tools.images.context import Context
    from mcp_registrar_tools.images.engine import Engine
    from mcp_registrar_tools.workbench import Progress, Workbench

_SECRET_NAME = re.compile(r"(^|_)(TOKEN|PASSWORD|PASSWD|SECRET|API_?KEY|PRIVATE_?KEY|CREDENTIALS?)$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be built. ``tag`` is a whole reference and wins over ``registry`` (a prefix).

    ``platforms`` are normalised; ``secret_files`` are files by the id that the Dockerfile mounts them under.
    """

    tag: str = ""
    registry: str = ""
    platforms: tuple[str, ...] = ()
    push: bool = False
    dockerfile: str = ""
    target: str = ""
    build_args: Mapping[str, str] = field(default_factory=dict)
    secret_files: Mapping[str, Path] = field(default_factory=dict)
    large_context: bool = False
    check: bool = False
    check_seconds: float = 30.0


@dataclass(frozen=True, kw_only=True)
class Built:
    """An image. ``digest`` is the registry's, "" when nothing was pushed; ``size`` is bytes on this machine,
    ``download_size`` what the registry serves for one platform. ``public`` is None when that is not known.
    """

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
    download_size: int = 0
    public: bool | None = None
    check: Check | None = None
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
        """The ``packages`` entry for this image."""
        return package_of(self.project, self.image)


# What an OCI entry may not carry (registry rules), and what is said anew.
_REPLACED = frozenset(
    {
        *("registryType", "registry_type", "identifier", "version"),
        *("registryBaseUrl", "registry_base_url", "fileSha256", "file_sha256", "transport"),
    }
)


def package_of(project: Project, image: str) -> dict[str, Any]:
    """The ``packages`` entry of a project's image, everything else in the manifest's own entry kept."""
    kept = {key: value for key, value in (project.declared or {}).items() if key not in _REPLACED}
    identifier = reference.parse(image).canonical()
    return {"registryType": "oci", "identifier": identifier, "transport": project.transport, **kept}


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


def secret_files(pairs: list[str]) -> dict[str, Path]:
    """``ID=PATH`` pairs as files that exist. Raises `InputError`."""
    found: dict[str, Path] = {}
    for pair in pairs:
        name, equals, path = pair.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z0-9_.-]+", name) or "," in path:
            raise InputError("secret-file-invalid", "a secret file is not of the form ID=PATH", "write ID=PATH")
        file = Path(path).expanduser().absolute()
        if not file.is_file():
            raise InputError("secret-file-missing", f"{file} is not a file", f"give the file of the secret {name}")
        found[name] = file
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
                f'build_image(path={quoted(str(project.folder))}, registry="ghcr.io/OWNER", push=true)',
            )
        where = reference.parse(declared)
        return f"{where.host}/{where.repository}:{_tag(project)}"
    return reference.build_reference(order.registry, project.name, project.version)


def _tag(project: Project) -> str:
    return reference.build_reference("", "image", project.version).partition(":")[2]


async def build(path: str, order: Order, bench: Workbench) -> Built:
    """Build, label, try and push as ordered. Raises `InputError` and `ImageError`; what is wrong with the project is
    said before the engine is asked for anything.

    With ``order.check`` a server that does not run is not pushed.
    """
    import anyio.to_thread

    from mcp_registrar_tools.images import buildx, context, engine, project, push

    folder = await anyio.to_thread.run_sync(Path(path).expanduser)
    where = await anyio.to_thread.run_sync(lambda: context.read(folder, order.dockerfile, large=order.large_context))
    made = await anyio.to_thread.run_sync(lambda: project.read(folder, where.dockerfile_path.parent))
    image = image_name(made, order)
    dockerfile = await anyio.to_thread.run_sync(
        lambda: where.dockerfile_path.read_text(encoding="utf-8", errors="replace")
    )
    labels = made.labels(dockerfile)
    docker = await engine.connect()
    builder = await buildx.find(docker)
    steps = Steps(bench.progress)
    # A builder outside the engine cannot load several platforms into it: they go straight to the registry.
    several = len(order.platforms) > 1
    at_once = several and builder is not None and builder.driver != "docker"
    if at_once and not order.push:
        raise ImageError(
            "platforms-need-push",
            f"the builder in use (driver {builder.driver if builder else ''}) keeps no image of several platforms here",
            "call again with push=true, or build for one platform",
        )
    digest = await _make(docker, builder, where, order, image, labels, steps.next(), push_at_once=at_once)
    known = {} if at_once else await docker.inspect(image) or {}
    made_for = list(order.platforms) if several else [platforms.of_image(known)]
    if order.platforms and not several and made_for[0] != order.platforms[0]:
        raise ImageError(
            "platform-unavailable",
            f"{image} was asked for {order.platforms[0]} and came out for {made_for[0]}: the base image on this "
            "machine is for that platform only",
            f"`docker pull --platform {order.platforms[0]}` the base image, or install docker-buildx",
        )
    config = known.get("Config") or {}
    built = Built(
        image=image,
        image_id=str(known.get("Id") or digest),
        size=int(known.get("Size") or 0),
        platforms=made_for,
        labels={key: str(value) for key, value in (config.get("Labels") or labels).items()},
        builder=f"BuildKit ({builder.driver})" if builder else f"Docker Engine {docker.version}",
        context_size=where.size,
        project=made,
        notes=[*where.notes, *_notes(made, known), *_label_notes(made, dockerfile)],
    )
    if order.check and not at_once:
        trying = replace(bench, progress=steps.next())
        built = replace(built, check=await _try(built, trying, order.check_seconds))
        if built.check is not None and not built.check.ok:
            return built
    if not order.push:
        return built
    if not at_once:
        digest = await push.push(docker, image, steps.next())
    return await _confirm(replace(built, pushed=True, digest=digest), bench, labels)


async def _make(
    docker: Engine,
    builder: Builder | None,
    where: Context,
    order: Order,
    image: str,
    labels: Mapping[str, str],
    progress: Progress,
    *,
    push_at_once: bool,
) -> str:
    """Build with BuildKit where it is, else with the engine's own builder; answers with a digest or image id."""
    from mcp_registrar_tools.images import buildx, classic

    if builder is not None:
        buildx.check_platforms(docker, builder, order.platforms)
        return await buildx.build(
            builder,
            where,
            tag=image,
            labels=labels,
            platforms=order.platforms,
            target=order.target,
            build_args=order.build_args,
            secret_files=order.secret_files,
            push=push_at_once,
            progress=progress,
        )
    if len(order.platforms) > 1 or order.secret_files:
        wanted = f"building for {', '.join(order.platforms)}" if not order.secret_files else "a secret in a build"
        raise ImageError(
            "builder-missing",
            f"{wanted} needs BuildKit's buildx, which is not installed here",
            "install docker-buildx (Docker Desktop has it), or build for one platform and without secrets",
        )
    return await classic.build(
        docker,
        where,
        tag=image,
        labels=labels,
        platform=order.platforms[0] if order.platforms else "",
        target=order.target,
        build_args=order.build_args,
        progress=progress,
    )


async def _try(built: Built, bench: Workbench, seconds: float) -> Check:
    """Start what was built, as the manifest's entry says that a client does."""
    from mcp_registrar_tools.images import trial

    plan = trial.of_image(built.package(), built.image)
    return await trial.run(bench, plan, seconds)


async def _confirm(built: Built, bench: Workbench, labels: Mapping[str, str]) -> Built:
    """Read the pushed image back and compare."""
    from mcp_registrar_tools.images import readback

    notes = list(built.notes)
    try:
        seen = await readback.read_back(built.image, bench.outbound, bench.settings, platform=built.platforms[0])
    except ImageError as error:
        notes.append(f"pushed, but not read back: {error.message}")
        return replace(built, notes=notes)
    if built.digest and seen.digest != built.digest:
        raise ImageError(
            "push-replaced",
            f"{built.image} was pushed as {built.digest}, and the registry serves {seen.digest}",
            "somebody else pushes to the same tag: choose another version, then call again",
        )
    if wrong := [key for key, value in labels.items() if seen.labels.get(key) != value]:
        notes.append(f"the registry's image lacks the label {', '.join(wrong)}")
    if not seen.public:
        where = reference.parse(built.image)
        notes.append(
            f"{where.host}/{where.repository} is private: the official registry accepts public images only; "
            "make it public in its settings there"
        )
    if len(seen.platforms) > 1 and "linux/amd64" not in seen.platforms:
        notes.append("the official registry reads the label of linux/amd64, which this image does not offer")
    return replace(
        built,
        digest=seen.digest,
        download_size=seen.size,
        platforms=seen.platforms,
        public=seen.public,
        labels=dict(seen.labels),
        notes=notes,
    )


def _notes(project: Project, known: Mapping[str, Any]) -> list[str]:
    notes = []
    if not project.server_name:
        notes.append(
            f"no ownership label {reference.LABEL}: nobody said yet what the server is called; "
            f"run init_manifest(path={quoted(str(project.folder))}) and build again"
        )
    config = known.get("Config") or {}
    if not config.get("Entrypoint") and not config.get("Cmd"):
        notes.append("the image has neither ENTRYPOINT nor CMD: `docker run` would start nothing")
    return notes


def _label_notes(project: Project, dockerfile: str) -> list[str]:
    """A Dockerfile that names another server: a build without us would carry that name."""
    found = re.search(rf"""{re.escape(reference.LABEL)}["']?[= ]["']?([^\s"']+)""", dockerfile)
    if not found or not project.server_name or found[1] == project.server_name or "$" in found[1]:
        return []
    return [
        f"the Dockerfile's own label says {found[1]} where this image says {project.server_name}: correct it, or "
        "a build by others carries the wrong name"
    ]
