"""The same requests to our registry and to the official one, in the same order: the answers must agree.

Needs the official registry, built by ``python -m tests.real.components._official``; skipped without it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from benchmarks.serving import SEED, Reply, ask, document, running

from mcp_registrar.registry.auth.permissions import EVERYTHING, Permission
from mcp_registrar.registry.auth.tokens import Tokens
from mcp_registrar.registry.config import RegistryConfig
from tests.real.components import _official, postgres

pytestmark = [pytest.mark.peer, pytest.mark.anyio]

Asked = tuple[str, str, Any, dict[str, str]]


def token(*permissions: Permission) -> str:
    return "Bearer " + Tokens(SEED).sign("none", "peer", permissions, lifetime=3600)[0]


FULL, OTHER, NOTHING = token(*EVERYTHING), token(Permission("publish", "com.other/*")), token()


def publish(given: Any, **headers: str) -> Asked:
    return "POST", "/v0/publish", given, headers or {"authorization": FULL}


REQUESTS: list[Asked] = [
    publish(document("com.example/ab", "1.0.0")),
    publish(document("com.example/ab", "1.0.0")),
    publish(
        document(
            "com.example/ab",
            "1.1.0",
            title="T",
            packages=[],
            remotes=[{"type": "sse", "url": "https://x.example/mcp", "headers": [{"name": "H", "isRequired": True}]}],
            icons=[],
        )
    ),
    publish(document("com.example/bb", "1.0.0", remotes=[{"type": "sse", "url": "https://x.example/mcp"}])),
    publish({}),
    publish({"name": "x"}),
    publish([]),
    publish("x"),
    publish(document("com.example/a", "1.0.0")),
    publish(document("com.example/ab", "latest")),
    publish(document("com.example/ab", " ")),
    publish(document("com.example/cc", "1.0.0", description="")),
    publish(document("com.example/cc", "1.0.0", bogus=1)),
    publish(document("com.example/cc", "1.0.0", title="")),
    publish(document("com.example/cc", "1.0.0", packages=[{}])),
    publish(document("com.example/cc", "1.0.0", version_=3)),
    publish({**document("com.example/cc", "1.0.0"), "version": 3}),
    publish(
        document(
            "com.example/cc", "1.0.0", _meta={"io.modelcontextprotocol.registry/publisher-provided": {"a": "x" * 5000}}
        )
    ),
    publish(document("com.example/cc", "1.0.0", _meta={"foreign": {}})),
    publish(document("com.example/cc", "1.0.0"), authorization=OTHER),
    publish(document("io.github.foo/cc", "1.0.0"), authorization=OTHER),
    publish(document("com.example/cc", "1.0.0"), authorization=NOTHING),
    publish(document("com.example/cc", "1.0.0"), authorization="Bearer"),
    publish(document("com.example/cc", "1.0.0"), authorization="Bearer "),
    publish(document("com.example/cc", "1.0.0"), authorization="Basic x"),
    publish(document("com.example/cc", "1.0.0"), authorization="Bearer a.b.c"),
    ("POST", "/v0/publish", document("com.example/cc", "1.0.0"), {}),
    ("POST", "/v0/publish", {"name": "x"}, {}),
    ("GET", "/v0/servers", None, {}),
    ("GET", "/v0/servers?limit=1", None, {}),
    ("GET", "/v0/servers?limit=0", None, {}),
    ("GET", "/v0/servers?limit=101", None, {}),
    ("GET", "/v0/servers?limit=abc", None, {}),
    ("GET", "/v0/servers?limit=", None, {}),
    ("GET", "/v0/servers?limit=+5", None, {}),
    ("GET", "/v0/servers?limit=%2B5", None, {}),
    ("GET", "/v0/servers?include_deleted=maybe", None, {}),
    ("GET", "/v0/servers?include_deleted=T", None, {}),
    ("GET", "/v0/servers?updated_since=2020-01-01", None, {}),
    ("GET", "/v0/servers?updated_since=2020-01-01T00:00:00z", None, {}),
    ("GET", "/v0/servers?updated_since=2020-01-01T00:00:00,5Z", None, {}),
    ("GET", "/v0/servers?updated_since=2020-01-01T00:00:00Z&include_deleted=false", None, {}),
    ("GET", "/v0/servers?cursor=zzz", None, {}),
    ("GET", "/v0/servers?search=EXAMPLE", None, {}),
    ("GET", "/v0/servers?search=%25", None, {}),
    ("GET", "/v0/servers?version=latest", None, {}),
    ("GET", "/v0/servers?version=1.0.0", None, {}),
    ("GET", "/v0/servers?limit=1&limit=2", None, {}),
    ("GET", "/v0/servers?limit=abc&include_deleted=zz", None, {}),
    ("GET", "/v0/servers/com.example%2Fab/versions", None, {}),
    ("GET", "/v0/servers/com.example%2Fab/versions/latest", None, {}),
    ("GET", "/v0/servers/com.example%252Fab/versions/latest", None, {}),
    ("GET", "/v0/servers/com.example/ab/versions/latest", None, {}),
    ("GET", "/v0/servers/a%25zz/versions/1.0.0", None, {}),
    ("GET", "/v0/servers/com.example%2Fab/versions/%25zz", None, {}),
    ("GET", "/v0/servers/a%zz/versions/1.0.0", None, {}),
    ("GET", "/v0/servers/none%2Fnone/versions", None, {}),
    ("GET", "/v0/servers/none%2Fnone/versions/1", None, {}),
    ("GET", "/v0/servers/com.example%2Fab/versions/%ff", None, {}),
    ("GET", "/v0/servers/%2500/versions/1", None, {}),
    ("GET", "/v0/servers/com.example%2Fab/versions?include_deleted=x", None, {}),
    ("GET", "/v0/servers/", None, {}),
    ("GET", "/v0//servers/../ping/?a=b", None, {}),
    ("GET", "//evil.com/", None, {}),
    ("GET", "/nope", None, {}),
    ("GET", "/v0/nope", None, {}),
    ("GET", "/v0", None, {}),
    ("DELETE", "/v0/servers/com.example%2Fab/versions/1.0.0", None, {"authorization": FULL}),
    ("POST", "/v0/ping", None, {}),
    ("HEAD", "/v0/ping", None, {}),
    ("GET", "/v0/ping", None, {}),
    ("GET", "/v0/health", None, {}),
    ("GET", "/v0/servers?cursor=%00", None, {}),
    ("GET", "/v0/x%00", None, {}),
    ("OPTIONS", "/v0/servers", None, {"origin": "https://a.example", "access_control_request_method": "POST"}),
    ("GET", "/v0/ping", None, {"origin": "https://a.example"}),
    ("POST", "/v0/validate", document("com.example/ab", "latest"), {}),
    ("POST", "/v0/validate", {}, {}),
    (
        "POST",
        "/v0/validate",
        document("com.example/ab", "1.0.0", repository={"url": "https://x.y/z", "source": "gitty"}),
        {},
    ),
    ("POST", "/v0/validate", b"{", {}),
    ("POST", "/v0/validate", b"", {}),
    ("POST", "/v0/validate", b"null", {}),
    ("POST", "/v0/validate", b'{"a":NaN}', {}),
    ("POST", "/v0/validate", b"a: 1", {"content_type": "text/yaml"}),
    ("POST", "/v0/validate", b" " * 1048576, {}),
    ("POST", "/v0/validate", b" " * 1048575, {}),
    ("PATCH", "/v0/servers/com.example%2Fab/versions/1.0.0/status", {}, {"authorization": FULL}),
    ("PATCH", "/v0/servers/com.example%2Fab/versions/1.0.0/status", {"status": "active"}, {"authorization": FULL}),
    (
        "PATCH",
        "/v0/servers/com.example%2Fab/versions/1.0.0/status",
        {"status": "bogus", "x": 1, "statusMessage": 5},
        {},
    ),
    (
        "PATCH",
        "/v0/servers/com.example%2Fab/versions/1.0.0/status",
        {"status": "active", "statusMessage": "x"},
        {"authorization": FULL},
    ),
    (
        "PATCH",
        "/v0/servers/com.example%2Fab/versions/1.0.0/status",
        {"status": "active", "statusMessage": ""},
        {"authorization": FULL},
    ),
    ("PATCH", "/v0/servers/com.example%2Fab/versions/latest/status", {"status": "deprecated"}, {"authorization": FULL}),
    ("PATCH", "/v0/servers/com.example%2Fab/versions/9/status", {"status": "deprecated"}, {"authorization": OTHER}),
    (
        "PATCH",
        "/v0/servers/com.example%2Fab/versions/1.0.0/status",
        {"status": "deprecated", "statusMessage": "a" * 501},
        {"authorization": FULL},
    ),
    (
        "PATCH",
        "/v0/servers/com.example%2Fab/versions/1.0.0/status",
        {"status": "deleted", "statusMessage": "bad"},
        {"authorization": FULL},
    ),
    ("GET", "/v0/servers/com.example%2Fab/versions/1.0.0", None, {}),
    ("GET", "/v0/servers/com.example%2Fab/versions/1.0.0?include_deleted=true", None, {}),
    (
        "PUT",
        "/v0/servers/com.example%2Fab/versions/1.0.0",
        document("com.example/ab", "1.0.0"),
        {"authorization": FULL},
    ),
    (
        "PUT",
        "/v0/servers/com.example%2Fab/versions/1.1.0",
        document("com.example/ab", "1.1.0", description="edited"),
        {"authorization": FULL},
    ),
    (
        "PUT",
        "/v0/servers/com.example%2Fab/versions/latest",
        document("com.example/ab", "1.1.0"),
        {"authorization": FULL},
    ),
    (
        "PUT",
        "/v0/servers/com.example%2Fab/versions/latest",
        document("com.example/ab", "latest"),
        {"authorization": FULL},
    ),
    ("PATCH", "/v0/servers/com.example%2Fab/status", {"status": "deleted"}, {"authorization": FULL}),
    ("PATCH", "/v0/servers/com.example%2Fab/status", {"status": "deleted"}, {"authorization": FULL}),
    (
        "PATCH",
        "/v0/servers/com.example%2Fab/status",
        {"status": "active", "statusMessage": "x"},
        {"authorization": FULL},
    ),
    ("PATCH", "/v0/servers/nope%2Fnope/status", {"status": "active"}, {"authorization": OTHER}),
    ("GET", "/v0/servers/com.example%2Fab/versions/latest?include_deleted=true", None, {}),
    ("GET", "/v0/servers/com.example%2Fab/versions", None, {}),
    ("POST", "/v0/auth/dns", {}, {}),
    ("POST", "/v0/auth/dns", {"domain": "", "timestamp": "", "signed_timestamp": ""}, {}),
    ("POST", "/v0/auth/dns", {"domain": "a..b", "timestamp": "x", "signed_timestamp": "y"}, {}),
    ("POST", "/v0/auth/github-oidc", {"oidc_token": "x"}, {}),
    ("POST", "/v0/auth/github-oidc", {"oidc_token": ""}, {}),
    ("POST", "/v0/auth/oidc", {"oidc_token": "x"}, {}),
    ("POST", "/v0/auth/dns", {"domain": "example.com", "timestamp": "x", "signed_timestamp": "y"}, {}),
]

# Where we differ on purpose, and why.
DIFFERENT = {
    "/v0/servers?search=%25": "it wants three characters now; a team's registry is small",
    "/v0/servers/com.example%2Fab/versions/%ff": "it answers 500 to bytes that are no text",
    "/v0/servers/a%zz/versions/1.0.0": "its language's server refuses the address in plain text",
}


def gist(reply: Reply) -> tuple[Any, ...]:
    """Status, content type and the body without times; of a problem what, not the language's words for why."""
    kind = reply.headers.get("content-type", "").partition(";")[0]
    if reply.status in (204, 308) or not reply.body:
        return reply.status, reply.headers.get("location")
    if not kind.endswith("json"):
        return reply.status, kind, reply.body
    body = reply.json()
    if kind == "application/problem+json":
        detail = body["detail"].partition(". If you're trying")[0]
        return (
            reply.status,
            kind,
            body["title"],
            detail,
            sorted(each.get("location", "") for each in body.get("errors", [])),
        )
    return reply.status, kind, re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", json.dumps(body, sort_keys=True))


async def test_our_registry_answers_as_the_official_one(tmp_path: Path) -> None:
    reason = _official.missing() or postgres.missing()
    if reason:
        pytest.skip(reason)
    config = RegistryConfig(ownership="off", enable_anonymous_auth=True)
    with postgres.start() as database, _official.start(database.url, tmp_path) as url:
        port = int(url.rpartition(":")[2])
        async with running(config) as ours:
            different = []
            for method, target, given, headers in REQUESTS:
                if target in DIFFERENT:
                    continue
                body: dict[str, Any] = {"content": given} if isinstance(given, bytes) else {"json": given}
                theirs = gist(await ask(port, method, target, **body, **headers))
                mine = gist(await ours.ask(method, target, **body, **headers))
                if mine != theirs:
                    different.append(f"{method} {target} {str(given)[:200]}\n  official {theirs}\n  ours     {mine}")
    assert different == [], "\n".join(different)
