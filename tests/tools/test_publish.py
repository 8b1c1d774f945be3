"""Publishing, against the embedded registry in process and served over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mcp_registrar_tools.errors import LoginError, RegistrarError, RegistryError
from mcp_registrar_tools.publish import PublishRefused, publish
from mcp_registrar_tools.registries import connect
from mcp_registrar_tools.registries.compare import differences
from mcp_registrar_tools.search import search
from tests.tools.registries.serving import Json, Recorder, bench_in, document, embedded, project, serve

pytestmark = pytest.mark.anyio

ANONYMOUS = "io.modelcontextprotocol.anonymous/weather"


async def test_a_rehearsal_needs_no_login_and_says_what_it_was(tmp_path: Path) -> None:
    bench = bench_in(tmp_path / "data")
    folder = project(tmp_path / "p", document())
    answer = await publish(bench, path=str(folder))
    assert answer.outcome == "published"
    assert answer.rehearsal
    assert answer.is_latest
    assert answer.url == "registrar://servers/io.github.octocat%2Fweather/1.0.0"
    assert "rehearsal" in answer.text()
    assert 'registry="official"' in answer.next

    again = await publish(bench, path=str(folder))
    assert again.outcome == "already published"
    found = await search(bench, "weather")
    assert [(row.name, row.version, row.published) for row in found.servers] == [
        ("io.github.octocat/weather", "1.0.0", True)
    ]


async def test_a_version_that_is_still_a_placeholder_is_not_published(tmp_path: Path) -> None:
    bench = bench_in(tmp_path / "data")
    folder = project(tmp_path / "p", document(version="{{VERSION}}"))
    with pytest.raises(RegistrarError) as refused:
        await publish(bench, path=str(folder))
    assert refused.value.code == "template-placeholder"
    assert "{{VERSION}}" in refused.value.text()
    assert (await search(bench, "weather")).servers == []


async def test_a_version_of_the_same_rank_does_not_become_the_latest(tmp_path: Path) -> None:
    bench = bench_in(tmp_path / "data")
    await publish(bench, path=str(project(tmp_path / "p", document(version="1.0.0+build.5"))))
    answer = await publish(bench, path=str(project(tmp_path / "p", document(version="1.0.0+build.6"))))
    assert not answer.is_latest
    assert "does not rank above" in answer.text()
    assert "a higher one" not in answer.text()


async def test_other_content_under_the_same_version_is_refused_with_the_difference(tmp_path: Path) -> None:
    bench = bench_in(tmp_path / "data")
    await publish(bench, path=str(project(tmp_path / "p", document())))
    changed = project(tmp_path / "p", document(description="Weather for every place"))
    with pytest.raises(RegistryError) as refused:
        await publish(bench, path=str(changed))
    assert refused.value.code == "version-exists"
    assert 'description: "Weather for any place" -> "Weather for every place"' in refused.value.text()
    assert '"1.0.1"' in refused.value.hint


async def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    bench = bench_in(tmp_path / "data")
    folder = project(tmp_path / "p", document())
    answer = await publish(bench, path=str(folder), dry_run=True)
    assert answer.outcome == "dry run"
    assert await (await connect(bench)).get("io.github.octocat/weather") is None


async def test_a_registry_that_wants_a_login_says_which_call_makes_one(tmp_path: Path) -> None:
    with embedded(tmp_path) as url:
        bench = bench_in(tmp_path / "data")
        with pytest.raises(LoginError) as refused:
            await publish(bench, path=str(project(tmp_path / "p", document())), registry=url)
        assert refused.value.code == "not-logged-in"
        assert f'login(registry="{url}")' in refused.value.hint


async def test_the_requests_are_those_of_the_official_publisher(tmp_path: Path) -> None:
    from mcp_registrar_tools.registries.credentials import Credential, CredentialStore

    seen: list[Recorder] = []

    def wrap(app: Any) -> Any:
        seen.append(Recorder(app))
        return seen[0]

    with embedded(tmp_path, wrap, enable_anonymous_auth=True) as url:
        bench = bench_in(tmp_path / "data")
        await CredentialStore(tmp_path / "data").save(url, Credential(method="none"))
        content = document(ANONYMOUS)
        answer = await publish(bench, path=str(project(tmp_path / "p", content)), registry=url)
    assert answer.outcome == "published"
    assert not answer.rehearsal
    assert answer.url == f"{url}/v0/servers/io.modelcontextprotocol.anonymous%2Fweather/versions/1.0.0"
    assert seen[0].sent("POST") == [("/v0/auth/none", None), ("/v0/publish", content)]
    authorization = next(headers["authorization"] for m, path, headers, _ in seen[0].requests if path == "/v0/publish")
    assert authorization.startswith("Bearer ey")


# Packages that are on their way


async def test_waiting_for_a_package_to_appear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that checks ownership for real, and an npm registry that shows a fresh version at the third look."""
    from mcp_registrar_tools.registries.credentials import Credential, CredentialStore
    from mcp_registrar_tools.rules import ownership
    from mcp_registrar_tools.workbench import Settings

    monkeypatch.setattr(ownership, "FIRST_PAUSE", 0.05)
    looks: list[str] = []

    def version(query: str, headers: dict[str, str], body: bytes) -> Any:
        looks.append(headers.get("user-agent", ""))
        return (200, {"name": "weather-mcp", "mcpName": ANONYMOUS}) if len(looks) > 4 else (404, {})

    npm = Json({"GET /weather-mcp/1.0.0": version, "HEAD /weather-mcp": {}})
    package = {"registryType": "npm", "identifier": "weather-mcp", "version": "1.0.0", "transport": {"type": "stdio"}}
    folder = str(project(tmp_path / "p", document(ANONYMOUS, packages=[package])))
    with serve(npm) as npm_url:
        settings = Settings(data_dir=tmp_path, npm_url=npm_url)
        with embedded(tmp_path, settings=settings, ownership="enforce", enable_anonymous_auth=True) as url:
            await CredentialStore(tmp_path / "data").save(url, Credential(method="none"))
            bench = bench_in(tmp_path / "data", npm_url=npm_url)
            with pytest.raises(RegistryError) as refused:
                await publish(bench, path=folder, registry=url)
            assert refused.value.code == "ownership"
            assert "exists, but version '1.0.0' was not found" in refused.value.message
            with pytest.raises(RegistryError) as refused:
                await publish(bench, path=folder, registry=url, dry_run=True)
            assert refused.value.code == "ownership"
            assert "wait=300" in refused.value.hint
            answer = await publish(bench, path=folder, registry=url, wait=20)
            assert answer.outcome == "published"
            dry = await publish(bench, path=folder, registry=url, dry_run=True)
            assert dry.outcome == "already published"
    assert len(looks) >= 6


