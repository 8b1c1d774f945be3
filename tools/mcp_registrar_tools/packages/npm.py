"""All that is special to npm packages.

Seeing one in a project, its `packages[]` entry, its ownership marker, how a client starts it, and how the
registry verifies it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from mcp_registrar_tools.manifest.source import Source
from mcp_registrar_tools.packages import fields
from mcp_registrar_tools.packages.found import Found, Marker, about_mcp
from mcp_registrar_tools.packages.found import entry as common_entry
from mcp_registrar_tools.project.edits import Edit, edit_text, read_exact
from mcp_registrar_tools.project.walk import Project, line_of

if TYPE_CHECKING:
    from mcp_registrar_tools.findings import Finding
    from mcp_registrar_tools.launch import Text
    from mcp_registrar_tools.outbound import Outbound

BASE_URL = "https://registry.npmjs.org"
"""The only `registryBaseUrl` the registry accepts for npm, and where it verifies."""

# ---------------------------------------------------------------------------------------------------------------
# In a project: detect, entry, marker, launch
# ---------------------------------------------------------------------------------------------------------------


def detect(project: Project) -> list[Found]:
    """Every ``package.json`` of the project that names a package. Unreadable ones go to ``project.problems``."""
    results = []
    for path in project.packages("package.json"):
        text = project.text(path)
        if text is None:
            continue
        try:
            data = json.loads(text)
        except ValueError as error:
            project.problems.append(f"{path} is not JSON: {error}")
            continue
        if isinstance(data, dict) and isinstance(data.get("name"), str) and data["name"].strip():
            results.append(_found(project, path, text, data))
    return results


def _found(project: Project, path: str, text: str, data: dict[str, Any]) -> Found:
    def string(key: str) -> str | None:
        value = data.get(key)
        return value.strip() or None if isinstance(value, str) else None

    def at(key: str) -> str:
        return f"{path}:{line_of(text, json.dumps(key))}"

    repository = data.get("repository")
    needs = [name for key in ("dependencies", "devDependencies", "peerDependencies") for name in _names(data.get(key))]
    keywords = [word for word in data.get("keywords") or [] if isinstance(word, str)]
    server_name = string("mcpName")
    found = Found(
        registry_type="npm",
        identifier=data["name"].strip(),
        file=project.folder / path,
        folder=path.rpartition("/")[0],
        line=line_of(text, '"name"'),
        version=string("version"),
        version_where=at("version"),
        server_name=server_name,
        server_name_where=at("mcpName") if server_name else "",
        title=string("displayName"),
        description=string("description"),
        homepage=string("homepage"),
        repository=(repository.get("url") if isinstance(repository, dict) else repository) or None,
        private=data.get("private") is True or bool(data.get("workspaces") and not data.get("bin")),
    )
    found.mcp = "has an mcpName" if server_name else about_mcp(found.identifier, found.description, keywords, needs)
    if isinstance(registry := _nested(data, "publishConfig", "registry"), str) and (registry.rstrip("/") != BASE_URL):
        found.questions.append(f"{path} publishes to {registry}; the MCP registry only accepts packages of {BASE_URL}")
    starts = data.get("bin")
    if isinstance(starts, dict) and len(starts) > 1 and found.identifier.rpartition("/")[2] not in starts:
        found.questions.append(
            f"{path}: npx cannot choose between the bins {', '.join(sorted(starts))}; "
            f"name one of them {found.identifier.rpartition('/')[2]}"
        )
    found.extra |= {"bin": starts, "needs": bool(needs)}
    return found


def _names(value: Any) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, dict) else []


def _nested(data: dict[str, Any], *keys: str) -> Any:
    value: Any = data
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def entry(found: Found, version: str | None) -> dict[str, Any]:
    """The `packages[]` element. npm requires a version."""
    return common_entry(found, version=found.version or version, hint="npx")


def marker(project: Project, found: Found, server_name: str) -> Marker:
    """``mcpName`` of the package's own ``package.json``."""
    text = f'"mcpName": "{server_name}"'
    if found.extra.get("spoken"):
        return Marker(file=None, state="nowhere", text=text, note="its package.json is not in the project")
    if not found.server_name:
        return Marker(file=found.file, state="missing", text=text)
    line = line_of(project.text(found.file) or "", '"mcpName"')
    state: Literal["present", "other"] = "present" if found.server_name == server_name else "other"
    return Marker(file=found.file, state=state, text=text, line=line, found=found.server_name)


