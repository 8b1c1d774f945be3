"""What ``mcp-registrar registry`` does: serve, mirror, seed, export, token. Each returns the exit code."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.workbench import Settings

if TYPE_CHECKING:
    from mcp_registrar.registry.config import RegistryConfig
    from mcp_registrar.registry.store import Store

PORT = 12121


async def serve(
    settings: Settings,
    host: Annotated[str, Field(description="address to listen on")] = "127.0.0.1",
    port: Annotated[int, Field(description="port to listen on")] = PORT,
) -> int:
    """Serve the embedded registry: the official API under /v0 and /v0.1, the catalogue page at /."""
    import uvicorn

    from mcp_registrar.registry import create_app, open_store, store_address
    from mcp_registrar.registry.config import RegistryConfig

    config = RegistryConfig.from_environment(os.environ, settings)
    refuse_open_door(config, host)
    listener = _listen(host, port)
    store = open_store(store_address(settings))
    try:
        app = create_app(store, config)
        actual = listener.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        _say(f"Registry: http://{shown}:{actual}  (catalogue at /, API at /v0.1, kept in {store.dialect})")
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level=settings.log_level.lower(),
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                timeout_keep_alive=120,
                h11_max_incomplete_event_size=64 * 1024,
            )
        )
        await server.serve(sockets=[listener])
    finally:
        listener.close()
        await store.close()
    return 0


def refuse_open_door(config: RegistryConfig, host: str) -> None:
    """Anonymous publishing is for one's own machine. Raises `InputError`."""
    if config.enable_anonymous_auth and not _is_loopback(host):
        raise InputError(
            "registry-open-door",
            f"refusing to serve on {host} with anonymous publishing on: anybody who reaches it could publish",
            "unset MCP_REGISTRY_ENABLE_ANONYMOUS_AUTH, or serve on 127.0.0.1",
        )


def _is_loopback(host: str) -> bool:
    import ipaddress

    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> Any:
    import socket

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        raise InputError(
            "registry-port", f"cannot listen on {host}:{port}: {error}", "name another one with --port"
        ) from None
    return listener


async def mirror(
    settings: Settings,
    source: Annotated[str, Field(description="base URL of the registry to copy")],
    again: Annotated[bool, Field(description="start over instead of asking for changes only")] = False,
) -> int:
    """Copy another registry into this one; the next run asks only for what changed."""
    from mcp_registrar.registry.mirror import Counts
    from mcp_registrar.registry.mirror import mirror as copy
    from mcp_registrar_tools.outbound import Outbound

    if not source.startswith(("http://", "https://")):
        raise InputError("mirror-source", f"{source} is not a URL", "give the base URL, like https://registry.example")
    outbound = Outbound(trusted_origins=[*settings.trusted_origins, source], ca_file=settings.ca_file)
    store = _open(settings)
    bar = _Progress()

    async def report(done: int, name: str) -> None:
        bar.show(f"{done:,} versions  {name}")

    try:
        counts: Counts = await copy(store, outbound, source, again=again, report=report)
        bar.end()
        _say(
            f"{counts.seen:,} versions seen: {counts.added:,} new, {counts.changed:,} changed, "
            f"{counts.kept:,} kept as published here, {counts.unusable:,} unusable"
        )
    finally:
        await outbound.close()
        await store.close()
    return 0


async def seed(
    settings: Settings,
    file: Annotated[Path, Field(description="JSON: documents, or what `export` wrote")],
) -> int:
    """Add the servers of a file. Documents are checked by the registry's rules; what is there already stays."""
    from mcp_registrar.registry.seed import seed as add

    store = _open(settings)
    try:
        result = await add(store, file)
    finally:
        await store.close()
    for name, why in result.refused[:50]:
        _say(f"refused {name}: {why}")
    _say(f"{result.added:,} added, {result.present:,} already there, {len(result.refused):,} refused")
    return 1 if result.refused else 0


async def export(
    settings: Settings,
    file: Annotated[Path, Field(description="file to write")],
    overwrite: Annotated[bool, Field(description="replace the file if it is there")] = False,
) -> int:
    """Write all versions, with their states and times, to a JSON file that `seed` reads."""
    from mcp_registrar.registry.seed import export as write

    store = _open(settings)
    try:
        count = await write(store, file, overwrite=overwrite)
    finally:
        await store.close()
    _say(f"{count:,} versions written to {file}")
    return 0


async def token(
    settings: Settings,
    publish: Annotated[list[str], Field(description="name patterns it may publish, like com.example/*")],
    edit: Annotated[list[str] | None, Field(description="name patterns it may edit")] = None,
    minutes: Annotated[int, Field(description="how long it is valid", ge=1, le=60 * 24 * 365)] = 60,
) -> int:
    """Print a token for this registry: for a team's CI. Whoever has it may publish those names."""
    from mcp_registrar.registry.auth.permissions import Permission
    from mcp_registrar.registry.auth.tokens import Tokens
    from mcp_registrar.registry.config import RegistryConfig

    config = RegistryConfig.from_environment(os.environ, settings)
    store = _open(settings)
    try:
        seed = bytes.fromhex(config.jwt_private_key) if config.jwt_private_key else await store.jwt_seed()
    finally:
        await store.close()
    permissions = [Permission("publish", each) for each in publish]
    permissions += [Permission("edit", each) for each in edit or []]
    text, _ = Tokens(seed).sign("none", "operator", permissions, lifetime=minutes * 60)
    sys.stdout.write(text + "\n")
    return 0


def _open(settings: Settings) -> Store:
    from mcp_registrar.registry import open_store, store_address

    return open_store(store_address(settings))


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


class _Progress:
    """One line on a terminal that is written over; nothing elsewhere."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()
        self._turn = 0

    def show(self, text: str) -> None:
        if self._on:
            self._turn += 1
            mark = "|/-\\"[self._turn % 4]
            sys.stderr.write(f"\r\x1b[K{mark} {text[:100]}")
            sys.stderr.flush()

    def end(self) -> None:
        if self._on:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