async def test_a_dry_run_without_a_login_says_what_it_could_not_check(tmp_path: Path) -> None:
    with embedded(tmp_path) as url:
        folder = str(project(tmp_path / "p", document()))
        answer = await publish(bench_in(tmp_path / "data"), path=folder, registry=url, dry_run=True)
    assert answer.outcome == "dry run"
    assert any("permission not checked" in note for note in answer.notes)


async def test_every_reason_at_once_with_its_place(tmp_path: Path) -> None:
    folder = project(tmp_path / "p", document(description="x" * 101, version="latest", websiteUrl="http://example.com"))
    with pytest.raises(PublishRefused) as refused:
        await publish(bench_in(tmp_path / "data"), path=str(folder))
    paths = {finding.path: finding.line for finding in refused.value.findings}
    assert {"description", "version", "websiteUrl"} <= set(paths)
    assert all(paths.values())
    assert "validate(path=" in refused.value.hint


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": NaN}', "\ufeff{}"])
async def test_what_is_no_manifest(tmp_path: Path, text: str) -> None:
    (tmp_path / "server.json").write_text(text, encoding="utf-8")
    with pytest.raises(RegistrarError) as refused:
        await publish(bench_in(tmp_path / "data"), path=str(tmp_path))
    assert refused.value.code in {"invalid-json", "invalid-document"}


async def test_a_lower_version_is_published_and_not_the_latest(tmp_path: Path) -> None:
    bench = bench_in(tmp_path / "data")
    await publish(bench, path=str(project(tmp_path / "p", document(version="2.0.0"))))
    answer = await publish(bench, path=str(project(tmp_path / "p", document(version="1.9.0"))))
    assert answer.outcome == "published"
    assert not answer.is_latest
    assert "not the latest" in answer.text()


async def test_a_registry_that_stores_without_what_is_empty_is_not_different(tmp_path: Path) -> None:
    """The official registry drops empty strings, false and foreign _meta keys; a repeated publish is still the same."""
    package = {
        "registryType": "pypi",
        "identifier": "weather",
        "version": "1.0.0",
        "transport": {"type": "stdio"},
        "environmentVariables": [{"name": "KEY", "isRequired": False, "default": ""}],
    }
    content = document(packages=[package], title="Weather", icons=[])
    stored = {key: value for key, value in content.items() if key != "icons"}
    stored["packages"] = [{**package, "environmentVariables": [{"name": "KEY"}]}]
    facts = {"status": "active", "publishedAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z"}
    body = {"server": stored, "_meta": {"io.modelcontextprotocol.registry/official": facts | {"isLatest": True}}}
    path = "/v0/servers/io.github.octocat%2Fweather/versions/1.0.0"
    routes = {f"GET {path}": body, "GET /v0/servers": {"servers": [body], "metadata": {"count": 1}}}
    with serve(Json(routes)) as url:
        answer = await publish(bench_in(tmp_path / "data"), path=str(project(tmp_path / "p", content)), registry=url)
    assert answer.outcome == "already published"


def test_differences_are_named_one_by_one() -> None:
    theirs = document(packages=[{"identifier": "a"}, {"identifier": "b"}], title="T")
    ours = document(packages=[{"identifier": "a"}, {"identifier": "c"}, {"identifier": "d"}])
    assert differences(ours, theirs) == [
        'packages[1].identifier: "b" -> "c"',
        'packages[2]: (nothing) -> {"identifier": "d"}',
        'title: "T" -> (nothing)',
    ]
    meta = "io.modelcontextprotocol.registry/publisher-provided"
    assert differences(document(_meta={meta: {"n": 0}}), document(_meta={meta: {"n": False}}))
    assert not differences(document(_meta={"other": 1}), document())
    assert len(differences({str(n): n + 1 for n in range(50)}, {}, 5)) == 5
