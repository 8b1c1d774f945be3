"""Every way of logging in, against the embedded registry with that way really on."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mcp_registrar_tools.create_key import create_key
from mcp_registrar_tools.errors import InputError, LoginError, RegistryError
from mcp_registrar_tools.login import login
from mcp_registrar_tools.logout import logout
from mcp_registrar_tools.publish import publish
from mcp_registrar_tools.registries import domain as domains
from mcp_registrar_tools.registries import signing
from mcp_registrar_tools.workbench import Workbench
from tests.certificates import certificate
from tests.real.components import dns, require
from tests.tools.registries.serving import GitHub, Issuer, bench_in, document, embedded, project, serve

pytestmark = pytest.mark.anyio

TOKEN = "gho_0123456789abcdefABCDEF0123456789abcd"


class Person:
    """An `Asker` whose person always says the same."""

    patience = 5.0

    def __init__(self, says: bool | None) -> None:
        self.says = says
        self.questions: list[str] = []

    async def confirm(self, question: str) -> bool | None:
        self.questions.append(question)
        return self.says

    async def visit(self, message: str, url: str) -> bool | None:
        self.questions.append(f"{message} {url}")
        return self.says


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(autouse=True)
def no_gh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A PATH of our own: no gh unless a test puts one there. And a folder without a server.json."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def with_github(stack: ExitStack, folder: Path, github: GitHub, **config: Any) -> tuple[str, Workbench]:
    """A registry that asks this GitHub, and a bench that does."""
    address = stack.enter_context(serve(github))
    url = stack.enter_context(
        embedded(folder, github_api_url=address, github_client_id="Iv1.test", trusted_origins=address, **config)
    )
    return url, bench_in(folder / "data", github_url=address)


async def test_a_token_from_the_environment(tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    url, bench = with_github(stack, tmp_path, GitHub({TOKEN: ("Octo-Cat", ["acme"])}))
    monkeypatch.setenv("MCP_GITHUB_TOKEN", TOKEN)
    answer = await login(bench, registry=url)
    assert answer.may_publish == ["io.github.Octo-Cat/*", "io.github.acme/*"]
    assert answer.login == "github (environment variable MCP_GITHUB_TOKEN)"
    assert TOKEN not in answer.text()
    folder = project(tmp_path / "p", document("io.github.acme/weather"))
    assert (await publish(bench, path=str(folder), registry=url)).outcome == "published"


async def test_the_token_of_gh(tmp_path: Path, stack: ExitStack, no_gh: Path) -> None:
    url, bench = with_github(stack, tmp_path, GitHub({TOKEN: ("octocat", [])}))
    gh = no_gh / "gh"
    gh.write_text(f'#!/bin/sh\n[ "$1 $2" = "auth token" ] && echo {TOKEN}\n', encoding="ascii")
    gh.chmod(0o755)
    answer = await login(bench, registry=url)
    assert answer.login == "github (the gh program)"
    assert answer.may_publish == ["io.github.octocat/*"]
    assert "Owner" in answer.note
    for path in (tmp_path / "data").rglob("*"):
        assert not path.is_file() or TOKEN not in path.read_text(encoding="utf-8")


async def test_device_login_with_a_client_that_can_ask(tmp_path: Path, stack: ExitStack) -> None:
    github = GitHub({TOKEN: ("octocat", [])})
    github.device_token = TOKEN
    github.polls = [
        {"error": "authorization_pending"},
        {"error": "slow_down", "interval": 0.02},
        {"error": "incorrect_device_code"},
    ]
    url, bench = with_github(stack, tmp_path, github)
    person = Person(True)
    answer = await login(replace(bench, ask=person), registry=url)
    assert not answer.pending
    assert answer.may_publish == ["io.github.octocat/*"]
    assert person.questions == ["GitHub asks for the code WDJB-MJHT https://github.com/login/device"]
    assert github.asked[0] == ("start", {"client_id": "Iv1.test", "scope": "read:org read:user"})
    assert len([1 for kind, _ in github.asked if kind == "poll"]) == 4

    kept = [path for path in (tmp_path / "data").rglob("*") if path.is_file() and TOKEN in path.read_text()]
    assert len(kept) == 1, "without a keyring the token is in one private file"
    assert stat.S_IMODE(kept[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(kept[0].parent.stat().st_mode) == 0o700

    gone = await logout(bench, registry=url)
    assert gone.forgotten
    assert not kept[0].exists()
    with pytest.raises(LoginError, match="nobody is logged in"):
        await publish(bench, path=str(project(tmp_path / "p", document())), registry=url)


async def test_device_login_with_a_client_that_cannot_ask_takes_two_calls(tmp_path: Path, stack: ExitStack) -> None:
    github = GitHub({TOKEN: ("octocat", [])})
    github.device_token = TOKEN
    url, bench = with_github(stack, tmp_path, github)
    first = await login(bench, registry=url)
    assert first.pending
    assert (first.visit, first.code) == ("https://github.com/login/device", "WDJB-MJHT")
    assert first.exit_code() == 1
    assert "WDJB-MJHT" in first.text()
    assert "d3v1c3" not in first.text()
    assert 'login(registry="' in first.next
    second = await login(bench, registry=url, method="github-device")
    assert not second.pending
    assert [kind for kind, _ in github.asked] == ["start", "poll"], "the second call takes up the first one's code"


@pytest.mark.parametrize(
    ("poll", "code"),
    [
        ({"error": "access_denied"}, "login-declined"),
        ({"error": "expired_token"}, "code-expired"),
        ({"error": "unsupported_grant_type", "error_description": "no"}, "device-login"),
    ],
)
async def test_device_login_that_fails(tmp_path: Path, stack: ExitStack, poll: dict[str, str], code: str) -> None:
    github = GitHub()
    github.polls = [poll]
    url, bench = with_github(stack, tmp_path, github)
    with pytest.raises(LoginError) as refused:
        await login(replace(bench, ask=Person(True)), registry=url)
    assert refused.value.code == code


async def test_saying_no_ends_the_device_login(tmp_path: Path, stack: ExitStack) -> None:
    github = GitHub()
    url, bench = with_github(stack, tmp_path, github)
    with pytest.raises(LoginError) as refused:
        await login(replace(bench, ask=Person(False)), registry=url)
    assert refused.value.code == "login-declined"
    assert [kind for kind, _ in github.asked] == ["start"]


async def test_a_token_that_github_refuses(tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    url, bench = with_github(stack, tmp_path, GitHub())
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    with pytest.raises(LoginError) as refused:
        await login(bench, registry=url)
    assert "Token exchange failed" in refused.value.message
    assert "environment variable GH_TOKEN" in refused.value.message
    assert TOKEN not in refused.value.text()


async def test_login_itself_predicts_for_the_server_at_hand(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, bench = with_github(stack, tmp_path, GitHub({TOKEN: ("Octo-Cat", [])}))
    monkeypatch.setenv("MCP_GITHUB_TOKEN", TOKEN)
    monkeypatch.chdir(project(tmp_path / "p", document("io.github.octo-cat/weather")))
    answer = await login(bench, registry=url)
    assert "the letter case differs" in answer.note
    assert "io.github.Octo-Cat/weather" in answer.note


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("io.github.octo-cat/weather", "rename the server to io.github.Octo-Cat/weather"),
        ("io.github.other-org/weather", "you must be Owner"),
        ("com.example/weather", 'method="dns", domain="example.com"'),
    ],
)
async def test_a_403_is_predicted_with_its_cure(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch, name: str, hint: str
) -> None:
    url, bench = with_github(stack, tmp_path, GitHub({TOKEN: ("Octo-Cat", [])}))
    monkeypatch.setenv("MCP_GITHUB_TOKEN", TOKEN)
    await login(bench, registry=url)
    with pytest.raises(RegistryError) as refused:
        await publish(bench, path=str(project(tmp_path / "p", document(name))), registry=url)
    assert refused.value.code == "forbidden"
    assert hint in refused.value.hint


# GitHub Actions and other issuers


@pytest.fixture
def actions(stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> Issuer:
    issuer = Issuer()
    issuer.url = stack.enter_context(serve(issuer))
    issuer.claims = {"repository_owner": "Octo-Org", "sub": "repo:Octo-Org/repo:ref:refs/tags/v1"}
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{issuer.url}/token?api-version=2")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "actions-request-secret")
    return issuer


async def test_actions_publish_in_one_step(tmp_path: Path, stack: ExitStack, actions: Issuer) -> None:
    config = {"github_oidc_issuer": actions.url, "trusted_origins": actions.url, "github_oidc_audience": "placeholder"}
    late: list[Any] = []

    def keep(app: Any) -> Any:
        late.append(app)
        return app

    url = stack.enter_context(embedded(tmp_path, keep, **config))
    late[0].config = replace(late[0].config, github_oidc_audience=url)  # it knows its own address only now
    bench = bench_in(tmp_path / "data", trusted_origins=(actions.url,))
    folder = project(tmp_path / "p", document("io.github.Octo-Org/weather"))
    answer = await publish(bench, path=str(folder), registry=url)
    assert answer.outcome == "published"
    assert answer.login == "repo:Octo-Org/repo:ref:refs/tags/v1 (github-oidc)"
    assert actions.audiences == [url]

    explicit = await login(bench, registry=url, method="github-oidc")
    assert explicit.may_publish == ["io.github.Octo-Org/*"]


async def test_an_audience_that_the_registry_does_not_know(tmp_path: Path, stack: ExitStack, actions: Issuer) -> None:
    url = stack.enter_context(
        embedded(
            tmp_path, github_oidc_issuer=actions.url, trusted_origins=actions.url, github_oidc_audience="https://other"
        )
    )
    bench = bench_in(tmp_path / "data", trusted_origins=(actions.url,))
    with pytest.raises(LoginError) as refused:
        await login(bench, registry=url, method="github-oidc")
    assert f"invalid audience: expected https://other, got [{url}]" in refused.value.message


async def test_outside_actions_there_is_no_identity(tmp_path: Path, stack: ExitStack) -> None:
    url = stack.enter_context(embedded(tmp_path))
    with pytest.raises(LoginError) as refused:
        await login(bench_in(tmp_path / "data"), registry=url, method="github-oidc")
    assert refused.value.code == "not-in-actions"
    assert "id-token: write" in refused.value.hint


async def test_any_issuer(tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer()
    issuer.url = stack.enter_context(serve(issuer))
    issuer.claims = {"sub": "admin@example.com"}
    url = stack.enter_context(
        embedded(
            tmp_path,
            oidc_enabled=True,
            oidc_issuer=issuer.url,
            oidc_client_id="registrar",
            oidc_publish_permissions="com.example/*",
            oidc_edit_permissions="*",
            trusted_origins=issuer.url,
        )
    )
    bench = bench_in(tmp_path / "data")
    monkeypatch.setenv("MCP_OIDC_TOKEN", issuer.token("registrar"))
    answer = await login(bench, registry=url, method="oidc")
    assert answer.may_publish == ["com.example/*"]
    assert answer.note == "May edit: *"
    token_file = tmp_path / "token"
    token_file.write_text(issuer.token("registrar") + "\n", encoding="ascii")
    monkeypatch.delenv("MCP_OIDC_TOKEN")
    assert (await login(bench, registry=url, method="oidc", key_file=str(token_file))).may_publish == ["com.example/*"]


async def test_no_proof_at_all(tmp_path: Path, stack: ExitStack) -> None:
    url = stack.enter_context(embedded(tmp_path, enable_anonymous_auth=True))
    answer = await login(bench_in(tmp_path / "data"), registry=url, method="none")
    assert answer.may_publish == ["io.modelcontextprotocol.anonymous/*"]
    closed = stack.enter_context(embedded(tmp_path / "closed"))
    with pytest.raises(LoginError) as refused:
        await login(bench_in(tmp_path / "data"), registry=closed, method="none")
    assert refused.value.code == "method-unavailable"


async def test_the_local_registry_asks_for_no_login(tmp_path: Path) -> None:
    answer = await login(bench_in(tmp_path), registry="local")
    assert "no login" in answer.text()


async def test_a_login_that_names_no_registry_is_for_the_official_one(tmp_path: Path) -> None:
    assert (await logout(bench_in(tmp_path))).registry == "official"
    assert (await logout(bench_in(tmp_path, registry="https://team.example"))).registry == "https://team.example"


async def test_proofs_do_not_go_to_a_stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_GITHUB_TOKEN", TOKEN)
    bench = bench_in(tmp_path)
    with pytest.raises(LoginError) as refused:
        await login(bench, registry="https://registry.evil.example")
    assert refused.value.code == "registry-unknown"
    assert "MCP_REGISTRAR_REGISTRIES" in refused.value.hint
    with pytest.raises(LoginError) as declined:
        await login(replace(bench, ask=Person(False)), registry="https://registry.evil.example")
    assert declined.value.code == "declined"


# Domains


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsap384"])
async def test_a_domain_over_dns(tmp_path: Path, stack: ExitStack, algorithm: signing.Algorithm) -> None:
    require(dns)
    server = stack.enter_context(dns.start({"example.com": ["v=spf1 -all"]}))
    url = stack.enter_context(embedded(tmp_path, dns_server=server.address))
    bench = bench_in(tmp_path / "data", dns_server=server.address)

    key = await create_key(bench, "example.com", algorithm=algorithm)
    assert key.created
    assert not key.visible
    assert key.problem == "no proof record at example.com yet"
    path = Path(key.key_file)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().strip() not in key.text()

    with pytest.raises(LoginError) as refused:
        await login(bench, registry=url, method="dns", domain="example.com")
    assert refused.value.code == "proof-not-found"
    assert "no MCP public key found in DNS TXT records" in refused.value.message

    server.zone["example.com"] = ["v=spf1 -all", key.record]
    again = await create_key(bench, "example.com")
    assert not again.created
    assert again.visible
    assert again.record == key.record
    assert again.next == 'login(registry="official", method="dns", domain="example.com")'

    answer = await login(bench, registry=url, method="dns", domain="example.com")
    assert answer.may_publish == ["com.example/*", "com.example.*"]
    for name in ("com.example/weather", "com.example.api/weather"):
        folder = project(tmp_path / name.replace("/", "-"), document(name))
        assert (await publish(bench, path=str(folder), registry=url)).outcome == "published"


async def test_what_goes_wrong_with_records(tmp_path: Path, stack: ExitStack) -> None:
    require(dns)
    server = stack.enter_context(dns.start())
    bench = bench_in(tmp_path, dns_server=server.address)
    key = await create_key(bench, "example.com")
    stale, other = (signing.generate("ed25519").record for _ in range(2))

    server.zone = {"_mcp-auth.example.com": [key.record]}
    assert "the record is at _mcp-auth.example.com" in (await create_key(bench, "example.com")).problem

    server.zone = {"example.com": [stale, other]}
    found = await create_key(bench, "example.com")
    assert len(found.seen) == 2
    assert "not this key" in found.problem
    assert "remove the stale ones" in found.remedy

    server.zone = {"example.com": [stale, key.record]}
    found = await create_key(bench, "example.com")
    assert found.visible
    assert "1 other key" in found.remedy

    server.zone = {"example.com": [key.record.replace("MCPv1", "mcpv1")]}
    assert "almost right" in (await create_key(bench, "example.com")).problem


async def test_a_stale_record_is_named_at_login(tmp_path: Path, stack: ExitStack) -> None:
    require(dns)
    server = stack.enter_context(dns.start({"example.com": [signing.generate("ed25519").record]}))
    url = stack.enter_context(embedded(tmp_path, dns_server=server.address))
    bench = bench_in(tmp_path / "data", dns_server=server.address)
    await create_key(bench, "example.com")
    with pytest.raises(LoginError) as refused:
        await login(bench, registry=url, method="dns", domain="example.com")
    assert "signature verification failed (tried published key ed25519:" in refused.value.message
    assert "remove the stale one" in refused.value.hint


@pytest.mark.parametrize("seconds", [20, -20])
async def test_a_wrong_clock_is_explained_as_such(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    require(dns)
    server = stack.enter_context(dns.start())
    url = stack.enter_context(embedded(tmp_path, dns_server=server.address))
    bench = bench_in(tmp_path / "data", dns_server=server.address)
    key = await create_key(bench, "example.com")
    server.zone["example.com"] = [key.record]
    # The registry keeps the true time; the clock of whoever signs is moved.
    monkeypatch.setattr(domains, "now", lambda: datetime.now(UTC) + timedelta(seconds=seconds))
    with pytest.raises(LoginError) as refused:
        await login(bench, registry=url, method="dns", domain="example.com")
    assert refused.value.code == "clock-skew"
    side = "ahead of" if seconds > 0 else "behind"
    # The registry's Date header has whole seconds.
    assert re.search(rf"clock is (19|20|21) s {side} the registry's", refused.value.message)
    assert "NTP" in refused.value.hint


async def test_a_domain_over_https(tmp_path: Path, stack: ExitStack) -> None:
    """A real https server with a certificate of a local authority answers for the domain."""
    ca, keyfile, certfile = certificate(tmp_path, "127.0.0.1", "example.com")
    content: list[bytes] = [b""]

    async def well_known(scope: Any, receive: Any, send: Any) -> None:
        found = scope["path"] == "/.well-known/mcp-registry-auth"
        await send(
            {
                "type": "http.response.start",
                "status": 200 if found else 404,
                "headers": [(b"content-type", b"text/plain")],
            }
        )
        await send({"type": "http.response.body", "body": content[0] if found else b""})

    origin = stack.enter_context(serve(well_known, certificate=(str(keyfile), str(certfile))))
    settings = bench_in(tmp_path / "data", ca_file=ca).settings
    url = stack.enter_context(embedded(tmp_path, settings=settings, http_auth_origin=origin, trusted_origins=origin))
    bench = looking_at(bench_in(tmp_path / "data"), origin, ca)
    key = await create_key(bench, "example.com", method="http")
    assert "holds no proof record" in key.problem
    content[0] = f"{signing.generate('ed25519').record}\n{key.record}\n".encode()
    assert "first record only" in (await create_key(bench, "example.com", method="http")).problem
    content[0] = f"{key.record}\n".encode()
    assert (await create_key(bench, "example.com", method="http")).visible

    plain = bench_in(tmp_path / "data")
    answer = await login(plain, registry=url, method="http", domain="example.com")
    assert answer.may_publish == ["com.example/*"]
    assert "this domain only" in answer.note
    with pytest.raises(RegistryError) as refused:
        await publish(plain, path=str(project(tmp_path / "p", document("com.example.api/weather"))), registry=url)
    assert "covers example.com itself, not its subdomains" in refused.value.message
    assert 'method="dns", domain="example.com"' in refused.value.hint


def looking_at(bench: Workbench, origin: str, ca: Path) -> Workbench:
    """The bench with a network on which every https host is this origin; TLS and names are real."""
    import ssl
    from urllib.parse import urlsplit

    import httpcore2
    import httpx2

    from mcp_registrar_tools.outbound import Outbound

    class Everywhere(httpcore2.AnyIOBackend):
        async def connect_tcp(self, host: str, port: int, *rest: Any, **more: Any) -> Any:
            parts = urlsplit(origin)
            return await super().connect_tcp(str(parts.hostname), parts.port or 443, *rest, **more)

    transport = httpx2.AsyncHTTPTransport(trust_env=False)
    context = ssl.create_default_context(cafile=str(ca))
    transport._pool = httpcore2.AsyncConnectionPool(ssl_context=context, network_backend=Everywhere())
    return replace(bench, outbound=Outbound(transport=transport))


async def test_keys_are_never_overwritten_and_never_left_open(tmp_path: Path, stack: ExitStack) -> None:
    require(dns)
    server = stack.enter_context(dns.start())
    bench = bench_in(tmp_path / "data", dns_server=server.address)
    path = tmp_path / "mine.key"
    path.write_text(signing.generate("ecdsap384").secret_hex(), encoding="ascii")
    path.chmod(0o644)
    with pytest.raises(InputError) as refused:
        await create_key(bench, "example.com", key_file=str(path))
    assert refused.value.code == "key-exposed"
    path.chmod(0o600)
    before = path.read_bytes()
    answer = await create_key(bench, "example.com", key_file=str(path))
    assert not answer.created
    assert "k=ecdsap384" in answer.record
    assert path.read_bytes() == before


async def test_a_key_from_the_environment(tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    require(dns)
    key = signing.generate("ed25519")
    server = stack.enter_context(dns.start({"example.com": [key.record]}))
    url = stack.enter_context(embedded(tmp_path, dns_server=server.address))
    monkeypatch.setenv("MCP_PRIVATE_KEY", key.secret_hex())
    bench = bench_in(tmp_path / "data", dns_server=server.address)
    answer = await login(bench, registry=url, method="dns", domain="example.com")
    assert "environment variable MCP_PRIVATE_KEY" in answer.login
    assert key.secret_hex() not in answer.text()