def write_marker(mark: Marker, server_name: str) -> Edit | None:
    """``package.json`` with ``mcpName`` behind ``name``; nothing else changes."""
    if mark.file is None or mark.state == "present":
        return None
    before, text = read_exact(mark.file)
    source = Source(text)
    if not isinstance(source.document, dict):
        raise ValueError(f"{mark.file.name} is not a JSON object")
    document: dict[str, Any] = {}
    for key, value in source.document.items():
        document[key] = server_name if key == "mcpName" else value
        if key == "name" and "mcpName" not in source.document:
            document["mcpName"] = server_name
    return edit_text(mark.file, before, source.rewrite(document))


def launch(
    package: Mapping[str, Any], runtime: list[Text], own: list[Text], *, env: list[str], port: int | None
) -> tuple[list[Text], str]:
    """``npx -y id@version …``; other runners (bunx, pnpm dlx) as the entry's hint and arguments say."""
    from mcp_registrar_tools.launch import hint, reference

    runner = hint(package, "npx", "node", "npm")
    yes: list[Text] = [] if runner != "npx" or {("-y",), ("--yes",)} & set(runtime) else [("-y",)]
    return [(runner,), *yes, *runtime, *reference(package, runtime, "@"), *own], ""


# ---------------------------------------------------------------------------------------------------------------
# At the registry: verify
# ---------------------------------------------------------------------------------------------------------------


def field_problems(package: Mapping[str, Any]) -> list[str]:
    """What the registry refuses in the entry itself, in its words and order."""
    return fields.index_problems(
        package,
        registry_type="npm",
        label="NPM",
        base_url=BASE_URL,
        hash_problem="NPM packages must not have 'fileSha256' field",
    )


async def verify(
    package: Mapping[str, Any], server_name: str, outbound: Outbound, base_url: str, *, extras: bool = True
) -> list[Finding]:
    """Whether the published version's ``mcpName`` equals the server's name, letter for letter.

    `packages.published` says what the findings are; ``package`` has passed `field_problems`. ``extras`` adds what
    explains a refusal.
    """
    from mcp_registrar_tools.packages import published

    try:
        found = await _mcp_name(package, outbound, base_url.rstrip("/"))
        _compare(package, server_name, found)
    except published.Refusal as refusal:
        differs = refusal.finding.code == "ownership-marker-differs"
        more = published.near_misses(server_name, [found], "package.json") if extras and differs else []
        return [refusal.finding, *more]
    return []


async def _mcp_name(package: Mapping[str, Any], outbound: Outbound, base_url: str) -> str:
    """``mcpName`` of the published version, empty without one."""
    from mcp_registrar_tools.packages import published

    at = f"{base_url}/{published.escape(package['identifier'])}"
    answer = await published.get(
        outbound,
        f"{at}/{published.escape(package['version'])}",
        "failed to fetch package metadata from NPM",
        accept="application/json",
    )
    if answer.status != 200:
        raise await published.index_refusal(
            outbound, answer.status, package, label="NPM", place="the registry", probe_url=at
        )
    failure = "failed to parse NPM package metadata"
    return published.string(published.parse(answer, failure), "mcpName", failure)


def _compare(package: Mapping[str, Any], server_name: str, found: str) -> None:
    from mcp_registrar_tools.packages.published import Refusal

    name, version = package["identifier"], package["version"]
    if not found:
        raise Refusal(
            "ownership-marker-missing",
            f"NPM package '{name}' version '{version}' is missing required 'mcpName' field. "
            f'Add this to your package.json: "mcpName": "{server_name}"',
            f'add "mcpName": "{server_name}" to package.json, publish a new version to npm, name that version here',
        )
    if found != server_name:
        raise Refusal(
            "ownership-marker-differs",
            f"NPM package '{name}' version '{version}' ownership validation failed. "
            f"Expected mcpName '{server_name}', got '{found}'",
            f'set "mcpName": "{server_name}" in package.json and publish a new version, or name the server {found}',
        )
