"""What an image is called and labelled: read from the manifest, ``mcp.yaml``, or the project's own package file."""

from __future__ import annotations

import contextlib
import json
import re
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mcp_registrar_tools.answer import quoted
from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.images import reference
from mcp_registrar_tools.images.reference import LABEL
from mcp_registrar_tools.manifest.files import PLACES, read_text_file
from mcp_registrar_tools.project import mcp_yaml

_OCI = "org.opencontainers.image."


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project that becomes an image.

    ``name`` is what the image is named after, ``server_name`` what the ownership label says ("" when nobody said
    yet), ``source`` where both come from. ``declared`` is the manifest's own entry for an image.
    """

    folder: Path
    name: str
    version: str = ""
    server_name: str = ""
    source: str = ""
    title: str = ""
    description: str = ""
    repository: str = ""
    licenses: str = ""
    manifest: Path | None = None
    declared: dict[str, Any] | None = None
    transport: dict[str, Any] = field(default_factory=lambda: {"type": "stdio"})

    def labels(self, dockerfile: str) -> dict[str, str]:
        """The ownership label and the standard ones. ``dockerfile`` is its text: a standard label that it sets
        itself is left alone; the ownership label always follows the manifest.
        """
        wanted = {
            "title": self.title or self.name,
            "description": self.description,
            "version": self.version,
            "source": self.repository,
            "revision": revision(self.folder),
            "licenses": self.licenses,
        }
        labels = {_OCI + key: value for key, value in wanted.items() if value and _OCI + key not in dockerfile}
        return {LABEL: self.server_name, **labels} if self.server_name else labels


def read(folder: Path, beside: Path | None = None) -> Project:
    """The project in a folder; blocking. Raises `InputError` for a file that is there and cannot be read.

    ``beside`` is where its Dockerfile lies: in a monorepo the manifest is there and not at the top.
    """
    project = _from_package_files(folder)
    for place in dict.fromkeys((folder, beside or folder)):
        if (told := mcp_yaml.parse(_yaml(place / "mcp.yaml"))) is not None:
            project = _with_mcp_yaml(project, told)
            break
    for place in dict.fromkeys((folder, beside or folder)):
        for name in PLACES:
            if (place / name).is_file():
                return _with_manifest(project, place / name)
    return project


def document(path: Path) -> dict[str, Any]:
    """A manifest's document; blocking. Raises `InputError` when it is no JSON object."""
    text = read_text_file(path).removeprefix("\ufeff")
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InputError(
            "manifest-invalid-json", f"{path} is not JSON: {error}", f"validate(path={quoted(str(path))}) says where"
        ) from None
    if not isinstance(found, dict):
        raise InputError(
            "manifest-not-an-object", f"{path} is not a JSON object", f"validate(path={quoted(str(path))})"
        )
    return found


def _with_manifest(project: Project, path: Path) -> Project:
    found = document(path)
    name = _text(found, "name")
    if "serverInfo" in found or "mcpServers" in found or not name:
        return project  # a client's configuration, or nothing that names a server
    repository = found.get("repository")
    packages = found.get("packages")
    images = [p for p in packages if is_image(p)] if isinstance(packages, list) else []
    transport = images[0].get("transport") if images else None
    return replace(
        project,
        name=name.rsplit("/", 1)[-1],
        version=_text(found, "version") or project.version,
        server_name=name,
        source=path.name,
        title=_text(found, "title") or project.title,
        description=_text(found, "description") or project.description,
        repository=_text(repository, "url") if isinstance(repository, dict) else project.repository,
        manifest=path,
        declared=images[0] if images else None,
        transport=transport if isinstance(transport, dict) else project.transport,
    )


def is_image(package: Any) -> bool:
    """Whether an element of ``packages`` is an image, in today's words or yesterday's."""
    if not isinstance(package, dict):
        return False
    return str(package.get("registryType") or package.get("registry_type") or "").lower() in {"oci", "docker"}


def _with_mcp_yaml(project: Project, told: mcp_yaml.McpYaml) -> Project:
    """agentregistry's project file; the first generation's rule for the registry's name: lower(author)/lower(name)."""
    server = told.server_name or (f"{told.author}/{told.name}".lower() if told.author else "")
    return replace(
        project,
        name=told.name or project.name,
        version=told.version or _tag(told.identifier) or project.version,
        server_name=server if re.fullmatch(r"[A-Za-z0-9.-]+/[A-Za-z0-9._-]+", server) else project.server_name,
        source="mcp.yaml",
        title=told.title or told.name,
        description=told.description or project.description,
        repository=told.repository or project.repository,
        transport=told.transport or project.transport,
    )


