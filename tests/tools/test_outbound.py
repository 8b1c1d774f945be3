"""The one way out: what it refuses, what it bounds, and that each failure has words of its own."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from mcp_registrar_tools.errors import InputError, OutboundError
from mcp_registrar_tools.outbound import Outbound
from tests.certificates import certificate

pytestmark = pytest.mark.anyio

Handler = Callable[[list[str], asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def peer(handler: Handler, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on loopback that shows each request's head (as lines) to ``handler``; yields its port."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            await handler(head.decode().split("\r\n"), writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(client, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def says(body: bytes, status: str = "200 OK", **headers: str) -> Handler:
    async def handler(head: list[str], writer: asyncio.StreamWriter) -> None:
        writer.write(answer(body, status, **headers))

    return handler


@asynccontextmanager
async def outbound(**kwargs: object) -> AsyncIterator[Outbound]:
    out = Outbound(**kwargs)  # type: ignore[arg-type]
    try:
        yield out
    finally:
        await out.close()


async def fails(out: Outbound, url: str, method: str = "GET", **kwargs: object) -> OutboundError:
    with pytest.raises(OutboundError) as caught:
        await out.fetch(method, url, **kwargs)  # type: ignore[arg-type]
    return caught.value


async def test_an_answer_comes_with_status_headers_body() -> None:
    async with peer(says(b"hello", X_Thing="1")) as port, outbound() as out:
        url = f"http://127.0.0.1:{port}/a?b=c"
        out.trust(url)
        got = await out.fetch("GET", url)
        assert (got.status, got.body, got.headers["x-thing"], got.url) == (200, b"hello", "1", url)


@pytest.mark.parametrize(
    "url", ["ftp://example.org/x", "example.org", "", "https://", "https://[::1", "file:///etc/passwd"]
)
async def test_what_is_no_web_address_is_refused(url: str) -> None:
    async with outbound() as out:
        assert (await fails(out, url)).code == "outbound-url"


async def test_plain_http_needs_to_be_named() -> None:
    async with outbound(trusted_origins=["https://127.0.0.1:1"]) as out:
        error = await fails(out, "http://127.0.0.1:1/x")
        assert error.code == "outbound-not-https"
        assert "MCP_REGISTRAR_TRUSTED_ORIGINS" in error.hint


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "localhost", "10.1.2.3", "169.254.169.254", "[::ffff:127.0.0.1]", "2130706433", "0"]
)
async def test_private_addresses_are_refused_before_anything_is_sent(host: str) -> None:
    touched = []

    async def handler(head: list[str], writer: asyncio.StreamWriter) -> None:
        touched.append(head)

    async with peer(handler) as port, outbound() as out:
        error = await fails(out, f"https://{host}:{port}/")
        assert error.code == "outbound-private"
        assert f"dial {host.strip('[]')}: refusing to connect to private or loopback address" in error.message
        assert not touched


async def test_a_name_is_resolved_once_and_the_connection_goes_to_what_was_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name server that says a public address first and 127.0.0.1 ever after reaches nothing on this machine."""
    answers = iter([["203.0.113.7"], ["127.0.0.1"]])
    asked: list[str] = []
    dialled: list[str] = []

    async def flips(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    real = anyio.connect_tcp

    async def connect(remote_host: str, *args: object, **kwargs: object) -> object:
        dialled.append(remote_host)
        return await real(remote_host, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(anyio, "connect_tcp", connect)
    async with peer(says(b"secret")) as port, outbound(resolver=flips) as out:
        first = await fails(out, f"https://rebind.example:{port}/", timeout=20)
        second = await fails(out, f"https://rebind.example:{port}/", timeout=20)
    assert first.code == "outbound-refused"  # the tests' own guard stops 203.0.113.7
    assert second.code == "outbound-private"
    assert (asked, dialled) == (["rebind.example"] * 2, ["203.0.113.7"])


async def test_private_addresses_among_public_ones_are_left_out_and_the_next_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dialled: list[str] = []

    async def mixed(host: str, port: int) -> list[str]:
        return ["10.0.0.1", "203.0.113.7", "::1", "203.0.113.8"]

    async def connect(remote_host: str, *args: object, **kwargs: object) -> object:
        dialled.append(remote_host)
        raise OSError(113, "No route to host")

    monkeypatch.setattr(anyio, "connect_tcp", connect)
    async with outbound(resolver=mixed) as out:
        error = await fails(out, "https://many.example/")
    assert dialled == ["203.0.113.7", "203.0.113.8"]
    assert error.code == "outbound-refused"
    assert "No route to host" in error.message


async def test_trust_is_for_one_origin() -> None:
    async with peer(says(b"x")) as port, outbound(trusted_origins=[f"HTTP://LOCALHOST:{port}"]) as out:
        assert (await out.fetch("GET", f"http://localhost:{port}/")).body == b"x"
        assert (await fails(out, f"http://127.0.0.1:{port}/")).code == "outbound-not-https"
        assert out.trusts(f"http://localhost:{port}/any")
        assert not out.trusts(f"https://localhost:{port}")


async def test_a_host_without_address() -> None:
    async with outbound() as out:
        error = await fails(out, "https://nobody.invalid/")
        assert error.code == "outbound-unknown-host"
        assert "nobody.invalid" in error.message


async def test_nobody_listens() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{sock.getsockname()[1]}/"
        async with outbound(trusted_origins=[url]) as out:
            error = await fails(out, url)
    assert error.code == "outbound-refused"
    assert error.transient


async def test_a_gigabyte_is_not_read() -> None:
    """Announced, it is refused at once; unannounced, after the limit: the sender gets rid of a few buffers only."""
    sent = 0

    async def announced(head: list[str], writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(20)

    async def endless(head: list[str], writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        for _ in range(16384):
            writer.write(chunk)
            await writer.drain()
            sent += 65536

    for handler in (announced, endless):
        async with peer(handler) as port, outbound(trusted_origins=[f"http://127.0.0.1:{port}"]) as out:
            with anyio.fail_after(9):
                error = await fails(out, f"http://127.0.0.1:{port}/", limit=1_000_000)
        assert error.code == "outbound-too-large"
        assert "larger than 1000000 bytes" in error.message
    assert sent < 64 * 1024 * 1024


async def test_a_small_packed_answer_cannot_grow_without_bound() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    async with peer(says(bomb, Content_Encoding="gzip")) as port, outbound() as out:
        out.trust(url := f"http://127.0.0.1:{port}/")
        assert (await fails(out, url, limit=1_000_000)).code == "outbound-too-large"
        assert (await out.fetch("GET", url, limit=1000, cut=True)).body == b"\0" * 1000
    async with peer(says(gzip.compress(b"fine"), Content_Encoding="gzip")) as port, outbound() as out:
        out.trust(url := f"http://127.0.0.1:{port}/")
        assert (await out.fetch("GET", url, limit=4)).body == b"fine"
    async with peer(says(b"not packed", Content_Encoding="gzip")) as port, outbound() as out:
        out.trust(url := f"http://127.0.0.1:{port}/")
        assert (await fails(out, url)).code == "outbound-failed"


async def test_a_body_may_be_cut() -> None:
    async with peer(says(b"0123456789")) as port, outbound() as out:
        out.trust(url := f"http://127.0.0.1:{port}/")
        assert (await out.fetch("GET", url, limit=4, cut=True)).body == b"0123"
        assert (await out.fetch("GET", url, limit=10)).body == b"0123456789"


@pytest.mark.parametrize("where", ["head", "body"])
async def test_a_slow_drip_ends_with_the_time_allowed_for_the_whole(where: str) -> None:
    """Each byte arrives well within any pause that a reader would allow; the whole does not."""

    async def drip(head: list[str], writer: asyncio.StreamWriter) -> None:
        text = answer(b"x" * 1000)
        first = text.index(b"\r\n\r\n") + 4 if where == "body" else 0
        writer.write(text[:first])
        for byte in text[first:]:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)

    async with peer(drip) as port, outbound() as out:
        out.trust(url := f"http://127.0.0.1:{port}/")
        with anyio.fail_after(10):
            error = await fails(out, url, timeout=0.4)
    assert error.code == "outbound-timeout"
    assert error.transient
    assert "not finished within 0.4 s" in error.message


async def test_a_redirect_is_an_answer_unless_asked_for() -> None:
    async with peer(says(b"", "302 Found", Location="/elsewhere")) as port, outbound() as out:
        out.trust(url := f"http://127.0.0.1:{port}/")
        assert (await out.fetch("GET", url)).status == 302
        assert (await out.fetch("POST", url, content=b"x", redirects=3)).status == 302


async def test_a_redirect_loop_ends() -> None:
    count = 0

    async def round_and_round(head: list[str], writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        writer.write(answer(b"", "302 Found", Location=f"/{count % 2}"))

    async with peer(round_and_round) as port, outbound() as out:
        out.trust(url := f"http://127.0.0.1:{port}/")
        error = await fails(out, url, redirects=10)
    assert (error.code, count) == ("outbound-redirect-loop", 11)
    assert "stopped after 10 redirects" in error.message


async def test_redirects_stay_on_their_origin_and_leave_credentials_behind_where_they_may_not() -> None:
    heads: list[list[str]] = []

    async def final(head: list[str], writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(answer(b"there"))

    async def first(head: list[str], writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"", "307 Go", Location=f"http://127.0.0.1:{there}/blob?sig=secret"))

    async with peer(final) as there, peer(first) as here, outbound() as out:
        out.trust(url := f"http://127.0.0.1:{here}/")
        secrets = {"Authorization": "Bearer t", "Cookie": "c=1", "Accept": "text/plain"}
        error = await fails(out, url, redirects=3)
        assert error.code == "outbound-redirect"
        assert f'refusing redirect to unexpected URL "http://127.0.0.1:{there}/blob"' in error.message
        assert "secret" not in error.text()
        # Allowed to leave, but not to a plain and private origin that nobody named.
        assert (await fails(out, url, redirects=3, other_hosts=True)).code == "outbound-not-https"
        out.trust(f"http://127.0.0.1:{there}")
        got = await out.fetch("GET", url, headers=secrets, redirects=3, other_hosts=True)
    assert got.body == b"there"
    assert got.url.endswith("/blob?sig=secret")
    sent = "\n".join(heads[0]).lower()
    assert "authorization" not in sent
    assert "cookie" not in sent
    assert "accept: text/plain" in sent


async def test_a_stranger_cannot_point_at_a_trusted_private_origin() -> None:
    import httpx2

    def handler(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(302, headers={"location": "http://127.0.0.1:9/admin"})

    async with outbound(transport=httpx2.MockTransport(handler), trusted_origins=["http://127.0.0.1:9"]) as out:
        assert (await fails(out, "https://example.org/", redirects=3, other_hosts=True)).code == "outbound-redirect"


def authority(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context for ``localhost`` and the self-made authority that vouches for it."""
    root, key, chain = certificate(folder, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context, root


async def test_tls_is_checked_and_a_private_authority_can_be_named(tmp_path: Path) -> None:
    names: list[str | None] = []
    context, root = authority(tmp_path)
    context.sni_callback = lambda sock, name, _: names.append(name)
    heads: list[list[str]] = []

    async def handler(head: list[str], writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(answer(b"private but known"))

    async with peer(handler, tls=context) as port:
        url = f"https://localhost:{port}/"
        async with outbound(trusted_origins=[url]) as out:
            error = await fails(out, url)
        assert error.code == "outbound-tls"
        assert "self-signed certificate" in error.message
        assert "MCP_REGISTRAR_CA_FILE" in error.hint
        async with outbound(trusted_origins=[url, f"https://127.0.0.1:{port}"], ca_file=root) as out:
            assert (await out.fetch("GET", url)).body == b"private but known"
            # The name counts, not the address that it leads to.
            assert (await fails(out, f"https://127.0.0.1:{port}/")).code == "outbound-tls"
    assert names[-2:] == ["localhost", None]
    assert f"Host: localhost:{port}" in heads[0]


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), ("no certificate", "no PEM certificate")])
async def test_a_certificate_file_that_is_none(tmp_path: Path, content: str | None, reason: str) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    async with outbound(ca_file=path) as out:
        with pytest.raises(InputError) as caught:
            await out.fetch("GET", "https://localhost:1/")
    assert str(path) in caught.value.message
    assert reason in caught.value.message


async def test_what_http_cannot_carry() -> None:
    async with outbound(trusted_origins=["http://127.0.0.1:1"]) as out:
        headers = {"authorization": "Bearer \ud800"}
        assert (await fails(out, "http://127.0.0.1:1/", headers=headers)).code == "outbound-url"
        assert (await fails(out, "http://127.0.0.1:1/\ud800")).code == "outbound-url"
    async with peer(says(b"")) as port, outbound() as out:
        out.trust(url := f"http://127.0.0.1:{port}/")
        assert (await fails(out, url, headers={"x": "a\r\nb: c"})).code == "outbound-failed"


async def test_plain_http_where_tls_was_expected() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"plain", "400 Bad Request"))
        await reader.read()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with outbound(trusted_origins=[url]) as out:
        assert (await fails(out, url)).code == "outbound-tls"
    server.close()


@pytest.mark.parametrize("text", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"])
async def test_what_breaks_off_or_is_no_http(text: bytes) -> None:
    async def handler(head: list[str], writer: asyncio.StreamWriter) -> None:
        writer.write(text)

    async with peer(handler) as port, outbound() as out:
        out.trust(url := f"http://127.0.0.1:{port}/?token=secret")
        error = await fails(out, url)
    assert error.code == "outbound-failed"
    assert "secret" not in error.text()


async def test_the_environment_chooses_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with peer(says(b"direct")) as port, outbound() as out:
        out.trust(url := f"http://127.0.0.1:{port}/")
        assert (await out.fetch("GET", url)).body == b"direct"


def test_importing_it_costs_nothing() -> None:
    code = (
        "import sys; import mcp_registrar_tools.outbound; "
        "print([m for m in ('httpx2', 'httpcore2', 'ssl', 'anyio') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
