"""The exchange of a proof for a token: ``POST /auth/<method>``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mcp_registrar.registry.auth import domain, github, oidc
from mcp_registrar.registry.auth.permissions import BLOCKED, Permission, is_blocked
from mcp_registrar.registry.auth.proofs import Grant, Refused
from mcp_registrar.registry.http import Answer, Problem, Request, failed, invalid, json_answer

if TYPE_CHECKING:
    from mcp_registrar.registry.app import RegistryApp


Exchange = Callable[["RegistryApp", Mapping[str, str]], Awaitable[Grant]]


class Method(NamedTuple):
    """``fields`` are the body's, all required strings; ``title`` is the problem's detail when refused."""

    fields: tuple[str, ...]
    title: str
    enabled: Callable[[RegistryApp], bool]
    exchange: Exchange


async def _none(app: RegistryApp, body: Mapping[str, str]) -> Grant:
    everything = "io.modelcontextprotocol.anonymous/*"
    return Grant("anonymous", [Permission("publish", everything), Permission("edit", everything)])


def _always(app: RegistryApp) -> bool:
    return True


METHODS: dict[str, Method] = {
    "github-at": Method(github.FIELDS, "Token exchange failed", _always, github.by_access_token),
    "github-oidc": Method(oidc.FIELDS, "Token exchange failed", _always, oidc.by_github_actions),
    "oidc": Method(oidc.FIELDS, "Token exchange failed", lambda app: app.config.oidc_enabled, oidc.by_issuer),
    "dns": Method(domain.FIELDS, "DNS authentication failed", _always, domain.by_dns),
    "http": Method(domain.FIELDS, "HTTP authentication failed", _always, domain.by_http),
    "none": Method((), "Token exchange failed", lambda app: app.config.enable_anonymous_auth, _none),
}


async def exchange(method: str, app: RegistryApp, request: Request) -> Answer:
    """A registry token for a proof of this kind."""
    from mcp_registrar.registry.app import not_found

    way = METHODS.get(method)
    if way is None or not way.enabled(app):
        return not_found(request.scope["path"])
    body = await _body(request, way.fields) if way.fields else {}
    try:
        grant = await way.exchange(app, body)
        if is_blocked(grant.permissions, app.config.listed(app.config.blocked_namespaces)):
            raise Refused(BLOCKED)
    except Refused as refusal:
        app.log_refusal(method, str(refusal))
        if not refusal.told:
            raise Problem(401, way.title) from None
        raise failed(401, way.title, str(refusal)) from None
    token, expires = (await app.tokens()).sign(method, grant.subject, grant.permissions)
    return json_answer({"registry_token": token, "expires_at": expires})


async def _body(request: Request, fields: Sequence[str]) -> dict[str, str]:
    body: Any = await request.json()
    if not isinstance(body, dict):
        raise invalid({"message": "expected object", "location": "body", "value": body})
    errors: list[dict[str, Any]] = [
        {"message": f"expected required property {field} to be present", "location": "body", "value": body}
        for field in sorted(fields)
        if field not in body
    ]
    for key, value in body.items():
        if key == "$schema":
            continue
        if key not in fields:
            errors.append({"message": "unexpected property", "location": f"body.{key}", "value": body})
        elif not isinstance(value, str):
            errors.append({"message": "expected string", "location": f"body.{key}", "value": value})
    if errors:
        # What was sent may be a credential: it is not sent back.
        raise invalid(*({**error, "value": None} for error in errors))
    return {field: body[field] for field in fields}
