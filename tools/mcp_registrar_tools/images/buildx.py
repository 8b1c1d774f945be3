"""Building with BuildKit through Docker's buildx: several platforms, its cache, secrets from files."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from mcp_registrar_tools.answer import clean
from mcp_registrar_tools.errors import ImageError
from mcp_registrar_tools.images import failures
from mcp_registrar_tools.images.engine import docker_config
from mcp_registrar_tools.images.lines import LineView, tail_of
from mcp_registrar_tools.images.reference import parse

if TYPE_CHECKING:
    from anyio.abc import Process

    from mcp_registrar_tools.images.context import Context
    from mcp_registrar_tools.images.engine import Engine
    from mcp_registrar_tools.workbench import Progress

_PLUGIN_FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
    "/opt/homebrew/lib/docker/cli-plugins",
    "/Applications/Docker.app/Contents/Resources/cli-plugins",
    "C:/Program Files/Docker/cli-plugins",
)
_STEP = re.compile(r"#\d+ \[(?:[^\]]*? )?(\d+)/(\d+)\] (.*)")
_STOP_SECONDS = 5.0


@dataclass(frozen=True)
class Builder:
    """A buildx program and the builder it uses. ``driver`` is ``docker`` for the engine's own BuildKit."""

    program: str
    environment: Mapping[str, str]
    driver: str
    platforms: tuple[str, ...]


def program() -> str | None:
    """The buildx plugin, None when there is none. It is looked for where the docker command looks."""
    names = ("docker-buildx.exe",) if sys.platform == "win32" else ("docker-buildx",)
    for folder in (docker_config() / "cli-plugins", *map(Path, _PLUGIN_FOLDERS)):
        for name in names:
            if os.access(folder / name, os.X_OK):
                return str(folder / name)
    return None


async def find(engine: Engine) -> Builder | None:
    """The builder that ``docker buildx`` would use with this engine; None without buildx or when it fails."""
    found = await anyio.to_thread.run_sync(program)
    if found is None:
        return None
    environment = dict(os.environ)
    if engine.address.source == "the default socket":
        environment["DOCKER_HOST"] = engine.address.host
    try:
        with anyio.fail_after(30):
            done = await anyio.run_process([found, "inspect"], env=environment, check=False, stderr=subprocess.DEVNULL)
    except (OSError, TimeoutError):
        return None
    text = done.stdout.decode("utf-8", "replace")
    driver = re.search(r"^Driver:\s*(\S+)", text, re.MULTILINE)
    if done.returncode or driver is None:
        return None
    platforms = re.search(r"^Platforms:\s*(.+)$", text, re.MULTILINE)
    offered = tuple(p.strip().rstrip("*") for p in platforms[1].split(",")) if platforms else ()
    return Builder(found, environment, driver[1], offered)


def check_platforms(engine: Engine, builder: Builder, platforms: Sequence[str]) -> None:
    """Raises `ImageError` (``builder-one-platform``) when this builder cannot make several platforms at once."""
    if len(platforms) > 1 and builder.driver == "docker" and not engine.containerd:
        raise ImageError(
            "builder-one-platform",
            f"the builder in use (driver docker) makes one platform at a time, not {', '.join(platforms)}",
            "make one that can: `docker buildx create --name multi --driver docker-container --use --bootstrap`, "
            "or switch the engine to the containerd image store",
        )


async def build(
    builder: Builder,
    context: Context,
    *,
    tag: str,
    labels: Mapping[str, str],
    platforms: Sequence[str],
    target: str,
    build_args: Mapping[str, str],
    secret_files: Mapping[str, Path],
    push: bool,
    progress: Progress,
) -> str:
    """Build, then load the image into the engine, or with ``push`` send it straight to its registry.

    Answers with the digest that buildx reports (the registry's after a push, else the local image's). Cancelling
    stops the build. Raises `ImageError`, for a failing step with the step and the last lines that it printed.
    """
    options = [f"--label={key}={value}" for key, value in labels.items()]
    options += [f"--build-arg={key}={value}" for key, value in build_args.items()]
    options += [f"--secret=id={key},src={value}" for key, value in secret_files.items()]
    options += [f"--platform={','.join(platforms)}"] if platforms else []
    options += [f"--target={target}"] if target else []
    options.append("--push" if push else "--load")
    view, last = LineView(progress), deque[str](maxlen=2000)
    with tempfile.TemporaryDirectory(prefix="mcp-registrar-build-") as folder:
        metadata = Path(folder) / "metadata.json"
        command = [
            *(builder.program, "build", "--progress=plain", f"--metadata-file={metadata}"),
            *(f"--file={context.dockerfile_path}", f"--tag={tag}", *options, str(context.folder)),
        ]
        code = await _run(command, builder.environment, view, last)
        if code:
            raise _failure(list(last), context.dockerfile, tag)
        with contextlib.suppress(OSError, ValueError):
            facts = json.loads(metadata.read_text(encoding="utf-8"))
            return str(facts.get("containerimage.digest") or "")
    return ""


async def _run(command: Sequence[str], environment: Mapping[str, str], view: LineView, last: deque[str]) -> int:
    process = await anyio.open_process(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    rest = ""
    try:
        if process.stderr is not None:
            async for chunk in process.stderr:
                text = chunk.decode("utf-8", "replace")
                *lines, rest = (rest + text).split("\n")
                last.extend(lines)
                await view.feed(text, _step)
        last.append(rest)
        return await process.wait()
    finally:
        with anyio.CancelScope(shield=True):
            await _stop(process)
            await process.aclose()


async def _stop(process: Process) -> None:
    """Interrupt first: buildx then cancels the build in BuildKit before it ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        with anyio.move_on_after(_STOP_SECONDS):
            await process.wait()
            return
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _step(line: str) -> tuple[int, int, str] | None:
    found = _STEP.match(line)
    return (int(found[1]), int(found[2]), found[3]) if found else None


def _failure(lines: list[str], dockerfile: str, tag: str) -> ImageError:
    """What went wrong, from the summary that buildx ends with: the step, its output, the line of the Dockerfile."""
    errors = [line for line in lines if line.startswith("ERROR: ")]
    message = (errors[-1] if errors else next((line for line in reversed(lines) if line.strip()), "")).removeprefix(
        "ERROR: "
    )
    if re.search(r"failed to push|failed to authorize|push access denied", message):
        return failures.of_push(message, parse(tag))
    step, tail = "", ""
    starts = [i for i, line in enumerate(lines) if line.startswith(" > [")]
    if starts:
        head = re.match(r" > \[([^\]]*)\] ?(.*?):?$", lines[starts[-1]])
        if head:
            place = head[1].split(" ")[-1]
            step = (
                f"step {place} `{head[2]}`" if head[2] and "/" in place else f"`{head[1]} {head[2]}`".replace(" `", "`")
            )
        tail = tail_of(_output_of_failed_step(lines))
    for line in lines:
        if found := re.match(rf"{re.escape(Path(dockerfile).name)}:(\d+)$", line):
            dockerfile = f"{dockerfile} (line {found[1]})"
            break
    return failures.of_build(
        message.removeprefix("failed to solve: "),
        step=clean(step, 200),
        tail=tail,
        dockerfile=dockerfile,
    )


def _output_of_failed_step(lines: list[str]) -> list[str]:
    """What the failed step printed: all of it, where the summary has the last ten lines of two mixed streams."""
    failed = next((match[1] for line in reversed(lines) if (match := re.match(r"#(\d+) ERROR: ", line))), None)
    if failed is None:
        return []
    return [match[1] for line in lines if (match := re.match(rf"#{failed} \d+\.\d+ (.*)", line))]
