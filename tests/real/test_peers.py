"""The official publisher against our registry, and our client against the official registry.

Both need the other project's programs: ``mcp-publisher`` on PATH, and a registry with anonymous login whose address is
in MCP_REGISTRAR_PEER_REGISTRY; or both built by ``python -m tests.real.components._official``. Without them these tests
are skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_registrar_tools.errors import RegistryError
from mcp_registrar_tools.login import login
from mcp_registrar_tools.publish import publish
from mcp_registrar_tools.registries import connect
from mcp_registrar_tools.search import search
from mcp_registrar_tools.set_status import set_status
from tests.real.components import _official, dns, postgres, require
from tests.tools.registries.serving import App, Recorder, bench_in, document, embedded, project

pytestmark = [pytest.mark.peer, pytest.mark.anyio]

PEER = os.environ.get("MCP_REGISTRAR_PEER_REGISTRY", "")
PUBLISHER = shutil.which("mcp-publisher") or (str(_official.PUBLISHER) if _official.missing() is None else None)
NAME = "io.modelcontextprotocol.anonymous/weather"

needs_publisher = pytest.mark.skipif(PUBLISHER is None, reason="mcp-publisher is not on PATH")


@pytest.fixture(scope="session")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an official registry."""
    if PEER:
        yield PEER
        return
    if reason := _official.missing() or postgres.missing():
        pytest.skip(f"MCP_REGISTRAR_PEER_REGISTRY names no registry, and {reason}")
    with postgres.start() as database, _official.start(database.url, tmp_path_factory.mktemp("official")) as url:
        yield url


def run(folder: Path, *arguments: str) -> str:
    assert PUBLISHER is not None
    done = subprocess.run([PUBLISHER, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@needs_publisher
async def test_the_official_publisher_against_our_registry(tmp_path: Path) -> None:
    folder = project(tmp_path / "p", document(NAME))
    with embedded(tmp_path, enable_anonymous_auth=True) as url:
        assert "Successfully logged in" in run(folder, "login", "none", "--registry", url)
        assert "Successfully published" in run(folder, "publish")
        assert "is valid" in run(folder, "validate")
        run(folder, "status", "--status", "deprecated", "--message", "old", NAME, "1.0.0")
        run(folder, "status", "--status", "deleted", "--all-versions", "--yes", NAME)
        entry = await (await connect(bench_in(tmp_path / "data"), url)).get(NAME, "1.0.0", include_deleted=True)
        assert entry is not None
        assert entry.status == "deleted"
        assert entry.server == document(NAME)
        # What it published is "already published" for ours: the two write the same.
        run(folder, "status", "--status", "active", NAME, "1.0.0")
        answer = await publish(bench_in(tmp_path / "data"), path=str(folder), registry=url)
        assert answer.outcome == "already published"


@needs_publisher
async def test_the_official_publisher_proves_a_domain_with_our_key(tmp_path: Path) -> None:
    from mcp_registrar_tools.create_key import create_key

    require(dns)
    with dns.start() as server, embedded(tmp_path, dns_server=server.address) as url:
        bench = bench_in(tmp_path / "data", dns_server=server.address)
        key = await create_key(bench, "example.com")
        server.zone["example.com"] = [key.record]
        folder = project(tmp_path / "p", document("com.example/weather"))
        private = Path(key.key_file).read_text().strip()
        run(folder, "login", "dns", "--domain", "example.com", "--private-key", private, "--registry", url)
        assert "Successfully published" in run(folder, "publish")


@needs_publisher
async def test_our_requests_are_the_official_publishers(tmp_path: Path) -> None:
    """Each talks to a registry of its own; method, path and body of what they write are compared."""
    package = {
        "registryType": "npm",
        "identifier": "@acme/weather",
        "version": "1.0.0",
        "transport": {"type": "stdio"},
        "environmentVariables": [{"name": "API_KEY", "isRequired": True, "isSecret": True}],
    }
    folder = project(tmp_path / "p", document(NAME, packages=[package], title="Weather"))
    written = []
    for who in ("theirs", "ours"):
        seen: list[Recorder] = []

        def wrap(app: App, seen: list[Recorder] = seen) -> App:
            seen.append(Recorder(app))
            return seen[0]

        with embedded(tmp_path / who, wrap, enable_anonymous_auth=True) as url:
            if who == "theirs":
                run(folder, "login", "none", "--registry", url)
                run(folder, "publish")
                run(folder, "status", "--status", "deprecated", "--message", "old", NAME, "1.0.0")
                run(folder, "status", "--status", "deleted", "--all-versions", "--yes", NAME)
            else:
                bench = bench_in(tmp_path / "data")
                await login(bench, registry=url, method="none")
                await publish(bench, path=str(folder), registry=url)
                await set_status(bench, NAME, "deprecated", version="1.0.0", message="old", registry=url)
                await set_status(bench, NAME, "deleted", all_versions=True, registry=url)
        written.append(
            [("POST", *each) for each in seen[0].sent("POST")] + [("PATCH", *e) for e in seen[0].sent("PATCH")]
        )
    assert written[1] == written[0]


async def test_our_client_against_the_official_registry(peer: str, tmp_path: Path) -> None:
    bench = bench_in(tmp_path / "data", registries={"peer": peer})
    version = f"1.0.{int(time.time())}"
    folder = project(tmp_path / "p", document(NAME, version))
    assert (await login(bench, registry="peer", method="none")).may_publish
    answer = await publish(bench, path=str(folder), registry="peer")
    assert answer.outcome == "published"
    assert (await publish(bench, path=str(folder), registry="peer")).outcome == "already published"
    done = await set_status(bench, NAME, "deprecated", version=version, message="a test", registry="peer")
    assert done.versions[0].after == "deprecated"
    assert not (await set_status(bench, NAME, "deprecated", version=version, message="a test", registry="peer")).changed
    found = await search(bench, "anonymous weather", registry="peer")
    assert NAME in [row.name for row in found.servers]
    other = project(tmp_path / "p", document(NAME, version, description="Something else"))
    with pytest.raises(RegistryError) as refused:
        await publish(bench, path=str(other), registry="peer")
    assert refused.value.code == "version-exists"
    await set_status(bench, NAME, "deleted", version=version, registry="peer")
    with pytest.raises(RegistryError) as refused:
        await publish(bench, path=str(project(tmp_path / "q", document())), registry="peer")
    assert refused.value.code == "forbidden"
