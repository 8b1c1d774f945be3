"""All that is special to MCPB packages.

Seeing one in a project, its `packages[]` entry, its ownership marker, how a client starts it, and how the
registry verifies it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mcp_registrar_tools.packages import fields
from mcp_registrar_tools.packages.found import TEMPLATE, Found, Marker
from mcp_registrar_tools.packages.found import entry as common_entry
from mcp_registrar_tools.project.edits import Edit
from mcp_registrar_tools.project.walk import Project, line_of

if TYPE_CHECKING:
    from mcp_registrar_tools.findings import Finding
    from mcp_registrar_tools.launch import Text
    from mcp_registrar_tools.outbound import Outbound

# ---------------------------------------------------------------------------------------------------------------
# In a project: detect, entry, marker, launch
# ---------------------------------------------------------------------------------------------------------------


def detect(project: Project) -> list[Found]:
    """Every bundle ``manifest.json`` (MCPB, formerly DXT). ``extra["built"]`` is a packed bundle in the project.

    The identifier is a release asset's URL, which no project file states in full before the release: it stays ""
    here and is made of repository, version and name by `asset_url`.
    """
    results = []
    for path in project.packages("manifest.json"):
        text = project.text(path)
        if not text or not ("manifest_version" in text or "dxt_version" in text):
            continue
        try:
            data = json.loads(text)
        except ValueError as error:
            project.problems.append(f"{path} is not JSON: {error}")
            continue
        if not isinstance(data, dict) or not isinstance(data.get("server"), dict):
            continue
        results.append(_found(project, path, text, data))
    return results


def _found(project: Project, path: str, text: str, data: dict[str, Any]) -> Found:
    def string(key: str) -> str | None:
        value = data.get(key)
        return value.strip() or None if isinstance(value, str) else None

    repository = data.get("repository")
    name = string("name") or "server"
    found = Found(
        registry_type="mcpb",
        identifier="",
        file=project.folder / path,
        folder=path.rpartition("/")[0],
        line=line_of(text, '"name"'),
        version=string("version"),
        version_where=f"{path}:{line_of(text, json.dumps('version'))}",
        title=string("display_name"),
        description=string("description"),
        homepage=string("homepage"),
        repository=repository.get("url") if isinstance(repository, dict) else repository,
        mcp="is an MCP bundle",
        assumed=frozenset({"identifier"}),
    )
    if found.version and TEMPLATE.search(found.version):
        found.version = None
    found.extra |= {"name": name, "built": next(project.named("*.mcpb", "*.dxt"), None)}
    return found


def asset_url(found: Found, repository: str, version: str) -> str:
    """Where a release would hold the bundle: GitHub's release asset of tag ``v<version>``."""
    file = found.extra.get("built") or ""
    name = file.rpartition("/")[2] or f"{found.extra['name']}.mcpb"
    return f"{repository}/releases/download/v{version}/{name}"


def entry(found: Found, version: str | None) -> dict[str, Any]:
    """The `packages[]` element. ``fileSha256`` is that of the built bundle when it lies in the project."""
    return common_entry(found, version=found.version or version)


def sha256(project: Project, found: Found) -> str | None:
    """The built bundle's hash, lower-case hex; None when none is built here. Blocking."""
    if not found.extra.get("built"):
        return None
    with (project.folder / found.extra["built"]).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def marker(project: Project, found: Found, server_name: str) -> Marker:
    """None: the registry checks a bundle's hash field and address, not its owner (reference §3.6)."""
    return Marker(file=None, state="present", text="", note="MCPB bundles carry no ownership marker")


def write_marker(mark: Marker, server_name: str) -> Edit | None:
    """Nothing to write."""
    return None


def launch(
    package: Mapping[str, Any], runtime: list[Text], own: list[Text], *, env: list[str], port: int | None
) -> tuple[list[Text], str]:
    """A bundle is opened by the client itself; there is no command."""
    return [], f"download the bundle and open it: {package.get('identifier')}"


# ---------------------------------------------------------------------------------------------------------------
# At the registry: verify
# ---------------------------------------------------------------------------------------------------------------


_HOSTS = {
    "github.com": "GitHub",
    "www.github.com": "GitHub",
    "gitlab.com": "GitLab",
    "www.gitlab.com": "GitLab",
}
_GITHUB_ASSET = re.compile(
    r"/([a-zA-Z0-9]([a-zA-Z0-9\-]{0,37}[a-zA-Z0-9])?)/([a-zA-Z0-9._\-]+)/releases/download/([^/]+)/([^/]+)"
)
_GITLAB_ASSET = re.compile(
    r"/([a-zA-Z0-9._\-]+(?:/[a-zA-Z0-9._\-]+)*)/-/(releases/[^/]+/downloads/[^/]+|package_files/[0-9]+/download)"
)


def field_problems(package: Mapping[str, Any]) -> list[str]:
    """What the registry refuses in the entry itself, in its words and order."""
    identifier = fields.text(package, "identifier")
    found: list[str] = []
    if not fields.text(package, "fileSha256"):
        found.append("must include a fileSha256 hash for integrity verification")
    if not identifier:
        found.append("package identifier is required for MCPB packages")
    if fields.text(package, "registryBaseUrl"):
        found.append(
            "MCPB packages must not have 'registryBaseUrl' field - use the full download URL in 'identifier' instead"
        )
    if identifier:
        found.extend(url_problems(identifier))
    return found


