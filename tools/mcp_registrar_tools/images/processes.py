"""A program on this machine for as long as a check takes; only ever started when a person asked for it by name."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from mcp_registrar_tools.answer import clean
from mcp_registrar_tools.images.handshake import Fault

if TYPE_CHECKING:
    from anyio.abc import Process

_PASSED_ON = (
    *(
        "PATH",
        "HOME",
        "USERPROFILE",
        "LANG",
        "LC_ALL",
        "TMPDIR",
        "TEMP",
        "TMP",
        "SystemRoot",
        "APPDATA",
        "LOCALAPPDATA",
    ),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "PIP_CERT"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
_PASSED_ON_PREFIXES = ("npm_config_", "NPM_CONFIG_", "UV_", "NVM_", "VOLTA_", "DOTNET_ROOT", "NUGET_PACKAGES")
GRACE_SECONDS = 2.0


class Program:
    """A running program: a `Pipe` to its standard input and output, and its log."""

    def __init__(self, process: Process) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ValueError("the process must have pipes")
        self._process = process
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._log: deque[bytes] = deque(maxlen=400)

    async def send(self, data: bytes) -> None:
        # A program that has ended is told from its output, which ends as well.
        with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self._stdin.send(data)

    async def receive(self) -> bytes:
        try:
            return await self._stdout.receive()
        except anyio.EndOfStream:
            return b""

    def log(self) -> str:
        """The last lines on standard error, at most 1,500 characters."""
        return clean(b"".join(self._log)[-6000:].decode("utf-8", "replace")).strip()[-1500:]

    async def exit_code(self) -> int | None:
        """The exit code, None while it runs."""
        return self._process.returncode

    async def read_log(self) -> None:
        with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            async for chunk in self._stderr:
                self._log.append(chunk)


@asynccontextmanager
async def running(command: Sequence[str], environment: Mapping[str, str]) -> AsyncIterator[Program]:
    """Start a program in an empty folder; end it and all its children when the block ends, also by cancellation.

    Of this process's environment it sees only what programs need to run (no tokens), and ``environment``.
    Raises `Fault` (``program-missing``) when there is no such program.
    """
    passed_on = {k: v for k, v in os.environ.items() if k in _PASSED_ON or k.startswith(_PASSED_ON_PREFIXES)}
    with tempfile.TemporaryDirectory(prefix="mcp-registrar-check-", ignore_cleanup_errors=True) as folder:
        try:
            process = await anyio.open_process(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env={**passed_on, **environment},
                start_new_session=True,
            )
        except FileNotFoundError:
            raise Fault(
                "program-missing", f"{command[0]} is not installed here", f"install {command[0]} to check this package"
            ) from None
        program = Program(process)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(program.read_log)
                try:
                    yield program
                finally:
                    with anyio.CancelScope(shield=True):
                        await _end(process)
                    group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await process.aclose()


async def _end(process: Process) -> None:
    """Close standard input, which is how a client says goodbye; then the signals, to the whole group."""
    if process.stdin is not None:
        with contextlib.suppress(Exception):
            await process.stdin.aclose()
    for number in (None, signal.SIGTERM, signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM):
        if number is not None:
            _signal(process, number)
        with anyio.move_on_after(GRACE_SECONDS):
            await process.wait()
            break
    # Children may outlive their parent: the group is theirs too.
    if sys.platform != "win32":
        _signal(process, signal.SIGKILL)


def _signal(process: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.terminate()
        else:
            os.killpg(process.pid, number)
