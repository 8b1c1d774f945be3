"""Whether a server runs: started (or reached) as a client would, introduced, and left behind as it was found."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import anyio
from pydantic import BaseModel, Field

from mcp_registrar_tools.errors import OutboundError
from mcp_registrar_tools.images.handshake import Fault, HttpWire, Introduction, Pipe, StdioWire, introduce

if TYPE_CHECKING:
    from mcp_registrar_tools.images.containers import Container, Launch
    from mcp_registrar_tools.images.engine import Engine
    from mcp_registrar_tools.outbound import Outbound

SECONDS = 30.0


class Server(Pipe, Protocol):
    """Something started that can be asked how it is."""

    def log(self) -> str: ...

    async def exit_code(self) -> int | None: ...


class Check(BaseModel):
    """The verdict. ``started`` is what was run or reached; ``seconds`` from there to the end of the handshake.

    When ``ok`` is false, ``code``, ``problem`` and ``hint`` say why, and ``log`` is the end of the server's log.
    """

    ok: bool
    started: str
    transport: str
    server_name: str = ""
    server_version: str = ""
    protocol: str = ""
    tools: list[str] = Field(default_factory=list)
    seconds: float = 0.0
    code: str = ""
    problem: str = ""
    hint: str = ""
    log: str = ""
    notes: list[str] = Field(default_factory=list)

    def lines(self) -> list[str]:
        """The verdict in a few lines."""
        if not self.ok:
            lines = [f"✗ {self.started}: {self.problem} [{self.code}]"]
            lines += [f"log: {line}" for line in self.log.splitlines()[-12:]]
            lines.append(f"do: {self.hint}")
        else:
            shown = ", ".join(self.tools[:12]) + (f" and {len(self.tools) - 12} more" if len(self.tools) > 12 else "")
            count = f"{len(self.tools)} tool{'' if len(self.tools) == 1 else 's'}"
            lines = [
                f"✓ {self.started} runs: {self.server_name} {self.server_version}, MCP {self.protocol} over "
                f"{self.transport}, {count}, ready in {self.seconds:.1f} s",
            ]
            if shown:
                lines.append(f"tools: {shown}")
        return lines + [f"Note: {note}" for note in self.notes]


async def image(
    engine: Engine, reference: str, launch: Launch, outbound: Outbound, *, path: str = "/mcp", seconds: float = SECONDS
) -> Check:
    """Start a local image: over stdio, or on HTTP when ``launch`` names a port (``path`` is the endpoint's)."""
    from mcp_registrar_tools.images import containers

    check = Check(ok=False, started=f"docker run {reference}", transport="streamable-http" if launch.port else "stdio")
    try:
        async with containers.running(engine, reference, launch, seconds=seconds) as container:
            if launch.port:
                await _judge(check, container, _reach(container, launch.port, path, outbound, seconds), seconds)
            else:
                await _judge(check, container, _talk(check, container), seconds)
    except Fault as fault:
        _blame(check, fault)
    return check


async def program(command: Sequence[str], environment: Mapping[str, str], *, seconds: float = SECONDS) -> Check:
    """Start a program of this machine over stdio: only after a person asked for it by name."""
    from mcp_registrar_tools.images import processes

    check = Check(ok=False, started=" ".join(command), transport="stdio")
    try:
        async with processes.running(command, environment) as process:
            await _judge(check, process, _talk(check, process), seconds)
    except Fault as fault:
        _blame(check, fault)
    return check


async def address(
    outbound: Outbound,
    url: str,
    headers: Mapping[str, str],
    *,
    transport: str = "streamable-http",
    seconds: float = SECONDS,
) -> Check:
    """Reach a server that runs already."""
    check = Check(ok=False, started=url, transport=transport)
    if transport == "sse":
        from mcp_registrar_tools.images.sse import SseWire

        await _judge(check, None, SseWire(outbound, url, dict(headers), seconds).introduce(), seconds)
    else:
        await _judge(check, None, _over_http(outbound, url, headers, seconds), seconds)
    return check


async def _talk(check: Check, pipe: Server) -> Introduction:
    wire = StdioWire(pipe)
    try:
        seen = await introduce(wire)
    finally:
        # Kept also when the time runs out: what was said instead of an answer is the best hint there is.
        check.log = "\n".join(wire.noise)
    if wire.noise:
        raise Fault(
            "stdout-noise",
            f"the server writes to standard output what is no MCP message: {wire.noise[0]!r}",
            "send logs and banners to standard error: over stdio, standard output belongs to the protocol",
        )
    return seen


async def _over_http(outbound: Outbound, url: str, headers: Mapping[str, str], seconds: float) -> Introduction:
    wire = HttpWire(outbound, url, dict(headers), seconds)
    seen = await introduce(wire)
    with contextlib.suppress(OutboundError):
        await wire.close()
    return seen


async def _reach(container: Container, port: int, path: str, outbound: Outbound, seconds: float) -> Introduction:
    """Try until the server listens. Docker's proxy accepts connections before it does, and drops them."""
    url = f"http://127.0.0.1:{container.host_port}{path}"
    outbound.trust(url)
    while True:
        try:
            return await _over_http(outbound, url, {}, seconds)
        except OutboundError as error:
            if not error.transient or error.code == "outbound-timeout":
                raise
        if await container.exit_code() is not None:
            raise Fault("server-exited", f"the server ended before it answered on port {port}", "see its log")
        await anyio.sleep(0.1)


async def _judge(
    check: Check, server: Server | None, conversation: Coroutine[Any, Any, Introduction], seconds: float
) -> None:
    """Hold the conversation within its time and write down how it went."""
    begun = time.monotonic()
    try:
        with anyio.fail_after(seconds):
            seen = await conversation
    except Fault as fault:
        if server is not None:
            await _ask_why(check, server, fault)
        _blame(check, fault)
    except OutboundError as error:
        _blame(check, Fault(error.code, error.message, error.hint))
        if server is not None:
            check.log = server.log()
    except TimeoutError:
        check.log = "\n".join(filter(None, (check.log, server.log() if server else "")))
        reachable = "" if check.transport == "stdio" else ": does it listen on 0.0.0.0, and on the declared port"
        _blame(
            check,
            Fault(
                "server-silent",
                f"no answer within {seconds:g} s{reachable}",
                "see its log: it may wait for a network or a setting, or speak another transport than declared",
            ),
        )
    else:
        check.ok = True
        check.server_name, check.server_version, check.protocol = seen.name, seen.version, seen.protocol
        check.tools, check.notes = seen.tools, [*check.notes, *seen.notes]
    check.seconds = round(time.monotonic() - begun, 2)


async def _ask_why(check: Check, server: Server, fault: Fault) -> None:
    """The log and the exit code, once the server had a moment to write and to end."""
    with anyio.move_on_after(1):
        while fault.code == "server-exited" and await server.exit_code() is None:  # noqa: ASYNC110 - Docker is asked
            await anyio.sleep(0.05)
    await anyio.sleep(0.05)
    check.log = "\n".join(filter(None, (check.log, server.log())))
    code = await server.exit_code()
    if fault.code != "server-exited" or code is None:
        return
    fault.message += f" (exit code {code})"
    if "exec format error" in check.log:
        fault.code, fault.hint = "platform-not-runnable", "the image is for another platform than this machine's"
    elif code == 137:
        fault.hint = "it was killed, most likely for want of memory"
    elif code == 127:
        fault.hint = "its command was not found: check ENTRYPOINT and CMD"
    elif code == 0:
        fault.hint = "it ended by itself: a server has to read standard input until that ends"


def _blame(check: Check, fault: Fault) -> None:
    check.ok = False
    check.code, check.problem, check.hint = fault.code, fault.message, fault.hint
