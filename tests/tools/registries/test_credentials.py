"""Where logins and their secrets are kept."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backend
import keyring.errors
import pytest

from mcp_registrar_tools.errors import LoginError
from mcp_registrar_tools.registries import credentials
from mcp_registrar_tools.registries.credentials import Credential, CredentialStore

pytestmark = pytest.mark.anyio

URL = "https://registry.example"
SECRET = "gho_0123456789abcdefABCDEF0123456789abcd"


class Memory(keyring.backend.KeyringBackend):
    """A keyring as an operating system has one, kept in memory."""

    priority = 5  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False
        self.slow = 0.0

    def _open(self) -> None:
        time.sleep(self.slow)
        if self.locked:
            raise keyring.errors.KeyringLocked("locked")

    def get_password(self, service: str, username: str) -> str | None:
        self._open()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._open()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._open()
        del self.kept[service, username]


@pytest.fixture
def memory() -> Iterator[Memory]:
    before = keyring.get_keyring()
    backend = Memory()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


async def test_a_keyring_keeps_the_secret(tmp_path: Path, memory: Memory) -> None:
    store = CredentialStore(tmp_path)
    kept = await store.save(URL, Credential(method="github"), SECRET)
    assert kept.source == "keyring"
    assert memory.kept == {("mcp-registrar", URL): SECRET}
    assert SECRET not in store.path(URL).read_text()
    assert store.load(URL) == kept
    assert await store.secret(URL, kept) == SECRET
    assert await store.delete(URL)
    assert memory.kept == {}
    assert store.load(URL) is None
    assert not await store.delete(URL)


async def test_without_a_keyring_a_private_file_does(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path)
    kept = await store.save(URL, Credential(method="github"), SECRET)
    assert kept.source == "stored"
    assert stat.S_IMODE(store.path(URL).stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path(URL).parent.stat().st_mode) == 0o700
    assert await store.secret(URL, kept) == SECRET


async def test_a_locked_or_slow_keyring_is_not_waited_for(
    tmp_path: Path, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.locked = True
    store = CredentialStore(tmp_path)
    assert (await store.save(URL, Credential(method="github"), SECRET)).source == "stored"
    memory.locked, memory.slow = False, 5.0
    monkeypatch.setattr(credentials, "KEYRING_PATIENCE", 0.2)
    began = time.monotonic()
    assert (await store.save(URL, Credential(method="github"), SECRET)).source == "stored"
    assert time.monotonic() - began < 2


async def test_a_secret_that_is_gone_is_said(tmp_path: Path, memory: Memory) -> None:
    store = CredentialStore(tmp_path)
    kept = await store.save(URL, Credential(method="github"), SECRET)
    memory.kept.clear()
    with pytest.raises(LoginError) as refused:
        await store.secret(URL, kept)
    assert refused.value.code == "token-gone"


async def test_only_the_source_is_kept_where_the_secret_is_elsewhere(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path)
    credential = Credential(method="dns", source="file:/home/me/key", domain="example.com")
    await store.save(URL, credential)
    assert json.loads(store.path(URL).read_text()) == {
        "registry": URL,
        "method": "dns",
        "source": "file:/home/me/key",
        "domain": "example.com",
    }
    assert store.load(URL) == credential
    assert store.load(URL + "x") is None


@pytest.mark.parametrize(
    "content", ["", "[]", '{"registry": "https://other"}', '{"registry": "URL", "method": "magic"}']
)
async def test_a_file_that_is_no_record(tmp_path: Path, content: str) -> None:
    store = CredentialStore(tmp_path)
    await store.save(URL, Credential(method="none"))
    store.path(URL).write_text(content.replace("URL", URL))
    if content:
        assert store.load(URL) is None
    else:
        with pytest.raises(LoginError) as refused:
            store.load(URL)
        assert refused.value.code == "credentials-unreadable"


async def test_logins_to_two_registries_do_not_meet(tmp_path: Path) -> None:
    import anyio

    store = CredentialStore(tmp_path)
    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(store.save, f"{URL}/{number}", Credential(method="none", domain=str(number)))
    for number in range(20):
        found = store.load(f"{URL}/{number}")
        assert found is not None
        assert found.domain == str(number)
