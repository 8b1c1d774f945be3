"""The build context: which files go to the builder, how many bytes that is, and what looks wrong in it."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from mcp_registrar_tools.answer import quoted
from mcp_registrar_tools.errors import ImageError, InputError

SIZE_LIMIT = 500_000_000
"""Bytes of context beyond which a build has to be asked for: almost always a forgotten .dockerignore."""
FILE_LIMIT = 100_000

_SECRETS = {".env", ".npmrc", ".pypirc", ".netrc", "id_rsa", "id_ed25519", "credentials.json"}


@dataclass(frozen=True)
class Context:
    """What a build sends. ``files`` are paths relative to ``folder`` (folders included), ``size`` is bytes.

    ``dockerfile`` is relative to the folder, or absolute when it lies outside.
    """

    folder: Path
    dockerfile: str
    files: list[str]
    size: int
    ignore_file: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def dockerfile_path(self) -> Path:
        return self.folder / self.dockerfile

    def pack(self) -> IO[bytes]:
        """The context as a tar in an unnamed temporary file, read from its start.

        A Dockerfile from outside the folder travels as `dockerfile_name`.
        """
        from docker.utils.build import create_archive

        extra = []
        if Path(self.dockerfile).is_absolute():
            extra = [(self.dockerfile_name, self.dockerfile_path.read_text(encoding="utf-8"))]
        archive = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        create_archive(root=str(self.folder), files=self.files, fileobj=archive, extra_files=extra)
        return archive

    @property
    def dockerfile_name(self) -> str:
        """The Dockerfile's name inside the context."""
        if Path(self.dockerfile).is_absolute():
            return ".mcp-registrar.Dockerfile"
        return self.dockerfile.replace(os.sep, "/")


def read(folder: Path, dockerfile: str = "", *, large: bool = False) -> Context:
    """Look at what a build of ``folder`` would send. Blocking: walks the tree.

    Raises `InputError` for a folder or Dockerfile that is not there, `ImageError` (``context-too-large``) beyond
    `SIZE_LIMIT` or `FILE_LIMIT` unless ``large``.
    """
    if not folder.is_dir():
        raise InputError(
            "folder-missing", f"{folder} is not a folder", "give the folder that holds the Dockerfile as `path`"
        )
    file = folder / (dockerfile or "Dockerfile")
    if not file.is_file():
        if dockerfile:
            raise InputError(
                "dockerfile-missing", f"{file} does not exist", "give `dockerfile` relative to the project folder"
            )
        raise InputError(
            "dockerfile-missing",
            f"{folder} has no Dockerfile",
            f"let one be written: init_manifest(path={quoted(str(folder))}, dockerfile=true); or name it",
        )
    inside = file.resolve().is_relative_to(folder.resolve())
    name = os.path.relpath(file, folder) if inside else str(file.resolve())
    ignore = next((i for i in (Path(f"{file}.dockerignore"), folder / ".dockerignore") if i.is_file()), None)
    files, sizes = _walk(folder, _patterns(ignore), name if inside else None)
    size = sum(sizes.values())
    if not large and (size > SIZE_LIMIT or len(files) > FILE_LIMIT):
        biggest = ", ".join(f"{part} {megabytes(count)}" for part, count in sizes.most_common(4))
        raise ImageError(
            "context-too-large",
            f"the build context of {folder} is {megabytes(size)} in {len(files)} files, more than "
            f"{megabytes(SIZE_LIMIT)}: {biggest}",
            "list what the image does not need in .dockerignore, or call again with large_context=true",
        )
    return Context(folder, name, files, size, ignore.name if ignore else "", _notes(files, sizes, ignore))


def megabytes(count: int) -> str:
    """A size as a person reads it: ``12.3 MB``."""
    if count < 1_000_000:
        return f"{count / 1000:.1f} kB"
    return f"{count / 1_000_000:.1f} MB" if count < 1_000_000_000 else f"{count / 1_000_000_000:.2f} GB"


def _patterns(ignore: Path | None) -> list[str]:
    if ignore is None:
        return []
    lines = ignore.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    return [line for line in (line.strip() for line in lines) if line and not line.startswith("#")]


def _walk(folder: Path, patterns: list[str], dockerfile: str | None) -> tuple[list[str], Counter[str]]:
    """Sorted paths that are not ignored, and bytes by the first part of the path."""
    from docker.utils.build import exclude_paths

    files = sorted(exclude_paths(str(folder), list(patterns), dockerfile=dockerfile or ".dockerignore"))
    sizes: Counter[str] = Counter()
    for name in files:
        status = (folder / name).lstat()
        if not os.path.isdir(folder / name):
            sizes[name.split(os.sep, 1)[0]] += status.st_size
    return files, sizes


def _notes(files: list[str], sizes: Counter[str], ignore: Path | None) -> list[str]:
    notes = []
    top = {name.split(os.sep, 1)[0] for name in files}
    heavy = [part for part in (".git", "node_modules", ".venv", "venv", "target", "__pycache__") if part in top]
    if heavy:
        named = ", ".join(f"{part} ({megabytes(sizes[part])})" for part in heavy)
        where = f"add to {ignore.name}" if ignore else "there is no .dockerignore; list"
        notes.append(f"the build context holds {named}: {where} what the image does not need")
    secret = sorted(name for name in files if Path(name).name in _SECRETS)
    if secret:
        notes.append(f"the build context holds {', '.join(secret[:3])}: keep secrets out with .dockerignore")
    return notes
