"""What an operator runs."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from benchmarks.serving import document, running

from mcp_registrar.registry import commands
from mcp_registrar.registry.config import RegistryConfig
from mcp_registrar.registry.store import Store, open_store
from mcp_registrar.registry.store.reading import Filter
from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.workbench import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", ownership="off")


def store_of(settings: Settings) -> Store:
    return open_store(settings.data_dir / "registry.sqlite3")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "registry.example"])
async def test_an_open_door_stays_on_this_machine(
    host: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MCP_REGISTRY_ENABLE_ANONYMOUS_AUTH", "true")
    with pytest.raises(InputError, match="refusing to serve"):
        await commands.serve(settings, host, 0)
    for safe in ("127.0.0.1", "localhost", "::1", "127.0.0.53"):
        commands.refuse_open_door(RegistryConfig(enable_anonymous_auth=True), safe)


async def test_a_taken_port_is_said_so(settings: Settings) -> None:
    async with running() as other:
        with pytest.raises(InputError, match=f"cannot listen on 127.0.0.1:{other.port}"):
            await commands.serve(settings, "127.0.0.1", other.port)


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mcp_registrar", "--data-dir", str(tmp_path), "registry", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        url = process.stderr.readline().split()[1]
        with urllib.request.urlopen(f"{url}/v0.1/health") as answer:
            assert json.load(answer) == {"status": "ok"}
        with urllib.request.urlopen(url) as answer:
            assert b"No servers yet." in answer.read()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
    mode = stat.S_IMODE(os.stat(tmp_path / "registry.sqlite3").st_mode)
    assert mode == 0o600  # it holds the key that signs tokens


async def test_a_printed_token_publishes_what_it_names(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert await commands.token(settings, ["com.acme/*"], minutes=5) == 0
    token = capsys.readouterr().out.strip()
    store = store_of(settings)
    async with running(
        RegistryConfig(ownership="off", jwt_private_key=(await store.jwt_seed()).hex()), store=store
    ) as r:
        for name, status in (("com.acme/tool", 200), ("com.other/tool", 403)):
            reply = await r.ask("POST", "/v0/publish", document(name, "1.0.0"), authorization=f"Bearer {token}")
            assert reply.status == status
    await store.close()


async def test_seed_takes_documents_by_the_rules(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "seed.json"
    file.write_text(
        json.dumps(
            [
                document("com.example/good", "1.0.0"),
                document("com.example/range", "^1.0.0"),
                document("com.example/good", "1.0.0"),
                {"name": "com.example/nothing"},
                7,
            ]
        )
    )
    assert await commands.seed(settings, file) == 1
    told = capsys.readouterr().err
    assert "1 added, 1 already there, 3 refused" in told
    assert 'refused com.example/range: version must be a specific version, not a range: "^1.0.0"' in told


async def test_what_is_exported_can_be_seeded_with_its_states(settings: Settings, tmp_path: Path) -> None:
    store = store_of(settings)
    for number in range(620):
        await store.publish(document(f"com.example/s{number:03}", "1.0.0"))
    await store.publish(document("com.example/s001", "0.9.0"))
    await store.set_status("com.example/s002", "1.0.0", "deleted", "gone")
    before = [row.json() for row in await store.page(Filter(include_deleted=True), limit=1000)]
    await store.close()
    file = tmp_path / "all.json"
    assert await commands.export(settings, file) == 0
    with pytest.raises(InputError, match="there already"):
        await commands.export(settings, file)
    other = Settings(data_dir=tmp_path / "other")
    assert await commands.seed(other, file) == 0
    assert await commands.seed(other, file) == 0  # again: all there already
    store = store_of(other)
    assert [row.json() for row in await store.page(Filter(include_deleted=True), limit=1000)] == before
    await store.close()
    assert list(tmp_path.glob(".export-*")) == []


@pytest.mark.parametrize(("text", "why"), [("{", "not JSON"), ("{}", "no list"), ("[" * 100_000, "not JSON")])
async def test_a_seed_that_cannot_be_read_is_said_so(settings: Settings, tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "seed.json"
    file.write_text(text)
    with pytest.raises(InputError, match=why):
        await commands.seed(settings, file)
    with pytest.raises(InputError):
        await commands.seed(settings, tmp_path / "none.json")


async def test_mirror_command(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    async with running() as origin:
        await origin.store.publish(document("com.example/one", "1.0.0"))
        assert await commands.mirror(settings, origin.url) == 0
    assert "1 versions seen: 1 new" in capsys.readouterr().err
    with pytest.raises(InputError, match="is not a URL"):
        await commands.mirror(settings, "registry.example")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"JWT_PRIVATE_KEY": "00"}, "JWT_PRIVATE_KEY cannot be used"),
        ({"JWT_PRIVATE_KEY": "zz" * 32}, "JWT_PRIVATE_KEY cannot be used"),
        ({"OIDC_ENABLED": "true"}, "OIDC_ISSUER"),
        ({"OIDC_EXTRA_CLAIMS": "{}"}, "array of objects"),
        ({"OWNERSHIP": "maybe"}, "enforce, report or off"),
        ({"ENABLE_ANONYMOUS_AUTH": "perhaps"}, "true or false"),
    ],
)
async def test_a_setting_that_cannot_be_used_stops_the_start(variables: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        RegistryConfig.from_environment({f"MCP_REGISTRY_{name}": value for name, value in variables.items()})


async def test_the_official_registrys_settings_are_understood() -> None:
    environment: dict[str, Any] = {
        "MCP_REGISTRY_JWT_PRIVATE_KEY": "ab" * 32,
        "MCP_REGISTRY_ENABLE_ANONYMOUS_AUTH": "true",
        "MCP_REGISTRY_ENABLE_REGISTRY_VALIDATION": "false",
        "MCP_REGISTRY_GITHUB_CLIENT_ID": "Iv1.x",
        "MCP_REGISTRY_GITHUB_OIDC_AUDIENCE": "https://registry.example",
    }
    config = RegistryConfig.from_environment(environment)
    assert (config.enable_anonymous_auth, config.ownership, config.github_client_id) == (True, "off", "Iv1.x")
    assert "ab" * 32 not in repr(config)
