"""Building with the engine's own builder, through the Docker SDK."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import IO, TYPE_CHECKING, Any

from mcp_registrar_tools.errors import ImageError
from mcp_registrar_tools.images import failures
from mcp_registrar_tools.images.lines import LineView

if TYPE_CHECKING:
    from docker import APIClient

    from mcp_registrar_tools.images.context import Context
    from mcp_registrar_tools.images.engine import Engine, Event
    from mcp_registrar_tools.workbench import Progress

_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)")
_QUIET = {"Downloading", "Extracting", "Verifying Checksum", "Download complete", "Waiting", "Pulling fs layer"}


async def build(
    engine: Engine,
    context: Context,
    *,
    tag: str,
    labels: Mapping[str, str],
    platform: str,
    target: str,
    build_args: Mapping[str, str],
    progress: Progress,
) -> str:
    """Build and tag; answers with the image's id. Cancelling stops the build in the engine.

    Raises `ImageError`, for a failing step with the step and the last lines that it printed.
    """
    import anyio.to_thread

    view = LineView(progress)
    state: dict[str, Any] = {"id": "", "error": ""}
    archive = await anyio.to_thread.run_sync(context.pack)

    def start(client: APIClient) -> Iterable[Event]:
        stream: Iterable[Event] = client.build(
            fileobj=_Interruptible(archive, client),  # type: ignore[arg-type]
            custom_context=True,
            dockerfile=context.dockerfile_name,
            tag=tag,
            labels=dict(labels),
            platform=platform or None,
            target=target or None,
            buildargs=dict(build_args),
            rm=True,
            forcerm=True,
            decode=True,
            timeout=None,
        )
        return stream

    async def on_event(event: Event) -> None:
        if "error" in event:
            detail = event.get("errorDetail") or {}
            state["error"] = str(detail.get("message") or event["error"])
        elif "aux" in event:
            state["id"] = str((event["aux"] or {}).get("ID") or state["id"])
        elif "stream" in event:
            await view.feed(str(event["stream"]), _step)
        elif event.get("status") and event["status"] not in _QUIET:
            layer = f"{event['id']}: " if event.get("id") else ""
            await view.feed(f"{layer}{event['status']}\n", _step)

    try:
        await engine.stream(start, on_event)
    except ImageError as error:
        if error.code != "engine-error":
            raise
        # The engine refuses what it cannot read before it streams anything.
        raise failures.of_build(error.message, step="", tail="", dockerfile=context.dockerfile) from error
    finally:
        archive.close()
    await view.flush(_step)
    if state["error"]:
        raise failures.of_build(state["error"], step=view.step, tail=view.tail(), dockerfile=context.dockerfile)
    return str(state["id"])


def _step(line: str) -> tuple[int, int, str] | None:
    found = _STEP.match(line)
    return (int(found[1]), int(found[2]), found[3]) if found else None


class _Interruptible:
    """The context as the SDK uploads it; reading fails once the call was cancelled, so that an upload ends too."""

    def __init__(self, archive: IO[bytes], client: Any) -> None:
        self._archive = archive
        self._client = client

    def read(self, size: int = -1) -> bytes:
        if self._client.aborted:
            raise OSError("cancelled")
        return self._archive.read(size)

    def __iter__(self) -> Iterable[bytes]:
        while block := self.read(1 << 16):
            yield block

    def fileno(self) -> int:
        return self._archive.fileno()

    def tell(self) -> int:
        return self._archive.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._archive.seek(offset, whence)
