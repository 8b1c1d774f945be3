"""The Docker Engine: where it is, whether it answers, and calls to it that can be cancelled.

The SDK is blocking, so every call runs in a worker thread. A stream (build, push, pull) is cut by shutting its
socket down, which is also what makes the engine stop the work.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread

from mcp_registrar_tools.errors import ImageError

if TYPE_CHECKING:
    from docker import APIClient

T = TypeVar("T")
Event = dict[str, Any]
"""One line of the engine's JSON stream: ``stream``, ``status``, ``aux``, ``error`` with ``errorDetail``, …"""

UNIX_SOCKET = "/var/run/docker.sock"
CONNECT_SECONDS = 20.0
CALL_SECONDS = 120.0


@dataclass(frozen=True)
class Address:
    """Where an engine is: ``host`` as DOCKER_HOST writes it, ``tls`` a folder of certificates, ``source`` in words."""

    host: str
    source: str
    tls: Path | None = None
    verify: bool = True


def docker_config() -> Path:
    """The folder of Docker's own configuration."""
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def address() -> Address:
    """The engine that ``docker`` itself would use: DOCKER_HOST, a context, then the sockets of known products."""
    if host := os.environ.get("DOCKER_HOST"):
        certificates = os.environ.get("DOCKER_CERT_PATH") or str(docker_config())
        verify = bool(os.environ.get("DOCKER_TLS_VERIFY"))
        tls = Path(certificates) if verify or os.environ.get("DOCKER_TLS") else None
        return Address(host, "DOCKER_HOST", tls, verify)
    if (context := os.environ.get("DOCKER_CONTEXT") or _current_context()) and context != "default":
        return _context_address(context)
    if sys.platform == "win32":
        return Address("npipe:////./pipe/docker_engine", "the default pipe")
    for socket in _known_sockets():
        if socket.exists():
            return Address(f"unix://{socket}", "the default socket")
    return Address(f"unix://{UNIX_SOCKET}", "the default socket")


def _known_sockets() -> Iterator[Path]:
    yield Path(UNIX_SOCKET)
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime) / "docker.sock"
    home = Path.home()
    yield home / ".docker/run/docker.sock"
    yield home / ".docker/desktop/docker.sock"
    yield home / ".colima/default/docker.sock"
    yield home / ".orbstack/run/docker.sock"
    yield home / ".rd/docker.sock"


def _current_context() -> str:
    with contextlib.suppress(OSError, ValueError):
        config = json.loads((docker_config() / "config.json").read_text(encoding="utf-8"))
        if isinstance(config, dict):
            return str(config.get("currentContext") or "")
    return ""