def _tag(identifier: str) -> str:
    """The version in an image's name, "" when it has none."""
    try:
        tag = reference.parse(identifier).tag if identifier else ""
    except InputError:
        return ""
    return tag if tag and tag != "latest" else ""


def _from_package_files(folder: Path) -> Project:
    project = Project(folder=folder, name=folder.resolve().name or "server", source="the folder's name")
    if (package := _json(folder / "package.json")) is not None:
        repository = package.get("repository")
        return replace(
            project,
            name=_text(package, "name").rsplit("/", 1)[-1] or project.name,
            version=_text(package, "version"),
            server_name=_text(package, "mcpName"),
            source="package.json",
            description=_text(package, "description"),
            repository=_repository(_text(repository, "url") if isinstance(repository, dict) else repository),
            licenses=_text(package, "license"),
        )
    if (pyproject := _toml(folder / "pyproject.toml")) is not None:
        facts = pyproject.get("project") or pyproject.get("tool", {}).get("poetry") or {}
        urls = facts.get("urls") or {}
        return replace(
            project,
            name=_text(facts, "name") or project.name,
            version=_text(facts, "version"),
            source="pyproject.toml",
            description=_text(facts, "description"),
            repository=next((_repository(v) for k, v in urls.items() if k.lower() in {"repository", "source"}), ""),
            licenses=_text(facts, "license"),
        )
    if (cargo := _toml(folder / "Cargo.toml")) is not None:
        facts = cargo.get("package") or {}
        return replace(
            project,
            name=_text(facts, "name") or project.name,
            version=_text(facts, "version"),
            source="Cargo.toml",
            description=_text(facts, "description"),
            repository=_repository(facts.get("repository")),
            licenses=_text(facts, "license"),
        )
    with contextlib.suppress(InputError):
        if found := re.search(r"^module\s+(\S+)", read_text_file(folder / "go.mod"), re.MULTILINE):
            module = re.sub(r"/v\d+$", "", found[1])
            return replace(project, name=module.rsplit("/", 1)[-1], source="go.mod")
    return project


def _repository(value: Any) -> str:
    """A repository's address as a browser opens it."""
    text = value if isinstance(value, str) else ""
    text = re.sub(r"^git\+", "", text)
    text = re.sub(r"^(?:ssh://)?git@([^:/]+)[:/]", r"https://\1/", text)
    text = re.sub(r"^(?:github:)?([\w.-]+/[\w.-]+)$", r"https://github.com/\1", text)
    return text.removesuffix(".git") if text.startswith("https://") else ""


def revision(folder: Path) -> str:
    """The commit that is checked out, read from git's files; "" without git."""
    for parent in (folder.resolve(), *folder.resolve().parents):
        git = parent / ".git"
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if git.is_file():  # a worktree or submodule
                git = (parent / git.read_text(encoding="utf-8").partition("gitdir:")[2].strip()).resolve()
            if not git.is_dir():
                continue
            head = (git / "HEAD").read_text(encoding="utf-8").strip()
            if not head.startswith("ref:"):
                return head if re.fullmatch(r"[0-9a-f]{40,64}", head) else ""
            return _ref(git, head.partition(":")[2].strip())
    return ""


def _ref(git: Path, name: str) -> str:
    common = git / "commondir"
    places = [git, (git / common.read_text(encoding="utf-8").strip()).resolve()] if common.is_file() else [git]
    for place in places:
        with contextlib.suppress(OSError):
            return (place / name).read_text(encoding="utf-8").strip()
        with contextlib.suppress(OSError):
            for line in (place / "packed-refs").read_text(encoding="utf-8").splitlines():
                if line.endswith(f" {name}"):
                    return line.split()[0]
    return ""


def _text(document: Any, key: str) -> str:
    value = document.get(key) if isinstance(document, dict) else None
    return value.strip() if isinstance(value, str) else ""


def _json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        document = json.loads(read_text_file(path).removeprefix("\ufeff"))
    except ValueError as error:
        raise InputError("file-not-json", f"{path} is not JSON: {error}", "correct it and call again") from None
    return document if isinstance(document, dict) else None


def _toml(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        return tomllib.loads(read_text_file(path))
    except tomllib.TOMLDecodeError as error:
        raise InputError("file-not-toml", f"{path} is not TOML: {error}", "correct it and call again") from None


def _yaml(path: Path) -> Any:
    if not path.is_file():
        return None
    import yaml

    try:
        return yaml.safe_load(read_text_file(path))
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise InputError("file-not-yaml", f"{path} is not YAML: {reason}", "correct it and call again") from None
