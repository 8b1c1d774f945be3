"""All that is special to Cargo packages.

Seeing one in a project, its `packages[]` entry, its ownership marker, how a client starts it, and how the
registry verifies it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mcp_registrar_tools.manifest.gotext import quote
from mcp_registrar_tools.packages import fields
from mcp_registrar_tools.packages.found import Found, Marker, about_mcp, readme_marker
from mcp_registrar_tools.packages.found import entry as common_entry
from mcp_registrar_tools.project import readme, rust
from mcp_registrar_tools.project.edits import Edit
from mcp_registrar_tools.project.walk import Project

if TYPE_CHECKING:
    from mcp_registrar_tools.findings import Finding
    from mcp_registrar_tools.launch import Text
    from mcp_registrar_tools.outbound import Outbound

BASE_URL = "https://crates.io"
"""The only `registryBaseUrl` the registry accepts for Cargo."""

# ---------------------------------------------------------------------------------------------------------------
# In a project: detect, entry, marker, launch
# ---------------------------------------------------------------------------------------------------------------


def detect(project: Project) -> list[Found]:
    """Every crate of the project that has a program, with what it inherits from its workspace."""
    results = []
    for crate in rust.crates(project):
        found = Found(
            registry_type="cargo",
            identifier=crate.name,
            file=crate.file,
            folder=crate.folder,
            line=crate.line,
            version=crate.version,
            version_where=crate.version_where,
            description=crate.text("description"),
            homepage=crate.text("homepage"),
            repository=crate.text("repository"),
            private=not crate.publish,
        )
        found.extra |= {"readme": crate.readme, "needs": bool(crate.dependencies)}
        visible = False
        if crate.readme and (token := readme.token_in(project, crate.readme)):
            text = project.text(crate.readme) or ""
            found.server_name = token[0]
            found.server_name_where = f"{project.shown(crate.readme)}:{token[1]}"
            visible = any(not readme.hidden(text, match.start()) for match in readme.TOKEN.finditer(text))
        # crates.io strips comments: a token in one was not meant for it.
        found.extra["visible"] = visible
        found.mcp = (
            "has an mcp-name"
            if found.server_name
            else about_mcp(crate.name, found.description, crate.keywords, crate.dependencies)
        )
        results.append(found)
    return results


def entry(found: Found, version: str | None) -> dict[str, Any]:
    """The `packages[]` element. Cargo requires a version."""
    return common_entry(found, version=found.version or version)


def marker(project: Project, found: Found, server_name: str) -> Marker:
    """``mcp-name: …`` as visible text in the crate's README: crates.io strips comments."""
    path = found.extra.get("readme")
    note = "" if path else f"{project.shown(found.file)} has no README beside it; crates.io shows none"
    mark = readme_marker(project, path, server_name, note)
    if mark.state == "present" and not found.extra.get("visible"):
        return Marker(
            file=mark.file,
            state="missing",
            text=mark.text,
            note="the token stands in a comment, which crates.io strips",
        )
    return mark


def write_marker(mark: Marker, server_name: str) -> Edit | None:
    """The README with the token as a line of its own; None when nothing is to do."""
    if mark.file is None or mark.state == "present":
        return None
    return readme.put_token(mark.file, server_name, visible=True)


def launch(
    package: Mapping[str, Any], runtime: list[Text], own: list[Text], *, env: list[str], port: int | None
) -> tuple[list[Text], str]:
    """The program that ``cargo install`` leaves on the path: there is no runner for crates."""
    from mcp_registrar_tools.launch import hint

    identifier, version = str(package.get("identifier", "")), str(package.get("version") or "")
    first = f"install the program first: cargo install {identifier}" + (f" --version {version}" if version else "")
    return [(hint(package, identifier),), *runtime, *own], first


# ---------------------------------------------------------------------------------------------------------------
# At the registry: verify
# ---------------------------------------------------------------------------------------------------------------


def field_problems(package: Mapping[str, Any]) -> list[str]:
    """What the registry refuses in the entry itself, in its words and order."""
    return fields.index_problems(
        package,
        registry_type="cargo",
        label="Cargo",
        base_url=BASE_URL,
        hash_problem="cargo packages must not have 'fileSha256' field - this is only for MCPB packages",
    )


USER_AGENT = "MCP-Registry-Validator/1.0 (https://registry.modelcontextprotocol.io)"
"""crates.io wants to know whom to write to."""
STATIC_HOST = "static.crates.io"


async def verify(
    package: Mapping[str, Any], server_name: str, outbound: Outbound, base_url: str, *, extras: bool = True
) -> list[Finding]:
    """Whether the rendered README of the published version holds the token ``mcp-name: <server name>`` as text.

    `packages.published` says what the findings are; ``package`` has passed `field_problems`. ``extras`` adds what
    explains a refusal.
    """
    from mcp_registrar_tools.packages import published

    text = ""
    try:
        text = await _readme(package, server_name, outbound, base_url.rstrip("/"))
        _look(package, server_name, text)
    except published.Refusal as refusal:
        return [refusal.finding, *(published.readme_findings(text, server_name) if extras else [])]
    return []