def _context_address(name: str) -> Address:
    identity = hashlib.sha256(name.encode()).hexdigest()
    folder = docker_config() / "contexts"
    try:
        meta = json.loads((folder / "meta" / identity / "meta.json").read_text(encoding="utf-8"))
        endpoint = meta["Endpoints"]["docker"]
        host = str(endpoint["Host"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ImageError(
            "engine-context-unknown",
            f"Docker's context {name!r} is chosen but not described under {folder}",
            "run `docker context ls`, then `docker context use default` (or set DOCKER_HOST)",
        ) from None
    tls = folder / "tls" / identity / "docker"
    return Address(host, f"context {name}", tls if tls.is_dir() else None, not endpoint.get("SkipTLSVerify"))


@dataclass(frozen=True)
class Engine:
    """An engine that answered. ``platform`` is its own (``linux/amd64``); ``containerd`` says if it keeps images of
    several platforms (the containerd image store)."""

    address: Address
    version: str
    api_version: str
    platform: str
    containerd: bool

    async def call(self, work: Callable[[APIClient], T], *, timeout: float = CALL_SECONDS) -> T:
        """Run ``work`` with a client in a thread. Raises `ImageError` when the engine refuses or vanishes."""
        from mcp_registrar_tools.images import failures

        def run() -> T:
            client = _client(self.address, self.api_version, timeout)
            try:
                return work(client)
            finally:
                client.close()

        try:
            return await anyio.to_thread.run_sync(run)
        except Exception as error:
            raise failures.from_engine(error, self.address) from error

    async def inspect(self, image: str) -> dict[str, Any] | None:
        """What the engine knows of a local image, None when it has none of that name."""
        from docker.errors import ImageNotFound

        def work(client: APIClient) -> dict[str, Any] | None:
            try:
                return dict(client.inspect_image(image))  # type: ignore[no-untyped-call]
            except ImageNotFound:
                return None

        return await self.call(work)

    async def stream(
        self,
        start: Callable[[APIClient], Iterable[Event]],
        on_event: Callable[[Event], Coroutine[Any, Any, None]],
        *,
        timeout: float | None = None,
    ) -> None:
        """Run a streaming call and hand each event to ``on_event`` in order.

        ``timeout`` is how many seconds of silence are borne. Being cancelled closes the connection, waits until the
        worker thread has let go, and only then returns.
        """
        from mcp_registrar_tools.images import failures

        client = await anyio.to_thread.run_sync(
            lambda: _client(self.address, self.api_version, timeout or 0, remembering=True)
        )
        failure: list[Exception] = []

        def work() -> None:
            try:
                for event in start(client):
                    anyio.from_thread.run(on_event, event)
            except Exception as error:  # noqa: BLE001 - carried over to the caller, or the end of a cancelled call
                if not client.aborted:  # type: ignore[attr-defined]
                    failure.append(error)
            finally:
                client.close()

        async def watch() -> None:
            try:
                await anyio.sleep_forever()
            finally:
                client.abort()  # type: ignore[attr-defined]

        async with anyio.create_task_group() as group:
            group.start_soon(watch)
            await anyio.to_thread.run_sync(work)
            group.cancel_scope.cancel()
        if failure:
            raise failures.from_engine(failure[0], self.address) from failure[0]


def client_of(engine: Engine, *, timeout: float) -> APIClient:
    """A client of the SDK for several calls in threads; the caller closes it. ``timeout`` is seconds of silence."""
    return _client(engine.address, engine.api_version, timeout)


async def connect() -> Engine:
    """The engine, after it said who it is. Raises `ImageError` (``engine-…``) with what to do when it does not."""
    from mcp_registrar_tools.images import failures

    where = address()

    def work() -> Engine:
        client = _client(where, "auto", CONNECT_SECONDS)
        try:
            version = client.version()
            info = client.info()
        finally:
            client.close()
        drivers = info.get("DriverStatus") or []
        return Engine(
            address=where,
            version=str(version.get("Version", "")),
            api_version=str(client.api_version),
            platform=f"{version.get('Os', 'linux')}/{version.get('Arch', 'amd64')}",
            containerd=any("io.containerd.snapshotter" in str(value) for pair in drivers for value in pair),
        )

    try:
        with anyio.fail_after(CONNECT_SECONDS + 5):
            return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
    except Exception as error:
        raise failures.from_engine(error, where) from error


def _client(where: Address, version: str, timeout: float, *, remembering: bool = False) -> APIClient:
    """A client of the SDK. ``timeout`` is seconds of silence, 0 for endless."""
    from docker import APIClient
    from docker.tls import TLSConfig

    tls: Any = False
    host = where.host
    if where.tls is not None:
        folder = where.tls
        pair = (str(folder / "cert.pem"), str(folder / "key.pem"))
        tls = TLSConfig(
            client_cert=pair if (folder / "cert.pem").exists() else None,
            ca_cert=str(folder / "ca.pem") if (folder / "ca.pem").exists() else None,
            verify=where.verify,
        )
    kind: Any = _remembering_client() if remembering else APIClient
    options: dict[str, Any] = {"use_ssh_client": True} if host.startswith("ssh://") else {}
    client: APIClient = kind(base_url=host, version=version, timeout=timeout or None, tls=tls, **options)
    return client


def _remembering_client() -> type[APIClient]:
    """The SDK's client, able to cut the stream that it is reading."""
    from docker import APIClient
    from docker.types import CancellableStream

    class Remembering(APIClient):
        aborted = False
        _live: Any = None

        def _stream_helper(self, response: Any, decode: bool = False) -> Iterator[Any]:
            self._live = response
            if self.aborted:
                self.abort()
            yield from super()._stream_helper(response, decode)  # type: ignore[misc]

        def abort(self) -> None:
            """Shut the stream's socket down; a stream that has not begun yet ends as soon as it does."""
            self.aborted = True
            if self._live is not None:
                with contextlib.suppress(Exception):
                    CancellableStream(iter(()), self._live).close()

    return Remembering
