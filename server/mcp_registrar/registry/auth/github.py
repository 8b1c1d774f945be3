"""GitHub access tokens: the account's own namespace, and those of the organisations it owns."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mcp_registrar.registry.auth.permissions import Permission
from mcp_registrar.registry.auth.proofs import Grant, Refused
from mcp_registrar_tools.errors import OutboundError

if TYPE_CHECKING:
    from mcp_registrar.registry.app import RegistryApp
    from mcp_registrar_tools.outbound import Fetched

FIELDS = ("github_token",)
PAGE = 100
MAX_PAGES = 100
_NAME = re.compile(r"[a-zA-Z0-9-]+")


async def by_access_token(app: RegistryApp, body: Mapping[str, str]) -> Grant:
    """Ask GitHub whose token this is and which organisations that account owns.

    The caller is not told why it failed: the answer could say something about a stranger's token.
    """
    user = await _ask(app, body["github_token"], "/user")
    if user.status != 200:
        raise Refused(f"failed to get GitHub user: GitHub API error (status {user.status})", told=False)
    login = _object(user).get("login")
    if not isinstance(login, str):
        raise Refused("failed to get GitHub user: no login in the answer", told=False)
    return Grant(login, permissions_of_account(login, await _memberships(app, body["github_token"])))


def permissions_of_account(login: str, memberships: Sequence[Any]) -> list[Permission]:
    """The namespaces of an account: its own, and each organisation's that it is an active owner of.

    ``memberships`` are GitHub's objects ``{state, role, organization: {login}}``. Names keep GitHub's letter case.
    """
    if not _NAME.fullmatch(login):
        return []
    names = [login]
    for each in memberships:
        if not isinstance(each, dict) or each.get("state") != "active" or each.get("role") != "admin":
            continue
        organization = each.get("organization")
        name = organization.get("login") if isinstance(organization, dict) else None
        if isinstance(name, str) and _NAME.fullmatch(name):
            names.append(name)
    return [Permission("publish", f"io.github.{name}/*") for name in names]


async def _memberships(app: RegistryApp, token: str) -> list[Any]:
    found: list[Any] = []
    for page in range(1, MAX_PAGES + 1):
        path = f"/user/memberships/orgs?state=active&per_page={PAGE}&page={page}"
        answer = await _ask(app, token, path)
        if answer.status == 403 and not _limited(answer):
            return []  # a token without read:org still publishes under its own name
        if answer.status != 200:
            raise Refused(f"failed to get GitHub organizations: GitHub API error (status {answer.status})", told=False)
        try:
            batch = answer.json()
        except ValueError:
            batch = None
        if not isinstance(batch, list):
            raise Refused("failed to get GitHub organizations: not a list", told=False)
        found += batch
        if len(batch) < PAGE:
            break
    return found


def _limited(answer: Fetched) -> bool:
    """A 403 that says "not now" or "sign in at your organisation", not "you have none"."""
    headers = answer.headers
    return headers.get("x-ratelimit-remaining") == "0" or "retry-after" in headers or "x-github-sso" in headers


async def _ask(app: RegistryApp, token: str, path: str) -> Fetched:
    if not token.isascii() or not token.isprintable():
        raise Refused("not a token", told=False)
    headers = {
        "authorization": f"Bearer {token}",
        "accept": "application/vnd.github.v3+json",
        "x-github-api-version": "2022-11-28",
    }
    try:
        return await app.outbound().fetch("GET", app.config.github_api_url.rstrip("/") + path, headers=headers)
    except OutboundError as error:
        raise Refused(f"GitHub cannot be asked: {error.message}", told=False) from None


def _object(answer: Fetched) -> dict[str, Any]:
    try:
        value = json.loads(answer.body)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {}
