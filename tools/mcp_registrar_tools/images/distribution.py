"""Reading images where they are published, by the distribution protocol: no Docker Engine is needed.

Anonymous, Basic and Bearer-token authentication, indexes and single manifests, the image's configuration with its
labels. What is read by digest is checked against it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp_registrar_tools.errors import ImageError, OutboundError
from mcp_registrar_tools.images.reference import HUB, ImageReference, parse

if TYPE_CHECKING:
    from mcp_registrar_tools.images.credentials import Credentials
    from mcp_registrar_tools.outbound import Fetched, Outbound

SECONDS = 30.0
"""The official registry gives an image this long, all requests together."""
PLATFORM = "linux/amd64"
"""The platform that the official registry looks at, in an index of several."""

_OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
_OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_ACCEPT = ", ".join((_DOCKER_MANIFEST, _OCI_MANIFEST, _DOCKER_INDEX, _OCI_INDEX))
_SIZE_LIMIT = 8 * 1024 * 1024
_USER_AGENT = "MCP-Registry-Validator/1.0"
_PARAMETER = re.compile(r'([a-zA-Z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^",\s]+))')


class DistributionError(ImageError):
    """An image registry's refusal. ``status`` is that of its HTTP answer, 0 when there was none.

    ``about_config`` says that the manifest was read and the configuration was not. ``timed_out`` that the time for
    the whole image ran out.
    """

    def __init__(
        self,
        code: str,
        message: str,
        hint: str,
        *,
        status: int = 0,
        about_config: bool = False,
        timed_out: bool = False,
    ) -> None:
        super().__init__(code, message, hint)
        self.status = status
        self.about_config = about_config
        self.timed_out = timed_out


@dataclass(frozen=True, kw_only=True)
class RemoteImage:
    """A published image.

    ``digest`` is what the reference names (the index when there is one), ``manifest_digest`` the image of
    ``platform`` inside. ``size`` is bytes to download for that platform (layers and configuration). ``platforms``
    are all that the reference offers, as ``os/architecture[/variant]``. ``config`` is the image's whole
    configuration document, ``labels`` the labels in it.
    """

    reference: ImageReference
    digest: str
    manifest_digest: str
    media_type: str
    size: int
    platform: str
    platforms: list[str]
    labels: Mapping[str, str]
    config: Mapping[str, Any] = field(repr=False)


def endpoint(registry: str, mirrors: str | None = None) -> str:
    """The URL under which a registry (``ghcr.io``, ``localhost:5000``) is reached.

    ``mirrors`` is `Settings.oci_mirror`: ``host=URL`` separated by commas. As with Docker, loopback is plain http.
    """
    names = {registry, "docker.io"} if registry == HUB else {registry}
    for item in (mirrors or "").split(","):
        name, equals, url = item.strip().partition("=")
        if equals and name.strip() in names:
            return url.strip().rstrip("/")
    host = registry.rpartition(":")[0] if re.search(r":\d+\Z", registry) else registry
    local = host == "localhost" or host.startswith("127.") or host == "[::1]"
    return f"{'http' if local else 'https'}://{registry}"


async def inspect(
    reference: str | ImageReference,
    outbound: Outbound,
    *,
    credentials: Credentials | None = None,
    base_url: str | None = None,
    named_by_user: bool = False,
    platform: str = PLATFORM,
    seconds: float = SECONDS,
) -> RemoteImage:
    """Look at a published image without pulling it.

    ``credentials`` None is anonymous (see `credentials.find`). ``base_url`` is where the registry is reached, by
    default `endpoint`. ``named_by_user`` lets a private or loopback registry through: set it when the person typed
    the reference, not when it came from somebody's manifest. ``platform`` chooses from an index; a single image is
    taken as it is.

    Raises `DistributionError`: ``image-not-found``, ``image-private``, ``image-rate-limited``, ``image-platform``,
    ``image-timeout``, ``image-unreachable``, ``image-unreadable``; `InputError` for a reference that cannot be read.
    """
    import anyio

    image = parse(reference) if isinstance(reference, str) else reference
    url = base_url or endpoint(image.registry)
    if named_by_user:
        outbound.trust(url)
    reader = _Reader(image, url, outbound, credentials, seconds)
    try:
        with anyio.fail_after(seconds):
            return await reader.image(platform)
    except TimeoutError:
        raise DistributionError(
            "image-timeout",
            f"{image.canonical()}: {image.host} did not finish within {seconds:g} seconds",
            "try again later",
            timed_out=True,
        ) from None


class _Reader:
    """One look at one image: remembers the token between requests."""

    def __init__(
        self,
        image: ImageReference,
        url: str,
        outbound: Outbound,
        credentials: Credentials | None,
        seconds: float,
    ) -> None:
        self._image = image
        self._url = url
        self._outbound = outbound
        self._credentials = credentials
        self._seconds = seconds
        self._authorization = ""

    async def image(self, platform: str) -> RemoteImage:
        wanted = self._image.digest or self._image.tag or "latest"
        manifest, media_type, digest = await self._manifest(wanted)
        top_type, top_digest = media_type, digest
        platforms: list[str] = []
        for _ in range(3):  # an index may hold an index; nobody nests deeper
            if media_type not in (_OCI_INDEX, _DOCKER_INDEX):
                break
            children = [child for child in _objects(manifest.get("manifests")) if not _is_attestation(child)]
            platforms = platforms or [_platform_of(child) for child in children]
            chosen = next((child for child in children if _matches(_platform_of(child), platform)), None)
            if chosen is None:
                # The words of go-containerregistry, which the official registry passes on.
                raise DistributionError(
                    "image-platform",
                    f"no child with platform {platform} in index {self._image.canonical()}",
                    f"build and push it for {platform} too; it has {', '.join(platforms) or 'no platform'}",
                )
            manifest, media_type, digest = await self._manifest(str(chosen.get("digest", "")))
        if media_type not in (_OCI_MANIFEST, _DOCKER_MANIFEST):
            raise self._unreadable(f'unsupported MediaType: "{media_type}"')
        described = manifest.get("config")
        if not isinstance(described, dict):
            raise self._unreadable("the manifest names no configuration")
        config = await self._config(str(described.get("digest", "")))
        own = "/".join(str(config[key]) for key in ("os", "architecture", "variant") if config.get(key))
        inner = config.get("config")
        labels = inner.get("Labels") if isinstance(inner, dict) else None
        sizes = [item.get("size") for item in (described, *_objects(manifest.get("layers")))]
        return RemoteImage(
            reference=self._image,
            digest=top_digest,
            manifest_digest=digest,
            media_type=top_type,
            size=sum(size for size in sizes if isinstance(size, int)),
            platform=own,
            platforms=platforms or [own],
            labels={str(k): str(v) for k, v in labels.items()} if isinstance(labels, dict) else {},
            config=config,
        )

    async def _manifest(self, wanted: str) -> tuple[dict[str, Any], str, str]:
        """A manifest or index by tag or digest: the document, its media type, its digest."""
        got = await self._get(f"manifests/{wanted}", _ACCEPT)
        digest = _sha256(got.body)
        if wanted.startswith("sha256:") and digest != wanted:
            raise self._unreadable(
                f'manifest digest: "{digest}" does not match requested digest: "{wanted}" '
                f'for "{self._image.canonical()}"'
            )
        document = _object(got)
        if document is None:
            raise self._unreadable("the manifest is not a JSON object")
        media_type = got.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in (_OCI_INDEX, _DOCKER_INDEX, _OCI_MANIFEST, _DOCKER_MANIFEST):
            media_type = str(document.get("mediaType") or media_type)
        return document, media_type, digest

    async def _config(self, digest: str) -> dict[str, Any]:
        try:
            got = await self._get(f"blobs/{digest}", "*/*")
            if _sha256(got.body) != digest:
                raise self._unreadable(f"the configuration does not have the digest {digest}")
            if (document := _object(got)) is None:
                raise self._unreadable("the configuration is not a JSON object")
        except DistributionError as error:
            error.about_config = True
            raise
        return document

    async def _get(self, path: str, accept: str) -> Fetched:
        """A resource of the repository; logs in when the registry asks for it, once."""
        for attempt in range(2):
            got = await self._fetch(f"{self._url}/v2/{self._image.repository}/{path}", accept)
            if got.status != 401 or attempt or not await self._log_in(got.headers.get("www-authenticate", "")):
                break
        if got.status != 200:
            raise self._refused(got.status)
        return got

    async def _fetch(self, url: str, accept: str, authorization: str | None = None) -> Fetched:
        headers = {"user-agent": _USER_AGENT, "accept": accept}
        if value := self._authorization if authorization is None else authorization:
            headers["authorization"] = value
        try:
            # Blobs live on the registry's content network: followed without the credentials.
            return await self._outbound.fetch(
                "GET", url, headers=headers, timeout=self._seconds, limit=_SIZE_LIMIT, redirects=5, other_hosts=True
            )
        except OutboundError as error:
            raise self._unreachable(error) from None

    async def _log_in(self, challenge: str) -> bool:
        """Answer ``WWW-Authenticate``. False when there is nothing to answer with."""
        import base64

        scheme, _, rest = challenge.strip().partition(" ")
        known = self._credentials
        if known and known.registry_token:
            self._authorization = f"Bearer {known.registry_token}"
            return True
        basic = ""
        if known and known.username:
            pair = f"{known.username}:{known.password}".encode()
            basic = f"Basic {base64.b64encode(pair).decode()}"
        if scheme.lower() == "basic":
            self._authorization = basic
            return bool(basic)
        if scheme.lower() != "bearer":
            return False
        parameters = {m[1].lower(): m[2] if m[2] is not None else m[3] for m in _PARAMETER.finditer(rest)}
        realm = parameters.get("realm", "")
        self._trust_neighbour(realm)
        got = await self._token(realm, parameters.get("service", ""), basic)
        if got.status != 200:
            raise self._refused(got.status)
        answer = _object(got) or {}
        token = answer.get("token") or answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise self._unreadable("the token service answered without a token")
        self._authorization = f"Bearer {token}"
        return True

    async def _token(self, realm: str, service: str, basic: str) -> Fetched:
        from urllib.parse import urlencode

        scope = f"repository:{self._image.repository}:pull"
        known = self._credentials
        if known and known.identity_token:
            form = {
                "grant_type": "refresh_token",
                "service": service,
                "client_id": "mcp-registrar",
                "scope": scope,
                "refresh_token": known.identity_token,
            }
            try:
                return await self._outbound.fetch(
                    "POST",
                    realm,
                    headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
                    content=urlencode(form).encode(),
                    timeout=self._seconds,
                )
            except OutboundError as error:
                raise self._unreachable(error) from None
        query = urlencode({"service": service, "scope": scope} if service else {"scope": scope})
        return await self._fetch(f"{realm}{'&' if '?' in realm else '?'}{query}", "application/json", basic)

    def _trust_neighbour(self, realm: str) -> None:
        """The token service of a registry that the user named may be as private as the registry, on its host."""
        from urllib.parse import urlsplit

        try:
            same_host = urlsplit(realm).hostname == urlsplit(self._url).hostname
        except ValueError:
            return
        if same_host and self._outbound.trusts(self._url):
            self._outbound.trust(realm)

    def _refused(self, status: int) -> DistributionError:
        name, host = self._image.canonical(), self._image.host
        if status == 404:
            return DistributionError(
                "image-not-found", f"{name} does not exist", "push the image, or correct its name", status=status
            )
        if status in (401, 403):
            return DistributionError(
                "image-private",
                f"{name} is private or does not exist: {host} wants a login (status: {status})",
                f"make the image public, or run `docker login {host}`",
                status=status,
            )
        if status == 429:
            return DistributionError(
                "image-rate-limited",
                f"{host} limits the rate of requests (status: 429)",
                "retry shortly",
                status=status,
            )
        return DistributionError(
            "image-unreadable",
            f"{name}: unexpected status {status} from {host}",
            "try again later" if status >= 500 else "check the reference",
            status=status,
        )

    def _unreachable(self, error: OutboundError) -> DistributionError:
        timed_out = error.code == "outbound-timeout"
        code = "image-timeout" if timed_out else "image-unreachable"
        return DistributionError(code, error.message, error.hint, timed_out=timed_out)

    def _unreadable(self, reason: str) -> DistributionError:
        return DistributionError("image-unreadable", reason, "push the image again, with another tool if need be")


def _sha256(body: bytes) -> str:
    import hashlib

    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _object(got: Fetched) -> dict[str, Any] | None:
    try:
        document = got.json()
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _is_attestation(child: Mapping[str, Any]) -> bool:
    """BuildKit puts provenance beside the images of an index, as an image for no platform."""
    notes = child.get("annotations")
    return isinstance(notes, dict) and notes.get("vnd.docker.reference.type") == "attestation-manifest"


def _platform_of(child: Mapping[str, Any]) -> str:
    """``os/architecture[/variant]`` of an index entry; without one the registry assumes ``linux/amd64``."""
    platform = child.get("platform")
    if not isinstance(platform, dict):
        return PLATFORM
    return "/".join(str(platform[key]) for key in ("os", "architecture", "variant") if platform.get(key))


def _matches(offered: str, wanted: str) -> bool:
    """``linux/arm/v7`` serves who wants ``linux/arm`` or ``linux/arm/v7``."""
    return offered == wanted or offered.startswith(f"{wanted}/")
