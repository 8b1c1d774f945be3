"""Pushing an image, with the credentials that Docker's own configuration holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mcp_registrar_tools.errors import ImageError
from mcp_registrar_tools.images import failures
from mcp_registrar_tools.images.reference import parse

if TYPE_CHECKING:
    from docker import APIClient

    from mcp_registrar_tools.images.engine import Engine, Event
    from mcp_registrar_tools.workbench import Progress

SILENCE_SECONDS = 600.0
"""A registry may take its time over a large layer; longer silence means a dead connection."""


async def push(engine: Engine, image: str, progress: Progress) -> str:
    """Push a local image under its own name; answers with its digest there. Cancelling stops the push.

    The engine reports a refused push as an event and never as an exception; here it is an `ImageError`
    (``push-…``) with the registry's reason and the login to run.
    """
    reference = parse(image)
    repository, tag = image.rsplit(":", 1) if reference.tagged else (image, "latest")
    state = {"error": "", "digest": ""}
    layers: dict[str, str] = {}

    def start(client: APIClient) -> Iterable[Event]:
        stream: Iterable[Event] = client.push(repository, tag=tag, stream=True, decode=True)
        return stream

    async def on_event(event: Event) -> None:
        if "error" in event:
            state["error"] = str((event.get("errorDetail") or {}).get("message") or event["error"])
            return
        aux = event.get("aux") or {}
        if aux.get("Digest"):
            state["digest"] = str(aux["Digest"])
        identity, status = str(event.get("id") or ""), str(event.get("status") or "")
        if identity and status and layers.get(identity) != status:
            layers[identity] = status
            finished = sum(s in {"Pushed", "Layer already exists"} or s.startswith("Mounted") for s in layers.values())
            await progress(finished, len(layers), f"push {identity}: {status}")

    await engine.stream(start, on_event, timeout=SILENCE_SECONDS)
    if state["error"]:
        raise failures.of_push(state["error"], reference)
    digest = state["digest"] or await _digest_of(engine, image, repository)
    if not digest:
        raise ImageError(
            "push-unconfirmed",
            f"the push of {image} ended without a digest",
            "look at the engine's log, then call again",
        )
    return digest


async def pull(engine: Engine, image: str, progress: Progress) -> None:
    """Pull an image by its reference. Raises `ImageError` (``pull-failed``) with the registry's reason."""
    reference = parse(image)
    failure = ""

    def start(client: APIClient) -> Iterable[Event]:
        where = f"{reference.host}/{reference.repository}"
        stream: Iterable[Event] = client.pull(
            where, tag=reference.digest or reference.tag or "latest", stream=True, decode=True
        )
        return stream

    async def on_event(event: Event) -> None:
        nonlocal failure
        if "error" in event:
            failure = str((event.get("errorDetail") or {}).get("message") or event["error"])
        elif event.get("status") == "Pull complete":
            await progress(1, 2, f"pull {event.get('id', '')}: complete")

    try:
        await engine.stream(start, on_event, timeout=SILENCE_SECONDS)
    except ImageError as error:
        if error.code != "engine-error":
            raise
        failure = error.message
    if failure:
        raise ImageError(
            "pull-failed",
            f"{image} cannot be pulled: {failure}",
            f"check its name; if it is private, `{failures.login_command(reference)}`",
        )


async def _digest_of(engine: Engine, image: str, repository: str) -> str:
    """What the engine noted after the push: engines that are not Docker's send no digest in the stream."""
    known = await engine.inspect(image) or {}
    for name in known.get("RepoDigests") or []:
        where, _, digest = str(name).partition("@")
        if where == repository:
            return digest
    return ""
