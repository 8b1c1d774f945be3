"""OpenID Connect: GitHub Actions' identity tokens, and those of an issuer that the operator chose."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mcp_registrar.registry.auth.github import permissions_of_account
from mcp_registrar.registry.auth.permissions import Permission
from mcp_registrar.registry.auth.proofs import Grant, Refused
from mcp_registrar_tools.errors import OutboundError

if TYPE_CHECKING:
    from mcp_registrar.registry.app import RegistryApp

FIELDS = ("oidc_token",)
ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")

SKEW = 300
"""Seconds that an issuer's clock may be ahead of ours."""


async def by_github_actions(app: RegistryApp, body: Mapping[str, str]) -> Grant:
    """A workflow's token grants the namespace of its repository's owner, an organisation's included."""
    audience = app.config.github_oidc_audience
    if not audience:
        raise Refused("GitHub OIDC exchange disabled: this deployment has no audience configured")
    issuer = app.config.github_oidc_issuer
    keys = app.config.github_jwks_url or f"{issuer.rstrip('/')}/.well-known/jwks"
    try:
        claims = await _claims(app, body["oidc_token"], keys, ["RS256"])
        if claims.get("iss") != issuer:
            raise Refused(f"invalid issuer: expected {issuer}, got {claims.get('iss', '')}")
        audiences = _strings(claims.get("aud"))
        if audience not in audiences:
            raise Refused(f"invalid audience: expected {audience}, got [{' '.join(audiences)}]")
        owner = claims.get("repository_owner")
        if not isinstance(owner, str) or not owner:
            raise Refused("repository owner claim is required")
    except Refused as refusal:
        raise Refused(f"failed to validate OIDC token: {refusal}") from None
    return Grant(str(claims.get("sub", "")), permissions_of_account(owner, []))


async def by_issuer(app: RegistryApp, body: Mapping[str, str]) -> Grant:
    """A token of the configured issuer grants the configured patterns."""
    config = app.config
    try:
        issuer = config.oidc_issuer.rstrip("/")
        found = await _get(app, f"{issuer}/.well-known/openid-configuration")
        if not isinstance(found, dict) or str(found.get("issuer", "")).rstrip("/") != issuer:
            raise Refused(f"the issuer's own description does not name {config.oidc_issuer}")
        offered = _strings(found.get("id_token_signing_alg_values_supported"))
        algorithms = [each for each in offered if each in ASYMMETRIC] or ["RS256"]
        keys = found.get("jwks_uri")
        if not isinstance(keys, str) or not keys:
            raise Refused("the issuer's own description has no jwks_uri")
        claims = await _claims(app, body["oidc_token"], keys, algorithms, key_id_required=False)
        if str(claims.get("iss", "")).rstrip("/") != issuer:
            raise Refused(f"invalid issuer: expected {config.oidc_issuer}, got {claims.get('iss', '')}")
        if config.oidc_client_id not in _strings(claims.get("aud")):
            raise Refused(f"invalid audience: expected {config.oidc_client_id}")
    except Refused as refusal:
        raise Refused(f"failed to validate OIDC token: {refusal}") from None
    for rule in config.extra_claims():
        for name, expected in rule.items():
            if name not in claims:
                raise Refused(
                    f"extra claims validation failed: claim validation failed: required claim {name} not found"
                )
            if not claim_matches(claims[name], expected):
                raise Refused(f"extra claims validation failed: claim validation failed: {name} is not as expected")
    permissions = [Permission("publish", each) for each in config.listed(config.oidc_publish_permissions)]
    permissions += [Permission("edit", each) for each in config.listed(config.oidc_edit_permissions)]
    return Grant(str(claims.get("sub", "")), permissions)


def claim_matches(actual: Any, expected: Any) -> bool:
    """Equal, or, when one or both are lists, at least one value in common."""
    mine = actual if isinstance(actual, list) else [actual]
    wanted = expected if isinstance(expected, list) else [expected]
    # True is not 1, as in JSON.
    return any(isinstance(a, bool) == isinstance(b, bool) and a == b for a in mine for b in wanted)


async def _claims(
    app: RegistryApp, token: str, keys_url: str, algorithms: Sequence[str], *, key_id_required: bool = True
) -> dict[str, Any]:
    """The claims of a token that one of the issuer's keys signed, that has begun and has not expired."""
    import jwt

    try:
        key_id = jwt.get_unverified_header(token).get("kid")
        if key_id_required and not isinstance(key_id, str):
            raise Refused("failed to parse token: missing kid in token header")
        keys = await _keys(app, keys_url, key_id)
        for position, key in enumerate(keys, 1):
            try:
                claims: dict[str, Any] = jwt.decode(
                    token,
                    jwt.PyJWK.from_dict(key),
                    algorithms=list(algorithms),
                    # Issuer and audience are compared by the caller, whose words for it are the registry's own.
                    # "nbf" is below; "iat" forbids nothing.
                    options={
                        "require": ["exp"],
                        "verify_aud": False,
                        "verify_iss": False,
                        "verify_sub": False,
                        "verify_iat": False,
                        "verify_nbf": False,
                    },
                )
                break
            except jwt.ExpiredSignatureError:
                raise
            except (jwt.PyJWTError, ValueError, TypeError, KeyError):
                # Of several keys another may be the right one; some are of a kind we cannot read.
                if position == len(keys):
                    raise
    except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:  # an unreadable key raises any of these
        raise Refused(f"failed to parse token: {error}") from None
    begins = claims.get("nbf", 0)
    if not isinstance(begins, int | float) or begins > time.time() + SKEW:
        raise Refused("failed to parse token: the token is not yet valid (nbf)")
    return claims


async def _keys(app: RegistryApp, url: str, key_id: str | None) -> list[dict[str, Any]]:
    """The issuer's keys with this id; all of them when the token names none. At least one."""
    found = await _get(app, url)
    listed = found.get("keys") if isinstance(found, dict) else None
    keys = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    if key_id is not None:
        keys = [each for each in keys if each.get("kid") == key_id]
    if not keys:
        raise Refused(f"failed to get public key: key with ID {key_id} not found")
    return keys


async def _get(app: RegistryApp, url: str) -> Any:
    try:
        answer = await app.outbound().fetch("GET", url, headers={"accept": "application/json"})
        if answer.status != 200:
            raise Refused(f"failed to fetch JWKS: {url} returned status {answer.status}")
        return answer.json()
    except OutboundError as error:
        raise Refused(f"failed to fetch JWKS: {error.message}") from None
    except ValueError:
        raise Refused(f"failed to fetch JWKS: {url} is no JSON") from None


def _strings(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]
