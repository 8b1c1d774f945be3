"""The registry's token: fetched at the last moment, kept in this process only, fetched again when it ran out."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_registrar_tools.errors import LoginError, OutboundError
from mcp_registrar_tools.manifest.files import read_text_file
from mcp_registrar_tools.registries import domain as domains
from mcp_registrar_tools.registries import github, signing, tokens
from mcp_registrar_tools.registries.credentials import Credential, CredentialStore, Method

if TYPE_CHECKING:
    from mcp_registrar_tools.outbound import Fetched
    from mcp_registrar_tools.registries.names import Place
    from mcp_registrar_tools.workbench import Workbench

SKEW = 10.0
"""Seconds of difference between the clocks from which a refused timestamp is explained by it (the window is 15)."""


@dataclass(repr=False)
class _Held:
    token: str
    grants: tokens.Grants = field(default_factory=tokens.Grants)


_held: dict[tuple[Path, str], _Held] = {}
"""Tokens of five minutes, by credential folder and registry. Never written anywhere."""


class Session:
    """Proof of identity for one registry."""

    def __init__(self, bench: Workbench, place: Place) -> None:
        self.place = place
        self.prefix = "/v0"
        self.store = CredentialStore(bench.settings.data_dir)
        self._bench = bench
        self._secrets: set[str] = set()

    @property
    def _slot(self) -> tuple[Path, str]:
        return self._bench.settings.data_dir, self.place.url

    def credential(self) -> Credential | None:
        """The login in force: the stored one, else what the environment plainly means for publishing.

        GitHub Actions' identity is made out to one registry, so it may go to any; the token in ``MCP_GITHUB_TOKEN``
        goes without a login only to a registry that the user's settings or the project name.
        """
        if stored := self.store.load(self.place.url):
            return stored
        if github.in_actions():
            return Credential(method="github-oidc", source="actions")
        if os.environ.get("MCP_GITHUB_TOKEN", "").strip() and self.place.chosen:
            return Credential(method="github", source="env:MCP_GITHUB_TOKEN")
        return None

    async def token(self, *, fresh: bool = False) -> str:
        """The registry's token, with enough life left for a request."""
        held = _held.get(self._slot)
        if held is None or fresh or tokens.expired(held.grants.expires_at):
            held = await self._renew()
        return held.token

    async def grants(self) -> tokens.Grants:
        """What the login allows. Raises `LoginError` when nobody is logged in or the login no longer works."""
        await self.token()
        return _held[self._slot].grants

    async def _renew(self) -> _Held:
        credential = self.credential()
        if credential is None:
            raise LoginError(
                "not-logged-in",
                f"nobody is logged in to {self.place.name}",
                f'login(registry="{self.place.name}") and then repeat this call',
            )
        await self.exchange(credential)
        return _held[self._slot]

    async def exchange(self, credential: Credential, secret: str = "") -> tokens.Grants:
        """Trade the long-lived secret for the registry's token and hold that.

        ``secret`` spares looking it up where the caller has it already. Raises `LoginError`.
        """
        body: dict[str, Any] | None = None
        key: signing.SigningKey | None = None
        if credential.method in ("dns", "http"):
            key = self.key(credential)
            path = f"/auth/{credential.method}"
        elif credential.method == "none":
            path = "/auth/none"
        else:
            secret = secret or await self._secret(credential)
            self._secrets.add(secret)
            kind = "github-at" if credential.method == "github" else credential.method
            body = {"github_token" if kind == "github-at" else "oidc_token": secret}
            path = f"/auth/{kind}"

        answer = await self._ask(path, body, key, credential.domain)
        token, expires_at = _token_of(answer)
        if not token:
            raise await self._refused(credential, key, answer)
        self._secrets.add(token)
        grants = tokens.read(token)
        if not grants.expires_at:
            grants = tokens.Grants(grants.method, grants.subject, expires_at, grants.permissions, grants.readable)
        _held[self._slot] = _Held(token, grants)
        return grants

    async def _ask(
        self, path: str, body: dict[str, Any] | None, key: signing.SigningKey | None, domain: str
    ) -> Fetched:
        """The exchange itself, repeated while the registry is busy; a signature is made anew, it is good for 15 s."""
        from mcp_registrar_tools.registries.official import ATTEMPTS, BUSY, pause

        for attempt in range(ATTEMPTS):
            answer = None
            try:
                answer = await self._bench.outbound.fetch(
                    "POST",
                    f"{self.place.url}{self.prefix}{path}",
                    headers={"accept": "application/json"},
                    json=domains.proof(domain, key) if key else body,
                    timeout=30,
                )
            except OutboundError as error:
                if not error.transient or attempt == ATTEMPTS - 1:
                    raise
            if answer is not None and (answer.status not in BUSY or attempt == ATTEMPTS - 1):
                return answer
            await pause(attempt, answer)
        raise AssertionError("unreachable")

    async def client_id(self) -> str:
        """The GitHub app that this registry logs people in with. Raises `LoginError` when it has none."""
        answer = await self._bench.outbound.fetch("GET", f"{self.place.url}{self.prefix}/health")
        try:
            found = answer.json().get("github_client_id")
        except (ValueError, AttributeError):
            found = None
        if not found:
            raise LoginError(
                "method-unavailable",
                f"{self.place.name} offers no login with a GitHub device code",
                "set MCP_GITHUB_TOKEN, or use another method",
            )
        return str(found)

    async def _secret(self, credential: Credential) -> str:
        kind, _, where = credential.source.partition(":")
        if kind == "actions":
            return await github.actions_token(self._bench.outbound, self.place.url)
        if kind == "env":
            if value := os.environ.get(where, "").strip():
                return value
            raise LoginError(
                "token-gone", f"the environment variable {where} is not set", f"set {where}, or log in another way"
            )
        if kind == "gh":
            if value := await github.gh_token():
                return value
            raise LoginError("token-gone", "gh has no token", "run `gh auth login`, or log in another way")
        if kind == "file":
            return read_text_file(Path(where), limit=65_536).strip()
        return await self.store.secret(self.place.url, credential)

    def key(self, credential: Credential) -> signing.SigningKey:
        """The domain's private key from wherever the login says it is."""
        kind, _, where = credential.source.partition(":")
        if kind == "env":
            text = os.environ.get(where, "")
            if not text.strip():
                raise LoginError(
                    "key-gone", f"the environment variable {where} is not set", f"set {where}, or name a key_file"
                )
            return signing.parse(text, f"the environment variable {where}")
        return signing.read_key(Path(where))

    async def _refused(self, credential: Credential, key: signing.SigningKey | None, answer: Fetched) -> LoginError:
        from mcp_registrar_tools.registries.refusals import refusal

        said = refusal(self.place.name, answer.status, answer, self).message
        text = said.lower()
        how = f'login(registry="{self.place.name}", method="{credential.method}"'
        if "timestamp outside valid window" in text:
            return _clock(answer, said)
        if answer.status == 404:
            return LoginError(
                "method-unavailable",
                f"{self.place.name} does not offer login by {credential.method}",
                "use another method",
            )
        if answer.status >= 500 or answer.status == 429:
            return LoginError("registry-unavailable", said, "try again in a minute")
        if key is not None and credential.method in ("dns", "http"):
            sight = await domains.look(
                self._bench, credential.domain, "dns" if credential.method == "dns" else "http", key
            )
            if sight.problem:
                return LoginError("proof-not-found", said, sight.remedy, details=f"Seen from here: {sight.problem}")
            return LoginError(
                "proof-not-found", said, f"from here all looks right: wait for DNS and caches, then {how}) again"
            )
        if credential.method == "github":
            return LoginError(
                "login-refused",
                f"{said}; the token comes from: {credential.described()}",
                "the token must be valid and its organisation's single sign-on granted; replace it and log in again",
            )
        if credential.method == "github-oidc":
            return LoginError(
                "login-refused", said, "the registry's address must be the one it calls itself by; check registry=…"
            )
        return LoginError("login-refused", said, "log in another way")

    def redact(self, text: str) -> str:
        """``text`` without any secret that this session has touched."""
        for secret in self._secrets:
            if len(secret) >= 8:
                text = text.replace(secret, "[secret]")
        return text

    async def forget(self) -> bool:
        """Log out; True when there was a login."""
        _held.pop(self._slot, None)
        return await self.store.delete(self.place.url)


