"""Pushing to real registries: open, behind a password, and behind a token server as the public ones are."""

from __future__ import annotations

import json
import stat
import urllib.request
from pathlib import Path

import pytest

from mcp_registrar_tools.build_image import build_image
from mcp_registrar_tools.errors import ImageError
from mcp_registrar_tools.workbench import Workbench
from tests.real.components import docker
from tests.real.components.oci_registry import PASSWORD, USER, Registry

pytestmark = [pytest.mark.docker, pytest.mark.anyio]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "weather"
    folder.mkdir()
    (folder / "server.json").write_text(json.dumps({"name": "io.github.alice/weather", "version": "1.0.0"}))
    (folder / "Dockerfile").write_text('FROM busybox\nCMD ["true"]\n')
    return folder


async def refused(bench: Workbench, project: Path, registry: str) -> ImageError:
    with pytest.raises(ImageError) as caught:
        await build_image(bench, str(project), registry=registry, push=True)
    return caught.value


async def test_an_open_registry(
    engine: docker.Engine, open_registry: Registry, bench: Workbench, project: Path
) -> None:
    built = await build_image(bench, str(project), registry=f"{open_registry.host}/alice", push=True)
    assert built.pushed
    assert built.image == f"{open_registry.host}/alice/weather:1.0.0"
    request = urllib.request.Request(
        f"{open_registry.url}/v2/alice/weather/manifests/1.0.0",
        headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["docker-content-digest"] == built.digest
    assert built.package["identifier"] == built.image


async def test_a_registry_behind_a_password(
    engine: docker.Engine, password_registry: Registry, bench: Workbench, project: Path
) -> None:
    where = f"{password_registry.host}/alice"
    error = await refused(bench, project, where)
    assert error.code == "push-unauthorized"
    assert f"docker login {password_registry.host}" in error.hint

    engine.login(password_registry.host, USER, "wrong")
    error = await refused(bench, project, where)
    assert error.code == "push-unauthorized"
    assert "wrong" not in error.text().replace("wrong password", "")

    engine.login(password_registry.host, USER, PASSWORD)
    assert (await build_image(bench, str(project), registry=where, push=True)).pushed


async def test_a_registry_behind_a_token_server(
    engine: docker.Engine, token_registry: Registry, bench: Workbench, project: Path
) -> None:
    error = await refused(bench, project, f"{token_registry.host}/alice")
    # Which of the two depends on whether the engine has used this registry before.
    assert error.code in {"push-denied", "push-unauthorized"}
    assert f"docker login {token_registry.host}" in error.hint

    engine.login(token_registry.host, USER, PASSWORD)
    assert (await build_image(bench, str(project), registry=f"{token_registry.host}/alice", push=True)).pushed

    error = await refused(bench, project, f"{token_registry.host}/somebody-else")
    assert error.code == "push-denied"
    assert "somebody-else" in error.text()


async def test_credentials_come_from_a_helper(
    engine: docker.Engine,
    password_registry: Registry,
    bench: Workbench,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where = f"{password_registry.host}/alice"
    (engine.config / "config.json").write_text(json.dumps({"credHelpers": {password_registry.host: "notthere"}}))
    error = await refused(bench, project, where)
    assert error.code == "credential-helper-failed"

    helper = tmp_path / "docker-credential-ours"
    answer = json.dumps({"Username": USER, "Secret": PASSWORD})
    helper.write_text(f"#!/bin/sh\n[ \"$1\" = list ] && echo '{{}}' || {{ cat >/dev/null; echo '{answer}'; }}\n")
    helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/sbin:/usr/bin:/sbin:/bin")
    (engine.config / "config.json").write_text(json.dumps({"credHelpers": {password_registry.host: "ours"}}))
    assert (await build_image(bench, str(project), registry=where, push=True)).pushed


async def test_a_registry_that_is_not_there(engine: docker.Engine, bench: Workbench, project: Path) -> None:
    error = await refused(bench, project, "127.0.0.1:9/alice")
    assert error.code == "push-unreachable"
    assert "127.0.0.1:9" in error.message
