"""The project around a manifest, as far as its consistency needs it: quickly, and again only when a file changed."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Lock

from mcp_registrar_tools.packages import TYPES
from mcp_registrar_tools.packages.found import Found
from mcp_registrar_tools.project.git import Origin, find_git
from mcp_registrar_tools.project.walk import SKIP, Project

FOLDERS = 300
"""Folders that are listed when a package is not beside the manifest."""
DEPTH = 3
_KEPT = 16
_READ = (
    "package.json", "pyproject.toml", "setup.cfg", "setup.py", "Cargo.toml", "*.csproj", "*.fsproj", "*.vbproj",
    "Directory.Build.props", "Dockerfile*", "*.Dockerfile", "Containerfile", "manifest.json", "README*", "readme*",
    "*.mcpb", "*.dxt", "__init__.py", "_version.py", "__about__.py", "version.py", ".gitignore",
)  # fmt: skip

_Stamp = tuple[int, int]


@dataclass(eq=False)
class Surroundings:
    """A project: ``found`` are its packages by type, ``origin`` where its repository is."""

    project: Project
    origin: Origin | None
    folder: str  # of the manifest, relative to the project's root
    found: dict[str, list[Found]] = field(default_factory=dict)
    stamps: dict[str, _Stamp] = field(default_factory=dict)

    def of(self, registry_type: str) -> list[Found]:
        """The packages of a type, read when first asked for."""
        if registry_type not in self.found:
            self.found[registry_type] = TYPES[registry_type].detect(self.project) if registry_type in TYPES else []
            self.remember()
        return self.found[registry_type]

    def remember(self) -> None:
        """Note the state of every file that was read, wherever it is: when one changes, all is read again."""
        for path in list(self.project._texts):
            self.stamps.setdefault(str(path), _stamp(str(path)))


_cache: OrderedDict[tuple[str, str, str, bool], Surroundings] = OrderedDict()
_lock = Lock()


def see(manifest: Path, root: Path, subfolder: str = "", *, deep: bool = False) -> Surroundings:
    """The project of a manifest. Blocking.

    Looked at are the folders of the manifest, of the project and ``subfolder``; with ``deep`` also what is below
    them, within bounds.
    """
    here = manifest.absolute().parent
    if here.name == ".mcp":
        here = here.parent
    key = (str(here), str(root), subfolder, deep)
    with _lock:
        known = _cache.get(key)
    if known is not None and _unchanged(known):
        return known
    made = _look(here, root.absolute(), subfolder, deep)
    with _lock:
        _cache[key] = made
        _cache.move_to_end(key)
        while len(_cache) > _KEPT:
            _cache.popitem(last=False)
    return made


def _unchanged(known: Surroundings) -> bool:
    return all(_stamp(path) == stamp for path, stamp in known.stamps.items())


def _stamp(path: str) -> _Stamp:
    try:
        status = os.stat(path)
    except OSError:
        return (0, -1)
    return (status.st_mtime_ns, status.st_size)


def _look(here: Path, root: Path, subfolder: str, deep: bool) -> Surroundings:
    folders = [here, root]
    if subfolder and ".." not in subfolder.split("/"):
        folders.append(root / subfolder)
    files: list[str] = []
    stamps: dict[str, _Stamp] = {}
    seen: set[str] = set()
    level = [str(folder) for folder in folders if folder.is_relative_to(root)]
    for _ in range(DEPTH + 1 if deep else 1):
        following: list[str] = []
        for folder in level:
            if folder in seen or len(seen) >= FOLDERS:
                continue
            seen.add(folder)
            stamps[folder] = _stamp(folder)
            following += _list(folder, root, files, stamps)
        level = following
    git = find_git(here)
    if git is not None:
        config = str(git.folder / "config")
        stamps[config] = _stamp(config)
    # Those near the top first, as a walk of the whole project would give them.
    ordered = tuple(sorted(dict.fromkeys(files), key=lambda path: (path.count("/"), path)))
    folder = here.relative_to(root).as_posix() if here.is_relative_to(root) else ""
    project = Project(root, root, ordered)
    return Surroundings(project, git.origin if git else None, "" if folder == "." else folder, stamps=stamps)


def _list(folder: str, root: Path, files: list[str], stamps: dict[str, _Stamp]) -> Iterable[str]:
    folders: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in SKIP and not entry.name.startswith("."):
                        folders.append(entry.path)
                    continue
                files.append(os.path.relpath(entry.path, root).replace(os.sep, "/"))
                if any(fnmatchcase(entry.name, pattern) for pattern in _READ):
                    stamps[entry.path] = _stamp(entry.path)
    except OSError:
        return []
    return sorted(folders)