def check_trust(place: Place, method: Method) -> str:
    """Why this proof should not go to this registry unasked; empty when it may.

    A GitHub token sent to a stranger is his, and a signed timestamp can be used at another registry for 15 s. So
    both go only where the user's settings point, or to this machine. Actions' tokens name their audience.
    """
    if method in ("none", "github-oidc") or place.chosen or place.loopback:
        return ""
    what = "a signature of your domain" if method in ("dns", "http") else "your token"
    return f"{place.url} is named by this call only, not by your settings; it would get {what}"


def _token_of(answer: Fetched) -> tuple[str, float]:
    try:
        body = answer.json()
        return str(body["registry_token"]), float(body.get("expires_at") or 0)
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", 0.0


def _clock(answer: Fetched, said: str) -> LoginError:
    """A refused timestamp, explained by the registry's own clock where it tells it."""
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", ""))
        ahead = (domains.now() - theirs.replace(tzinfo=theirs.tzinfo or UTC)).total_seconds()
    except (ValueError, TypeError):
        ahead = 0.0
    if abs(ahead) < SKEW:
        return LoginError(
            "clock-skew", said, "compare this machine's clock with the true time, set it, and log in again"
        )
    side = "ahead of" if ahead > 0 else "behind"
    return LoginError(
        "clock-skew",
        f"this machine's clock is {abs(ahead):.0f} s {side} the registry's; a signature is good for 15 s: {said}",
        "set the clock (switch on NTP) and log in again",
    )
