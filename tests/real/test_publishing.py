"""Publishing with a real Docker Engine: the image is pushed, and what runs is shown as deployed."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from mcp_registrar_tools.build_image import build_image
from mcp_registrar_tools.publish import publish
from mcp_registrar_tools.search import search
from tests.real.components import docker
from tests.real.components.oci_registry import Registry
from tests.tools.registries.serving import bench_in, document, project

pytestmark = [pytest.mark.docker, pytest.mark.anyio]


async def test_build_publish_run_search(engine: docker.Engine, open_registry: Registry, tmp_path: Path) -> None:
    bench = bench_in(tmp_path / "data", ownership="off")
    image = f"{open_registry.host}/octocat/weather:1.0.0"
    package = {"registryType": "oci", "identifier": image, "transport": {"type": "stdio"}}
    folder = project(tmp_path / "weather", document(packages=[package]))
    (folder / "Dockerfile").write_text('FROM busybox\nCMD ["sleep", "60"]\n', encoding="ascii")
    built = await build_image(bench, str(folder), tag=image)
    assert built.image == image
    answer = await publish(bench, path=str(folder), push_image=True)
    assert answer.outcome == "published"
    with urllib.request.urlopen(f"{open_registry.url}/v2/octocat/weather/tags/list") as tags:
        assert json.load(tags)["tags"] == ["1.0.0"]

    assert not (await search(bench)).servers[0].deployed
    client: Any = engine.client()
    container = client.create_container(image)
    client.start(container)
    try:
        assert (await search(bench)).servers[0].deployed
    finally:
        client.remove_container(container, force=True)
        client.close()
    assert not (await search(bench)).servers[0].deployed
