"""Kinds of cases that the embedded registry answers, over real HTTP wherever the kind allows."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.official_cases import Case, kind
from benchmarks.serving import Reply, Running, document, running
from benchmarks.upstreams import github_api, json_server, key_server, nameserver, rsa_key
from mcp_registrar.registry.api.reads import split_cursor
from mcp_registrar.registry.auth import keys
from mcp_registrar.registry.auth.domain import check
from mcp_registrar.registry.auth.oidc import claim_matches
from mcp_registrar.registry.auth.permissions import BLOCKED, Permission, allowed, is_blocked
from mcp_registrar.registry.auth.proofs import Refused
from mcp_registrar.registry.config import RegistryConfig
from mcp_registrar.registry.store.rows import OFFICIAL
from mcp_registrar_tools.outbound import Outbound
from mcp_registrar_tools.registries import signing

CLIENT_ID = "Iv1.0123456789abcdef"


# Requests


@kind("http_request")
async def http_request(case: Case) -> str | None:
    given, expected = case["input"], case["expected"]
    config = RegistryConfig(ownership="off", github_client_id=CLIENT_ID, enable_anonymous_auth=True)
    async with running(config) as registry:
        for step in given.get("setup", []):
            trouble = await _set_up(registry, step)
            if trouble:
                return trouble
        request = given["request"]
        headers = _authorization(registry, request.get("auth"))
        headers |= {name.lower().replace("-", "_"): value for name, value in request.get("headers", {}).items()}
        content = request["body"].encode() if isinstance(request.get("body"), str) else None
        reply = await registry.ask(
            request["method"], request["target"], request.get("json"), content=content, **headers
        )
    if "next handler" in case.get("note", "") and expected["status"] == 200:
        return None if reply.status not in (308, 400) else f"{reply.status}: not passed on"
    return _compare(reply, expected)


def _authorization(registry: Running, auth: dict[str, Any] | None) -> dict[str, str]:
    if not auth:
        return {}
    if "header" in auth:
        return {"authorization": auth["header"]}
    permissions = [Permission(each["action"], each["resource"]) for each in auth["bearer_permissions"]]
    lifetime = -60 if auth.get("expired") else 300
    token, _ = registry.tokens.sign("none", "case", permissions, lifetime=lifetime)
    return {"authorization": f"{auth.get('header_scheme', 'Bearer').split()[0]} {token}"}


async def _set_up(registry: Running, step: dict[str, Any]) -> str | None:
    name = step["name"]
    path = f"/v0/servers/{_quoted(name)}"
    if step["op"] == "publish":
        more = {key: value for key, value in step.items() if key not in ("op", "name", "version")}
        reply = await registry.publish(name, step["version"], **more)
    else:
        body = {"status": step["status"], **({"statusMessage": step["message"]} if step.get("message") else {})}
        if step["op"] == "set_status":
            path += f"/versions/{_quoted(step['version'])}"
        reply = await registry.ask("PATCH", f"{path}/status", body, authorization=registry.bearer())
    return None if reply.status == 200 else f"setup {step}: {reply.status} {reply.body.decode()}"


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


def _compare(reply: Reply, expected: dict[str, Any]) -> str | None:
    text = reply.body.decode("utf-8", "replace")
    if reply.status != expected["status"]:
        return f"status {reply.status}, expected {expected['status']}: {text[:300]}"
    for part in expected.get("body_contains", []):
        if part not in text and part not in _plain(text):
            return f"{part!r} is not in {text[:300]}"
    for name, value in expected.get("headers", {}).items():
        if reply.headers.get(name.lower()) != value:
            return f"header {name}: {reply.headers.get(name.lower())!r}, expected {value!r}"
    content_type = reply.headers.get("content-type", "").partition(";")[0]
    if expected.get("content_type", content_type) != content_type:
        return f"content type {content_type}, expected {expected['content_type']}"
    for key, value in expected.items():
        if key in ("status", "body_contains", "headers", "content_type"):
            continue
        body = reply.json()
        if key == "json":
            wanted = {k: CLIENT_ID if str(v).startswith("<configured") else v for k, v in value.items()}
            if body != wanted:
                return f"body {body}, expected {wanted}"
        elif key == "json_subset":
            if any(body.get(k) != v for k, v in value.items()):
                return f"body {body}, expected at least {value}"
        elif key == "json_keys":
            if sorted(body) != sorted(value):
                return f"keys {sorted(body)}, expected {sorted(value)}"
        elif _at(body, key) != value:
            return f"{key} is {_at(body, key)!r}, expected {value!r}"
    return None


def _plain(text: str) -> str:
    """All strings of a JSON body, unescaped, one after another."""
    try:
        body = json.loads(text)
    except ValueError:
        return text

    def strings(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [s for each in value.values() for s in strings(each)]
        if isinstance(value, list):
            return [s for each in value for s in strings(each)]
        return [value] if isinstance(value, str) else []

    return "\n".join(strings(body))


def _at(body: Any, path: str) -> Any:
    """The value at a dotted path whose keys may hold dots themselves; None when it is not there."""
    if not path:
        return body
    if isinstance(body, list):
        head, _, rest = path.partition(".")
        return _at(body[int(head)], rest) if head.isdecimal() and int(head) < len(body) else None
    if not isinstance(body, dict):
        return None
    for key, value in body.items():
        if path == key:
            return value
        if path.startswith(key + "."):
            found = _at(value, path[len(key) + 1 :])
            if found is not None:
                return found
    return None


@kind("cursor")
async def cursor(case: Case) -> str | None:
    given, expected = case["input"], case["expected"]
    if "cursor" in given:
        name, version = split_cursor(given["cursor"]) or ("", "")
        found = {"server_name": name, "version": version if ":" in given["cursor"] else None}
        wanted = {"server_name": expected["server_name"], "version": expected.get("version") or None}
        return None if found == wanted else f"{found}, expected {wanted}"
    last = given["page_last"]
    async with running() as registry:
        # Into the store itself: the case's one-letter names are not ones that may be published.
        for number in range(given["page_size"] - 1):
            await registry.store.publish(document(f"00.first/s{number:05}", "1.0.0"))
        await registry.store.publish(document(last["name"], last["version"]))
        reply = await registry.ask("GET", f"/v0/servers?limit={given['limit']}")
    found = reply.json()["metadata"].get("nextCursor")
    return None if found == expected["nextCursor"] else f"nextCursor {found!r}, expected {expected['nextCursor']!r}"


@kind("latest_scenario")
async def latest_scenario(case: Case) -> str | None:
    given, expected = case["input"], case["expected"]
    name = given["server_name"]
    async with running() as registry:
        for step in given["steps"]:
            trouble = await _set_up(registry, {"name": name, **step})
            if trouble:
                return trouble
        path = f"/v0/servers/{_quoted(name)}/versions"
        latest = await registry.ask("GET", f"{path}/latest")
        hidden = await registry.ask("GET", f"{path}/latest?include_deleted=true")
        everything = await registry.ask("GET", f"{path}?include_deleted=true")
    flags = sum(each["_meta"][OFFICIAL]["isLatest"] for each in everything.json()["servers"])
    found = {
        "latest": latest.json()["server"]["version"] if latest.status == 200 else None,
        "latest_http_status": latest.status,
        "latest_include_deleted": hidden.json()["server"]["version"] if hidden.status == 200 else None,
        "latest_flag_count": flags,
    }
    different = {key: found[key] for key, value in expected.items() if found[key] != value}
    return f"{different}, expected {expected}" if different else None


# Logins


@kind("auth")
async def auth(case: Case) -> str | None:
    given = case["input"]
    reply = await _login(given)
    return _judge(reply, case["expected"])


def _judge(reply: Reply, expected: dict[str, Any]) -> str | None:
    valid = reply.status == 200
    text = _plain(reply.body.decode())
    if valid != expected["valid"]:
        return f"{reply.status}: {text}"
    if expected.get("http_status") and reply.status != expected["http_status"]:
        return f"status {reply.status}, expected {expected['http_status']}"
    for error in expected.get("errors", []):
        for part in error.values():
            if part not in text:
                return f"{part!r} is not in {text!r}"
    if valid:
        claims = _claims(reply)
        if "subject" in expected and claims["auth_method_sub"] != expected["subject"]:
            return f"subject {claims['auth_method_sub']}"
        if "permissions" in expected and claims["permissions"] != expected["permissions"]:
            return f"permissions {claims['permissions']}"
    return None


def _claims(reply: Reply) -> dict[str, Any]:
    import jwt

    claims: dict[str, Any] = jwt.decode(reply.json()["registry_token"], options={"verify_signature": False})
    return claims


@kind("auth_grant")
async def auth_grant(case: Case) -> str | None:
    given, expected = case["input"], case["expected"]
    if "domain" in given:
        domain = given["domain"]
        record = "v=MCPv1; k=ed25519; p=<signing key>"
        given = {**given, "txt": {domain: [record]}, "well_known": {"status": 200, "text": record}}
    reply = await _login(given)
    if reply.status != 200:
        return f"{reply.status}: {reply.body.decode()}"
    claims = _claims(reply)
    if claims["permissions"] != expected["permissions"]:
        return f"permissions {claims['permissions']}"
    if "subject" in expected and claims["auth_method_sub"] != expected["subject"]:
        return f"subject {claims['auth_method_sub']}"
    for pattern in expected.get("not_granted", []):
        if any(each["resource"] == pattern for each in claims["permissions"]):
            return f"{pattern} is granted"
    return None


async def _login(given: dict[str, Any]) -> Reply:
    """Log in as a case says, against upstream services that say what the case says."""
    method = given["method"]
    if method in ("dns", "http"):
        return await _login_by_domain(method, given)
    if method == "github-at":
        async with (
            github_api(given["login"], given.get("org_memberships", [])) as url,
            running(RegistryConfig(github_api_url=url), outbound=Outbound(trusted_origins=[url])) as registry,
        ):
            return await registry.ask("POST", "/v0/auth/github-at", {"github_token": "gho_case"})
    if method in ("github-oidc", "oidc"):
        return await _login_by_oidc(method, given)
    async with running(RegistryConfig(enable_anonymous_auth=given.get("enabled", True))) as registry:
        return await registry.ask("POST", "/v0/auth/none")


async def _login_by_domain(method: str, given: dict[str, Any]) -> Reply:
    mine = signing.generate(given.get("algorithm", "ed25519"))

    def filled(text: str) -> str:
        """Every <… key> becomes a key: mine for the signing one, somebody else's for the others."""
        return re.sub(
            r"<([^>]*) key[^>]*>|<[^>]*key[^>]*>",
            lambda m: mine.public if "signing" in m[0] else signing.generate(mine.algorithm).public,
            text,
        )

    moment = datetime.now(UTC) + timedelta(seconds=given.get("timestamp_offset_s", 0))
    timestamp = given.get("timestamp") or moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {"domain": given["domain"], "timestamp": timestamp, "signed_timestamp": mine.sign(timestamp.encode())}
    body["signed_timestamp"] = given.get("signed_timestamp", body["signed_timestamp"])
    if method == "dns":
        zone = {name: [filled(text) for text in texts] for name, texts in given.get("txt", {}).items()}
        with nameserver(zone, broken="dns_error" in given) as address:
            async with running(RegistryConfig(dns_server=address)) as registry:
                return await registry.ask("POST", "/v0/auth/dns", body)
    answer = given.get("well_known", {"status": 404})
    if "resolved_ip" in answer:

        async def resolver(host: str, port: int) -> list[str]:
            return [answer["resolved_ip"]]

        async with running(RegistryConfig(), outbound=Outbound(resolver=resolver)) as registry:
            return await registry.ask("POST", "/v0/auth/http", body)
    text = filled(answer.get("text", "")) + "x" * answer.get("padding", 0)
    async with (
        key_server(answer.get("status", 200), text, cut="error" in answer) as url,
        running(RegistryConfig(http_auth_origin=url), outbound=Outbound(trusted_origins=[url])) as registry,
    ):
        return await registry.ask("POST", "/v0/auth/http", body)


