"""Build, label and push the image of an MCP server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from mcp_registrar_tools.answer import Answer, quoted
from mcp_registrar_tools.images.check import Check
from mcp_registrar_tools.workbench import Workbench

if TYPE_CHECKING:
    from mcp_registrar_tools.images.build import Built


class BuildResult(Answer):
    """``image`` is the reference that was built; ``digest`` the registry's, empty when nothing was pushed; ``size``
    bytes on this machine's disk; ``package`` the ``packages`` entry that names this image; ``check`` the verdict when
    one was asked for. ``details``: ``image_id``, ``builder``, ``seconds``, ``context_size`` (bytes sent to the
    builder), ``download_size`` (bytes the registry serves for one platform), ``public`` (whether without a login).
    """

    image: str
    digest: str = ""
    size: int
    platforms: list[str]
    labels: dict[str, str]
    pushed: bool = False
    package: dict[str, Any]
    check: Check | None = None
    details: dict[str, Any]
    notes: list[str] = Field(default_factory=list)

    def lines(self) -> list[str]:
        import json

        from mcp_registrar_tools.images.context import megabytes

        how = f"{self.details['builder']}, {self.details['seconds']:.1f} s"
        what = f"{', '.join(self.platforms)}, {megabytes(self.size)}"
        lines = [f"✓ Successfully built Docker image: {self.image} ({what}, {how})"]
        if self.pushed:
            download = self.details["download_size"]
            size = f", {megabytes(download)} to download" if download else ""
            lines.append(f"✓ Pushed {self.image}@{self.digest}{size}")
        else:
            lines.append("Not pushed: nobody else can pull it.")
        if self.check is not None:
            lines += self.check.lines()
        lines += [f"label {key}={value}" for key, value in self.labels.items()]
        lines.append(f"packages entry: {json.dumps(self.package, ensure_ascii=False)}")
        lines += [f"Note: {note}" for note in self.notes]
        return lines

    def exit_code(self) -> int:
        return 1 if self.check is not None and not self.check.ok else 0


async def build_image(
    bench: Workbench,
    path: Annotated[str, Field(description="project folder")] = ".",
    tag: Annotated[str, Field(description="instead of name:version")] = "",
    registry: Annotated[str, Field(description="prefix, e.g. ghcr.io/owner")] = "",
    platform: Annotated[str, Field(description="e.g. linux/amd64,linux/arm64")] = "",
    push: Annotated[bool, Field(description="with Docker's own login")] = False,
    dockerfile: Annotated[str, Field(description="relative to path")] = "",
    target: Annotated[str, Field(description="build stage")] = "",
    build_args: Annotated[list[str], Field(description="NAME=VALUE")] = [],  # noqa: B006 - never changed
    secret_files: Annotated[list[str], Field(description="ID=FILE")] = [],  # noqa: B006 - never changed
    check: Annotated[bool, Field(description="start it; a failure is not pushed")] = False,
    large_context: Annotated[bool, Field(description="over 500 MB")] = False,
) -> BuildResult:
    """Build the Docker image with its ownership label; push=true pushes it."""
    import time

    from mcp_registrar_tools.images import build
    from mcp_registrar_tools.images.platforms import normalise

    begun = time.monotonic()
    built = await build.build(
        path,
        build.Order(
            tag=tag,
            registry=registry,
            platforms=tuple(normalise(part) for part in platform.split(",") if part.strip()),
            push=push,
            dockerfile=dockerfile,
            target=target,
            build_args=build.arguments(build_args),
            secret_files=build.secret_files(secret_files),
            large_context=large_context,
            check=check,
        ),
        bench,
    )
    return BuildResult(
        image=built.image,
        digest=built.digest,
        size=built.size,
        platforms=built.platforms,
        labels=built.labels,
        pushed=built.pushed,
        package=built.package(),
        check=built.check,
        details={
            "image_id": built.image_id,
            "builder": built.builder,
            "seconds": round(time.monotonic() - begun, 1),
            "context_size": built.context_size,
            "download_size": built.download_size,
            "public": built.public,
        },
        notes=built.notes,
        next=_next(path, built, tag, registry),
    )


def _next(path: str, built: Built, tag: str, registry: str) -> str:
    if built.check is not None and not built.check.ok:
        return f"correct the server, then build_image(path={quoted(path)}, check=true)"
    if not built.project.server_name:
        return f"init_manifest(path={quoted(path)}), then build again: the image has no ownership label"
    prefix = registry or "docker.io/YOUR-ACCOUNT"
    if built.pushed and built.is_declared:
        return f"publish(path={quoted(path)})"
    if tag:
        pushed = "" if built.pushed else f'build_image(path={quoted(path)}, tag="{tag}", push=true), '
        return f"{pushed}the packages entry into server.json, then publish(path={quoted(path)})"
    call = f'publish(path={quoted(path)}, docker_url="{prefix}", push_image=true)'
    return f"{call}, which names the image in server.json too"