async def _readme(package: Mapping[str, Any], server_name: str, outbound: Outbound, base_url: str) -> str:
    """The README as crates.io renders it: one request says where it is, a second fetches it."""
    from mcp_registrar_tools.packages import published

    name, version = package["identifier"], package["version"]
    at = f"{base_url}/api/v1/crates/{published.escape(name)}/{published.escape(version)}"
    answer = await published.get(
        outbound,
        f"{at}/readme",
        "failed to fetch package metadata from crates.io",
        accept="application/json",
        agent=USER_AGENT,
    )
    if answer.status != 200:
        raise _busy(
            answer.status,
            f"the metadata request for cargo package '{name}'",
            f"fetching metadata for cargo package '{name}'",
        ) or published.Refusal(
            "package-not-found" if answer.status == 404 else "package-registry-failed",
            f"cargo package '{name}' metadata fetch failed (status: {answer.status})",
            "publish the crate and version to crates.io before registering it, or correct them here",
        )
    failure = "failed to parse crates.io readme metadata"
    url = published.string(published.parse(answer, failure), "url", failure)
    if not url:
        raise published.Refusal(
            "package-registry-failed",
            f"cargo package '{name}' metadata response missing 'url' field",
            "try again later",
        )
    _check_host(name, url, base_url)
    readme = await published.get(
        outbound,
        url,
        "failed to fetch rendered README from crates.io",
        accept="text/html",
        agent=USER_AGENT,
        limit=published.README_LIMIT,
        cut=True,
    )
    if readme.status == 403:
        raise await _forbidden(package, server_name, outbound, at)
    if readme.status != 200:
        which = f"cargo package '{name}' version '{version}'"
        raise _busy(
            readme.status, f"the README fetch for {which}", f"fetching README for {which}"
        ) or published.Refusal(
            "package-registry-failed", f"{which} README fetch failed (status: {readme.status})", "try again later"
        )
    return readme.body.decode("utf-8", "replace")


def _busy(status: int, limited: str, failed: str) -> Exception | None:
    """The refusal for 429 and 5xx, None for anything else."""
    from mcp_registrar_tools.packages.published import Refusal

    if status == 429:
        message = f"crates.io rate-limited {limited} (status: 429) — likely transient, retry later"
    elif 500 <= status < 600:
        message = f"crates.io upstream error {failed} (status: {status}) — likely transient, retry later"
    else:
        return None
    return Refusal("package-registry-busy", message, "wait a minute and try again")


def _check_host(name: str, url: str, base_url: str) -> None:
    """The README may be on crates.io and its content network only (elsewhere: on the host of the base URL)."""
    from urllib.parse import urlsplit

    from mcp_registrar_tools.packages.published import Refusal

    hint = "this is not what crates.io answers: check the network and MCP_REGISTRAR_CARGO_URL"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if not host:
        raise Refusal(
            "package-registry-failed", f"cargo package '{name}': crates.io returned an unparseable README URL", hint
        )
    allowed = host == urlsplit(base_url).hostname
    if base_url == BASE_URL:
        allowed = (allowed or host == STATIC_HOST) and parts.scheme == "https" and port in (None, 443)
    if not allowed:
        shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        raise Refusal(
            "package-registry-failed",
            f"cargo package '{name}': crates.io returned a README URL on an unexpected host/scheme {quote(shown)} "
            "— refusing to fetch",
            hint,
        )


async def _forbidden(package: Mapping[str, Any], server_name: str, outbound: Outbound, at: str) -> Exception:
    """403 from the content network: no such version, or one without a README."""
    from mcp_registrar_tools.packages import published

    headers = {"user-agent": USER_AGENT, "accept": "application/json"}
    state = await published.probe(outbound, "GET", at, headers, published.SECONDS)
    which = f"cargo package '{package['identifier']}' version '{package['version']}'"
    if state == "exists":
        return published.Refusal(
            "ownership-marker-missing",
            f"{which} exists on crates.io, but its rendered README could not be retrieved (status: 403). If it has "
            f"no README, add one containing 'mcp-name: {server_name}' and publish a new version",
            f"name a README in Cargo.toml with the visible line mcp-name: {server_name} and publish a new version",
        )
    if state == "busy":
        return published.Refusal(
            "package-registry-busy",
            f"crates.io could not confirm {which} (README status: 403, version check inconclusive) "
            "— likely transient, retry later",
            "wait a minute and try again",
        )
    tail = "" if state == "missing" else " (status: 403)"
    return published.Refusal(
        "package-version-not-found",
        f"{which} not found on crates.io{tail}",
        "publish this version to crates.io before registering it, or correct it here",
        "version",
    )


def _look(package: Mapping[str, Any], server_name: str, text: str) -> None:
    from mcp_registrar_tools.manifest import names
    from mcp_registrar_tools.packages.published import Refusal

    if names.has_token(text, server_name):
        return
    failed = f"cargo package '{package['identifier']}' ownership validation failed"
    trailing = names.glued_to_token(text, server_name)
    if trailing is not None:
        raise Refusal(
            "ownership-marker-glued",
            f"{failed}: found 'mcp-name: {server_name}' in the README, but it is immediately followed by "
            f"{quote(trailing)} rather than a boundary. The token must be followed by a space, newline, or an HTML "
            "tag — put it on its own line and publish a new version",
            "put the token on a line of its own, publish a new version to crates.io, name that version here",
        )
    raise Refusal(
        "ownership-marker-missing",
        f"{failed}. The server name '{server_name}' must appear as 'mcp-name: {server_name}' in the package README",
        f"add the line mcp-name: {server_name} to the README as visible text (crates.io drops HTML comments), "
        "publish a new version, name that version here",
    )