async def _login_by_oidc(method: str, given: dict[str, Any]) -> Reply:
    import jwt

    private, public = rsa_key()
    issued = {"exp": datetime.now(UTC) + timedelta(minutes=5), "iat": datetime.now(UTC)}
    claims = {**issued, **given["token_claims"]}
    claims = {name: value for name, value in claims.items() if value is not None}
    key_id = given.get("kid", "case")
    token = jwt.encode(claims, private, algorithm="RS256", headers={"kid": key_id})
    async with json_server({"/jwks": {"keys": [{**public, "kid": "case"}]}}) as url:
        config = RegistryConfig(
            github_oidc_audience=given.get("configured_audience", ""), github_jwks_url=f"{url}/jwks"
        )
        async with running(config, outbound=Outbound(trusted_origins=[url])) as registry:
            return await registry.ask("POST", f"/v0/auth/{method}", {"oidc_token": token})


# Rules behind the logins


@kind("permission")
async def permission(case: Case) -> str | None:
    given = case["input"]
    permissions = [Permission(each["action"], each["resource"]) for each in given["permissions"]]
    found = allowed(given["resource"], given["action"], permissions)
    return None if found == case["expected"]["allowed"] else f"allowed: {found}"


@kind("auth_blocklist")
async def auth_blocklist(case: Case) -> str | None:
    given = case["input"]
    permissions = [Permission(each["action"], each["resource"]) for each in given["permissions"]]
    return _refusal(case["expected"], BLOCKED if is_blocked(permissions, given["blocked"]) else None)


