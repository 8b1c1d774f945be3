"""Write a release's version into every place of a project that holds one: what the release workflow starts with."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from mcp_registrar_tools.answer import Answer, clean, quoted
from mcp_registrar_tools.errors import InputError

if TYPE_CHECKING:
    from mcp_registrar_tools.workbench import Workbench


class VersionSet(Answer):
    """``places`` are ``file: field old -> new``; ``unset`` are packages whose version stands in no file."""

    version: str
    places: list[str]
    unset: list[str]

    def lines(self) -> list[str]:
        head = f"version {self.version} in {len(self.places)} places" if self.places else f"{self.version} everywhere"
        return [head, *self.places, *(f"{name}: takes its version from elsewhere (git tags)" for name in self.unset)]


async def set_version(
    bench: Workbench,
    version: Annotated[str, Field(description="or a tag: v1.2.3")],
    path: Annotated[str, Field(description="project folder")] = ".",
    bundle: Annotated[str, Field(description="MCPB file whose hash goes into server.json")] = "",
) -> VersionSet:
    """Set the version in server.json, its packages and image tags, and in the project's own package files."""
    import anyio.to_thread

    return await anyio.to_thread.run_sync(lambda: write_version(version, path, bundle))


def write_version(tag: str, path: str, bundle: str = "") -> VersionSet:
    """The work of `set_version`; blocking."""
    from mcp_registrar_tools.manifest.files import find, read_text_file, write_atomic
    from mcp_registrar_tools.manifest.versions import is_semver

    version = re.sub(r"^(refs/tags/)?(.*/)?v?(?=\d)", "", tag.strip())
    if not is_semver(version):
        raise InputError(
            "version-invalid",
            f"{clean(tag, 80)!r} is no version such as 1.2.3, with or without a v before it",
            "tag releases as v1.2.3",
        )
    manifest = find(path).path
    before = read_text_file(manifest)
    document = read_document(manifest, before)
    edits: dict[Path, tuple[str, str]] = {}
    places: list[str] = []
    after = _manifest_edits(before, document, version, places, str(manifest), bundle)
    edits[manifest] = (before, after)
    unset = _project_edits(Path(path), document, version, edits, places)
    for file, (old, new) in edits.items():
        if new != old:
            write_atomic(file, new.encode("utf-8"))
    return VersionSet(version=version, places=places, unset=unset, next=f"validate(path={quoted(path)})")


def read_document(manifest: Path, text: str) -> dict[str, Any]:
    """A manifest's text as an object; raises `InputError`."""
    from mcp_registrar_tools import jsonc

    try:
        document = jsonc.loads(text)
    except jsonc.JsoncError as error:
        raise InputError(
            "manifest-invalid", f"{manifest}: {error}", f"validate(path={quoted(str(manifest))})"
        ) from None
    if not isinstance(document, dict):
        raise InputError("manifest-invalid", f"{manifest} is not an object", f"validate(path={quoted(str(manifest))})")
    return document


def _manifest_edits(
    text: str, document: dict[str, Any], version: str, places: list[str], shown: str, bundle: str
) -> str:
    from mcp_registrar_tools import jsonc

    old = str(document.get("version", ""))

    def put(path: list[str | int], value: str, was: str) -> None:
        nonlocal text
        if value != was:
            text = jsonc.put(text, path, value)
            places.append(f"{shown}: {'.'.join(map(str, path))} {was or 'nothing'} -> {value}")

    put(["version"], version, old)
    packages = document.get("packages")
    for index, package in enumerate(packages if isinstance(packages, list) else []):
        if not isinstance(package, dict):
            continue
        kind, identifier = package.get("registryType"), str(package.get("identifier", ""))
        if "version" in package or kind in {"npm", "pypi", "nuget", "cargo"}:
            put(["packages", index, "version"], version, str(package.get("version", "")))
        if kind == "oci":
            put(["packages", index, "identifier"], tagged(identifier, old, version), identifier)
        if kind == "mcpb":
            put(["packages", index, "identifier"], asset(identifier, version), identifier)
            if bundle:
                put(["packages", index, "fileSha256"], _sha256(bundle), str(package.get("fileSha256", "")))
    return text


def tagged(reference: str, old: str, version: str) -> str:
    """An image reference with the new version in its tag; a ``v`` before it and a suffix after it stay.

    A digest is left out: it belongs to the old image.
    """
    name, _, _ = reference.partition("@")
    head, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        return f"{name}:{version}"
    if old and old in tag:
        return f"{head}:{tag.replace(old, version)}"
    found = re.fullmatch(r"(v?)(\d+(?:\.\d+)*(?:-(?:alpha|beta|rc|dev|pre)[.\d]*)?)(-[a-z][a-z0-9.-]*)?", tag)
    return f"{head}:{found[1]}{version}{found[3] or ''}" if found else f"{head}:{version}"


def asset(url: str, version: str) -> str:
    """A release asset's URL of the new version: in the tag and, where it stands there, in the file's name."""
    found = re.search(r"(/releases/(?:download/)?)([^/]+)(/.*)$", url)
    if not found:
        return url
    numbers = re.search(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?", found[2])
    tag = found[2].replace(numbers[0], version) if numbers else f"v{version}"
    rest = found[3].replace(numbers[0], version) if numbers else found[3]
    return url[: found.start()] + found[1] + tag + rest


def _sha256(bundle: str) -> str:
    import hashlib

    try:
        with Path(bundle).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            "file-unreadable", f"{bundle} cannot be read: {error.strerror}", "give the MCPB file that was released"
        ) from None


def _project_edits(
    folder: Path,
    document: dict[str, Any],
    version: str,
    edits: dict[Path, tuple[str, str]],
    places: list[str],
) -> list[str]:
    """Edits to package.json, pyproject.toml, … of the packages that the manifest names: one line each."""
    from mcp_registrar_tools.manifest.files import read_text_file

    unset = []
    for found in own_packages(folder, document):
        if found.registry_type == "oci" or (found.version or "") == version:
            continue
        where, _, line = found.version_where.rpartition(":")
        file = (folder if folder.is_dir() else folder.parent) / where
        if not found.version or not line.isdigit() or not file.is_file():
            unset.append(found.identifier or found.registry_type)
            continue
        before, text = edits.get(file, ("", ""))
        if not before:
            before = text = read_text_file(file)
        lines = text.splitlines(keepends=True)
        number = int(line) - 1
        if number < len(lines) and found.version in lines[number]:
            lines[number] = lines[number].replace(found.version, version, 1)
            edits[file] = (before, "".join(lines))
            places.append(f"{where}:{line}: {found.version} -> {version}")
    return unset


def own_packages(folder: Path, document: dict[str, Any]) -> list[Any]:
    """The packages found in the project that the manifest's `packages` name (by identifier; bundles and images all)."""
    from mcp_registrar_tools.packages import TYPES
    from mcp_registrar_tools.project.git import find_git
    from mcp_registrar_tools.project.walk import walk

    folder = folder if folder.is_dir() else folder.parent
    git = find_git(folder.absolute())
    project = walk(folder, git.top if git else folder)
    packages = [p for p in document.get("packages") or [] if isinstance(p, dict)]
    wanted = {(p.get("registryType"), str(p.get("identifier", "")).lower()) for p in packages}
    kinds = {kind for kind, _ in wanted}
    return [
        found
        for kind in TYPES
        if kind in kinds
        for found in TYPES[kind].detect(project)
        if kind in {"oci", "mcpb"} or (kind, found.identifier.lower()) in wanted
    ]
