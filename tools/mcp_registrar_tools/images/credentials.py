"""Docker's own credentials for image registries: its configuration file and its credential helpers.

Read only, and only for the registry asked about. Nothing of it is ever logged or shown.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp_registrar_tools.errors import ImageError

HUB_KEY = "https://index.docker.io/v1/"
"""Under this key Docker keeps what belongs to Docker Hub."""
HELPER_SECONDS = 10.0
"""How long a credential helper may take; it may have to ask the operating system's keychain."""

_HUB_NAMES = {"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"}
_TOKEN_USER = "<token>"  # noqa: S105 - the name that says: what follows is a token


@dataclass(frozen=True)
class Credentials:
    """A name and password, or an identity token (an OAuth refresh token), or a ready registry token."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    def auth_config(self) -> dict[str, str]:
        """What the Docker Engine takes as ``auth_config`` for a push or pull."""
        found = {
            "username": self.username,
            "password": self.password,
            "identitytoken": self.identity_token,
            "registrytoken": self.registry_token,
        }
        return {name: value for name, value in found.items() if value}


def config_file() -> Path:
    """Docker's configuration: ``$DOCKER_CONFIG/config.json``, else ``~/.docker/config.json``."""
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"


def find(registry: str) -> Credentials | None:
    """What Docker would use for this registry (``ghcr.io``, ``index.docker.io``, ``localhost:5000``), or None.

    As Docker looks: the helper named for this registry, the helper for all, the file itself. Blocking (a helper is a
    program): call it in a thread. Raises `ImageError` when the file or the helper's answer cannot be read.
    """
    config = _read(config_file())
    key = HUB_KEY if registry in _HUB_NAMES else registry
    helpers = config.get("credHelpers")
    helper = helpers.get(registry) or helpers.get(key) if isinstance(helpers, dict) else None
    for program in dict.fromkeys(name for name in (helper, config.get("credsStore")) if name):
        found = _from_helper(str(program), key)
        if found is not None or program == helper:
            return found
    return _from_file(config.get("auths"), key)


def _read(path: Path) -> dict[str, Any]:
    import json

    try:
        config = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not JSON"
        raise _unreadable(path, reason or "it cannot be read") from None
    if not isinstance(config, dict):
        raise _unreadable(path, "it is no JSON object")
    return config


def _unreadable(path: Path, reason: str) -> ImageError:
    return ImageError(
        "docker-config-unreadable",
        f"Docker's configuration {path}: {reason}",
        "repair the file, or run `docker logout` and `docker login` again",
    )


def _from_file(auths: object, key: str) -> Credentials | None:
    """The entry of this registry; people and tools write its key with and without scheme and path."""
    import base64
    import binascii

    if not isinstance(auths, dict):
        return None
    entry = auths.get(key)
    if entry is None and key != HUB_KEY:
        entry = next((value for name, value in auths.items() if _host(str(name)) == key.lower()), None)
    if not isinstance(entry, dict):
        return None
    username, password = str(entry.get("username") or ""), str(entry.get("password") or "")
    if isinstance(packed := entry.get("auth"), str) and packed:
        try:
            username, _, password = base64.b64decode(packed, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise _unreadable(config_file(), f"the entry for {key} is damaged") from None
        password = password.rstrip("\0")
    found = Credentials(
        username, password, str(entry.get("identitytoken") or ""), str(entry.get("registrytoken") or "")
    )
    return found if found.auth_config() else None


def _host(key: str) -> str:
    return key.split("://", 1)[-1].split("/", 1)[0].lower()


def _from_helper(program: str, key: str) -> Credentials | None:
    """Ask ``docker-credential-<program> get``; None when it knows nothing of this registry or is not installed."""
    import json
    import subprocess

    command = f"docker-credential-{program}"
    try:
        done = subprocess.run(
            [command, "get"], input=key.encode(), capture_output=True, timeout=HELPER_SECONDS, check=False
        )
    except (FileNotFoundError, PermissionError):
        return None
    except subprocess.TimeoutExpired:
        raise ImageError(
            "docker-credential-helper",
            f"{command} did not answer within {HELPER_SECONDS:g} s",
            "unlock the keychain it uses, or run `docker login` again",
        ) from None
    if done.returncode != 0:
        return None  # "credentials not found", in words that differ from helper to helper
    try:
        answer = json.loads(done.stdout)
        username, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, KeyError, TypeError):
        raise ImageError(
            "docker-credential-helper",
            f"{command} gave an answer that is not that of a credential helper",
            "check the program, or run `docker login` again",
        ) from None
    if username == _TOKEN_USER:
        return Credentials(identity_token=secret)
    return Credentials(username, secret)
