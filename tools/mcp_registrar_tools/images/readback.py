"""What a registry really serves after a push: read by the distribution protocol, as anyone would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_registrar_tools.errors import ImageError, InputError, OutboundError
from mcp_registrar_tools.images.platforms import normalise

if TYPE_CHECKING:
    from mcp_registrar_tools.outbound import Outbound
    from mcp_registrar_tools.workbench import Settings


@dataclass(frozen=True, kw_only=True)
class Published:
    """``public`` says whether it can be read without a login; ``size`` is bytes to download for one platform."""

    digest: str
    size: int
    platforms: list[str]
    labels: Mapping[str, str]
    public: bool


async def read_back(
    image: str, outbound: Outbound, settings: Settings, *, platform: str, seconds: float = 30.0
) -> Published:
    """Look at a pushed image: without a login first, with Docker's own where that is refused.

    ``platform`` is looked at in an index of several. Raises `ImageError` when it cannot be read at all.
    """
    import anyio.to_thread

    from mcp_registrar_tools.images import credentials, distribution
    from mcp_registrar_tools.images.reference import parse

    reference = parse(image)
    url = distribution.endpoint(reference.registry, settings.oci_mirror)
    public = True
    try:
        found = await distribution.inspect(
            reference, outbound, base_url=url, named_by_user=True, platform=platform, seconds=seconds
        )
    except distribution.DistributionError as error:
        if error.code != "image-private":
            raise
        public = False
        known = await anyio.to_thread.run_sync(lambda: credentials.find(reference.registry))
        found = await distribution.inspect(
            reference,
            outbound,
            credentials=known,
            base_url=url,
            named_by_user=True,
            platform=platform,
            seconds=seconds,
        )
    except OutboundError as error:
        raise ImageError("image-unreachable", error.message, error.hint) from error
    platforms = [_normal(platform) for platform in found.platforms]
    return Published(digest=found.digest, size=found.size, platforms=platforms, labels=found.labels, public=public)


def _normal(platform: str) -> str:
    try:
        return normalise(platform)
    except InputError:
        return platform
