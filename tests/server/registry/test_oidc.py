"""The login with a token of an issuer that the operator chose: a real issuer and a real registry over HTTP."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
import pytest
from benchmarks.serving import Reply, Running, document, running
from benchmarks.upstreams import json_server, rsa_key
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from mcp_registrar.registry.config import RegistryConfig
from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.outbound import Outbound

pytestmark = pytest.mark.anyio

CLIENT = "registry-client"
DISCOVERY = "/realms/team/.well-known/openid-configuration"


@dataclasses.dataclass
class Issuer:
    """An OpenID provider below ``url``; ``pages`` is what it serves."""

    url: str
    pages: dict[str, Any]
    registry: Running

    def claims(self, **more: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "sub": "user-7", "iat": now, "exp": now + 300, **more}
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, key: Any = None, algorithm: str = "RS256", kid: str | None = "one", **claims: Any) -> str:
        headers = {"kid": kid} if kid else {}
        return jwt.encode(self.claims(**claims), key or rsa_key()[0], algorithm=algorithm, headers=headers)

    async def login(self, token: str) -> Reply:
        return await self.registry.ask("POST", "/v0/auth/oidc", {"oidc_token": token})


@asynccontextmanager
async def issuing(trailing_slash: bool = False, **settings: Any) -> AsyncIterator[Issuer]:
    pages: dict[str, Any] = {}
    async with json_server(pages) as origin:
        url = f"{origin}/realms/team" + "/" * trailing_slash
        pages[DISCOVERY] = {
            "issuer": url,
            "jwks_uri": f"{origin}/keys",
            "id_token_signing_alg_values_supported": ["RS256", "EdDSA", "HS256"],
        }
        pages["/keys"] = {"keys": [{**rsa_key()[1], "kid": "one"}]}
        values = {
            "OIDC_ENABLED": "true",
            "OIDC_ISSUER": url,
            "OIDC_CLIENT_ID": CLIENT,
            "OIDC_PUBLISH_PERMISSIONS": "com.acme/*, com.acme.tools/*",
            "OIDC_EDIT_PERMISSIONS": "com.acme/*",
            "OWNERSHIP": "off",
            **settings,
        }
        config = RegistryConfig.from_environment({f"MCP_REGISTRY_{key}": value for key, value in values.items()})
        async with running(config, outbound=Outbound(trusted_origins=[origin])) as registry:
            yield Issuer(url, pages, registry)


def why(reply: Reply) -> str:
    assert reply.status == 401, reply.body
    body = reply.json()
    assert body["detail"] == "Token exchange failed"
    return str(body["errors"][0]["message"])


async def test_its_token_may_publish_and_edit_what_was_configured_and_nothing_else() -> None:
    async with issuing() as issuer:
        registry = issuer.registry
        reply = await issuer.login(issuer.token())
        assert reply.status == 200, reply.body
        token = reply.json()["registry_token"]
        assert reply.json()["expires_at"] == pytest.approx(time.time() + 300, abs=5)
        claims = jwt.decode(token, options={"verify_signature": False})
        assert (claims["auth_method"], claims["auth_method_sub"]) == ("oidc", "user-7")
        bearer = f"Bearer {token}"

        async def publish(name: str) -> int:
            return (await registry.ask("POST", "/v0/publish", document(name, "1.0.0"), authorization=bearer)).status

        async def rewrite(name: str) -> int:
            target = f"/v0/servers/{name.replace('/', '%2F')}/versions/1.0.0"
            body = document(name, "1.0.0", description="Edited")
            return (await registry.ask("PUT", target, body, authorization=bearer)).status

        assert [await publish(name) for name in ("com.acme/one", "com.acme.tools/two", "com.acmes/three")] == [
            200, 200, 403,
        ]  # fmt: skip
        assert [await rewrite("com.acme/one"), await rewrite("com.acme.tools/two")] == [200, 403]
        seen = (await registry.ask("GET", "/v0/servers/com.acme%2Fone/versions/latest")).json()
        assert seen["server"]["description"] == "Edited"


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        ({"iss": "https://elsewhere.example"}, "invalid issuer"),
        ({"iss": None}, "invalid issuer"),
        ({"aud": "another-client"}, "invalid audience: expected registry-client"),
        ({"aud": None}, "invalid audience"),
        ({"aud": ["a", "b"]}, "invalid audience"),
        ({"exp": int(time.time()) - 60}, "expired"),
        ({"exp": None}, "exp"),
        ({"exp": "soon"}, "xp"),
        ({"nbf": int(time.time()) + 3600}, "not yet valid"),
    ],
)
async def test_a_token_that_is_not_for_us_or_not_for_now_is_refused(claims: dict[str, Any], text: str) -> None:
    async with issuing() as issuer:
        said = why(await issuer.login(issuer.token(**claims)))
        assert said.startswith("failed to validate OIDC token: ")
        assert text in said


async def test_a_clock_that_runs_a_little_ahead_and_several_audiences_are_fine() -> None:
    async with issuing() as issuer:
        soon = int(time.time()) + 20
        reply = await issuer.login(issuer.token(iat=soon, nbf=soon, aud=["other", CLIENT]))
        assert reply.status == 200, reply.body


async def test_only_the_issuers_keys_count() -> None:
    async with issuing() as issuer:
        stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        assert "ignature verification failed" in why(await issuer.login(issuer.token(key=stranger)))
        assert "key with ID two not found" in why(await issuer.login(issuer.token(kid="two")))
        # HMAC with the public key as its secret, and no signature at all.
        unsigned = jwt.encode(issuer.claims(), None, algorithm="none", headers={"kid": "one"})
        shared = jwt.encode(issuer.claims(), str(rsa_key()[1]["n"]), algorithm="HS256", headers={"kid": "one"})
        for token in (unsigned, shared, "nonsense", "a.b.c", "", "é" * 9, "\ud800"):
            assert why(await issuer.login(token)).startswith("failed to validate OIDC token: failed to parse token")


async def test_the_issuer_may_change_its_keys_and_their_kind() -> None:
    async with issuing() as issuer:
        assert (await issuer.login(issuer.token())).status == 200
        fresh = Ed25519PrivateKey.generate()
        public = OKPAlgorithm.to_jwk(fresh.public_key(), as_dict=True)
        issuer.pages["/keys"] = {"keys": [{"kid": "odd", "kty": "oct"}, {**public, "kid": "two"}]}
        assert (await issuer.login(issuer.token(fresh, "EdDSA", "two"))).status == 200
        assert "key with ID one not found" in why(await issuer.login(issuer.token()))


async def test_a_token_without_a_key_id_is_tried_with_every_key() -> None:
    async with issuing() as issuer:
        other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        other_public = jwt.algorithms.RSAAlgorithm.to_jwk(other.public_key(), as_dict=True)
        issuer.pages["/keys"] = {"keys": [{"kty": "oct"}, other_public, rsa_key()[1]]}
        assert (await issuer.login(issuer.token(kid=None))).status == 200
        stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        assert "failed to parse token" in why(await issuer.login(issuer.token(stranger, kid=None)))


@pytest.mark.parametrize(
    ("path", "page", "text"),
    [
        (DISCOVERY, None, "404"),
        (DISCOVERY, [], "does not name"),
        (DISCOVERY, {"issuer": "https://elsewhere.example", "jwks_uri": "x"}, "does not name"),
        (DISCOVERY, {"issuer": "{url}"}, "jwks_uri"),
        (DISCOVERY, {"issuer": "{url}", "jwks_uri": "file:///etc/passwd"}, "failed to"),
        (DISCOVERY, {"issuer": "{url}", "jwks_uri": "http://127.0.0.1:1/keys"}, "failed to"),
        ("/keys", None, "404"),
        ("/keys", {"keys": {}}, "not found"),
        ("/keys", {"keys": [1, None, {"kid": "one"}]}, "failed to"),
        ("/keys", {"keys": [{"kid": "one", "kty": "RSA"}]}, "failed to"),
        ("/keys", {"keys": [{"kid": "one", "kty": "RSA", "n": 1, "e": []}]}, "failed to"),
        ("/keys", {"keys": [{"kid": "one", "kty": "RSA", "n": "*", "e": "AQAB"}]}, "failed to"),
        ("/keys", {"keys": [{"kid": "one", "kty": "oct"}]}, "failed to"),
        ("/keys", {"keys": [{"kid": "one", "kty": "oct", "k": "c2VjcmV0"}]}, "failed to"),
    ],
)
async def test_what_is_wrong_at_the_issuer_is_told_and_breaks_nothing(path: str, page: Any, text: str) -> None:
    async with issuing() as issuer:
        if page is None:
            del issuer.pages[path]
        else:
            if isinstance(page, dict) and page.get("issuer") == "{url}":
                page = {**page, "issuer": issuer.url}
            issuer.pages[path] = page
        assert text in why(await issuer.login(issuer.token()))


async def test_an_issuer_with_a_slash_at_its_end() -> None:
    async with issuing(trailing_slash=True) as issuer:
        assert issuer.url.endswith("/")
        assert (await issuer.login(issuer.token())).status == 200


async def test_extra_claims_must_all_be_there() -> None:
    rules = '[{"hd": "acme.example"}, {"groups": ["admins", "owners"], "email_verified": true}]'
    async with issuing(OIDC_EXTRA_CLAIMS=rules) as issuer:
        good = {"hd": "acme.example", "groups": ["staff", "owners"], "email_verified": True}
        assert (await issuer.login(issuer.token(**good))).status == 200
        for name, value, text in (
            ("hd", None, "required claim hd not found"),
            ("hd", "evil.example", "hd is not as expected"),
            ("groups", ["staff"], "groups is not as expected"),
            ("email_verified", 1, "email_verified is not as expected"),
        ):
            said = why(await issuer.login(issuer.token(**{**good, name: value})))
            assert said.startswith("extra claims validation failed: ")
            assert text in said


async def test_a_blocked_namespace_gets_no_token_and_without_patterns_nothing_is_allowed() -> None:
    async with issuing(BLOCKED_NAMESPACES="com.acme") as issuer:
        assert "namespace is blocked" in why(await issuer.login(issuer.token()))
    async with issuing(OIDC_PUBLISH_PERMISSIONS="", OIDC_EDIT_PERMISSIONS="") as issuer:
        token = (await issuer.login(issuer.token())).json()["registry_token"]
        reply = await issuer.registry.ask(
            "POST", "/v0/publish", document("com.acme/one", "1.0.0"), authorization=f"Bearer {token}"
        )
        assert reply.status == 403


async def test_it_is_off_unless_switched_on_and_needs_its_settings() -> None:
    async with issuing(OIDC_ENABLED="false") as issuer:
        assert (await issuer.login(issuer.token())).status == 404
    for missing in ("OIDC_ISSUER", "OIDC_CLIENT_ID"):
        with pytest.raises(InputError, match="needs OIDC_ISSUER and OIDC_CLIENT_ID"):
            async with issuing(**{missing: ""}):
                pass
    for bad in ("{}", "[1]", "x"):
        with pytest.raises(InputError, match="JSON array of objects"):
            async with issuing(OIDC_EXTRA_CLAIMS=bad):
                pass
