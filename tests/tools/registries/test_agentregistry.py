"""Both generations of agentregistry, through the tools, over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcp_registrar_tools.errors import RegistryError
from mcp_registrar_tools.publish import publish
from mcp_registrar_tools.registries import connect
from mcp_registrar_tools.registries.agentregistry_apply import document_of, resource_name, resource_of, tag_of
from mcp_registrar_tools.search import search
from mcp_registrar_tools.set_status import set_status
from tests.tools.registries.agentregistry import Apply, Seed
from tests.tools.registries.serving import bench_in, document, project, serve

pytestmark = pytest.mark.anyio

SEED = "user/my-mcp-server"
IMAGE = "docker.io/user/my-mcp-server:0.1.0"


def seed_document(version: str = "0.1.0", **more: Any) -> dict[str, Any]:
    package = {"registryType": "oci", "identifier": IMAGE, "transport": {"type": "stdio"}}
    return document(SEED, version, packages=[package], **more)


async def test_the_seeds_own_flow(tmp_path: Path) -> None:
    """Publish, list, unpublish, list again: the flow of agentregistry's own guide."""
    seed = Seed()
    with serve(seed) as url:
        bench = bench_in(tmp_path / "data", registries={"team": url})
        assert (await connect(bench, "team")).kind == "agentregistry-v0"
        folder = project(tmp_path / "p", seed_document())
        answer = await publish(bench, path=str(folder), registry="team")
        assert answer.outcome == "published"
        assert not answer.rehearsal
        writes = [(method, path) for method, path, _ in seed.requests if method != "GET"]
        assert writes == [
            ("POST", "/v0/servers/push"),
            ("POST", "/admin/v0/servers/user%2Fmy-mcp-server/versions/0.1.0/publish"),
        ]
        pushed = json.loads(next(body for method, path, body in seed.requests if path == "/v0/servers/push"))
        assert pushed["$schema"].endswith("/2025-10-17/server.schema.json")
        assert pushed["packages"][0]["identifier"] == IMAGE

        found = await search(bench, registry="team")
        header, row = found.lines()
        assert header.split() == ["NAME", "VERSION", "TYPE", "PUBLISHED", "DEPLOYED", "UPDATED"]
        assert row.split()[:5] == [SEED, "0.1.0", "oci", "True", "False"]

        assert (await publish(bench, path=str(folder), registry="team")).outcome == "already published"

        gone = await set_status(bench, SEED, "deleted", version="0.1.0", registry="team")
        assert gone.versions[0].after == "deleted"
        assert (SEED, "0.1.0") in seed.servers
        assert not seed.published
        assert (await search(bench, registry="team")).servers == []
        hidden = await search(bench, registry="team", status="deleted")
        assert [(row.name, row.published) for row in hidden.servers] == [(SEED, False)]
        again = await set_status(bench, SEED, "deleted", version="0.1.0", registry="team")
        assert not again.changed

        assert (await publish(bench, path=str(folder), registry="team")).outcome == "published"
        assert [path for m, path, _ in seed.requests if path.endswith("/push")] == ["/v0/servers/push"]


async def test_a_publish_that_stopped_half_way_is_finished(tmp_path: Path) -> None:
    seed = Seed()
    with serve(seed) as url:
        bench = bench_in(tmp_path / "data")
        folder = project(tmp_path / "p", seed_document())
        flip = "POST /admin/v0/servers/user%2Fmy-mcp-server/versions/0.1.0/publish"
        seed.fail[flip] = (400, {"title": "Bad Request", "detail": "boom"})
        with pytest.raises(RegistryError, match="boom"):
            await publish(bench, path=str(folder), registry=url)
        assert (SEED, "0.1.0") in seed.servers
        assert not seed.published
        assert (await publish(bench, path=str(folder), registry=url)).outcome == "published"


