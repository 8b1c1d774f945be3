"""All packages of a project: which of them are the server that is published from this folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mcp_registrar_tools.answer import quoted
from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.packages import TYPES, oci
from mcp_registrar_tools.packages.found import Found
from mcp_registrar_tools.packages.spoken import spoken
from mcp_registrar_tools.project import dockerfile, mcp_yaml, readme
from mcp_registrar_tools.project.git import Git, find_git
from mcp_registrar_tools.project.images import Image, catalogued, images
from mcp_registrar_tools.project.mcp_yaml import McpYaml
from mcp_registrar_tools.project.walk import Project, walk

INDEXES = ("npm", "pypi", "nuget", "cargo")
"""Types whose identifier is the name of a package in an index."""


@dataclass
class Survey:
    """A project with its packages. ``chosen`` go into the manifest, ``left_out`` says of others why not."""

    project: Project
    git: Git | None
    found: list[Found] = field(default_factory=list)
    chosen: list[Found] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    readme: Path | None = None
    mcp_yaml: McpYaml | None = None


def look(folder: Path, types: Sequence[str] = ()) -> Survey:
    """Reads a folder and chooses its server's packages. Blocking; bounded in time.

    ``types`` limits (and where a file for it exists, forces) the package types. Raises `InputError`
    ``several-servers`` when the folder holds several servers that are published on their own.
    """
    git = find_git(folder)
    project = walk(folder, git.top if git else folder)
    survey = Survey(project, git, readme=readme.find(project), mcp_yaml=mcp_yaml.read(project))
    for name, kind in TYPES.items():
        if not types or name in types:
            survey.found += kind.detect(project)
    _find_images(survey)
    _hear(survey, types)
    _choose(survey, types)
    _name_images(survey)
    return survey


def _hear(survey: Survey, types: Sequence[str]) -> None:
    """Adds packages that only the README or a .NET project's properties name, of types without a file of their own."""
    here = {found.registry_type for found in survey.found if found.folder == "" or found.mcp}
    for tool in [found for found in survey.found if found.extra.get("also")]:
        survey.found += [one for one in _also(survey, tool) if one.registry_type not in here]
    origin = survey.git.origin if survey.git else None
    own = {bare(found.identifier) for found in survey.found if found.identifier and not found.private}
    own |= {bare(found.server_name) for found in survey.found if found.server_name}
    if origin and survey.project.folder == survey.project.top:
        own.add(bare(origin.name))
    own = {name for name in own if len(name) > 3}
    for found in spoken(survey.project, survey.readme, own, origin):
        if found.registry_type not in here and (not types or found.registry_type in types):
            here.add(found.registry_type)
            found.questions.append(
                f"{found.registry_type} {found.identifier} is only named in "
                f"{survey.project.shown(found.file)}:{found.line}: is it published, with the ownership marker?"
            )
            survey.found.append(found)


def _also(survey: Survey, tool: Found) -> list[Found]:
    """The packages of other indexes that a .NET project's properties name; its release makes them all."""
    where = survey.project.shown(tool.file)
    return [
        replace(
            tool, registry_type=kind, identifier=name, line=line,
            questions=[f"{kind} {name} is only named in {where}:{line}: is it published, with the ownership marker?"],
            extra={"spoken": True, "needs": True, "of": tool.identifier},
        )
        for kind, (name, line) in tool.extra["also"].items()
    ]  # fmt: skip


