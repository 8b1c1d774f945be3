"""Reading images from a real registry (Distribution): open, with passwords, with Bearer tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mcp_registrar_tools.images import distribution
from mcp_registrar_tools.images.credentials import Credentials
from mcp_registrar_tools.images.distribution import DistributionError, inspect
from mcp_registrar_tools.outbound import Outbound
from tests.real.components import oci_registry, require

pytestmark = [pytest.mark.anyio, pytest.mark.docker]

LABEL = {"io.modelcontextprotocol.server.name": "io.github.acme/weather"}
ALICE = Credentials(oci_registry.USER, oci_registry.PASSWORD)


@asynccontextmanager
async def outbound() -> AsyncIterator[Outbound]:
    out = Outbound()
    try:
        yield out
    finally:
        await out.close()


async def refused(reference: str, **kwargs: Any) -> DistributionError:
    async with outbound() as out:
        with pytest.raises(DistributionError) as caught:
            await inspect(reference, out, **{"named_by_user": True, **kwargs})
    return caught.value


async def test_a_single_image(open_registry: oci_registry.Registry) -> None:
    pushed = open_registry.push("acme/weather", labels=LABEL, platform="linux/arm/v7")
    reference = f"{open_registry.host}/acme/weather:1"
    async with outbound() as out:
        image = await inspect(reference, out, named_by_user=True)
        same = await inspect(f"{reference}@{pushed['digest']}", out)
    assert image.labels == LABEL
    assert image.digest == image.manifest_digest == pushed["digest"] == same.digest
    assert image.platforms == [image.platform] == ["linux/arm/v7"]
    assert image.media_type == oci_registry.OCI_MANIFEST
    assert 60 < image.size < 2000
    assert image.config["rootfs"]["type"] == "layers"


async def test_an_index_answers_with_the_platform_asked_for(open_registry: oci_registry.Registry) -> None:
    children = [
        open_registry.push("acme/many", labels={**LABEL, "arch": platform}, platform=platform, tag=None)
        for platform in ("linux/arm64", "linux/amd64", "linux/arm/v7")
    ]
    proof = {**children[0], "platform": {"os": "unknown", "architecture": "unknown"}}
    proof["annotations"] = {"vnd.docker.reference.type": "attestation-manifest"}
    digest = open_registry.push_index("acme/many", [*children, proof])
    reference = f"{open_registry.host}/acme/many:1"
    async with outbound() as out:
        image = await inspect(reference, out, named_by_user=True)
        arm = await inspect(reference, out, platform="linux/arm")
    assert (image.digest, image.manifest_digest) == (digest, children[1]["digest"])
    assert image.platforms == ["linux/arm64", "linux/amd64", "linux/arm/v7"]
    assert (image.labels["arch"], arm.labels["arch"]) == ("linux/amd64", "linux/arm/v7")
    error = await refused(reference, platform="windows/amd64")
    assert error.code == "image-platform"
    assert error.message == f"no child with platform windows/amd64 in index {reference}"


async def test_an_index_within_an_index(open_registry: oci_registry.Registry) -> None:
    child = open_registry.push("acme/nested", labels=LABEL, tag=None)
    inner = open_registry.push_index("acme/nested", [child], tag="inner")
    nested = {"mediaType": oci_registry.OCI_INDEX, "digest": inner, "size": 1}
    open_registry.push_index("acme/nested", [nested], tag="outer")
    async with outbound() as out:
        image = await inspect(f"{open_registry.host}/acme/nested:outer", out, named_by_user=True)
    assert image.labels == LABEL


async def test_what_is_not_there(open_registry: oci_registry.Registry) -> None:
    open_registry.push("acme/weather", labels=LABEL)
    for name in ("acme/weather:none", "acme/none:1", "acme/weather@sha256:" + "0" * 64):
        error = await refused(f"{open_registry.host}/{name}")
        assert (error.code, error.status) == ("image-not-found", 404)


async def test_a_private_address_must_be_named_by_the_user(open_registry: oci_registry.Registry) -> None:
    error = await refused(f"{open_registry.host}/acme/weather:1", named_by_user=False)
    assert error.code == "image-unreachable"


async def test_bearer_tokens_for_anybody_and_for_somebody(token_registry: oci_registry.Registry) -> None:
    token_registry.push("alice/weather", labels=LABEL)
    reference = f"{token_registry.host}/alice/weather:1"
    async with outbound() as out:
        for credentials in (None, ALICE, Credentials(identity_token="identity")):
            image = await inspect(reference, out, credentials=credentials, named_by_user=True)
            assert image.labels == LABEL
    for wrong in (Credentials("alice", "wrong"), Credentials(identity_token="wrong")):
        error = await refused(reference, credentials=wrong)
        assert (error.code, error.status) == ("image-private", 401)
        assert "wrong" not in error.text()


async def test_private_images_want_a_login() -> None:
    require(oci_registry)
    for auth in ("password", "token"):
        with oci_registry.start(auth, public=False) as registry:  # type: ignore[arg-type]
            registry.push("acme/private", labels=LABEL)
            reference = f"{registry.host}/acme/private:1"
            error = await refused(reference)
            assert (error.code, error.status) == ("image-private", 401)
            assert f"docker login {registry.host}" in error.hint
            async with outbound() as out:
                image = await inspect(reference, out, credentials=ALICE, named_by_user=True)
                assert image.labels == LABEL


async def test_nobody_there_and_no_time() -> None:
    error = await refused("127.0.0.1:1/a/b:1")
    assert error.code == "image-unreachable"


def test_where_a_registry_is_reached() -> None:
    assert distribution.endpoint("ghcr.io") == "https://ghcr.io"
    assert distribution.endpoint("localhost:5000") == "http://localhost:5000"
    assert distribution.endpoint("127.0.0.1") == "http://127.0.0.1"
    assert distribution.endpoint("[::1]:5000") == "http://[::1]:5000"
    mirrors = "ghcr.io=http://127.0.0.1:1/, docker.io = https://mirror.example"
    assert distribution.endpoint("ghcr.io", mirrors) == "http://127.0.0.1:1"
    assert distribution.endpoint("index.docker.io", mirrors) == "https://mirror.example"
    assert distribution.endpoint("quay.io", mirrors) == "https://quay.io"
