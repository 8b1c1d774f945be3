"""A network that fails at the worst moment: one entry, the truth told, the same end state after any repetition."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mcp_registrar_tools.errors import OutboundError, RegistryError
from mcp_registrar_tools.publish import publish
from mcp_registrar_tools.registries import connect, official
from mcp_registrar_tools.registries.credentials import Credential, CredentialStore
from mcp_registrar_tools.set_status import set_status
from tests.tools.registries.serving import App, Recorder, bench_in, document, embedded, project

pytestmark = pytest.mark.anyio

NAME = "io.modelcontextprotocol.anonymous/weather"
PUBLISH = b"POST /v0/publish "


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(official, "PAUSES", (0.01, 0.01))


class Line:
    """The line between client and registry. ``cut_request`` and ``cut_answer`` say for a request's head how many
    times it is lost before the registry got it, or how many times its answer is lost on the way back.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self.target = (parts.hostname, parts.port)
        self.cut_request: dict[bytes, int] = {}
        self.cut_answer: dict[bytes, int] = {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.seen: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        """One request, one answer, one connection each way."""
        try:
            with client:
                request = _whole(client)
                head = request.split(b"\r\n", 1)[0]
                self.seen.append(head)
                if _takes(self.cut_request, head):
                    return
                with socket.create_connection(self.target) as registry:
                    registry.sendall(request.replace(b"\r\n", b"\r\nconnection: close\r\n", 1))
                    answer = b""
                    while piece := registry.recv(65536):
                        answer += piece
                if _takes(self.cut_answer, head):
                    return
                client.sendall(answer)
        except OSError:
            pass


def _takes(cuts: dict[bytes, int], head: bytes) -> bool:
    for start, left in cuts.items():
        if head.startswith(start) and left:
            cuts[start] = left - 1
            return True
    return False


def _whole(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            raise OSError("closed")
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            raise OSError("closed")
        body += piece
    return head + b"\r\n\r\n" + body


@contextmanager
def line_to(folder: Path, wrap: Callable[[App], App] = lambda app: app) -> Iterator[Line]:
    with embedded(folder, wrap, enable_anonymous_auth=True) as url:
        line = Line(url)
        try:
            yield line
        finally:
            line.listener.close()


async def logged_in(folder: Path, url: str) -> Any:
    await CredentialStore(folder / "data").save(url, Credential(method="none"))
    return bench_in(folder / "data")


async def versions(folder: Path, url: str) -> list[str]:
    return [entry.server["version"] for entry in await (await connect(bench_in(folder / "x"), url)).versions(NAME)]


@pytest.mark.parametrize("lost", [1, 2, 3])
async def test_a_registry_that_commits_and_drops_the_connection(tmp_path: Path, lost: int) -> None:
    with line_to(tmp_path) as line:
        bench = await logged_in(tmp_path, line.url)
        line.cut_answer[PUBLISH] = lost
        answer = await publish(bench, path=str(project(tmp_path / "p", document(NAME))), registry=line.url)
        assert answer.outcome == "published"
        assert await versions(tmp_path, line.url) == ["1.0.0"]
        assert len([head for head in line.seen if head.startswith(PUBLISH)]) == 1, "looked before it repeated"


@pytest.mark.parametrize("lost", [1, 2])
async def test_a_request_that_never_arrived_is_sent_again(tmp_path: Path, lost: int) -> None:
    with line_to(tmp_path) as line:
        bench = await logged_in(tmp_path, line.url)
        line.cut_request[PUBLISH] = lost
        answer = await publish(bench, path=str(project(tmp_path / "p", document(NAME))), registry=line.url)
        assert answer.outcome == "published"
        assert await versions(tmp_path, line.url) == ["1.0.0"]


async def test_a_registry_that_cannot_be_reached_any_more_says_what_to_do(tmp_path: Path) -> None:
    with line_to(tmp_path) as line:
        bench = await logged_in(tmp_path, line.url)
        line.cut_request[PUBLISH] = 99
        with pytest.raises(OutboundError):
            await publish(bench, path=str(project(tmp_path / "p", document(NAME))), registry=line.url)
        line.cut_request.clear()
        answer = await publish(bench, path=str(project(tmp_path / "p", document(NAME))), registry=line.url)
        assert answer.outcome == "published"


async def test_the_answer_is_lost_and_so_is_the_look(tmp_path: Path) -> None:
    with line_to(tmp_path) as line:
        bench = await logged_in(tmp_path, line.url)
        folder = project(tmp_path / "p", document(NAME))
        line.cut_answer[PUBLISH] = 1
        path = f"GET /v0/servers/{NAME.replace('/', '%2F')}/versions/1.0.0?include_deleted=true"

        class Watching(list[bytes]):
            """After the first publish the look at what the registry holds fails, three times."""

            def append(self, head: bytes) -> None:
                if head.startswith(PUBLISH) and not any(seen.startswith(PUBLISH) for seen in self):
                    line.cut_request[path.encode()] = official.ATTEMPTS
                super().append(head)

        line.seen = Watching()
        answer = await publish(bench, path=str(folder), registry=line.url)
        assert answer.outcome == "published"
        assert await versions(tmp_path, line.url) == ["1.0.0"]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("committed", [True, False])
async def test_a_gateway_that_gives_up(tmp_path: Path, status: int, committed: bool) -> None:
    """The proxy answers 5xx for the first publish, whether or not the registry behind it has committed."""
    failures = [status]

    def wrap(app: App) -> App:
        async def gateway(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] == "/v0/publish" and failures:
                code = failures.pop()
                if committed:

                    async def swallow(message: Any) -> None:
                        return None

                    await app(scope, receive, swallow)
                await send({"type": "http.response.start", "status": code, "headers": []})
                await send({"type": "http.response.body", "body": b"<html>gateway</html>"})
                return
            await app(scope, receive, send)

        return gateway

    with embedded(tmp_path, wrap, enable_anonymous_auth=True) as url:
        bench = await logged_in(tmp_path, url)
        folder = project(tmp_path / "p", document(NAME))
        if status == 500 and not committed:
            with pytest.raises(RegistryError) as refused:
                await publish(bench, path=str(folder), registry=url)
            assert refused.value.status == 500
        answer = await publish(bench, path=str(folder), registry=url)
        assert answer.outcome == "published"
        assert await versions(tmp_path, url) == ["1.0.0"]


async def test_a_limit_is_waited_out(tmp_path: Path) -> None:
    limits = {"/v0/publish": 2, "/v0/servers": 1}

    def wrap(app: App) -> App:
        async def ingress(scope: Any, receive: Any, send: Any) -> None:
            if limits.get(scope["path"], 0):
                limits[scope["path"]] -= 1
                await send({"type": "http.response.start", "status": 429, "headers": [(b"retry-after", b"0")]})
                await send({"type": "http.response.body", "body": b"slow down"})
                return
            await app(scope, receive, send)

        return ingress

    with embedded(tmp_path, wrap, enable_anonymous_auth=True) as url:
        bench = await logged_in(tmp_path, url)
        limits["/v0/servers"] = 0
        answer = await publish(bench, path=str(project(tmp_path / "p", document(NAME))), registry=url)
        assert answer.outcome == "published"


async def test_a_login_whose_answer_is_lost_is_made_again(tmp_path: Path) -> None:
    with line_to(tmp_path) as line:
        bench = await logged_in(tmp_path, line.url)
        line.cut_answer[b"POST /v0/auth/none"] = 2
        answer = await publish(bench, path=str(project(tmp_path / "p", document(NAME))), registry=line.url)
        assert answer.outcome == "published"
        assert len([head for head in line.seen if head.startswith(b"POST /v0/auth/none")]) == 3


async def test_a_token_that_ran_out_is_fetched_again_once(tmp_path: Path) -> None:
    seen: list[Recorder] = []

    def wrap(app: App) -> App:
        refused = []

        async def forgetful(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] == "/v0/publish" and not refused:
                refused.append(1)
                await send({"type": "http.response.start", "status": 401, "headers": []})
                await send(
                    {"type": "http.response.body", "body": b'{"title":"Unauthorized","detail":"Invalid or expired"}'}
                )
                return
            await app(scope, receive, send)

        seen.append(Recorder(forgetful))
        return seen[0]

    with embedded(tmp_path, wrap, enable_anonymous_auth=True) as url:
        bench = await logged_in(tmp_path, url)
        answer = await publish(bench, path=str(project(tmp_path / "p", document(NAME))), registry=url)
        assert answer.outcome == "published"
    assert [path for path, _ in seen[0].sent("POST")] == [
        "/v0/auth/none",
        "/v0/publish",
        "/v0/auth/none",
        "/v0/publish",
    ]


async def test_a_status_change_whose_answer_is_lost(tmp_path: Path) -> None:
    with line_to(tmp_path) as line:
        bench = await logged_in(tmp_path, line.url)
        await publish(bench, path=str(project(tmp_path / "p", document(NAME))), registry=line.url)
        await publish(bench, path=str(project(tmp_path / "p", document(NAME, "1.1.0"))), registry=line.url)
        line.cut_answer[b"PATCH "] = 1
        done = await set_status(bench, NAME, "deprecated", version="1.0.0", message="old", registry=line.url)
        assert [(c.before, c.after) for c in done.versions] == [("active", "deprecated")]
        line.cut_answer[b"PATCH "] = 1
        done = await set_status(bench, NAME, "deleted", all_versions=True, registry=line.url)
        assert [c.after for c in done.versions] == ["deleted", "deleted"]
        done = await set_status(bench, NAME, "active", version="1.1.0", registry=line.url)
        assert done.versions[0].after == "active"


STEPS = (b"GET /v0/servers/", b"POST /v0/auth/none", PUBLISH)

PROGRAM = """
import sys
from mcp_registrar.__main__ import main
data, folder, registry = sys.argv[1:]
sys.argv = ["mcp-registrar", "--data-dir", data, "publish", folder, "--registry", registry, "--format", "json"]
main()
"""


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("side", ["before", "after"])
async def test_killed_between_any_two_steps_and_repeated(tmp_path: Path, step: bytes, side: str) -> None:
    """The whole program is killed at a step of the conversation and started again: the same end state."""
    with line_to(tmp_path) as line:
        await logged_in(tmp_path, line.url)
        folder = project(tmp_path / "p", document(NAME))
        arguments = [sys.executable, "-c", PROGRAM, str(tmp_path / "data"), str(folder), line.url]
        arrived, go_on = threading.Event(), threading.Event()
        real = _takes

        def stop_here(cuts: dict[bytes, int], head: bytes) -> bool:
            moment = cuts is line.cut_request if side == "before" else cuts is line.cut_answer
            if moment and head.startswith(step) and not arrived.is_set():
                arrived.set()
                go_on.wait(20)
                return True
            return real(cuts, head)

        globals()["_takes"] = stop_here
        try:
            first = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ))
            assert arrived.wait(30)
            first.send_signal(signal.SIGKILL)
            first.communicate()
            go_on.set()
        finally:
            globals()["_takes"] = real
        second = subprocess.run(arguments, capture_output=True, text=True, check=False)
        assert second.returncode == 0, second.stderr
        answer = json.loads(second.stdout)
        committed = step == PUBLISH and side == "after"
        assert answer["outcome"] == ("already published" if committed else "published")
        assert await versions(tmp_path, line.url) == ["1.0.0"]
