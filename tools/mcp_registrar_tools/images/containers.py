"""A container for as long as a check takes: started, talked to, and removed whatever happens."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import anyio.from_thread
import anyio.to_thread

from mcp_registrar_tools.answer import clean
from mcp_registrar_tools.errors import ImageError
from mcp_registrar_tools.images.handshake import Fault

if TYPE_CHECKING:
    from anyio.abc import TaskStatus
    from docker import APIClient

    from mcp_registrar_tools.images.engine import Engine

MARK = "mcp-registrar.check-until"
"""Label of a check's container: the time (UNIX seconds) after which nobody waits for it any more."""
MEMORY = 2 * 1024**3
PROCESSES = 1024

_STDOUT, _STDERR = 1, 2


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How an image is started. ``arguments`` follow the image's name; ``port`` is the container's to publish."""

    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0


class Container:
    """A running container: a `Pipe` to its standard input and output, and its log."""

    def __init__(self, client: APIClient, identity: str, socket: Any) -> None:
        self._client = client
        self._identity = identity
        self._socket = socket
        self._log: deque[bytes] = deque(maxlen=400)
        self._output, self._incoming = anyio.create_memory_object_stream[bytes](1000)
        self.host_port = 0

    async def send(self, data: bytes) -> None:
        def write() -> None:
            raw = getattr(self._socket, "_sock", self._socket)
            raw.sendall(data)

        # A server that has ended is told from its output, which ends as well.
        with contextlib.suppress(OSError):
            await anyio.to_thread.run_sync(write, abandon_on_cancel=True)

    async def receive(self) -> bytes:
        try:
            return await self._incoming.receive()
        except anyio.EndOfStream:
            return b""

    def log(self) -> str:
        """The last lines of the log, at most 1,500 characters."""
        return clean(b"".join(self._log)[-6000:].decode("utf-8", "replace")).strip()[-1500:]

    def close(self) -> None:
        """Close the attached connection; the response first, which would flush the socket when it is collected."""
        with contextlib.suppress(Exception):
            response = getattr(self._socket, "_response", None)
            if response is not None:
                response.close()
            self._socket.close()

    async def exit_code(self) -> int | None:
        """The exit code, None while it runs."""
        state = await anyio.to_thread.run_sync(lambda: self._client.inspect_container(self._identity)["State"])
        return None if state.get("Running") else int(state.get("ExitCode") or 0)

    async def read(self, log_output: bool, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Carry output until it ends. With ``log_output`` standard output is log as well (a server on HTTP)."""
        from docker.utils.socket import frames_iter

        def work() -> None:
            with contextlib.suppress(OSError, ValueError):
                for stream, data in frames_iter(self._socket, tty=False):  # type: ignore[no-untyped-call]
                    if stream == _STDERR or log_output:
                        self._log.append(data)
                    elif stream == _STDOUT:
                        anyio.from_thread.run(self._output.send, data)

        task_status.started()
        async with self._output:
            await anyio.to_thread.run_sync(work)


@asynccontextmanager
async def running(engine: Engine, image: str, launch: Launch, *, seconds: float) -> AsyncIterator[Container]:
    """Start a container and remove it when the block ends, also by cancellation.

    It gets what ``docker run -i --rm`` would give it, less privileges: no mounts, bounded memory and processes.
    Raises `Fault` when the image cannot be started and `ImageError` for trouble with the engine.
    """
    from mcp_registrar_tools.images import failures
    from mcp_registrar_tools.images.engine import client_of

    client: APIClient = await anyio.to_thread.run_sync(lambda: client_of(engine, timeout=seconds + 60))
    identity = ""
    with contextlib.ExitStack() as closing:
        closing.callback(client.close)
        try:
            with anyio.CancelScope(shield=True):  # or a container would be left of which nobody knows the name
                try:
                    await anyio.to_thread.run_sync(lambda: _remove_forgotten(client))
                    identity = await anyio.to_thread.run_sync(lambda: _create(client, image, launch, seconds))
                    container = await anyio.to_thread.run_sync(lambda: _start(client, identity, launch))
                except Exception as error:
                    raise _start_failure(failures.from_engine(error, engine.address)) from error
            closing.callback(container.close)
            async with anyio.create_task_group() as group:
                await group.start(container.read, bool(launch.port))
                try:
                    yield container
                finally:
                    # The reading thread ends with the container, and the group waits for that thread.
                    with anyio.CancelScope(shield=True):
                        await anyio.to_thread.run_sync(lambda: _remove(client, identity))
                    group.cancel_scope.cancel()
        finally:
            if identity:
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(lambda: _remove(client, identity))


def _create(client: APIClient, image: str, launch: Launch, seconds: float) -> str:
    ports: dict[int | str, Any] = {f"{launch.port}/tcp": ("127.0.0.1", None)} if launch.port else {}
    made = client.create_container(
        image,
        command=list(launch.arguments) or None,
        environment=dict(launch.environment),
        stdin_open=True,
        ports=[launch.port] if launch.port else None,
        labels={MARK: str(int(time.time() + seconds + 60))},
        host_config=client.create_host_config(
            port_bindings=ports,
            mem_limit=MEMORY,
            pids_limit=PROCESSES,
            security_opt=["no-new-privileges"],
        ),
    )
    return str(made["Id"])


def _start(client: APIClient, identity: str, launch: Launch) -> Container:
    attach = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
    container = Container(client, identity, client.attach_socket(identity, params=attach))
    try:
        client.start(identity)
    except Exception:
        container.close()
        raise
    if launch.port:
        ports = client.inspect_container(identity)["NetworkSettings"]["Ports"] or {}
        bound = ports.get(f"{launch.port}/tcp") or []
        container.host_port = int(bound[0]["HostPort"]) if bound else 0
    return container


def _remove(client: APIClient, identity: str) -> None:
    from docker.errors import APIError, NotFound

    with contextlib.suppress(NotFound, APIError):
        client.remove_container(identity, force=True, v=True)


def _remove_forgotten(client: APIClient) -> None:
    """Containers of checks whose process was killed before it could clean up."""
    for found in client.containers(all=True, filters={"label": MARK}):
        until = (found.get("Labels") or {}).get(MARK, "")
        if until.isdecimal() and int(until) < time.time():
            _remove(client, str(found["Id"]))


def _start_failure(error: ImageError) -> Exception:
    low = error.message.lower()
    if "no command specified" in low:
        return Fault(
            "image-without-command",
            "the image has neither ENTRYPOINT nor CMD: there is nothing to start",
            'end the Dockerfile with CMD ["…"] that starts the server',
        )
    if "executable file not found" in low or "no such file or directory" in low or "permission denied" in low:
        return Fault(
            "image-does-not-start",
            f"the image's command cannot be run: {error.message}",
            "check ENTRYPOINT and CMD: the program has to be in the image, executable, and built for its platform",
        )
    return error
