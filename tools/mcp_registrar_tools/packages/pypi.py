"""All that is special to PyPI packages.

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
from mcp_registrar_tools.project import python, readme
from mcp_registrar_tools.project.edits import Edit
from mcp_registrar_tools.project.walk import Project

if TYPE_CHECKING:
    from mcp_registrar_tools.findings import Finding
    from mcp_registrar_tools.launch import Text
    from mcp_registrar_tools.outbound import Outbound

BASE_URL = "https://pypi.org"
"""The only `registryBaseUrl` the registry accepts for PyPI, and where it verifies."""
TEST_BASE_URL = "https://test.pypi.org"

# ---------------------------------------------------------------------------------------------------------------
# In a project: detect, entry, marker, launch
# ---------------------------------------------------------------------------------------------------------------


def detect(project: Project) -> list[Found]:
    """Every distribution of the project: pyproject.toml (PEP 621, Poetry), setup.cfg, setup.py (never run)."""
    results = []
    for dist in python.distributions(project):
        shown = project.shown(dist.file)
        found = Found(
            registry_type="pypi",
            identifier=dist.name,
            file=dist.file,
            folder=dist.folder,
            line=dist.line,
            version=dist.version,
            version_where=dist.version_where,
            description=dist.description,
            homepage=dist.urls.get("homepage") or dist.urls.get("documentation"),
            repository=dist.urls.get("repository") or dist.urls.get("source") or dist.urls.get("source code"),
            private=any(word.lower() == "private :: do not upload" for word in dist.classifiers),
        )
        found.extra |= {"readme": dist.readme, "needs": bool(dist.dependencies)}
        if dist.readme and (token := readme.token_in(project, dist.readme)):
            found.server_name = token[0]
            found.server_name_where = f"{project.shown(dist.readme)}:{token[1]}"
        found.mcp = (
            "has an mcp-name"
            if found.server_name
            else about_mcp(dist.name, dist.description, dist.keywords, dist.dependencies)
        )
        if dist.scripts and not {dist.name, dist.name.replace("-", "_")} & set(dist.scripts):
            found.questions.append(
                f"{shown}: `uvx {dist.name}` starts a script named {dist.name}, but the scripts are "
                f"{', '.join(sorted(dist.scripts)[:4])}; add one of that name"
            )
        results.append(found)
    return results


def entry(found: Found, version: str | None) -> dict[str, Any]:
    """The `packages[]` element. PyPI requires a version."""
    return common_entry(found, version=found.version or version, hint="uvx")


def marker(project: Project, found: Found, server_name: str) -> Marker:
    """``mcp-name: …`` in the README that the distribution ships (PyPI shows it as the description)."""
    path = found.extra.get("readme")
    note = "" if path else f'{project.shown(found.file)} names no README that is shipped; add readme = "README.md"'
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
    """``uvx id@version …``, or pipx when the entry hints at it."""
    from mcp_registrar_tools.launch import hint, reference

    runner = hint(package, "uvx", "uv", "python")
    if runner in {"pipx", "pip"}:
        return [("pipx",), ("run",), *runtime, *reference(package, runtime, "=="), *own], ""
    return [(runner,), *runtime, *reference(package, runtime, "@"), *own], ""


# ---------------------------------------------------------------------------------------------------------------
# At the registry: verify
# ---------------------------------------------------------------------------------------------------------------


def field_problems(package: Mapping[str, Any]) -> list[str]:
    """What the registry refuses in the entry itself, in its words and order."""
    return fields.index_problems(
        package,
        registry_type="pypi",
        label="PyPI",
        base_url=BASE_URL,
        hash_problem="PyPI packages must not have 'fileSha256' field - this is only for MCPB packages",
    )


async def verify(
    package: Mapping[str, Any], server_name: str, outbound: Outbound, base_url: str, *, extras: bool = True
) -> list[Finding]:
    """Whether the description of the published version (its README) holds the token ``mcp-name: <server name>``.

    `packages.published` says what the findings are; ``package`` has passed `field_problems`. ``extras`` adds what
    explains a refusal.
    """
    from mcp_registrar_tools.packages import published

    text = ""
    try:
        text = await _description(package, outbound, base_url.rstrip("/"))
        _look(package, server_name, text)
    except published.Refusal as refusal:
        return [refusal.finding, *(published.readme_findings(text, server_name) if extras else [])]
    return []


async def _description(package: Mapping[str, Any], outbound: Outbound, base_url: str) -> str:
    """``info.description`` of the published version."""
    from mcp_registrar_tools.packages import published

    at = f"{base_url}/pypi/{published.escape(package['identifier'])}"
    answer = await published.get(
        outbound,
        f"{at}/{published.escape(package['version'])}/json",
        "failed to fetch package metadata from PyPI",
        accept="application/json",
    )
    if answer.status != 200:
        raise await published.index_refusal(
            outbound, answer.status, package, label="PyPI", place="PyPI", probe_url=f"{at}/json"
        )
    failure = "failed to parse PyPI package metadata"
    info = published.member(published.parse(answer, failure), "info")
    return published.string(info, "description", failure)


def _look(package: Mapping[str, Any], server_name: str, text: str) -> None:
    from mcp_registrar_tools.manifest import names
    from mcp_registrar_tools.packages.published import Refusal

    if names.has_token(text, server_name):
        return
    failed = f"PyPI package '{package['identifier']}' ownership validation failed"
    trailing = names.glued_to_token(text, server_name)
    if trailing is not None:
        raise Refusal(
            "ownership-marker-glued",
            f"{failed}: found 'mcp-name: {server_name}' in the README, but it is immediately followed by "
            f"{quote(trailing)} rather than a boundary. The token must be followed by a space, newline, an HTML tag, "
            "or a comment close ('-->') — put it on its own line and republish",
            "put the token on a line of its own and publish a new version to PyPI, name that version here",
        )
    raise Refusal(
        "ownership-marker-missing",
        f"{failed}. The server name '{server_name}' must appear as 'mcp-name: {server_name}' in the package README",
        f"add <!-- mcp-name: {server_name} --> to the README that pyproject.toml names as readme, publish a new "
        "version to PyPI, name that version here",
    )
