"""All that is special to NuGet packages.

Seeing one in a project, its `packages[]` entry, its ownership marker, how a client starts it, and how the
registry verifies it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mcp_registrar_tools.packages import fields
from mcp_registrar_tools.packages.found import Found, Marker, readme_marker
from mcp_registrar_tools.packages.found import entry as common_entry
from mcp_registrar_tools.project import dotnet, readme
from mcp_registrar_tools.project.edits import Edit
from mcp_registrar_tools.project.walk import Project

if TYPE_CHECKING:
    from mcp_registrar_tools.findings import Finding
    from mcp_registrar_tools.launch import Text
    from mcp_registrar_tools.outbound import Outbound

BASE_URL = "https://api.nuget.org/v3/index.json"
"""The only `registryBaseUrl` the registry accepts for NuGet: the service index."""

# ---------------------------------------------------------------------------------------------------------------
# In a project: detect, entry, marker, launch
# ---------------------------------------------------------------------------------------------------------------


def detect(project: Project) -> list[Found]:
    """Every .NET project that packs an MCP server: a tool, ``PackageType`` McpServer, or a package on the SDK."""
    results = []
    for one in dotnet.projects(project):
        if not one.packs:
            continue
        found = Found(
            registry_type="nuget",
            identifier=one.package_id,
            file=one.file,
            folder=one.folder,
            line=one.line,
            version=one.version,
            version_where=one.version_where,
            title=one.properties.get("title") or one.properties.get("assemblytitle"),
            description=one.properties.get("description") or one.properties.get("packagedescription"),
            homepage=one.properties.get("packageprojecturl"),
            repository=one.properties.get("repositoryurl"),
            mcp=one.mcp,
        )
        found.extra |= {"readme": one.readme, "needs": True, "also": one.also}
        path = one.readme or readme.find(project, found.folder) or readme.find(project)
        if path and (token := readme.token_in(project, path)):
            found.server_name = token[0]
            found.server_name_where = f"{project.shown(path)}:{token[1]}"
        if one.version is None:
            found.questions.append(f"{project.shown(one.file)} gets its version from its build: which is published?")
        results.append(found)
    return results


def entry(found: Found, version: str | None) -> dict[str, Any]:
    """The `packages[]` element. NuGet requires a version."""
    return common_entry(found, version=found.version or version, hint="dnx")


def marker(project: Project, found: Found, server_name: str) -> Marker:
    """``mcp-name: …`` in the README that the package embeds (``PackageReadmeFile``)."""
    path = found.extra.get("readme")
    note = "" if path else f"{project.shown(found.file)} embeds no README; add PackageReadmeFile and pack the file"
    if found.extra.get("spoken"):
        note = "its project file is not here"
    return readme_marker(project, path, server_name, note)


def write_marker(mark: Marker, server_name: str) -> Edit | None:
    """The README with the token; None when nothing is to do."""
    if mark.file is None or mark.state == "present":
        return None
    return readme.put_token(mark.file, server_name)


def launch(
    package: Mapping[str, Any], runtime: list[Text], own: list[Text], *, env: list[str], port: int | None
) -> tuple[list[Text], str]:
    """``dnx id@version --yes -- …``."""
    from mcp_registrar_tools.launch import hint, reference

    tail: list[Text] = [("--yes",), *([("--",), *own] if own else [])]
    return [(hint(package, "dnx"),), *runtime, *reference(package, runtime, "@"), *tail], ""


# ---------------------------------------------------------------------------------------------------------------
# At the registry: verify
# ---------------------------------------------------------------------------------------------------------------


def field_problems(package: Mapping[str, Any]) -> list[str]:
    """What the registry refuses in the entry itself, in its words and order."""
    return fields.index_problems(
        package,
        registry_type="nuget",
        label="NuGet",
        base_url=BASE_URL,
        hash_problem="NuGet packages must not have 'fileSha256' field - this is only for MCPB packages",
        version_last=True,
    )


async def verify(
    package: Mapping[str, Any], server_name: str, outbound: Outbound, base_url: str, *, extras: bool = True
) -> list[Finding]:
    """Whether the README inside the published version holds the token ``mcp-name: <server name>``.

    ``base_url`` is the service index. `packages.published` says what the findings are; ``package`` has passed
    `field_problems`. ``extras`` adds what explains a refusal.
    """
    from mcp_registrar_tools.packages import published

    text = ""
    try:
        index = await _service_index(outbound, base_url)
        readme = await _readme(package, outbound, index)
        if readme is None:
            raise await _without_readme(package, outbound, index)
        text = readme
        _look(package, server_name, text)
    except published.Refusal as refusal:
        return [refusal.finding, *(published.readme_findings(text, server_name) if extras else [])]
    return []


def _lower(package: Mapping[str, Any]) -> tuple[str, str]:
    """Identifier and version as NuGet's addresses want them: lower-case, without build metadata."""
    return package["identifier"].lower(), package["version"].lower().partition("+")[0]


