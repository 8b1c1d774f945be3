"""The files of a project, seen once, within bounds.

Breadth first, so that what stands near the top is seen even in a tree too large to see whole.
"""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import translate
from pathlib import Path

MAX_ENTRIES = 40_000
MAX_SECONDS = 1.2
MAX_DEPTH = 7
MAX_BYTES = 1_000_000
"""A larger file is no package file; reading stops there."""

FIRST = (
    "package.json", "pyproject.toml", "setup.py", "setup.cfg", "Cargo.toml", "go.mod", "Dockerfile", "manifest.json",
    "mcp.yaml", "smithery.yaml", "README.md", "server.json",
)  # fmt: skip

SKIP = frozenset(
    """.git .hg .svn node_modules bower_components .venv venv env .env.d __pycache__ .tox .nox .mypy_cache
    .ruff_cache .pytest_cache .idea .vs .gradle .terraform .next .nuxt .turbo .cache .yarn .pnpm-store vendor
    third_party target bin obj coverage htmlcov site-packages .eggs .worktrees""".split()  # noqa: SIM905 (reads better)
)
"""Folders that hold what was fetched or built, never what a maintainer wrote."""

ASIDE = frozenset(
    """test tests __tests__ e2e spec specs fixtures testdata test-data example examples sample samples demo demos
    docs doc template templates benchmark benchmarks bench evals playground scripts tools-dev website
    testing mock mocks""".split()  # noqa: SIM905 (reads better)
)
"""Folders whose packages are not what the project publishes."""


@dataclass
class Project:
    """A folder under examination. ``files`` are relative POSIX paths, those near the top first.

    ``top`` is the git work tree's root, or ``folder`` without git. ``problems`` collects what could not be read,
    in words for the user. ``truncated`` says that the walk stopped at its bounds.
    """

    folder: Path
    top: Path
    files: tuple[str, ...] = ()
    truncated: bool = False
    problems: list[str] = field(default_factory=list)
    _texts: dict[Path, str | None] = field(default_factory=dict, repr=False)
    _index: dict[str, list[int]] = field(default_factory=dict, repr=False)

    def named(self, *patterns: str) -> Iterator[str]:
        """Files whose last part matches one of the shell patterns, in the order of ``files``."""
        if not self._index:
            for place, path in enumerate(self.files):
                self._index.setdefault(path.rpartition("/")[2], []).append(place)
        plain = [pattern for pattern in patterns if not set(pattern) & set("*?[")]
        wild = re.compile("|".join(translate(pattern) for pattern in patterns if pattern not in plain) or r"(?!)")
        names = {name for name in plain if name in self._index} | {name for name in self._index if wild.match(name)}
        for place in sorted(place for name in names for place in self._index[name]):
            yield self.files[place]

    def packages(self, *patterns: str) -> Iterator[str]:
        """Like `named`, without folders that are aside (tests, examples, docs…)."""
        for path in self.named(*patterns):
            if not any(part.lower() in ASIDE for part in path.split("/")[:-1]):
                yield path

    def above(self, *names: str) -> Iterator[Path]:
        """Existing files of these names in the folders above ``folder``, nearest first, up to ``top``."""
        here = self.folder
        while here not in {self.top, here.parent}:
            here = here.parent
            for name in names:
                if (here / name).is_file():
                    yield here / name

    def text(self, path: str | Path) -> str | None:
        """A file's text, or None when it cannot be used; then ``problems`` says why. Never follows a link out."""
        full = self.folder / path
        if full not in self._texts:
            self._texts[full] = self._read(full)
        return self._texts[full]

    def shown(self, path: Path) -> str:
        """The path as a user sees it: relative to ``folder`` where it stands in it, with ``../`` above it."""
        return Path(os.path.relpath(path, self.folder)).as_posix()

    def _read(self, full: Path) -> str | None:
        shown = self.shown(full)
        try:
            if full.is_symlink() and not full.resolve().is_relative_to(self.top.resolve()):
                self.problems.append(f"{shown} is a link out of the project and was not read")
                return None
            with full.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            self.problems.append(f"{shown} cannot be read: {error.strerror or error}")
            return None
        return self._decode(shown, data)

    def _decode(self, shown: str, data: bytes) -> str | None:
        if len(data) > MAX_BYTES:
            self.problems.append(f"{shown} is larger than 1 MB and was not read")
            return None
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return data.decode("utf-16", errors="replace")
        if b"\0" in data:
            self.problems.append(f"{shown} is binary and was not read")
            return None
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self.problems.append(f"{shown} is not UTF-8 (byte {error.start}); other characters were replaced")
            return data.decode("utf-8-sig", errors="replace")


def walk(folder: Path, top: Path) -> Project:
    """Sees ``folder``: at most `MAX_ENTRIES` entries, `MAX_DEPTH` levels and `MAX_SECONDS` seconds. Blocking."""
    files: list[str] = []
    waiting: deque[tuple[str, int]] = deque([("", 0)])
    project = Project(folder, top)
    seen, stop_at = 0, time.monotonic() + MAX_SECONDS
    while waiting and not project.truncated:
        inner, depth = waiting.popleft()
        here_files: list[str] = []
        here_folders: list[str] = []
        try:
            with os.scandir(folder / inner) as entries:
                for entry in entries:
                    seen += 1
                    if seen > MAX_ENTRIES or (seen % 512 == 0 and time.monotonic() > stop_at):
                        project.truncated = True
                        break
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in SKIP and not entry.name.endswith(".egg-info"):
                            here_folders.append(entry.name)
                    elif entry.is_file(follow_symlinks=True):
                        here_files.append(entry.name)
        except OSError as error:
            project.problems.append(f"folder {inner or '.'} cannot be read: {error.strerror or error}")
            continue
        prefix = f"{inner}/" if inner else ""
        if project.truncated and not inner:  # a folder too full to list: what matters is looked for by name
            here_files += [name for name in FIRST if name not in here_files and (folder / name).is_file()]
        files.extend(prefix + name for name in sorted(here_files))
        if depth < MAX_DEPTH:
            waiting.extend((prefix + name, depth + 1) for name in sorted(here_folders))
    project.files = tuple(files)
    return project


def line_of(text: str, needle: str) -> int:
    """The line (from 1) where ``needle`` first stands; 1 when it does not."""
    index = text.find(needle)
    return 1 if index < 0 else text.count("\n", 0, index) + 1
