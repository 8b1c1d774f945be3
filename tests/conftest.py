"""Isolation for every test: a HOME of its own, no network but loopback, no settings from outside."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
"""The open cases, corpus and schemas. The project stands without them: tests that need them skip."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home; nothing of the machine's own configuration is seen or touched."""
    home = tmp_path_factory.mktemp("home")
    outside = (
        "MCP_REGISTRAR_",
        "XDG_",
        "GITHUB_",
        "ACTIONS_",
        "DOCKER_CONFIG",
        "GH_TOKEN",
        "MCP_GITHUB_TOKEN",
        "MCP_PRIVATE_KEY",
        "MCP_OIDC_TOKEN",
    )
    for name in list(os.environ):
        if name.startswith(outside) and name != "MCP_REGISTRAR_REQUIRE_REAL":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return home


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connecting anywhere but loopback or a UNIX socket fails the test that tried."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0])
            if not (host.startswith("127.") or host in {"::1", "localhost"}):
                raise OSError(f"tests may not reach {host}")
        return real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


def shared(*parts: str) -> Path:
    """A path among the shared material; skips the test when it is not there."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"shared/{'/'.join(parts)} is not beside this checkout")
    return path


def cases(*kinds: str) -> list[Any]:
    """The open cases of these kinds as pytest parameters; one skipped parameter when they are not there.

    The holes ``{NPM_HOST}``, ``{PYPI_HOST}`` and ``{TEST_PYPI_HOST}`` are filled.
    """
    from benchmarks.official_cases import load_cases

    path = SHARED / "cases" / "official_cases.json"
    if not path.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason="shared/cases is not beside this checkout"))]
    return [pytest.param(case, id=case["id"]) for case in load_cases(path) if case["kind"] in kinds]