def url_problems(identifier: str) -> list[str]:
    """Whether the URL is a release asset on GitHub or GitLab, over https, with ``mcp`` somewhere in it.

    At most two messages: a URL that is no release asset is not examined further.
    """
    from mcp_registrar_tools.manifest import gourl

    try:
        parts = gourl.parse(identifier)
    except gourl.GoURLError as error:
        return [f"invalid MCPB package URL: {error}"]
    host = parts.host.lower()
    provider = _HOSTS.get(host)
    if provider is None:
        return [
            f"MCPB packages must be hosted on allowlisted providers (GitHub or GitLab). Host '{host}' is not allowed"
        ]
    path = parts.path
    if provider == "GitHub" and not _GITHUB_ASSET.fullmatch(path):
        return [
            "GitHub MCPB packages must be release assets following the pattern "
            "'/owner/repo/releases/download/tag/filename'"
        ]
    if provider == "GitLab" and not _GITLAB_ASSET.fullmatch(path):
        return [
            "GitLab MCPB packages must be release assets following patterns "
            "'/owner/repo/-/releases/tag/downloads/filename' or '/owner/repo/-/package_files/id/download'"
        ]
    found = []
    if parts.scheme != "https":
        found.append(f"invalid MCPB package URL, must use HTTPS: {identifier}")
    if "mcp" not in identifier.lower():
        found.append(f"MCPB package URL must contain 'mcp': {identifier}")
    return found


DOWNLOAD_LIMIT = 128 * 1024 * 1024
DOWNLOAD_SECONDS = 30.0


async def verify(
    package: Mapping[str, Any], server_name: str, outbound: Outbound, base_url: str = "", *, extras: bool = True
) -> list[Finding]:
    """Whether anybody can download the file. The registry neither compares its hash nor looks inside; ``extras`` do.

    `packages.published` says what the findings are; ``package`` has passed `field_problems`. ``base_url`` is not
    used: the identifier is the whole address.
    """
    from mcp_registrar_tools.errors import OutboundError
    from mcp_registrar_tools.packages import published

    url = package["identifier"]
    try:
        answer = await outbound.fetch(
            "HEAD", url, headers={"user-agent": published.USER_AGENT}, timeout=published.SECONDS
        )
    except OutboundError as error:
        return [published.unreachable("failed to verify MCPB package accessibility", error).finding]
    moved = 300 <= answer.status < 400 and answer.headers.get("location")
    if answer.status != 200 and not moved:
        busy = answer.status == 429 or answer.status >= 500
        code = "package-not-found" if answer.status == 404 else "package-registry-failed"
        return [
            published.note(
                "package-registry-busy" if busy else code,
                f"MCPB package '{url}' is not publicly accessible (status: {answer.status})",
                "publish the release with this asset, in a public repository, before registering it",
                severity="error",
            )
        ]
    return await _inside(package, server_name, outbound) if extras else []


async def _inside(package: Mapping[str, Any], server_name: str, outbound: Outbound) -> list[Finding]:
    """Download the file: does it have the hash that clients will demand, and whose manifest is in it?"""
    import anyio.to_thread

    from mcp_registrar_tools.errors import OutboundError
    from mcp_registrar_tools.packages import published

    try:
        answer = await outbound.fetch(
            "GET",
            package["identifier"],
            headers={"user-agent": published.USER_AGENT},
            timeout=DOWNLOAD_SECONDS,
            limit=DOWNLOAD_LIMIT,
            redirects=published.REDIRECTS,
            other_hosts=True,
        )
    except OutboundError as error:
        return [published.note("mcpb-not-compared", f"the file was not compared: {error.message}", error.hint)]
    if answer.status != 200:
        text = f"the file was not compared: its download answered with status {answer.status}"
        return [published.note("mcpb-not-compared", text, "download it once by hand", severity="warning")]
    return await anyio.to_thread.run_sync(_compare, answer.body, package, server_name)


def _compare(body: bytes, package: Mapping[str, Any], server_name: str) -> list[Finding]:
    import hashlib

    from mcp_registrar_tools.packages.published import note

    found = []
    digest = hashlib.sha256(body).hexdigest()
    expected = fields.text(package, "fileSha256")
    if digest != expected:
        found.append(
            note(
                "mcpb-hash-differs",
                f"the published file has the SHA-256 {digest}, fileSha256 says {expected}",
                f"set fileSha256 to {digest}: the registry does not compare, but clients refuse the file",
                severity="warning",
                path="fileSha256",
            )
        )
    manifest = _manifest(body)
    if manifest is None:
        text = "the published file is no MCPB bundle: it holds no manifest.json"
        return [*found, note("mcpb-no-manifest", text, "pack it with mcpb pack", severity="warning")]
    name, version = fields.text(manifest, "name"), fields.text(manifest, "version")
    part = server_name.rpartition("/")[2]
    if name.lower() not in (server_name.lower(), part.lower()):
        text = f"the bundle's manifest is named {name or 'nothing'}, the server {server_name}"
        found.append(note("mcpb-name-differs", text, "check that this is the right file"))
    declared = fields.text(package, "version")
    if declared and version and version != declared:
        text = f"the bundle's manifest has version {version}, the package entry says {declared}"
        found.append(note("mcpb-version-differs", text, "check that this is the right file", path="version"))
    return found


def _manifest(body: bytes) -> Mapping[str, Any] | None:
    """``manifest.json`` of a bundle (a ZIP file), None when there is none to read."""
    import io
    import json
    import zipfile

    try:
        with zipfile.ZipFile(io.BytesIO(body)) as bundle, bundle.open("manifest.json") as file:
            document = json.loads(file.read(1024 * 1024))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, NotImplementedError, RuntimeError, EOFError):
        return None
    return document if isinstance(document, dict) else None