def _choose(survey: Survey, types: Sequence[str]) -> None:
    public = [found for found in survey.found if found.registry_type in INDEXES and not found.private]
    docker = [found for found in survey.found if found.registry_type == "oci"]
    main = _server(survey, public, docker, asked=bool(types))
    names = {found.server_name for found in main if found.server_name}
    folders = {"", *(found.folder for found in main)}
    catalogue = "" if survey.images else catalogued(survey.project)
    labelled = [
        one
        for one in docker
        if one.extra["labelled"] and (one.server_name in names if names and one.server_name else one.folder in folders)
    ]
    told = survey.mcp_yaml
    image = told is not None and told.type == "oci" and not told.remote
    if not labelled and docker and ("oci" in types or image or (not main and survey.images)):
        labelled = [one for one in docker if one.folder in folders][:1]
    if labelled and catalogue and main and "oci" not in types:
        survey.left_out.append(f"oci: the project names only {catalogue}, which Docker's catalogue publishes")
        labelled = []
    if labelled and main and not survey.images and not image and "oci" not in types:
        other = _other_image(survey, labelled[0])
        if other:
            survey.left_out.append(
                f"oci ({survey.project.shown(labelled[0].file)}): {other} is another server's, so this image has a "
                'name that no file tells; types=["oci"] lists it, build_image gives its entry'
            )
            labelled = []
    if labelled and not types and image:
        for found in [one for one in main if not one.server_name]:
            main.remove(found)
            survey.left_out.append(f"{found.registry_type} {found.identifier}: mcp.yaml builds an image instead")
    for found in [one for one in main if one.registry_type == "cargo" and "cargo" not in types]:
        if not found.extra.get("visible") and (len(main) > 1 or labelled or not _installed(survey, found)):
            main.remove(found)
            survey.left_out.append(
                f"cargo {found.identifier}: its README has no visible mcp-name, so crates.io cannot prove it; "
                'types=["cargo"] lists it'
            )
    survey.chosen = [*main, *labelled[:1]]
    for bundle in [found for found in survey.found if found.registry_type == "mcpb"]:
        if "mcpb" in types or (bundle.extra["built"] and bundle.folder in folders):
            survey.chosen.append(bundle)
        elif bundle.folder in folders:
            survey.left_out.append(
                f"mcpb ({survey.project.shown(bundle.file)}): no built bundle here to hash, and the registry refuses "
                "one without fileSha256: build it (mcpb pack) and call again"
            )
    if not labelled and docker and not catalogue and not docker[0].extra["labelled"]:
        survey.left_out.append(
            f"oci ({survey.project.shown(docker[0].file)}): carries no server-name label; "
            'types=["oci"] lists the image too'
        )
    for private in survey.found:
        if private.private and private.mcp and private.folder == "" and not survey.chosen:
            survey.left_out.append(f"{private.registry_type} {private.identifier}: marked private")


def _server(survey: Survey, public: list[Found], docker: list[Found], *, asked: bool) -> list[Found]:
    """The packages in an index that are this folder's server; when types were ``asked`` for, any of the folder."""
    servers = [found for found in public if found.mcp]
    here = [found for found in servers if found.folder == ""]
    label = next((one.server_name for one in docker if one.folder == "" and one.server_name), None)
    if here or label:
        names = {found.server_name for found in here if found.server_name} | ({label} if label else set())
        same = {bare(found.identifier) for found in here} | {bare(name) for name in names}
        elsewhere = [
            found
            for found in servers
            if found.folder and (found.server_name in names if found.server_name else bare(found.identifier) in same)
        ]
        return _one_each([*here, *elsewhere])
    groups: dict[str, list[Found]] = {}
    for found in servers:
        key = found.server_name or next(
            (one.server_name for one in servers if one.server_name and bare(one.identifier) == bare(found.identifier)),
            None,
        )
        groups.setdefault(key or bare(found.extra.get("of") or found.identifier), []).append(found)
    strong = {
        key: group
        for key, group in groups.items()
        if any(one.server_name or one.mcp.startswith(("depends", "is of type")) for one in group)
    }
    named = {key: group for key, group in strong.items() if any(one.server_name for one in group)}
    for choice in (groups, strong, named):
        if len(choice) == 1:
            return _one_each(next(iter(choice.values())))
    if groups:
        raise _several(survey, strong or groups)
    plain = [found for found in public if found.folder == ""]
    if asked or _speaks_of_mcp(survey):
        return _one_each(plain)
    # Nothing says MCP. Where nothing could have said it either (no README, no dependency), ask instead of refusing.
    bare_ones = [found for found in plain if survey.readme is None and not found.extra.get("needs")]
    for found in bare_ones:
        found.questions.append(f"Nothing says that {found.registry_type} {found.identifier} is an MCP server: is it?")
    return _one_each(bare_ones)


def _several(survey: Survey, groups: dict[str, list[Found]]) -> InputError:
    folders = sorted({group[0].folder or "." for group in groups.values()})
    shown = "\n".join(
        f"  {group[0].folder or '.'}: {group[0].registry_type} {group[0].identifier}"
        for _, group in sorted(groups.items(), key=lambda pair: pair[1][0].folder)
    )
    first = survey.project.folder / folders[0]
    return InputError(
        "several-servers",
        f"{survey.project.folder} holds {len(groups)} MCP servers, and each has a server.json of its own",
        f"choose one: init_manifest(path={quoted(str(first))})",
        details=shown,
    )