async def test_what_is_deployed_is_shown_and_not_unpublished(tmp_path: Path) -> None:
    seed = Seed()
    with serve(seed) as url:
        bench = bench_in(tmp_path / "data")
        await publish(bench, path=str(project(tmp_path / "p", seed_document())), registry=url)
        seed.deployed.add((SEED, "0.1.0"))
        assert (await search(bench, registry=url)).servers[0].deployed
        with pytest.raises(RegistryError) as refused:
            await set_status(bench, SEED, "deleted", version="0.1.0", registry=url)
        assert "must be removed from deployment first" in refused.value.message
        assert refused.value.code == "deployed"


async def test_deprecating_needs_a_login_that_may_edit(tmp_path: Path) -> None:
    seed = Seed()
    with serve(seed) as url:
        bench = bench_in(tmp_path / "data")
        await publish(bench, path=str(project(tmp_path / "p", seed_document())), registry=url)
        with pytest.raises(RegistryError) as refused:
            await set_status(bench, SEED, "deprecated", version="0.1.0", registry=url)
        assert refused.value.code == "edit-login-needed"
        seed.may_edit = True
        done = await set_status(bench, SEED, "deprecated", version="0.1.0", registry=url, message="use the other")
        assert done.versions[0].after == "deprecated"
        assert "keeps no message" in done.note


async def test_other_content_is_refused_here_too(tmp_path: Path) -> None:
    seed = Seed()
    with serve(seed) as url:
        bench = bench_in(tmp_path / "data")
        await publish(bench, path=str(project(tmp_path / "p", seed_document())), registry=url)
        with pytest.raises(RegistryError) as refused:
            await publish(bench, path=str(project(tmp_path / "p", seed_document(title="New"))), registry=url)
        assert refused.value.code == "version-exists"


# The declarative generation


def npm_document(version: str = "1.0.0", **more: Any) -> dict[str, Any]:
    package = {
        "registryType": "npm",
        "identifier": "@acme/weather",
        "version": version,
        "transport": {"type": "stdio"},
        "runtimeArguments": [{"type": "named", "name": "--quiet"}],
        "packageArguments": [{"type": "positional", "value": "serve"}],
        "environmentVariables": [{"name": "API_KEY", "isRequired": True, "isSecret": True, "description": "The key"}],
    }
    return document("io.github.Acme/my_weather", version, packages=[package], **more)


async def test_applying_a_resource(tmp_path: Path) -> None:
    server = Apply()
    with serve(server) as url:
        bench = bench_in(tmp_path / "data")
        assert (await connect(bench, url)).kind == "agentregistry-apply"
        repository = {"url": "https://github.com/Acme/weather", "source": "github"}
        folder = project(tmp_path / "p", npm_document(title="Weather", repository=repository))
        answer = await publish(bench, path=str(folder), registry=url)
        assert answer.outcome == "published"
        assert answer.url == f"{url}/v0/mcpservers/io.github.acme.my-weather/1.0.0"
        assert any("isSecret" in note for note in answer.notes), "what it cannot hold is said"
        _, path, body = next(r for r in server.requests if r[0] == "POST")
        assert path == "/v0/apply"
        assert yaml.safe_load(body) == {
            "apiVersion": "ar.dev/v1alpha1",
            "kind": "MCPServer",
            "metadata": {
                "name": "io.github.acme.my-weather",
                "tag": "1.0.0",
                "annotations": {
                    "mcp-registrar/server-name": "io.github.Acme/my_weather",
                    "mcp-registrar/version": "1.0.0",
                },
            },
            "spec": {
                "title": "Weather",
                "description": "Weather for any place",
                "source": {
                    "package": {
                        "origin": {
                            "type": "npm",
                            "identifier": "@acme/weather",
                            "npm": {"version": "1.0.0", "serverName": "io.github.Acme/my_weather"},
                        },
                        "launch": {
                            "command": "npx",
                            "args": [
                                {"type": "named", "name": "--quiet"},
                                {"type": "positional", "value": "-y"},
                                {"type": "positional", "value": "@acme/weather@1.0.0"},
                                {"type": "positional", "value": "serve"},
                            ],
                            "env": [{"name": "API_KEY", "isRequired": True}],
                        },
                        "transport": {"type": "stdio"},
                    },
                    "repository": {"url": "https://github.com/Acme/weather"},
                },
            },
        }
        assert (await publish(bench, path=str(folder), registry=url)).outcome == "already published"
        await publish(bench, path=str(project(tmp_path / "q", npm_document("1.10.0"))), registry=url)
        found = await search(bench, "any place", registry=url)
        assert [(row.name, row.version, row.type) for row in found.servers] == [
            ("io.github.Acme/my_weather", "1.10.0", "npm")
        ]
        with pytest.raises(RegistryError) as refused:
            await publish(bench, path=str(project(tmp_path / "p", npm_document(title="Other"))), registry=url)
        assert refused.value.code == "version-exists"
        assert "1.10.1" in refused.value.hint or "1.0.1" in refused.value.hint