def _refusal(expected: dict[str, Any], message: str | None) -> str | None:
    if expected["valid"] != (message is None):
        return f"valid: {message is None} {message or ''}"
    for error in expected.get("errors", []):
        for part in error.values():
            if part not in (message or ""):
                return f"{message!r} does not say {part!r}"
    return None


@kind("dns_txt")
async def dns_txt(case: Case) -> str | None:
    found = keys.RECORD.search(case["input"])
    result: dict[str, Any] = {"matches": found is not None}
    if found:
        result |= {"algorithm": found[1], "public_key": found[2]}
    return None if result == case["expected"] else f"{result}, expected {case['expected']}"


@kind("public_key")
async def public_key(case: Case) -> str | None:
    message = None
    try:
        keys.parse(case["input"]["algorithm"], case["input"]["public_key"])
    except Refused as refusal:
        message = str(refusal)
    return _refusal(case["expected"], message)


@kind("signature")
async def signature(case: Case) -> str | None:
    given, expected = case["input"], case["expected"]
    secret = given.get("private_seed_hex") or given.get("private_key_hex")
    mine = signing.parse(secret, "the case") if secret else None
    signed = given.get("signed_timestamp") or (mine.sign(given["timestamp"].encode()) if mine else "")
    public = given.get("public_key") or (mine.public if mine else "")
    at = datetime.fromisoformat(given["now"])
    message = None
    try:
        _, raw = check("example.com", given["timestamp"], signed, at=at)
        keys.verify([keys.parse(given["algorithm"], public)], given["timestamp"].encode(), raw)
    except Refused as refusal:
        message = str(refusal)
    if mine:
        made = {"proof_record": mine.record, "fingerprint": mine.fingerprint, "signed_timestamp": signed}
        for name, value in made.items():
            if name in expected and expected[name] != value:
                return f"{name} {value}, expected {expected[name]}"
    return _refusal(expected, message)


@kind("oidc_audience")
async def oidc_audience(case: Case) -> str | None:
    from mcp_registrar_tools.registries.github import audience

    found = audience(case["input"])
    return None if found == case["expected"]["audience"] else f"{found!r}, expected {case['expected']['audience']!r}"


@kind("oidc_claim_match")
async def oidc_claim_match(case: Case) -> str | None:
    found = claim_matches(case["input"]["actual"], case["input"]["expected"])
    return None if found == case["expected"]["match"] else f"match: {found}"
