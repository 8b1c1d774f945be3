"""Docker's own credentials, found as Docker finds them and shown to nobody."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from mcp_registrar_tools.errors import ImageError
from mcp_registrar_tools.images import credentials
from mcp_registrar_tools.images.credentials import Credentials, find


def configure(document: Any, folder: Path | None = None) -> Path:
    path = (folder or Path.home() / ".docker") / "config.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def auth(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def helper(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, script: str) -> None:
    program = tmp_path / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


def test_nothing_configured_is_nothing_found() -> None:
    assert find("ghcr.io") is None


@pytest.mark.parametrize("key", ["ghcr.io", "https://ghcr.io", "https://GHCR.io/v2/", "http://ghcr.io/v1/"])
def test_the_file_by_any_spelling_of_the_host(key: str) -> None:
    configure({"auths": {"example.org": auth("x", "y"), key: auth("alice", "pa:ss")}})
    assert find("ghcr.io") == Credentials("alice", "pa:ss")
    assert find("quay.io") is None


@pytest.mark.parametrize("name", ["docker.io", "index.docker.io", "registry-1.docker.io"])
def test_docker_hub_has_one_key_under_all_its_names(name: str) -> None:
    configure({"auths": {"https://index.docker.io/v1/": auth("alice", "hub")}})
    assert find(name) == Credentials("alice", "hub")


def test_docker_config_moves_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    configure({"auths": {"ghcr.io": auth("home", "1")}})
    configure({"auths": {"ghcr.io": auth("moved", "2")}}, tmp_path / "cfg")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "cfg"))
    assert find("ghcr.io") == Credentials("moved", "2")


def test_an_empty_entry_is_none_and_tokens_are_kept_apart() -> None:
    configure({"auths": {"a.io": {}, "b.io": {"identitytoken": "refresh"}, "c.io": {"registrytoken": "ready"}}})
    assert find("a.io") is None
    assert find("b.io") == Credentials(identity_token="refresh")
    assert find("c.io") == Credentials(registry_token="ready")


def test_the_helper_of_a_registry_goes_before_the_common_one_and_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    helper(monkeypatch, tmp_path, "own", """read key; echo "{\\"Username\\":\\"$1-$key\\",\\"Secret\\":\\"s1\\"}" """)
    helper(monkeypatch, tmp_path, "all", """echo '{"Username":"<token>","Secret":"s2"}'""")
    configure({"credHelpers": {"ghcr.io": "own"}, "credsStore": "all", "auths": {"ghcr.io": auth("file", "s3")}})
    assert find("ghcr.io") == Credentials("get-ghcr.io", "s1")
    assert find("quay.io") == Credentials(identity_token="s2")


def test_a_helper_that_knows_nothing_or_is_not_installed_leaves_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    helper(monkeypatch, tmp_path, "none", "echo credentials not found in native keychain; exit 1")
    for name in ("none", "not-installed"):
        configure({"credsStore": name, "auths": {"ghcr.io": auth("file", "s3")}})
        assert find("ghcr.io") == Credentials("file", "s3")


def test_what_cannot_be_read_says_which_file_and_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for text in ("{", "[]", json.dumps({"auths": {"ghcr.io": {"auth": "sekret%"}}})):
        path = configure(text)
        with pytest.raises(ImageError) as caught:
            find("ghcr.io")
        assert caught.value.code == "docker-config-unreadable"
        assert str(path) in caught.value.message
        assert "sekret" not in caught.value.text()
    helper(monkeypatch, tmp_path, "odd", "echo sekret")
    configure({"credsStore": "odd"})
    with pytest.raises(ImageError) as caught:
        find("ghcr.io")
    assert caught.value.code == "docker-credential-helper"
    assert "sekret" not in caught.value.text()


def test_a_helper_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    helper(monkeypatch, tmp_path, "slow", "exec sleep 30")
    configure({"credsStore": "slow"})
    monkeypatch.setattr(credentials, "HELPER_SECONDS", 0.2)
    with pytest.raises(ImageError, match="did not answer within"):
        find("ghcr.io")


def test_secrets_do_not_show_and_the_engine_gets_what_it_wants() -> None:
    found = Credentials("alice", "sekret", "sekret", "sekret")
    assert "sekret" not in repr(found)
    assert Credentials("alice", "p").auth_config() == {"username": "alice", "password": "p"}
    assert Credentials(identity_token="t").auth_config() == {"identitytoken": "t"}