async def _service_index(outbound: Outbound, base_url: str) -> Any:
    from mcp_registrar_tools.packages import published

    answer = await published.get(outbound, base_url, "failed to fetch NuGet service index")
    if answer.status != 200:
        raise _unexpected(f"NuGet service index returned status {answer.status}", answer.status)
    return published.parse(answer, "failed to parse NuGet service index")


def _resource(index: Any, kind: str, purpose: str) -> str:
    """The URL of a kind of resource in the service index."""
    from mcp_registrar_tools.packages import published

    resources = published.member(index, "resources")
    for resource in resources if isinstance(resources, list) else []:
        url = published.member(resource, "@id")
        if published.member(resource, "@type") == kind and isinstance(url, str):
            return url
    raise published.Refusal(
        "package-registry-failed",
        f"failed to get {purpose}: {kind} not found in service index",
        "check MCP_REGISTRAR_NUGET_URL: it must name a NuGet v3 service index",
    )


async def _readme(package: Mapping[str, Any], outbound: Outbound, index: Any) -> str | None:
    """The README of the published version, None when there is none (404)."""
    from mcp_registrar_tools.packages import published

    name, version = _lower(package)
    url = _resource(index, "ReadmeUriTemplate/6.13.0", "README URL template")
    url = url.replace("{lower_id}", published.escape(name)).replace("{lower_version}", published.escape(version))
    answer = await published.get(outbound, url, "failed to fetch NuGet README", limit=published.README_LIMIT, cut=True)
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise _unexpected(f"NuGet README request returned status {answer.status}", answer.status)
    return answer.body.decode("utf-8", "replace")


async def _without_readme(package: Mapping[str, Any], outbound: Outbound, index: Any) -> Exception:
    """Why there is no README: no such package, no such version, or a version without one."""
    from mcp_registrar_tools.packages import published

    lower_name, lower_version = _lower(package)
    base = _resource(index, "PackageBaseAddress/3.0.0", "Package Base URL").rstrip("/")
    answer = await published.get(
        outbound, f"{base}/{published.escape(lower_name)}/index.json", "failed to fetch NuGet package index"
    )
    name, version = package["identifier"], package["version"]
    if answer.status == 404:
        return published.Refusal(
            "package-not-found",
            f"NuGet package '{name}' does not exist in the registry. If you recently published the package for the "
            "first time, wait for validation to complete",
            "publish the package to NuGet first; if you just did, try again with wait=600",
        )
    if answer.status != 200:
        return _unexpected(f"NuGet package index returned status {answer.status}", answer.status)
    versions = published.member(published.parse(answer, "failed to parse NuGet package index"), "versions")
    known = [str(item).lower() for item in versions] if isinstance(versions, list) else []
    if lower_version not in known:
        return published.Refusal(
            "package-version-not-found",
            f"NuGet package '{name}' exists but version {version} does not exist in the registry. If you recently "
            "published the version, wait for validation to complete",
            "publish this version to NuGet first; if you just did, try again with wait=600",
            "version",
        )
    return published.Refusal(
        "ownership-marker-missing",
        f"NuGet package '{name}' ownership validation for version {version} failed because it does not have an "
        "embedded README. Add one to your package and publish a new version",
        "name a README with PackageReadmeFile in the project file, with the token in it, and publish a new version",
    )


def _look(package: Mapping[str, Any], server_name: str, text: str) -> None:
    from mcp_registrar_tools.manifest import names
    from mcp_registrar_tools.packages.published import Refusal

    if names.has_token(text, server_name):
        return
    failed = f"NuGet package '{package['identifier']}' ownership validation for version {package['version']} failed"
    if names.glued_to_token(text, server_name) is not None:
        raise Refusal(
            "ownership-marker-glued",
            f"{failed}: found 'mcp-name: {server_name}' in the README, but it is immediately followed by another "
            "character rather than a boundary. The token must be followed by a space, newline, an HTML tag, or a "
            "comment close ('-->') — put it on its own line and publish a new package version",
            "put the token on a line of its own, publish a new version to NuGet, name that version here",
        )
    raise Refusal(
        "ownership-marker-missing",
        f"{failed}. The server name '{server_name}' must appear as 'mcp-name: {server_name}' in the package README. "
        "Add it to your README and publish a new package version",
        f"add <!-- mcp-name: {server_name} --> to the package's README, publish a new version to NuGet, name that "
        "version here",
    )


def _unexpected(message: str, status: int) -> Exception:
    from mcp_registrar_tools.packages.published import Refusal

    busy = status == 429 or status >= 500
    code = "package-registry-busy" if busy else "package-registry-failed"
    return Refusal(code, message, "wait a minute and try again" if busy else "check the package at nuget.org")
