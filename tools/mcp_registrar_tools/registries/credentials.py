"""Which login belongs to which registry, and where its long-lived secret is.

What is kept is the *source* of the secret: an environment variable, the ``gh`` program, a key file, GitHub Actions.
Only a token that a device login gave to this program is kept itself: in the operating system's keyring where there
is one, else in a file that only its owner can read. The registry's token of five minutes is never written.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from mcp_registrar_tools.errors import LoginError
from mcp_registrar_tools.manifest.files import write_atomic
from mcp_registrar_tools.registries.github import DeviceFlow

Method = Literal["github", "github-oidc", "dns", "http", "oidc", "none"]
KEY_VARIABLE = "MCP_PRIVATE_KEY"
"""Where CI keeps a domain's private key."""
OIDC_VARIABLE = "MCP_OIDC_TOKEN"
KEYRING_SERVICE = "mcp-registrar"
KEYRING_PATIENCE = 30.0
"""Seconds: a locked keyring asks its owner first."""


@dataclass(frozen=True, kw_only=True)
class Credential:
    """How to log in to one registry.

    ``source`` says where the long-lived secret is: ``env:NAME``, ``gh``, ``file:PATH``, ``actions``, ``keyring``,
    ``stored`` (beside this record) or empty when the method needs none.
    """

    method: Method
    source: str = ""
    domain: str = ""

    def described(self) -> str:
        """For a person: the method and where its secret comes from."""
        kind, _, where = self.source.partition(":")
        origin = {
            "env": f"environment variable {where}",
            "gh": "the gh program",
            "file": f"key file {where}",
            "actions": "GitHub Actions",
            "keyring": "token in the keyring",
            "stored": "token in a private file",
        }.get(kind, "")
        method = f"{self.method} {self.domain}" if self.domain else self.method
        return f"{method} ({origin})" if origin else method


class CredentialStore:
    """One small file per registry under ``data_dir/credentials``, so that two logins never overwrite each other."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "credentials"

    def path(self, url: str) -> Path:
        return self._folder / f"{hashlib.sha256(url.encode()).hexdigest()[:24]}.json"

    def _read(self, url: str) -> dict[str, Any]:
        path = self.path(url)
        try:
            record = json.loads(path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            raise LoginError(
                "credentials-unreadable", f"{path} cannot be read", "remove that file and log in again"
            ) from None
        return record if isinstance(record, dict) and record.get("registry") == url else {}

    def load(self, url: str) -> Credential | None:
        """The login of this registry, None without one."""
        record = self._read(url)
        if record.get("method") not in get_args(Method):
            return None
        return Credential(
            method=record["method"], source=str(record.get("source", "")), domain=str(record.get("domain", ""))
        )

    async def save(self, url: str, credential: Credential, secret: str = "") -> Credential:
        """Keep the login, and ``secret`` when the source is this program itself; returns it with its real source."""
        if secret:
            in_keyring = await _keyring("set_password", KEYRING_SERVICE, url, secret) is not None
            credential = Credential(
                method=credential.method, source="keyring" if in_keyring else "stored", domain=credential.domain
            )
        record = {"registry": url, **asdict(credential)}
        if secret and credential.source == "stored":
            record["secret"] = secret
        self._write(self.path(url), record)
        return credential

    def _write(self, path: Path, record: dict[str, Any]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder.chmod(0o700)
        write_atomic(path, json.dumps(record).encode(), mode=0o600)

    async def secret(self, url: str, credential: Credential) -> str:
        """The token kept by `save`. Raises `LoginError` when it is gone."""
        if credential.source == "keyring":
            secret = await _keyring("get_password", KEYRING_SERVICE, url)
        else:
            secret = self._read(url).get("secret")
        if not secret or not isinstance(secret, str):
            raise LoginError(
                "token-gone", f"the stored token for {url} is gone", f'login(registry="{url}") gets a new one'
            )
        return secret

    # A device login that waits for its person, until the code runs out

    def keep_flow(self, url: str, flow: DeviceFlow) -> None:
        self._write(self.path(url).with_suffix(".pending"), {"registry": url, **asdict(flow)})

    def flow(self, url: str) -> DeviceFlow | None:
        """The device login that has begun for this registry and can still end well."""
        try:
            record = json.loads(self.path(url).with_suffix(".pending").read_bytes())
            record.pop("registry")
            flow = DeviceFlow(**record)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        return None if flow.expired else flow

    def end_flow(self, url: str) -> None:
        self.path(url).with_suffix(".pending").unlink(missing_ok=True)

    async def delete(self, url: str) -> bool:
        """Forget the login; True when there was one."""
        credential = self.load(url)
        self.end_flow(url)
        if credential and credential.source == "keyring":
            await _keyring("delete_password", KEYRING_SERVICE, url)
        try:
            os.unlink(self.path(url))
        except FileNotFoundError:
            return False
        return True


async def _keyring(function: str, *arguments: str) -> Any:
    """Call the operating system's keyring off the event loop; None when there is none or it refuses.

    A call that succeeds without a result returns True.
    """
    import anyio

    def call() -> Any:
        try:
            import keyring
        except ImportError:
            return None
        try:
            backend = keyring.get_keyring()
            if not backend.priority > 0:
                return None
            result = getattr(backend, function)(*arguments)
        except Exception:  # noqa: BLE001 - backends raise whatever their service raises
            return None
        return True if result is None and function != "get_password" else result

    with anyio.move_on_after(KEYRING_PATIENCE):
        return await anyio.to_thread.run_sync(call, abandon_on_cancel=True)
    return None