def _one_each(found: list[Found]) -> list[Found]:
    """The first of each type and identifier: a monorepo may hold a package and its platform builds."""
    kept: dict[tuple[str, str], Found] = {}
    for one in sorted(found, key=lambda one: one.folder.count("/") if one.folder else -1):
        kept.setdefault((one.registry_type, one.identifier.lower()), one)
    types: dict[str, Found] = {}
    for one in kept.values():
        other = types.get(one.registry_type)
        if other is None or (one.server_name and not other.server_name):
            types[one.registry_type] = one
    return [types[name] for name in INDEXES if name in types]


def bare(name: str) -> str:
    """A name without scope and punctuation, for comparing what registries spell differently."""
    return re.sub(r"[^a-z0-9]", "", name.lower().rpartition("/")[2])


def _other_image(survey: Survey, own: Found) -> str:
    """A Dockerfile beside this folder that is labelled for another server, or "".

    Then the repository's name, which an unnamed image is assumed to have, cannot be this one's.
    """
    project = survey.project
    if project.folder == project.top or not own.server_name:
        return ""
    try:
        beside = sorted(project.folder.parent.glob("*/Dockerfile"))[:200]
    except OSError:
        return ""
    for file in beside:
        label = dockerfile.parse(project.text(file) or "").labels.get(oci.LABEL) if file.is_file() else None
        if label and "/" in label[0] and label[0] != own.server_name:
            return project.shown(file)
    return ""


def _installed(survey: Survey, found: Found) -> bool:
    """Whether a README installs the crate from crates.io (or there is no README to say otherwise)."""
    text = survey.project.text(survey.readme) if survey.readme else None
    if not text:
        return True
    name = re.escape(found.identifier)
    return bool(re.search(rf"cargo (binstall|install)(?! --(git|path))[^\n]*\b{name}\b|crates\.io/crates/{name}", text))


def _speaks_of_mcp(survey: Survey) -> bool:
    text = survey.project.text(survey.readme) if survey.readme else None
    return bool(text and re.search(r"\bmcp\b|model context protocol|mcp-", text, re.I))


def _find_images(survey: Survey) -> None:
    """The project's own image names, when it has a Dockerfile at all."""
    if not any(found.registry_type == "oci" for found in survey.found):
        return
    origin = survey.git.origin if survey.git else None
    hints = {found.identifier for found in survey.found if found.identifier}
    hints |= {found.server_name.rpartition("/")[2] for found in survey.found if found.server_name}
    if origin:
        hints |= {origin.name, origin.owner}
    survey.images = images(survey.project, origin, hints)


def _name_images(survey: Survey) -> None:
    """Fills in the image name of OCI packages: from files, else assumed from the origin."""
    origin = survey.git.origin if survey.git else None
    told = survey.mcp_yaml
    for found in [one for one in survey.chosen if one.registry_type == "oci"]:
        if told and told.type == "oci":
            found.title, found.description = found.title or told.title, found.description or told.description
            found.repository = found.repository or told.repository
            found.version, found.version_where = (
                found.version or told.version or None,
                found.version_where or "mcp.yaml",
            )
            if told.server_name and not found.server_name:
                found.server_name, found.server_name_where = told.server_name, "mcp.yaml"
            if told.transport:
                found.extra["transport"] = told.transport
            if told.identifier:
                found.identifier = re.sub(r"(@sha256:.*|:[^/:]+)$", "", told.identifier)
                found.extra["image_where"] = "mcp.yaml"
                found.assumed = frozenset()
                continue
        if survey.images:
            image = survey.images[0]
            found.identifier = image.name
            found.extra["prefix"] = image.prefix
            found.extra["image_where"] = image.where
            found.assumed = frozenset()
        elif origin and origin.host == "github.com":
            found.identifier = f"ghcr.io/{origin.owner}/{origin.name}".lower()


def speaks_of_mcp(survey: Survey) -> bool:
    """Whether anything here says MCP: a package, a README."""
    return bool(survey.chosen) or any(found.mcp for found in survey.found) or _speaks_of_mcp(survey)