async def test_a_dry_run_is_the_registrys_own(tmp_path: Path) -> None:
    server = Apply()
    with serve(server) as url:
        bench = bench_in(tmp_path / "data")
        folder = project(tmp_path / "p", document(remotes=[{"type": "sse", "url": "https://mcp.example.com/sse"}]))
        answer = await publish(bench, path=str(folder), registry=url, dry_run=True)
        assert answer.outcome == "dry run"
        assert not server.resources
        server.refuse = "registries: npm package '@acme/weather' not found; validation: spec.title: too long"
        with pytest.raises(RegistryError) as refused:
            await publish(bench, path=str(folder), registry=url, dry_run=True)
        assert "spec.title: too long" in refused.value.text()
        with pytest.raises(RegistryError) as refused:
            await publish(bench, path=str(folder), registry=url)
        assert refused.value.code == "ownership"


async def test_it_keeps_no_status_and_says_so(tmp_path: Path) -> None:
    server = Apply()
    with serve(server) as url:
        bench = bench_in(tmp_path / "data")
        await publish(bench, path=str(project(tmp_path / "p", npm_document())), registry=url)
        with pytest.raises(RegistryError) as refused:
            await set_status(bench, "io.github.Acme/my_weather", "deprecated", version="1.0.0", registry=url)
        assert refused.value.code == "status-unsupported"
        gone = await set_status(bench, "io.github.Acme/my_weather", "deleted", all_versions=True, registry=url)
        assert "publish it again" in gone.note
        assert gone.undo == ""
        assert not server.resources


async def test_what_it_cannot_hold_at_all_is_refused(tmp_path: Path) -> None:
    server = Apply()
    with serve(server) as url:
        bench = bench_in(tmp_path / "data")
        with pytest.raises(RegistryError) as refused:
            await publish(bench, path=str(project(tmp_path / "p", document())), registry=url)
        assert refused.value.code == "cannot-hold"


def test_names_and_tags() -> None:
    assert resource_name("io.github.User/my_server") == "io.github.user.my-server"
    assert tag_of("1.0.0+build.5") == "1.0.0_build.5"


@pytest.mark.parametrize(
    "package",
    [
        {"registryType": "pypi", "identifier": "weather", "version": "2.0.1", "transport": {"type": "stdio"}},
        {"registryType": "oci", "identifier": "ghcr.io/acme/weather:2.0.1", "transport": {"type": "stdio"}},
        {
            "registryType": "oci",
            "identifier": "ghcr.io/acme/weather:2.0.1",
            "transport": {"type": "streamable-http", "url": "http://localhost:3000/mcp"},
            "packageArguments": [{"type": "named", "name": "--port", "value": "3000"}],
        },
        {
            "registryType": "pypi",
            "identifier": "weather",
            "version": "2.0.1",
            "transport": {"type": "stdio"},
            "runtimeArguments": [{"type": "positional", "value": "--python"}, {"type": "positional", "value": "3.12"}],
            "packageArguments": [{"type": "positional", "value": "serve"}],
        },
    ],
)
def test_a_package_comes_back_as_it_was(package: dict[str, Any]) -> None:
    content = document(packages=[package])
    del content["$schema"]
    assert document_of(resource_of(content)) == content
