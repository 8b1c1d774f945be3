"""A manifest drafted from a survey: every value with where it was read, every doubt as a question."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from mcp_registrar_tools.answer import clean
from mcp_registrar_tools.manifest.merge import PLACEHOLDER
from mcp_registrar_tools.packages import TYPES, mcpb
from mcp_registrar_tools.packages.found import TEMPLATE, Found
from mcp_registrar_tools.packages.identity import Identity
from mcp_registrar_tools.packages.survey import Survey, bare, speaks_of_mcp
from mcp_registrar_tools.project import environment, git, hosted, readme, rust
from mcp_registrar_tools.project.edits import without
from mcp_registrar_tools.project.walk import line_of

DESCRIPTION_LIMIT = 100
DEFAULT_VERSION = "1.0.0"


@dataclass
class Draft:
    """``document`` in the official order; ``evidence`` as `what (file:line)`; ``questions`` for the user.

    ``sure`` holds the registry types whose identifier was read and not assumed, and bundles that are built.
    """

    document: dict[str, Any]
    evidence: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    sure: set[str] = field(default_factory=set)


def draft(
    survey: Survey,
    identity: Identity,
    *,
    schema: str,
    description: str = "",
    remotes: list[str],
    existing: dict[str, Any] | None = None,
) -> Draft:
    """The manifest that the project's files speak for. ``remotes`` are URLs of hosted servers. Blocking.

    ``existing`` is the manifest that the draft will fill: what it says already is neither assumed nor asked.
    """
    kept = existing or {}
    document: dict[str, Any] = {"$schema": schema, "name": identity.name}
    result = Draft(document, [f"name {identity.name} ({identity.where})"], list(identity.questions))
    version = _version(survey, result, kept)
    if title := _title(survey, identity, result):
        document["title"] = title
    document["description"] = _description(survey, identity, result, description, kept)
    document["version"] = version
    if website := _website(survey, identity):
        document["websiteUrl"] = website
    if identity.repository and identity.repository.source:
        document["repository"] = {"url": identity.repository.url, "source": identity.repository.source}
        if identity.subfolder and re.fullmatch(r"[A-Za-z0-9\-_./]+", identity.subfolder):
            document["repository"]["subfolder"] = identity.subfolder
        result.evidence.append(f"repository {identity.repository.url} ({identity.repository.where})")
    packages = [
        element for found in survey.chosen if (element := _package(survey, identity, found, version, result, kept))
    ]
    _settings(survey, packages, result)
    if packages:
        document["packages"] = packages
    urls = remotes or _hosted(survey, result, alone=not packages)
    if urls:
        document["remotes"] = [
            {"type": "sse" if re.search(r"/sse/?$", url) else "streamable-http", "url": url} for url in urls
        ]
    said = kept.get("packages") or kept.get("remotes")
    if not (packages or urls or said) and speaks_of_mcp(survey):
        result.questions.append(
            'No package was found: where do people get it? (remote_url=["https://…/mcp"] if hosted)'
        )
    result.questions += survey.left_out
    return result


def _package(
    survey: Survey, identity: Identity, found: Found, version: str, result: Draft, kept: dict[str, Any]
) -> dict[str, Any] | None:
    where = f"{survey.project.shown(found.file)}:{found.line}"
    kind = found.registry_type
    if kind == "oci":
        if not found.identifier and identity.complete:
            owner = identity.name.partition("/")[0].removeprefix("io.github.")
            found.identifier = f"ghcr.io/{owner}/{identity.name.partition('/')[2]}".lower() if "." not in owner else ""
        if not found.identifier:
            result.questions.append(f"{where}: where will the image be pushed? (build_image gives its packages entry)")
            return None
        if found.assumed and not _lists(kept, kind):
            result.questions.append(f"The image name {found.identifier} is assumed: no file names one. Is it right?")
        registry = found.identifier.partition("/")[0]
        prefix = "" if "." in registry or ":" in registry else "docker.io/"
        found.identifier = f"{prefix}{found.identifier}:{found.extra.get('prefix', '')}{_tag(version)}"
        where = found.extra.get("image_where", where)
    if kind == "mcpb":
        if not (identity.repository and identity.repository.source == "github"):
            result.questions.append(f"{where}: an MCPB bundle must be a release asset at GitHub or GitLab; left out")
            return None
        found.identifier = mcpb.asset_url(found, identity.repository.url, found.version or version)
        if "mcp" not in found.identifier.lower():
            result.questions.append(f'{where}: the registry wants "mcp" in a bundle\'s URL; left out')
            return None
        found.extra["fileSha256"] = mcpb.sha256(survey.project, found)
        if not found.extra["fileSha256"]:
            del found.extra["fileSha256"]
            result.questions.append(
                "fileSha256 of the MCPB bundle is missing, and the registry refuses the entry without: build it "
                "(mcpb pack) and call again, or take the hash from the released file"
            )
    element = TYPES[kind].entry(found, version)
    result.questions += found.questions
    if "fileSha256" in element if kind == "mcpb" else not found.assumed:
        result.sure.add(kind)
    result.evidence.append(f"{kind} {found.identifier} ({where})")
    if kind not in {"oci", "mcpb"} and element.get("version") and element["version"] != version and found.version:
        result.questions.append(f"{kind} {found.identifier} is at {found.version}, the server at {version}: right?")
    return element


def _lists(manifest: dict[str, Any], kind: str) -> bool:
    packages = manifest.get("packages")
    every = packages if isinstance(packages, list) else []
    return any(isinstance(package, dict) and package.get("registryType") == kind for package in every)


def _hosted(survey: Survey, result: Draft, *, alone: bool) -> list[str]:
    """Where the project says that it is hosted: taken when it is declared, or all that there is; else asked about."""
    found = hosted.hosted(survey.project, survey.readme)
    if survey.mcp_yaml and survey.mcp_yaml.remote.startswith("https://"):
        found.insert(0, (survey.mcp_yaml.remote, "mcp.yaml"))
    declared = [(url, where) for url, where in found if where.startswith(("manifest.json:", "mcp.yaml"))]
    taken = declared or (found if alone and len(found) == 1 else [])
    result.evidence += [f"remote {url} ({where})" for url, where in taken]
    asked = [f"{url} ({where})" for url, where in found if (url, where) not in taken][:3]
    if asked or (taken and not declared):
        shown = ", ".join(asked) or taken[0][0]
        result.questions.append(f"Is the server hosted at {shown}? Then remote_url=[…] lists it")
    return [url for url, _ in taken]


def _settings(survey: Survey, packages: list[dict[str, Any]], result: Draft) -> None:
    """Gives each package the environment variables that its user sets; a bundle carries its own."""
    folders = {"", *(found.folder for found in survey.chosen)}
    found = environment.variables(survey.project, folders) if packages else {}
    own = {one.identifier for one in survey.found} | {one.server_name for one in survey.found if one.server_name}
    if survey.git and survey.git.origin:
        own.add(survey.git.origin.name)
    told: set[str] = set()
    for package in packages:
        if package["registryType"] == "mcpb":
            continue
        kept = environment.choose(found, own=own, http=package["transport"]["type"] != "stdio")
        if kept:
            package["environmentVariables"] = [one.entry() for one in kept]
        result.evidence += [f"variable {one.name} ({one.where})" for one in kept if one.name not in told]
        told |= {one.name for one in kept}


def _tag(version: str) -> str:
    return version.replace("+", "-")


def _version(survey: Survey, result: Draft, kept: dict[str, Any]) -> str:
    """The first package's version; where none states one, the workspace, a VERSION file, git's tags, mcp.yaml."""
    folders = {"", *(found.folder for found in survey.chosen)}
    ordered = [*survey.chosen, *(found for found in survey.found if found.folder in folders)]
    for found in sorted(ordered, key=lambda one: one.registry_type == "oci"):
        if found.version and not TEMPLATE.search(found.version):
            result.evidence.append(f"version {found.version} ({found.version_where})")
            if re.match(r"0\.0\.0(-|$)", found.version):
                result.questions.append(f"version {found.version} looks like a placeholder that a release fills in")
            return found.version
    for version, where in _other_versions(survey):
        if re.match(r"v?\d+(\.\d+)+", version):
            result.evidence.append(f"version {version} ({where})")
            return version.removeprefix("v").removesuffix("-SNAPSHOT")
    if isinstance(said := kept.get("version"), str) and said and not TEMPLATE.search(said):
        return said
    result.questions.append(f"No file states a version: {DEFAULT_VERSION} is assumed")
    return DEFAULT_VERSION


def _other_versions(survey: Survey) -> list[tuple[str, str]]:
    results: list[tuple[str, str]] = []
    root, shared = rust.workspace(survey.project, survey.project.folder / "Cargo.toml")
    if root and isinstance(shared.get("version"), str):
        text = survey.project.text(root) or ""
        results.append((shared["version"], f"{survey.project.shown(root)}:{line_of(text, shared['version'])}"))
    for name in ("VERSION", "version.txt", "mcp.yaml", "version.json", "gradle.properties", "build.gradle.kts"):
        text = (survey.project.text(name) or "") if name in survey.project.files else ""
        match = re.search(r"^\s*(?:\"?version\"?\s*[:=]\s*)?[\"']?(v?\d+\.\d+[\w.+-]*)", text, re.M)
        if match:
            results.append((match[1], f"{name}:{line_of(text, match[1])}"))
    for name in survey.project.named("CHANGELOG.md", "CHANGES.md", "HISTORY.md"):
        text = (survey.project.text(name) or "") if "/" not in name else ""
        match = re.search(r"^##?\s+(?:\[|Version\s+|Release\s+)?v?(\d+\.\d+\.\d+[\w.+-]*)", text, re.M | re.I)
        if match:
            results.append((match[1], f"{name}:{line_of(text, match[0])}"))
    if survey.git:
        numbered = []
        for tag in git.tags(survey.git):
            match = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)", tag)
            if match:
                numbered.append((tuple(int(part) for part in match.groups()), tag))
        if numbered:
            results.append((max(numbered)[1], "the highest git tag"))
    return results


def _title(survey: Survey, identity: Identity, result: Draft) -> str | None:
    part = bare(identity.name)
    names = {part, *(bare(found.identifier) for found in survey.found)}
    folders = {"", *(found.folder for found in survey.chosen)}
    candidates: list[tuple[str | None, str]] = [
        (found.title, survey.project.shown(found.file)) for found in survey.chosen if found.title
    ]
    candidates += [
        (found.title, survey.project.shown(found.file))
        for found in survey.found
        if found.title and found.folder in folders and found.registry_type == "mcpb"
    ]
    if survey.readme:
        heading = readme.title(survey.project.text(survey.readme) or "") or ""
        words = [bare(word) for word in heading.split() if len(word) > 3]
        if re.search(r"\bMCP\b", heading) or any(word in name for word in words for name in names):
            candidates.append((heading, survey.project.shown(survey.readme)))
    for said, where in candidates:
        title = clean(said or "")
        if title and len(title) <= 100 and not (bare(title) in names and title == title.lower()):
            result.evidence.append(f"title {title} ({where})")
            return title
    return None


def _description(survey: Survey, identity: Identity, result: Draft, wanted: str, kept: dict[str, Any]) -> str:
    said = kept.get("description")
    if not wanted and isinstance(said, str) and said and not PLACEHOLDER.search(said):
        return said
    folders = {"", *(found.folder for found in survey.chosen)}
    ordered = [*survey.chosen, *(found for found in survey.found if found.folder in folders)]
    candidates = [(found.description, survey.project.shown(found.file)) for found in ordered if found.description]
    if wanted:
        candidates = [(wanted, "description argument")]
    elif survey.readme:
        text = survey.project.text(survey.readme) or ""
        if paragraph := first_paragraph(text):
            candidates.append((paragraph, survey.project.shown(survey.readme)))
    for text, where in candidates:
        line = " ".join(clean(text or "").split())
        if len(line) < 3 or TEMPLATE.search(line):
            continue
        short = shorten(line)
        if short != line:
            result.questions.append(f"The description of {where} was cut from {len(line)} to {len(short)} characters")
        result.evidence.append(f"description ({where})")
        return short
    result.questions.append('No file describes the server: description="…" (at most 100 characters)')
    return f"MCP server {identity.name.partition('/')[2]}"


def shorten(text: str, limit: int = DESCRIPTION_LIMIT) -> str:
    """At most ``limit`` characters: the first sentence when it fits, else cut at a word."""
    if len(text) <= limit:
        return text
    sentence = re.match(r"(.{20,}?[^\s.]{2})\.(?=\s)", text[: limit + 1])
    if sentence:
        return sentence[0]
    cut = text[: limit + 1].rpartition(" ")[0] or text[:limit]
    return re.sub(r"[\s,;:–—-]+$|[\s,]+(and|or|with|for|to|the|a|of|in|by|via)$", "", cut)


def first_paragraph(text: str) -> str | None:
    """The first running text of a README, as plain words."""
    text = without(without(text[:100_000], "<!--", "-->"), "```", "```")
    for block in re.split(r"\n\s*\n", text):
        lines = [line.strip() for line in block.strip().splitlines()]
        if not lines or re.match(r"[#>|<*+\-=\[!]|\d+\.|mcp-name:|\[//\]", lines[0]) or re.match(r"=+$", lines[-1]):
            continue
        words = readme.plain(" ".join(lines))
        if len(words) > 20:
            return words
    return None


def _website(survey: Survey, identity: Identity) -> str | None:
    own = identity.repository.url.lower() if identity.repository else ""
    for found in survey.chosen:
        url = found.homepage or ""
        if re.fullmatch(r"https://[^\s\"'<>]+\.[^\s\"'<>]+", url) and "$" not in url:
            if own and url.lower().removesuffix("#readme").removesuffix(".git").rstrip("/").startswith(own):
                continue
            return url
    return None
