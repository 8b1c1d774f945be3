"""Planted secrets: every byte that is written anywhere is searched for them."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcp_registrar_tools.registries import signing
from tests.real.components import dns, require
from tests.tools.registries.serving import App, GitHub, Issuer, document, embedded, project, serve

GITHUB = "gho_PLANTEDplantedPLANTEDplanted0123456789"
DEVICE = "ghu_PLANTEDdevicePLANTEDdevice9876543210ab"
ACTIONS = "actions-request-secret"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


class Watcher:
    """Takes note of the registry tokens that the registry hands out, and echoes secrets back in its refusals."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.tokens: list[str] = []
        self.echo = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.echo and scope["path"] == "/v0/publish":
            sent = dict(scope["headers"]).get(b"authorization", b"").decode()
            body = json.dumps({"title": "Bad", "status": 400, "detail": f"you sent {sent}"}).encode()
            await send({"type": "http.response.start", "status": 400, "headers": []})
            await send({"type": "http.response.body", "body": body})
            return

        async def watch(message: Any) -> None:
            body = message.get("body", b"")
            if b"registry_token" in body:
                self.tokens.append(json.loads(body)["registry_token"])
            await send(message)

        await self.app(scope, receive, watch)


def spellings(secret: str) -> list[bytes]:
    """A secret as it may have been written: plain, in base64, in hex, percent-encoded."""
    raw = secret.encode()
    return [raw, base64.b64encode(raw).rstrip(b"=")[:-1], raw.hex().encode(), urllib.parse.quote(secret).encode()]


def run(home: Path, arguments: list[str], **environment: str) -> tuple[int, bytes]:
    """One command with everything logged; the exit code and all that it printed."""
    program = [
        sys.executable,
        "-m",
        "mcp_registrar",
        "--data-dir",
        str(home / "data"),
        "--log-level",
        "DEBUG",
        *arguments,
    ]
    done = subprocess.run(
        program, capture_output=True, check=False, cwd=home, env=dict(os.environ) | {"HOME": str(home)} | environment
    )
    return done.returncode, done.stdout + done.stderr + " ".join(program).encode()


def found(secrets: list[str], printed: bytes, home: Path, allowed: list[Path]) -> list[str]:
    """Where a secret was written: the output, or files outside of the credential store."""
    hits = []
    for secret in secrets:
        for spelling in spellings(secret):
            if spelling in printed:
                hits.append(f"{secret[:6]}… in the output")
            for path in home.rglob("*"):
                inside = any(path.is_relative_to(place) for place in allowed)
                if path.is_file() and not inside and spelling in path.read_bytes():
                    hits.append(f"{secret[:6]}… in {path}")
    return hits


def test_no_secret_is_written_anywhere(tmp_path: Path, stack: ExitStack) -> None:
    require(dns)
    github = GitHub({GITHUB: ("octocat", []), DEVICE: ("octocat", [])})
    github.device_token = DEVICE
    address = stack.enter_context(serve(github))
    issuer = Issuer()
    issuer.url = stack.enter_context(serve(issuer))
    issuer.claims = {"repository_owner": "octocat", "sub": "repo:octocat/x"}
    server = stack.enter_context(dns.start())
    watchers: list[Watcher] = []

    def wrap(app: App) -> App:
        app.config = replace(app.config, github_oidc_audience="set below")  # type: ignore[attr-defined]
        watchers.append(Watcher(app))
        return watchers[0]

    url = stack.enter_context(
        embedded(
            tmp_path / "registry",
            wrap,
            github_api_url=address,
            github_client_id="Iv1.test",
            github_oidc_issuer=issuer.url,
            trusted_origins=f"{address},{issuer.url}",
            dns_server=server.address,
            enable_anonymous_auth=True,
        )
    )
    watcher = watchers[0]
    watcher.app.config = replace(watcher.app.config, github_oidc_audience=url)  # type: ignore[attr-defined]
    home = tmp_path / "home"
    settings = {
        "MCP_REGISTRAR_GITHUB_URL": address,
        "MCP_REGISTRAR_DNS_SERVER": server.address,
        "MCP_REGISTRAR_TRUSTED_ORIGINS": issuer.url,
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        "PATH": "/usr/bin:/bin",
    }
    project(home, document("io.github.octocat/weather"))
    key = signing.generate("ed25519")
    other = signing.generate("ecdsap384")
    (home / "my.key").write_text(other.secret_hex(), encoding="ascii")
    (home / "my.key").chmod(0o600)
    server.zone["example.com"] = [key.record]
    printed = b""
    codes = []

    def command(*arguments: str, **environment: str) -> None:
        nonlocal printed
        code, output = run(home, list(arguments), **settings, **environment)
        codes.append(code)
        printed += output

    at = ("--registry", url)
    command("login", url, "--method", "github", MCP_GITHUB_TOKEN=GITHUB)
    command("publish", ".", *at, MCP_GITHUB_TOKEN=GITHUB)
    command("status", "io.github.octocat/weather", "deprecated", "--version", "1.0.0", *at, MCP_GITHUB_TOKEN=GITHUB)
    command("logout", url)
    command("login", url, "--method", "github-device")
    command("login", url, "--method", "github-device")
    command("publish", ".", *at)
    actions = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.url}/token?x=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": ACTIONS}
    command("login", url, "--method", "github-oidc", **actions)
    command("login", url, "--method", "dns", "--domain", "example.com", MCP_PRIVATE_KEY=key.secret_hex())
    assert codes == [0, 0, 0, 0, 1, 0, 0, 0, 0], printed.decode()

    # What fails must not show them either: a wrong key, a refused token, a registry that echoes what it was sent.
    codes.clear()
    command("login", url, "--method", "dns", "--domain", "example.com", "--key-file", str(home / "my.key"))
    command("login", url, "--method", "github", MCP_GITHUB_TOKEN=GITHUB + "x")
    command("create-key", "example.com", "--key-file", str(home / "my.key"))
    command("login", url, "--method", "github", MCP_GITHUB_TOKEN=GITHUB)
    project(home, document("io.github.octocat/weather", "2.0.0"))
    watcher.echo = True
    command("publish", ".", *at, MCP_GITHUB_TOKEN=GITHUB)
    assert codes == [1, 1, 0, 0, 1], printed.decode()

    secrets = [GITHUB, DEVICE, ACTIONS, key.secret_hex(), other.secret_hex(), *watcher.tokens]
    assert len(watcher.tokens) >= 6
    store = home / "data" / "credentials"
    assert found(secrets, printed, home, [store, home / "my.key"]) == []
    # The registry's tokens are not even in the store, and of the long-lived ones only the device login's ever was.
    assert found([GITHUB, ACTIONS, key.secret_hex(), *watcher.tokens], printed, home, []) == []
    assert all(path.stat().st_mode & 0o077 == 0 for path in store.iterdir())


def test_the_search_finds_what_is_planted(tmp_path: Path) -> None:
    """The search itself is tried: each spelling, in output and in a file."""
    for spelling in spellings(GITHUB):
        assert found([GITHUB], b"xx" + spelling + b"yy", tmp_path, [])
    (tmp_path / "log").write_bytes(b"Bearer " + GITHUB.encode())
    assert found([GITHUB], b"", tmp_path, [])
    assert not found([GITHUB], b"", tmp_path, [tmp_path / "log"])
