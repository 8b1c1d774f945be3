"""The API's manners beyond the official cases: order of checks, limits, encodings, CORS, paging, tokens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from benchmarks.serving import Running, document, running

from mcp_registrar.registry import in_process
from mcp_registrar.registry.auth.permissions import Permission
from mcp_registrar.registry.auth.tokens import Tokens
from mcp_registrar.registry.config import RegistryConfig
from mcp_registrar.registry.store import Store
from mcp_registrar_tools.workbench import Settings

pytestmark = pytest.mark.anyio

OFFICIAL = "io.modelcontextprotocol.registry/official"


@pytest.fixture
async def registry(store: Store) -> AsyncIterator[Running]:
    """Over HTTP, on each database."""
    async with running(store=store) as found:
        yield found


def errors(reply: Any) -> list[tuple[str | None, str]]:
    return [(each.get("location"), each["message"]) for each in reply.json()["errors"]]


async def test_the_bodys_shape_is_checked_before_the_token(registry: Running) -> None:
    reply = await registry.ask("POST", "/v0/publish", {"name": "x"}, authorization="Bearer nonsense")
    assert reply.status == 422
    assert ("body", "expected required property version to be present") in errors(reply)
    reply = await registry.ask("POST", "/v0/publish", document("com.example/ab", "^1"), authorization="Bearer nonsense")
    assert reply.status == 401
    reply = await registry.ask("POST", "/v0/publish", {"name": "x"})
    assert ("header.Authorization", "required header parameter is missing") in errors(reply)
    assert len(errors(reply)) > 1


async def test_permission_comes_before_the_documents_rules(registry: Running) -> None:
    token = registry.bearer(Permission("publish", "com.other/*"))
    reply = await registry.ask("POST", "/v0/publish", document("com.example/ab", "^1"), authorization=token)
    assert reply.status == 403


@pytest.mark.parametrize(
    ("content", "content_type", "status", "text"),
    [
        (b"{", "application/json", 400, "invalid JSON"),
        (b'{"a": NaN}', "application/json", 400, "invalid JSON"),
        (b"[" * 50_000, "application/json", 400, "invalid JSON"),
        (b"\xff\xfe", "application/json", 400, "invalid JSON"),
        (b"1" * 5000, "application/json", 400, "invalid JSON"),
        (b"[]", "application/json", 422, "expected object"),
        (b"null", "application/json", 422, "expected object"),
        (b"", "application/json", 400, "request body is required"),
        (b"a: 1", "text/yaml", 415, "unknown content type: text/yaml"),
        (b" " * 1024 * 1024, "application/json", 413, "request body is too large limit=1048576 bytes"),
    ],
)
async def test_bodies_that_are_none(
    registry: Running, content: bytes, content_type: str, status: int, text: str
) -> None:
    reply = await registry.ask("POST", "/v0/validate", content=content, content_type=content_type)
    assert (reply.status, reply.headers["content-type"]) == (status, "application/problem+json")
    assert text in reply.body.decode()


async def test_names_are_decoded_once_more_after_routing(registry: Running) -> None:
    await registry.publish("com.example/ab", "1.0.0+x y")
    await registry.publish("com.example/ab", "1.0.0")
    for name in ("com.example%2Fab", "com.example%252Fab", "com%2Eexample%2fab"):
        assert (await registry.ask("GET", f"/v0/servers/{name}/versions/1.0.0")).status == 200
    reply = await registry.ask("GET", "/v0/servers/a%25zz/versions/1.0.0")
    assert (reply.status, reply.json()["detail"]) == (400, "Invalid server name encoding")
    reply = await registry.ask("GET", "/v0/servers/com.example%2Fab/versions/%ff")
    assert (reply.status, reply.json()["detail"]) == (400, "Invalid version encoding")
    assert (await registry.ask("GET", "/v0/servers/%2500/versions/1.0.0")).status == 400
    assert (await registry.ask("GET", "/v0/servers?search=%2500")).status == 200


async def test_unknown_paths_methods_and_doubled_slashes(registry: Running) -> None:
    reply = await registry.ask("GET", "/servers?x=1")
    assert "Did you mean '/v0.1/servers' or '/v0/servers'?" in reply.json()["detail"]
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert (await registry.ask("DELETE", "/v0/servers/com.example%2Fab/versions/1.0.0")).status == 404
    assert (await registry.ask("POST", "/v0/auth/none")).status == 404
    reply = await registry.ask("GET", "//evil.com/")
    assert (reply.status, reply.headers["location"]) == (308, "/evil.com")
    reply = await registry.ask("GET", "/v0//servers/../ping/?a=b")
    assert (reply.status, reply.headers["location"]) == (308, "/v0/ping?a=b")


async def test_browsers_may_use_every_method(registry: Running) -> None:
    reply = await registry.ask(
        "OPTIONS", "/v0/servers/x/status", origin="https://a.example", access_control_request_method="PATCH"
    )
    assert reply.status == 204
    assert "PATCH" in reply.headers["access-control-allow-methods"]
    reply = await registry.ask("GET", "/v0/servers", origin="https://a.example")
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in reply.headers


async def test_a_head_request_has_the_length_and_no_body(registry: Running) -> None:
    get, head = await registry.ask("GET", "/v0/ping"), await registry.ask("HEAD", "/v0/ping")
    assert head.body == b""
    assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize(
    "since", ["2025-08-07", "now", "2025-08-07 13:15:04Z", "2025-13-07T13:15:04Z", "2025-08-07T13:15:04", "1e9"]
)
async def test_updated_since_is_a_timestamp(registry: Running, since: str) -> None:
    reply = await registry.ask("GET", f"/v0/servers?updated_since={since.replace(' ', '%20')}")
    assert reply.status == 400
    assert reply.json()["detail"].startswith("Invalid updated_since format")


async def test_an_incremental_sync_sees_every_change_once(registry: Running) -> None:
    for number in range(7):
        await registry.publish(f"com.example/s{number}", "1.0.0")
    last = (await registry.store.get("com.example/s6")).updated_at  # type: ignore[union-attr]
    from mcp_registrar.registry.store.rows import rfc3339

    await registry.publish("com.example/s1", "2.0.0")
    await registry.store.set_status("com.example/s3", "1.0.0", "deleted", None)
    seen, cursor = [], ""
    while True:
        query = f"limit=1&updated_since={rfc3339(last)}" + (f"&cursor={cursor.replace('/', '%2F')}" if cursor else "")
        page = (await registry.ask("GET", f"/v0.1/servers?{query}")).json()
        seen += [f"{each['server']['name']}@{each['server']['version']}" for each in page["servers"]]
        cursor = page["metadata"].get("nextCursor", "")
        if not cursor:
            break
    assert seen == ["com.example/s1@2.0.0", "com.example/s3@1.0.0"]


async def test_a_full_last_page_leads_to_an_empty_one(registry: Running) -> None:
    for number in range(4):
        await registry.publish(f"com.example/s{number}", "1.0.0")
    page = (await registry.ask("GET", "/v0/servers?limit=4")).json()
    assert page["metadata"] == {"nextCursor": "com.example/s3:1.0.0", "count": 4}
    page = (await registry.ask("GET", f"/v0/servers?limit=4&cursor={page['metadata']['nextCursor']}")).json()
    assert page == {"servers": [], "metadata": {"count": 0}}
    page = (await registry.ask("GET", "/v0/servers?cursor=com.example/s2")).json()
    assert [each["server"]["name"] for each in page["servers"]] == ["com.example/s3"]


async def test_what_is_served_is_what_the_registry_keeps(registry: Running) -> None:
    given = document("com.example/ab", "1.0.0", packages=[], icons=[], remotes=[])
    reply = await registry.ask("POST", "/v0/publish", given, authorization=registry.bearer())
    kept = reply.json()["server"]
    assert kept == document("com.example/ab", "1.0.0")
    got = (await registry.ask("GET", "/v0.1/servers/com.example%2Fab/versions/latest")).json()
    assert got == reply.json()
    meta = got["_meta"][OFFICIAL]
    assert sorted(meta) == ["isLatest", "publishedAt", "status", "statusChangedAt", "updatedAt"]


async def test_a_lone_surrogate_becomes_a_replacement_character(registry: Running) -> None:
    body = json.dumps(document("com.example/ab", "1.0.0")).replace("A test server", "x\\ud800y").encode()
    reply = await registry.ask("POST", "/v0/publish", content=body, authorization=registry.bearer())
    assert reply.json()["server"]["description"] == "x\ufffdy"


@pytest.mark.parametrize(
    ("query", "location"),
    [
        ("limit=+5x", "query.limit"),
        ("limit=9223372036854775808999", "query.limit"),
        ("limit=1.5", "query.limit"),
        ("include_deleted=yes", "query.include_deleted"),
    ],
)
async def test_bad_parameters_are_named(registry: Running, query: str, location: str) -> None:
    reply = await registry.ask("GET", f"/v0/servers?{query}")
    assert reply.status == 422
    assert [where for where, _ in errors(reply)] == [location]
    assert (await registry.ask("GET", "/v0/servers?limit=&cursor=&search=")).status == 200


async def test_ranked_search_over_http(registry: Running) -> None:
    await registry.publish("com.example/weather", "1.0.0", description="Forecasts")
    for number in range(5):
        await registry.publish(f"com.example/note{number}", "1.0.0", description="Writes notes")
    page = (await registry.ask("GET", "/v0/search?q=forcasts")).json()
    assert page["metadata"] == {"count": 1, "corrected": {"forcasts": "forecasts"}}
    assert page["servers"][0]["server"]["name"] == "com.example/weather"
    first = (await registry.ask("GET", "/v0.1/search?q=notes&limit=3")).json()
    second = (
        await registry.ask("GET", f"/v0.1/search?q=notes&limit=3&cursor={first['metadata']['nextCursor']}")
    ).json()
    names = [each["server"]["name"] for page in (first, second) for each in page["servers"]]
    assert sorted(names) == [f"com.example/note{n}" for n in range(5)]
    recent = (await registry.ask("GET", "/v0/search?limit=1")).json()
    assert recent["servers"][0]["server"]["name"] == "com.example/note4"
    assert (await registry.ask("GET", "/v0/search?status=lost")).status == 422


async def test_tokens_are_ours_whole_and_fresh(registry: Running) -> None:
    import jwt

    permissions = [Permission("publish", "*")]
    good, expires = registry.tokens.sign("none", "x", permissions)
    claims = jwt.decode(good, options={"verify_signature": False})
    assert expires - claims["iat"] == 300
    assert claims["iss"] == "mcp-registry"
    assert "aud" not in claims
    foreign, _ = Tokens(b"\x01" * 32).sign("none", "x", permissions)
    old, _ = registry.tokens.sign("none", "x", permissions, lifetime=-1)
    none = jwt.encode(claims, "", algorithm="none")
    symmetric = jwt.encode(claims, "k" * 32, algorithm="HS256")
    endless = jwt.encode({k: v for k, v in claims.items() if k != "exp"}, registry.tokens._key, algorithm="EdDSA")
    for token in (foreign, old, none, symmetric, endless, good[:-4], "", "a.b.c"):
        reply = await registry.ask(
            "POST", "/v0/publish", document("com.example/ab", "1.0.0"), authorization=f"Bearer {token}"
        )
        assert reply.status == 401, token
        assert token == "" or token not in reply.body.decode()
    reply = await registry.ask(
        "POST", "/v0/publish", document("com.example/ab", "1.0.0"), authorization=f"Bearer {good}"
    )
    assert reply.status == 200


async def test_a_credential_that_is_sent_wrongly_is_not_sent_back(registry: Running) -> None:
    reply = await registry.ask("POST", "/v0/auth/github-at", {"github_tokn": "gho_secret", "github_token": ["gho_2"]})
    assert reply.status == 422
    assert b"gho_" not in reply.body


async def test_a_namespace_that_is_blocked_gets_no_token() -> None:
    config = RegistryConfig(enable_anonymous_auth=True, blocked_namespaces="io.modelcontextprotocol.anonymous")
    async with running(config) as registry:
        reply = await registry.ask("POST", "/v0/auth/none")
    assert reply.status == 401
    assert "your namespace is blocked" in reply.body.decode()


async def test_the_owner_of_the_process_needs_no_token(tmp_path: Any) -> None:
    import httpx2

    async with httpx2.AsyncClient(
        transport=in_process(Settings(data_dir=tmp_path, ownership="off")), base_url="http://local"
    ) as client:
        reply = await client.post("/v0/publish", json=document("com.example/ab", "1.0.0"))
        assert reply.status_code == 200
        name = "com.example%2Fab"
        assert (await client.patch(f"/v0/servers/{name}/status", json={"status": "deprecated"})).status_code == 200
        changed = document("com.example/ab", "1.0.0", title="Changed")
        reply = await client.put(f"/v0/servers/{name}/versions/1.0.0", json=changed)
        assert reply.json()["server"]["title"] == "Changed"


async def test_metrics_count_what_was_asked(registry: Running) -> None:
    await registry.publish("com.example/ab", "1.0.0")
    await registry.ask("GET", "/v0/servers/com.example%2Fab/versions/latest")
    await registry.ask("BREW", "/v0/<script>")
    text = (await registry.ask("GET", "/metrics")).body.decode()
    assert "mcp_registry_servers 1\n" in text
    path = "/v0/servers/{server_name}/versions/{version}"
    assert f'mcp_registry_http_requests_total{{method="GET",path="{path}",status_code="200"}} 1' in text
    assert "com.example" not in text
    assert "<script>" not in text


async def test_packages_that_do_not_name_the_server_are_refused_where_enforced(tmp_path: Any) -> None:
    from benchmarks.upstreams import json_server

    package = {"registryType": "npm", "identifier": "tool", "version": "1.0.0", "transport": {"type": "stdio"}}
    async with json_server({"/tool/1.0.0": {"name": "tool", "mcpName": "com.other/tool"}}) as url:
        settings = Settings(data_dir=tmp_path, npm_url=url, trusted_origins=(url,))
        for mode, status in (("enforce", 400), ("report", 200), ("off", 200)):
            config = RegistryConfig(ownership=mode, settings=settings, trusted_origins=url)  # type: ignore[arg-type]
            async with running(config) as registry:
                reply = await registry.publish("com.example/tool", "1.0.0", packages=[package])
            assert reply.status == status, (mode, reply.body)
            if mode == "enforce":
                assert "registry validation failed for package 0 (tool)" in reply.body.decode()
