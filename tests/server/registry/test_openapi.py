"""The description of the API is true."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.registry import fill
from benchmarks.serving import running

from mcp_registrar.registry.app import RegistryApp
from mcp_registrar.registry.config import RegistryConfig
from mcp_registrar.registry.openapi import document
from mcp_registrar.registry.store import open_store
from tests.conftest import shared

pytestmark = pytest.mark.anyio

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


async def test_it_names_every_route_and_no_other(tmp_path: Path) -> None:
    store = open_store(tmp_path / "registry.sqlite3")
    app = RegistryApp(store, RegistryConfig())
    served = {
        (method.lower(), "/" + "/".join(segments))
        for (method, _), routes in app._routes.items()
        for segments, _ in routes
    }
    described = {
        (method, path.replace("{serverName}", "{server_name}"))
        for path, methods in document()["paths"].items()
        for method in methods
    }
    pages = {
        "/",
        "/catalogue/{server_name}",
        "/assets/{asset_version}/{name}",
        "/docs",
        "/openapi.json",
        "/openapi.yaml",
    }
    assert served == described | {("get", page) for page in pages}
    await store.close()


async def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(document())
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(document()["components"]["schemas"])


async def test_it_has_the_official_paths_and_parameters() -> None:
    import yaml

    official = yaml.safe_load(shared("schemas", "openapi.yaml").read_text(encoding="utf-8"))
    ours = document()["paths"]
    for path, methods in official["paths"].items():
        for method, operation in methods.items():
            if method == "delete":  # in the official document, and implemented by nobody
                continue
            theirs = {each["name"] for each in operation.get("parameters", [])}
            assert theirs <= {each["name"] for each in ours[path][method].get("parameters", [])}, (method, path)


async def test_it_is_served_as_json_and_yaml() -> None:
    import yaml

    async with running() as registry:
        as_json = await registry.ask("GET", "/openapi.json")
        as_yaml = await registry.ask("GET", "/openapi.yaml")
    assert as_json.json() == document() == yaml.safe_load(as_yaml.body)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("known", [False, True])
async def test_schemathesis_finds_no_undeclared_answer(known: bool, tmp_path: Path) -> None:
    """Two and a half minutes of anything, then as long with names that exist."""
    import anyio

    if importlib.util.find_spec("schemathesis") is None:
        pytest.skip("schemathesis is not installed")
    store = open_store(tmp_path / "registry.sqlite3")
    await fill(store, 50)
    nowhere = "http://127.0.0.1:1"
    config = RegistryConfig(
        ownership="off",
        enable_anonymous_auth=True,
        github_oidc_audience="x",
        github_api_url=nowhere,
        github_jwks_url=nowhere,
        http_auth_origin=nowhere,
        dns_server="127.0.0.1:1",
    )
    settings = tmp_path / "schemathesis.toml"
    parameters = 'parameters = { "path.serverName" = "com.example/known", "path.version" = "1.0.0" }'
    settings.write_text(parameters + "\n" if known else "")
    async with running(config, store=store) as registry:
        await registry.publish("com.example/known", "1.0.0")
        command = [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings), "run",
            f"{registry.url}/openapi.json", "--url", registry.url,
            "-H", f"Authorization: {registry.bearer(lifetime=7200)}",
            "-c", CHECKS, "--continue-on-failure", "--max-examples", "100000", "--max-time", "150",
        ]  # fmt: skip
        done = await anyio.run_process(command, check=False, stderr=subprocess.STDOUT)
    await store.close()
    output = done.stdout.decode()
    print(output[-1500:])
    assert done.returncode == 0, output[-6000:]
