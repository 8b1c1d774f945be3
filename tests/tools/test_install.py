"""Merging a server into clients' settings files."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mcp_registrar_tools import jsonc
from mcp_registrar_tools.clients import CLIENTS, Snippet, client_config, config_file
from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.install import write_settings

SERVER = {
    "name": "io.github.acme/weather",
    "version": "1.0.0",
    "packages": [
        {
            "registryType": "npm",
            "identifier": "@acme/weather",
            "version": "1.0.0",
            "transport": {"type": "stdio"},
            "environmentVariables": [{"name": "API_KEY", "isRequired": True, "isSecret": True}],
        }
    ],
}


def snippet(client: Any, **changes: Any) -> Snippet:
    return client_config(SERVER | changes)[client]


def read(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    return tomllib.loads(text) if path.suffix == ".toml" else jsonc.loads(text)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_new_file_holds_just_the_entry_and_again_changes_nothing(client: Any) -> None:
    path = config_file(client)
    assert path is not None
    wanted = snippet(client)
    assert write_settings(path, wanted, overwrite=False) == (None, True)
    root, name = wanted.key
    assert read(path)[root] == {name: wanted.value}
    assert read(path).get("inputs", []) == wanted.inputs
    before = path.read_bytes()
    assert write_settings(path, wanted, overwrite=False) == (None, False)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path] or client == "claude-code"


CODEX = """# my codex
model = "o9"  # the large one

[mcp_servers.old]
command = "x" # keep
args = []

[projects."/home/me"]
trust_level = "trusted"
"""


def test_codex_comments_and_tables_stay(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(CODEX)
    backup, changed = write_settings(path, snippet("codex"), overwrite=False)
    assert changed
    assert backup is not None
    assert backup.read_text() == CODEX
    text = path.read_text()
    for line in CODEX.splitlines():
        assert line in text.splitlines()
    parsed = tomllib.loads(text)
    assert parsed["mcp_servers"]["weather"] == {
        "command": "npx",
        "args": ["-y", "@acme/weather@1.0.0"],
        "env_vars": ["API_KEY"],
    }
    assert parsed["mcp_servers"]["old"]["command"] == "x"
    assert parsed["projects"]["/home/me"]["trust_level"] == "trusted"


@pytest.mark.parametrize(
    "text",
    [
        'model = "x"\n',
        "[mcp_servers]\n",
        '[mcp_servers]\nold = {command = "x"}\n',
        'mcp_servers.old.command = "x"\n',
        '[mcp_servers.old]\ncommand = "x"\n\n[mcp_servers.old.env]\nA = "1"\n',
        'a = 1\r\n[mcp_servers.old]\r\ncommand = "x"\r\n',
    ],
)
def test_every_way_to_write_codex_tables(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode())
    before = tomllib.loads(text)
    write_settings(path, snippet("codex"), overwrite=False)
    after = tomllib.loads(path.read_bytes().decode())
    assert after["mcp_servers"].pop("weather") == snippet("codex").value
    assert after | {"mcp_servers": after["mcp_servers"]} == {"mcp_servers": {}} | before


VSCODE = """{
  // asked once
  "inputs": [
    { "type": "promptString", "id": "other", "description": "Other" }
  ],
  "servers": {
    "other": { "command": "y", "args": ["${input:other}"], "gallery": true }, // from the gallery
  }
}
"""


def test_vscode_questions_are_added_once_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text(VSCODE)
    write_settings(path, snippet("vscode"), overwrite=False)
    text = path.read_text()
    assert "// from the gallery" in text
    assert "// asked once" in text
    document = read(path)
    assert [question["id"] for question in document["inputs"]] == ["other", "api_key"]
    assert document["servers"]["other"] == {"command": "y", "args": ["${input:other}"], "gallery": True}
    newer = snippet("vscode", packages=[SERVER["packages"][0] | {"version": "2.0.0"}])  # type: ignore[index,operator]
    write_settings(path, newer, overwrite=True)
    assert [question["id"] for question in read(path)["inputs"]] == ["other", "api_key"]
    assert read(path)["servers"]["weather"]["args"] == ["-y", "@acme/weather@2.0.0"]


@pytest.mark.parametrize("client", ["cursor", "codex"])
def test_another_entry_of_the_name_is_replaced_only_when_told(client: Any, tmp_path: Path) -> None:
    path = tmp_path / ("c.toml" if client == "codex" else "c.json")
    write_settings(path, snippet(client), overwrite=False)
    other = snippet(client, packages=[SERVER["packages"][0] | {"version": "2.0.0"}])  # type: ignore[index,operator]
    before = path.read_bytes()
    with pytest.raises(InputError) as caught:
        write_settings(path, other, overwrite=False)
    assert caught.value.code == "entry-exists"
    assert path.read_bytes() == before
    backup, changed = write_settings(path, other, overwrite=True)
    assert changed
    assert backup is not None
    assert backup.read_bytes() == before
    root, name = other.key
    assert read(path)[root][name] == other.value


def test_a_private_file_stays_private_and_so_does_its_copy(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text('{"mcpServers": {"a": {"env": {"TOKEN": "s"}}}}')
    path.chmod(0o600)
    backup, _ = write_settings(path, snippet("cursor"), overwrite=False)
    assert backup is not None
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(backup.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("client", "text"),
    [
        ("cursor", '{"mcpServers": {'),
        ("cursor", "[]"),
        ("cursor", '{"mcpServers": 3}'),
        ("codex", "a = = 1"),
        ("codex", "mcp_servers = 3"),
    ],
)
def test_what_cannot_be_read_is_refused_and_left_alone(client: Any, text: str, tmp_path: Path) -> None:
    path = tmp_path / "settings"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        write_settings(path, snippet(client), overwrite=True)
    assert caught.value.code == "settings-unreadable"
    assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]
