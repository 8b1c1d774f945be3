"""Really published packages: npm into verdaccio, twine into devpi, Docker into a registry with Bearer tokens."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_registrar_tools.build_image import build_image
from mcp_registrar_tools.outbound import Outbound
from mcp_registrar_tools.rules import ownership
from mcp_registrar_tools.rules.ownership import Ownership
from mcp_registrar_tools.workbench import Settings, Workbench
from tests.real.components import devpi, docker, oci_registry, require, verdaccio

pytestmark = pytest.mark.anyio

NAME = "io.github.alice/weather"


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    out = Outbound()
    yield out
    await out.close()


async def ask(outbound: Outbound, settings: Settings, package: dict[str, Any], name: str = NAME) -> Ownership:
    document = {"name": name, "version": "1.0.0", "packages": [{**package, "transport": {"type": "stdio"}}]}
    (one,) = await ownership.verify(document, outbound, settings)
    return one


def codes(one: Ownership) -> list[str]:
    return [finding.code for finding in one.findings]


@pytest.fixture(scope="module")
def npm() -> Iterator[verdaccio.Npm]:
    require(verdaccio)
    with verdaccio.start() as registry:
        yield registry


@pytest.mark.node
class TestNpm:
    async def test_a_scoped_package_with_its_mark(self, npm: verdaccio.Npm, outbound: Outbound) -> None:
        settings = Settings(npm_url=npm.url)
        npm.publish({"name": "@alice/weather", "version": "1.0.0", "mcpName": NAME})
        package = {"registryType": "npm", "identifier": "@alice/weather", "version": "1.0.0"}
        one = await ask(outbound, settings, package)
        assert (one.verified, one.findings) == (True, [])
        other = await ask(outbound, settings, package, name="io.github.Alice/weather")
        assert other.refusal == (
            "NPM package '@alice/weather' version '1.0.0' ownership validation failed. "
            f"Expected mcpName 'io.github.Alice/weather', got '{NAME}'"
        )
        assert codes(other) == ["ownership-marker-differs", "ownership-letter-case"]

    async def test_the_mark_came_after_the_release(self, npm: verdaccio.Npm, outbound: Outbound) -> None:
        settings = Settings(npm_url=npm.url)
        npm.publish({"name": "late", "version": "1.2.0"})
        npm.publish({"name": "late", "version": "1.2.1", "mcpName": NAME})
        package = {"registryType": "npm", "identifier": "late"}
        old = await ask(outbound, settings, {**package, "version": "1.2.0"})
        assert codes(old) == ["ownership-marker-missing"]
        assert (await ask(outbound, settings, {**package, "version": "1.2.1"})).verified
        absent = await ask(outbound, settings, {**package, "version": "1.3.0"})
        assert "NPM package 'late' exists, but version '1.3.0' was not found (status: 404)." in absent.refusal
        nobody = await ask(outbound, settings, {**package, "identifier": "never-published", "version": "1.0.0"})
        assert nobody.refusal == "NPM package 'never-published' not found (status: 404)"


@pytest.fixture(scope="module")
def index() -> Iterator[devpi.Index]:
    require(devpi)
    with devpi.start() as running:
        yield running


class TestPypi:
    async def test_a_wheel_whose_readme_hides_the_mark(self, index: devpi.Index, outbound: Outbound) -> None:
        settings = Settings(pypi_url=index.url)
        index.publish("alice-weather", "1.0.0", f"# Weather\n\n<!-- mcp-name: {NAME} -->\n")
        package = {"registryType": "pypi", "identifier": "alice-weather", "version": "1.0.0"}
        assert (await ask(outbound, settings, package)).verified
        other = await ask(outbound, settings, package, name="io.github.alice/weather-pro")
        assert codes(other) == ["ownership-marker-missing", "ownership-other-name"]
        shorter = await ask(outbound, settings, package, name="io.github.alice/weath")
        assert shorter.refusal == (
            "PyPI package 'alice-weather' ownership validation failed: found 'mcp-name: io.github.alice/weath' in the "
            'README, but it is immediately followed by "e" rather than a boundary. The token must be followed by a '
            "space, newline, an HTML tag, or a comment close ('-->') — put it on its own line and republish"
        )

    async def test_versions_that_are_not_there(self, index: devpi.Index, outbound: Outbound) -> None:
        settings = Settings(pypi_url=index.url)
        index.publish("alice-plain", "0.1.0", "# Nothing here\n")
        package = {"registryType": "pypi", "identifier": "alice-plain", "version": "0.1.0"}
        assert codes(await ask(outbound, settings, package)) == ["ownership-marker-missing"]
        absent = await ask(outbound, settings, {**package, "version": "0.2.0"})
        assert "PyPI package 'alice-plain' exists, but version '0.2.0' was not found (status: 404)." in absent.refusal


async def no_registry() -> Outbound:
    raise AssertionError("building an image asks no registry of servers")


@pytest.mark.docker
class TestImage:
    """Built with BuildKit's or the engine's own builder and pushed by Docker; verified without any login."""

    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        folder = tmp_path / "weather"
        folder.mkdir()
        (folder / "server.json").write_text(json.dumps({"name": NAME, "version": "1.0.0"}))
        (folder / "Dockerfile").write_text('FROM busybox\nCMD ["true"]\n')
        return folder

    async def test_an_image_in_a_registry_with_bearer_tokens(
        self, engine: docker.Engine, token_registry: oci_registry.Registry, outbound: Outbound, project: Path
    ) -> None:
        engine.login(token_registry.host, oci_registry.USER, oci_registry.PASSWORD)
        bench = Workbench(settings=Settings(), outbound=outbound, local_registry=no_registry)
        built = await build_image(bench, str(project), registry=f"{token_registry.host}/alice", push=True)
        assert built.pushed
        settings = Settings(oci_mirror=f"ghcr.io={token_registry.url}")
        package = {"registryType": "oci", "identifier": "ghcr.io/alice/weather:1.0.0"}
        one = await ask(outbound, settings, package)
        assert one.verified, one.refusal
        assert {finding.severity for finding in one.findings} <= {"info"}
        by_digest = {**package, "identifier": f"ghcr.io/alice/weather@{built.digest}"}
        assert (await ask(outbound, settings, by_digest)).verified
        other = await ask(outbound, settings, package, name="io.github.alice/other")
        assert other.refusal == (
            "OCI image ownership validation failed. Expected annotation 'io.modelcontextprotocol.server.name' = "
            f"'io.github.alice/other', got '{NAME}'"
        )
        absent = await ask(outbound, settings, {**package, "identifier": "ghcr.io/alice/weather:2.0.0"})
        assert absent.refusal == "OCI image 'ghcr.io/alice/weather:2.0.0' does not exist in the registry"


@pytest.mark.docker
class TestImageVariants:
    """Images as they are seldom built, pushed by the distribution protocol itself."""

    async def test_labels_and_annotations(self, open_registry: oci_registry.Registry, outbound: Outbound) -> None:
        settings = Settings(oci_mirror=f"docker.io={open_registry.url}")
        open_registry.push("alice/none", labels={"maintainer": "alice"})
        open_registry.push("alice/note", annotations={"io.modelcontextprotocol.server.name": NAME})
        open_registry.push("alice/near", labels={"io.modelcontextprotocol.server": NAME})
        open_registry.push("alice/case", labels={"io.modelcontextprotocol.server.name": NAME.upper()})
        missing = (
            "OCI image 'alice/{}:1' is missing required annotation. Add this to your Dockerfile: "
            f'LABEL io.modelcontextprotocol.server.name="{NAME}"'
        )
        for name, more in (("none", []), ("note", []), ("near", ["ownership-other-label"])):
            one = await ask(outbound, settings, {"registryType": "oci", "identifier": f"alice/{name}:1"})
            assert one.refusal == missing.format(name)
            assert codes(one) == ["ownership-marker-missing", *more]
        one = await ask(outbound, settings, {"registryType": "oci", "identifier": "docker.io/alice/case:1"})
        assert codes(one) == ["ownership-marker-differs", "ownership-letter-case"]

    async def test_the_platform_that_the_registry_looks_at(
        self, open_registry: oci_registry.Registry, outbound: Outbound
    ) -> None:
        settings = Settings(oci_mirror=f"ghcr.io={open_registry.url}")
        label = {"io.modelcontextprotocol.server.name": NAME}
        amd = open_registry.push("alice/two", labels=label, tag=None)
        arm = open_registry.push("alice/two", labels={}, platform="linux/arm64", tag=None)
        open_registry.push_index("alice/two", [arm, amd], tag="both")
        open_registry.push_index("alice/two", [arm], tag="arm")
        both = await ask(outbound, settings, {"registryType": "oci", "identifier": "ghcr.io/alice/two:both"})
        assert (both.verified, both.findings) == (True, [])
        only = await ask(outbound, settings, {"registryType": "oci", "identifier": "ghcr.io/alice/two:arm"})
        assert only.refusal == (
            "failed to fetch OCI image: no child with platform linux/amd64 in index ghcr.io/alice/two:arm"
        )

    async def test_private_is_told_apart_from_missing(self, outbound: Outbound) -> None:
        require(oci_registry)
        with oci_registry.start("token", public=False) as registry:
            registry.push("alice/secret", labels={"io.modelcontextprotocol.server.name": NAME})
            settings = Settings(oci_mirror=f"ghcr.io={registry.url}")
            package = {"registryType": "oci", "identifier": "ghcr.io/alice/secret:1"}
            message = (
                "OCI image 'ghcr.io/alice/secret:1' is private or requires authentication. "
                "Only public images are supported"
            )
            one = await ask(outbound, settings, package)
            assert (one.refusal, codes(one)) == (message, ["image-private"])
            login = base64.b64encode(f"{oci_registry.USER}:{oci_registry.PASSWORD}".encode()).decode()
            config = Path.home() / ".docker" / "config.json"
            config.parent.mkdir()
            config.write_text(json.dumps({"auths": {"ghcr.io": {"auth": login}}}))
            one = await ask(outbound, settings, package)
            assert (one.refusal, codes(one)) == (message, ["image-private", "image-not-public"])
            assert "the image is there and carries the right label" in one.findings[1].message
