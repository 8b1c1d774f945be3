"""Publishing, against the embedded registry in process and served over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mcp_registrar_tools.errors import LoginError, RegistryError
from mcp_registrar_tools.publish import publish
from mcp_registrar_tools.registries import connect
from mcp_registrar_tools.search import search
from tests.tools.registries.serving import Recorder, bench_in, document, embedded, project

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
