"""What a registry's token allows, read without asking the registry.

The token is a JWT of five minutes whose claims are in the open. Reading them (the signature is the registry's
business) tells what may be published, and explains a refusal before it happens.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Permission:
    """``action`` is publish or edit; ``resource`` a name, a prefix ending in ``*``, or ``*``."""

    action: str
    resource: str

    def covers(self, server_name: str) -> bool:
        """The registry's own rule: case-sensitive, ``*`` at the end is a prefix match."""
        if self.resource.endswith("*"):
            return server_name.startswith(self.resource[:-1])
        return server_name == self.resource


@dataclass(frozen=True)
class Grants:
    """Who the registry takes us for and what it allows. ``expires_at`` is in Unix seconds, 0 when unknown."""

    method: str = ""
    subject: str = ""
    expires_at: float = 0.0
    permissions: tuple[Permission, ...] = ()
    readable: bool = True
    """False for a token that is no JWT: then nothing can be predicted."""

    def namespaces(self, *actions: str) -> list[str]:
        """The patterns that may be published (or ``actions``), in the token's order."""
        wanted = actions or ("publish",)
        return list(dict.fromkeys(p.resource for p in self.permissions if p.action in wanted))

    def allows(self, server_name: str, *actions: str) -> bool:
        """Whether the registry will accept this name; True when that cannot be told."""
        wanted = actions or ("publish",)
        return not self.readable or any(p.action in wanted and p.covers(server_name) for p in self.permissions)


def read(token: str) -> Grants:
    """The claims of a registry token; a `Grants` that is not ``readable`` when it is no such JWT."""
    try:
        payload = token.split(".")[1]
        claims: Any = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        permissions = tuple(
            Permission(str(item["action"]), str(item["resource"]))
            for item in claims.get("permissions") or []
            if isinstance(item, dict) and "action" in item and "resource" in item
        )
        return Grants(
            method=str(claims.get("auth_method", "")),
            subject=str(claims.get("auth_method_sub") or claims.get("sub") or ""),
            expires_at=float(claims.get("exp") or 0),
            permissions=permissions,
            readable="permissions" in claims,
        )
    except (IndexError, ValueError, TypeError, AttributeError, binascii.Error):
        return Grants(readable=False)


def expired(expires_at: float, margin: float = 20.0) -> bool:
    """True when less than ``margin`` seconds are left; a token of unknown age counts as good."""
    return bool(expires_at) and time.time() > expires_at - margin


def prediction(grants: Grants, server_name: str, method: str = "") -> tuple[str, str] | None:
    """Why the registry would answer 403 for this name, and the way out; None when it would not.

    Knows the three refusals that cost people most: letter case, an organisation without Owner role, and a proof
    over HTTP, which covers the exact domain only.
    """
    if grants.allows(server_name):
        return None
    method = grants.method or method
    namespace = server_name.partition("/")[0]
    patterns = grants.namespaces()
    allowed = ", ".join(patterns) or "nothing"
    message = f"this login may publish {allowed}, not {server_name}"

    for pattern in patterns:
        owned, _, _ = pattern.partition("/")
        if "/" in pattern and owned.lower() == namespace.lower():
            wanted = owned + server_name[len(namespace) :]
            return (
                f"{message}: the letter case differs",
                f"rename the server to {wanted} in server.json and in the packages' ownership markers"
                " (a released package needs a new release for that)",
            )

    if namespace.lower().startswith("io.github."):
        owner = namespace[len("io.github.") :]
        if method in ("github-at", "github"):
            return (
                message,
                f"for the organisation {owner} you must be Owner and the login must see it: set MCP_GITHUB_TOKEN"
                ' to a token with read:org (`gh auth refresh -s read:org` for gh) and login(method="github"), or'
                f' publish from GitHub Actions of {owner} with login(method="github-oidc")',
            )
        if method == "github-oidc":
            return message, f"run the workflow in a repository of {owner}, or rename the server to one of yours"
        return message, f'log in to GitHub as {owner}: login(method="github")'

    for pattern in patterns:
        owned, _, _ = pattern.partition("/")
        if method == "http" and namespace.startswith(owned + "."):
            domain = ".".join(reversed(owned.split(".")))
            return (
                f"{message}: a proof over HTTP covers {domain} itself, not its subdomains",
                f'login(method="dns", domain="{domain}") covers them too, or prove the subdomain itself',
            )
    domain = ".".join(reversed(namespace.split(".")))
    return message, f'log in for that domain: login(method="dns", domain="{domain}", key_file=…), or rename the server'
