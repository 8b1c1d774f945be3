"""Crates: Cargo.toml with what a package inherits from its workspace."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp_registrar_tools.project import readme
from mcp_registrar_tools.project.walk import Project, line_of


@dataclass(kw_only=True)
class Crate:
    """A package of Cargo; ``table`` is its ``[package]`` with inherited values filled in."""

    name: str
    file: Path
    folder: str
    line: int
    version: str | None
    version_where: str
    publish: bool
    readme: Path | None
    table: dict[str, Any]
    keywords: list[str] = field(default_factory=list)
    dependencies: list[str] = field(default_factory=list)

    def text(self, key: str) -> str | None:
        """A string of ``[package]``, None when absent."""
        value = self.table.get(key)
        return " ".join(value.split()) if isinstance(value, str) and value.strip() else None


def crates(project: Project) -> Iterator[Crate]:
    """Every crate with a program (a library is not a server)."""
    for path in project.packages("Cargo.toml"):
        data = load(project, project.folder / path)
        package = data.get("package") if data else None
        if not data or not isinstance(package, dict) or not isinstance(package.get("name"), str):
            continue
        file = project.folder / path
        if not ("bin" in data or (file.parent / "src" / "main.rs").is_file() or not (file.parent / "src").is_dir()):
            continue
        text = project.text(path) or ""
        root, shared = workspace(project, file) if _inherits(package) else (None, {})
        table = {
            key: shared.get(key) if isinstance(value, dict) and value.get("workspace") is True else value
            for key, value in package.items()
        }
        version = table.get("version")
        inherited = isinstance(package.get("version"), dict)
        at = root if inherited and root else file
        where = project.text(at) or ""
        publish = table.get("publish", True)
        needs = data.get("dependencies")
        wanted = table.get("readme", True)
        beside = file.parent / wanted if isinstance(wanted, str) else readme.find(project, path.rpartition("/")[0])
        yield Crate(
            name=package["name"],
            file=file,
            folder=path.rpartition("/")[0],
            line=line_of(text, f'"{package["name"]}"'),
            version=version if isinstance(version, str) else None,
            version_where=f"{project.shown(at)}:{line_of(where, str(version))}",
            publish=bool(publish),
            table=table,
            readme=beside if wanted and beside and beside.is_file() else None,
            keywords=[word for word in table.get("keywords") or [] if isinstance(word, str)],
            dependencies=list(needs) if isinstance(needs, dict) else [],
        )


def workspace(project: Project, file: Path) -> tuple[Path | None, dict[str, Any]]:
    """The workspace's Cargo.toml above (or at) ``file`` and its ``[workspace.package]``."""
    here = file.parent
    while True:
        candidate = here / "Cargo.toml"
        if candidate.is_file():
            data = load(project, candidate) or {}
            table = data.get("workspace")
            if isinstance(table, dict):
                shared = table.get("package")
                return candidate, shared if isinstance(shared, dict) else {}
        if here in (project.top, here.parent):
            return None, {}
        here = here.parent


def load(project: Project, file: Path) -> dict[str, Any] | None:
    """A Cargo.toml, None when unreadable (told once in ``project.problems``)."""
    text = project.text(file)
    if text is None:
        return None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem = f"{project.shown(file)} is not TOML: {error}"
        if problem not in project.problems:
            project.problems.append(problem)
        return None


def _inherits(package: dict[str, Any]) -> bool:
    return any(isinstance(value, dict) and value.get("workspace") is True for value in package.values())
