# ruff: noqa: E501 - messages stand here as they are
"""Image registries that misbehave, and the official registry's words for each; real ones are in tests/real."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from benchmarks.upstream import Asked, Reply, serve

from mcp_registrar_tools.findings import Finding
from mcp_registrar_tools.images.credentials import Credentials
from mcp_registrar_tools.images.distribution import DistributionError, RemoteImage, inspect
from mcp_registrar_tools.images.reference import LABEL
from mcp_registrar_tools.outbound import Outbound
from mcp_registrar_tools.packages import oci

pytestmark = pytest.mark.anyio

NAME = "io.github.acme/widget"
REFERENCE = "ghcr.io/acme/widget:1"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = json.dumps({"os": "linux", "architecture": "amd64", "config": {"Labels": {LABEL: NAME}}}).encode()


def digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def manifest(**changes: Any) -> Reply:
    described = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(CONFIG), "size": len(CONFIG)}
    document = {"schemaVersion": 2, "config": described, "layers": [{"size": 7}, {"size": "x"}], **changes}
    return Reply.of(document, 200, **{"content-type": MANIFEST})


def registry(**replies: Reply) -> Callable[[Asked], Reply | None]:
    """An open registry; ``manifests`` and ``blobs`` replace its answers."""
    usual = {"manifests": manifest(), "blobs": Reply(body=CONFIG), **replies}

    def answer(asked: Asked) -> Reply | None:
        return next((reply for part, reply in usual.items() if f"/{part}/" in asked.url), None)

    return answer


async def look(answer: Callable[[Asked], Any], reference: str = REFERENCE, **kwargs: Any) -> RemoteImage:
    async with serve(answer) as upstream:
        outbound = Outbound(transport=upstream.transport())
        try:
            return await inspect(reference, outbound, **kwargs)
        finally:
            await outbound.close()


async def verdict(answer: Callable[[Asked], Any]) -> list[Finding]:
    async with serve(answer) as upstream:
        outbound = Outbound(transport=upstream.transport())
        try:
            package = {"registryType": "oci", "identifier": REFERENCE}
            return await oci.verify(package, NAME, outbound, "https://ghcr.io", extras=False)
        finally:
            await outbound.close()


async def test_a_good_image() -> None:
    image = await look(registry())
    assert image.labels == {LABEL: NAME}
    assert image.size == len(CONFIG) + 7
    assert image.platforms == ["linux/amd64"]
    assert await verdict(registry()) == []


@pytest.mark.parametrize(
    ("replies", "message"),
    [
        ({"manifests": Reply(500)}, f"failed to fetch OCI image: {REFERENCE}: unexpected status 500 from ghcr.io"),
        ({"manifests": Reply(404)}, f"OCI image '{REFERENCE}' does not exist in the registry"),
        (
            {"manifests": Reply(403)},
            f"OCI image '{REFERENCE}' is private or requires authentication. Only public images are supported",
        ),
        (
            {"manifests": Reply(401)},
            f"OCI image '{REFERENCE}' is private or requires authentication. Only public images are supported",
        ),
        ({"manifests": Reply(body=b"[]")}, "failed to fetch OCI image: the manifest is not a JSON object"),
        ({"manifests": manifest(config=None)}, "failed to fetch OCI image: the manifest names no configuration"),
        (
            {"manifests": Reply.of({"mediaType": "application/x-other"}, 200, **{"content-type": "text/plain"})},
            'failed to fetch OCI image: unsupported MediaType: "application/x-other"',
        ),
        ({"blobs": Reply(404)}, f"failed to get image config: {REFERENCE} does not exist"),
        ({"blobs": Reply(body=b"{}")}, f"failed to get image config: the configuration does not have the digest {digest(CONFIG)}"),
    ],
)  # fmt: skip
async def test_what_the_registry_says_of_it(replies: dict[str, Reply], message: str) -> None:
    (finding,) = await verdict(registry(**replies))
    assert (finding.severity, finding.message) == ("error", message)


async def test_a_rate_limit_is_no_acceptance() -> None:
    (finding,) = await verdict(registry(manifests=Reply(429)))
    assert finding.message.endswith("retry shortly")
    assert finding.code == "package-registry-busy"


@pytest.mark.parametrize("labels", [None, {}, [], {"other": "x"}])
async def test_no_label(labels: Any) -> None:
    config = json.dumps({"config": {"Labels": labels}}).encode()
    described = {"digest": digest(config), "size": 1}
    (finding,) = await verdict(registry(manifests=manifest(config=described), blobs=Reply(body=config)))
    assert finding.message == (
        f"OCI image '{REFERENCE}' is missing required annotation. Add this to your Dockerfile: "
        f'LABEL io.modelcontextprotocol.server.name="{NAME}"'
    )


async def test_the_time_is_for_everything_together() -> None:
    """Each answer alone would be in time."""
    slow = Reply(body=CONFIG, delay=0.2)
    late = manifest()
    late = Reply(late.status, late.body, late.headers, delay=0.2)

    async def answer(asked: Asked) -> Reply | None:
        return registry(manifests=late, blobs=slow)(asked)

    with pytest.raises(DistributionError) as caught:
        await look(answer, seconds=0.3)
    assert caught.value.timed_out
    assert oci._refusal(REFERENCE, caught.value).message == (
        f"OCI image validation timed out after 30 seconds for '{REFERENCE}'. The registry may be slow or unreachable"
    )


async def test_a_manifest_must_have_the_digest_that_was_asked_for() -> None:
    wanted = f"ghcr.io/acme/widget@sha256:{'0' * 64}"
    with pytest.raises(DistributionError, match="does not match requested digest"):
        await look(registry(), wanted)


async def test_a_token_is_asked_for_once_and_only_with_what_the_registry_wants() -> None:
    asked: list[Asked] = []

    def answer(request: Asked) -> Reply | None:
        asked.append(request)
        if urlsplit(request.url).path == "/token":
            return Reply.of({"access_token": "abc"})
        if request.headers.get("authorization") != "Bearer abc":
            challenge = 'Bearer realm="https://auth.test/token?a=b", service="ghcr.io",scope="x"'
            return Reply(401, headers={"www-authenticate": challenge})
        return registry()(request)

    await look(answer, credentials=Credentials("alice", "pw"))
    tokens = [request for request in asked if "/token" in request.url]
    assert len(tokens) == 1
    assert tokens[0].headers["authorization"].startswith("Basic ")
    assert parse_qs(urlsplit(tokens[0].url).query) == {
        "a": ["b"],
        "service": ["ghcr.io"],
        "scope": ["repository:acme/widget:pull"],
    }
    asked.clear()
    await look(answer)
    assert "authorization" not in next(request for request in asked if "/token" in request.url).headers


@pytest.mark.parametrize(
    ("token", "code"),
    [(Reply(403), "image-private"), (Reply(429), "image-rate-limited"), (Reply.of({}), "image-unreadable"), (Reply.of([]), "image-unreadable")],
)  # fmt: skip
async def test_a_token_service_that_refuses(token: Reply, code: str) -> None:
    def answer(request: Asked) -> Reply | None:
        if urlsplit(request.url).path == "/token":
            return token
        return Reply(401, headers={"www-authenticate": 'Bearer realm="https://auth.test/token",service="s"'})

    with pytest.raises(DistributionError) as caught:
        await look(answer)
    assert caught.value.code == code


async def test_blobs_on_another_host_come_without_the_credentials() -> None:
    seen: list[Asked] = []

    def answer(request: Asked) -> Reply | None:
        if urlsplit(request.url).hostname == "cdn.test":
            seen.append(request)
            return Reply(body=CONFIG)
        if request.headers.get("authorization") != "Bearer ready":
            return Reply(401, headers={"www-authenticate": "Basic realm=x"})
        return registry(blobs=Reply(307, headers={"location": "https://cdn.test/blob?sig=1"}))(request)

    image = await look(answer, credentials=Credentials(registry_token="ready"))
    assert image.labels == {LABEL: NAME}
    assert len(seen) == 1
    assert "authorization" not in seen[0].headers
