"""Deprecating, deleting and restoring, against the embedded registry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcp_registrar_tools.errors import InputError, LoginError, RegistryError
from mcp_registrar_tools.publish import publish
from mcp_registrar_tools.registries import connect
from mcp_registrar_tools.registries.credentials import Credential, CredentialStore
from mcp_registrar_tools.search import search
from mcp_registrar_tools.set_status import argument_problem, set_status
from mcp_registrar_tools.workbench import Workbench
from tests.tools.registries.serving import App, Recorder, bench_in, document, embedded, project

pytestmark = pytest.mark.anyio

NAME = "io.github.octocat/weather"
ANONYMOUS = "io.modelcontextprotocol.anonymous/weather"


async def published(bench: Workbench, folder: Path, *versions: str, name: str = NAME, registry: str = "") -> None:
    for version in versions:
        await publish(bench, path=str(project(folder / version, document(name, version))), registry=registry)


async def test_there_and_back(tmp_path: Path) -> None:
    bench = bench_in(tmp_path / "data")
    await published(bench, tmp_path, "1.0.0")
    done = await set_status(bench, NAME, "deprecated", version="1.0.0", message="use weather2")
    assert done.lines()[:3] == [f"{NAME} in local:", "- 1.0.0: active -> deprecated", "Message: use weather2"]
    assert done.undo == f'set_status(name="{NAME}", status="active", version="1.0.0", registry="local")'

    entry = await (await connect(bench)).get(NAME, "1.0.0")
    assert entry is not None
    assert (entry.status, entry.status_message) == ("deprecated", "use weather2")
    same = await set_status(bench, NAME, "deprecated", version="1.0.0", message="use weather2")
    assert not same.changed
    assert "already deprecated" in same.text()
    other = await set_status(bench, NAME, "deprecated", version="1.0.0", message="use weather3")
    assert other.changed
    assert "(use weather2)" in other.text()

    await set_status(bench, NAME, "deleted", version="1.0.0")
    assert (await search(bench, "weather")).servers == []
    hidden = await search(bench, "weather", status="deleted")
    assert [(row.name, row.published, row.status) for row in hidden.servers] == [(NAME, False, "deleted")]
    again = await publish(bench, path=str(tmp_path / "1.0.0"))
    assert again.outcome == "already published"
    assert "its status is deleted" in again.text()
    back = await set_status(bench, NAME, "active", version="1.0.0")
    assert back.versions[0].after == "active"
    assert len((await search(bench, "weather")).servers) == 1


async def test_all_versions_at_once(tmp_path: Path) -> None:
    bench = bench_in(tmp_path / "data")
    await published(bench, tmp_path, "1.0.0", "1.1.0", "2.0.0")
    await set_status(bench, NAME, "deprecated", version="1.0.0")
    done = await set_status(bench, NAME, "deprecated", all_versions=True)
    assert {(c.version, c.before, c.after) for c in done.versions} == {
        ("1.0.0", "deprecated", "deprecated"),
        ("1.1.0", "active", "deprecated"),
        ("2.0.0", "active", "deprecated"),
    }
    assert not (await set_status(bench, NAME, "deprecated", all_versions=True)).changed


async def test_the_requests_are_those_of_the_official_publisher(tmp_path: Path) -> None:
    seen: list[Recorder] = []

    def wrap(app: App) -> App:
        seen.append(Recorder(app))
        return seen[0]

    with embedded(tmp_path, wrap, enable_anonymous_auth=True) as url:
        await CredentialStore(tmp_path / "data").save(url, Credential(method="none"))
        bench = bench_in(tmp_path / "data")
        await published(bench, tmp_path, "1.0.0", name=ANONYMOUS, registry=url)
        await set_status(bench, ANONYMOUS, "deprecated", version="1.0.0", message="old", registry=url)
        await set_status(bench, ANONYMOUS, "active", all_versions=True, registry=url)
    path = "/v0/servers/io.modelcontextprotocol.anonymous%2Fweather"
    assert seen[0].sent("PATCH") == [
        (f"{path}/versions/1.0.0/status", {"status": "deprecated", "statusMessage": "old"}),
        (f"{path}/status", {"status": "active"}),
    ]
    looks = [where for method, where, _, _ in seen[0].requests if method == "GET"]
    assert f"{path}/versions/1.0.0?include_deleted=true" in looks


async def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    bench = bench_in(tmp_path / "data")
    await published(bench, tmp_path, "1.0.0")
    with pytest.raises(RegistryError) as refused:
        await set_status(bench, NAME, "deleted", version="9.9.9")
    assert refused.value.code == "not-found"
    assert "its versions: 1.0.0" in refused.value.hint
    with pytest.raises(RegistryError) as refused:
        await set_status(bench, "io.github.octocat/unknown", "deleted", all_versions=True)
    assert refused.value.code == "not-found"


async def test_without_permission_it_is_said_before_it_is_tried(tmp_path: Path) -> None:
    with embedded(tmp_path, enable_anonymous_auth=True) as url:
        owner = bench_in(tmp_path / "data")
        await CredentialStore(tmp_path / "data").save(url, Credential(method="none"))
        await published(owner, tmp_path, "1.0.0", name=ANONYMOUS, registry=url)
        stranger = bench_in(tmp_path / "other")
        with pytest.raises(LoginError) as refused:
            await set_status(stranger, ANONYMOUS, "deleted", version="1.0.0", registry=url)
        assert refused.value.code == "not-logged-in"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"status": "deleted"}, "status-arguments"),
        ({"status": "deleted", "version": "1.0.0", "all_versions": True}, "status-arguments"),
        ({"status": "active", "version": "1.0.0", "message": "hello"}, "status-message"),
    ],
)
async def test_arguments_that_make_no_sense(tmp_path: Path, arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as refused:
        await set_status(bench_in(tmp_path), NAME, **arguments)
    assert refused.value.code == code


def test_the_official_publishers_words() -> None:
    assert argument_problem("gone", NAME, "1", False) == (
        "invalid status 'gone'. Must be one of: active, deprecated, deleted"
    )
    assert argument_problem("active", NAME, "", False) == "version is required unless --all-versions flag is set"


class No:
    patience = 1.0

    def __init__(self) -> None:
        self.questions: list[str] = []

    async def confirm(self, question: str) -> bool | None:
        self.questions.append(question)
        return False

    async def visit(self, message: str, url: str) -> bool | None:
        return False


async def test_a_public_registry_is_changed_only_with_the_persons_yes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry is on loopback; its address is taken for a public one here."""
    from mcp_registrar_tools.registries import names

    monkeypatch.setattr(names, "is_private", lambda url: False)
    with embedded(tmp_path, enable_anonymous_auth=True) as url:
        await CredentialStore(tmp_path / "data").save(url, Credential(method="none"))
        bench = bench_in(tmp_path / "data")
        folder = project(tmp_path / "p", document(ANONYMOUS))
        asker = No()
        with pytest.raises(InputError) as refused:
            await publish(replace(bench, ask=asker), path=str(folder), registry=url)
        assert refused.value.code == "declined"
        assert asker.questions[0].startswith(f"Publish {ANONYMOUS} 1.0.0 to {url}?")
        # A client that cannot ask relies on its own approval of a destructive tool.
        assert (await publish(bench, path=str(folder), registry=url)).outcome == "published"
        with pytest.raises(InputError) as refused:
            await set_status(replace(bench, ask=asker), ANONYMOUS, "deleted", version="1.0.0", registry=url)
        assert refused.value.code == "declined"
