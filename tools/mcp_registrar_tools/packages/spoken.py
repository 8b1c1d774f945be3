"""Packages that only the README speaks of: ``npx …``, ``uvx …``, ``dnx …`` for a package whose file a build makes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mcp_registrar_tools.packages.found import Found
from mcp_registrar_tools.project.git import Origin
from mcp_registrar_tools.project.walk import Project

_RUNNERS = {"npx": "npm", "bunx": "npm", "uvx": "pypi", "dnx": "nuget"}
_NAME = r"@?[A-Za-z0-9][\w.-]*(?:/[\w.-]+)?"
_COMMAND = re.compile(rf"\b(npx|bunx|uvx|dnx)\s+(?:-y\s+|--yes\s+)?({_NAME})")
_CONFIGURED = re.compile(
    rf'"command"\s*:\s*"(npx|bunx|uvx|dnx)"\s*,\s*"args"\s*:\s*\[\s*(?:"(?:-y|--yes)"\s*,\s*)?"({_NAME})'
)

_WARNING = re.compile(r"do not (install|use|run)|don't (install|use|run)|unrelated|not published", re.I)


def spoken(project: Project, readme: Path | None, own: set[str], origin: Origin | None) -> Iterator[Found]:
    """The server's own packages that the README starts. ``own`` are its known names, compared without punctuation.

    A name counts as the project's own when it is one of ``own`` or stands in its owner's npm scope; anything else
    (an inspector, a proxy) is somebody else's.
    """
    text = project.text(readme) if readme else None
    if not text or readme is None:
        return
    seen: set[tuple[str, str]] = set()
    for match in sorted([*_COMMAND.finditer(text), *_CONFIGURED.finditer(text)], key=lambda one: one.start()):
        line_start = text.rfind("\n", 0, match.start()) + 1
        line_end = text.find("\n", match.end())
        if _WARNING.search(text[line_start : line_end if line_end > 0 else len(text)]):
            continue
        kind, name = _RUNNERS[match[1]], re.sub(r"(?<=.)@.*$", "", match[2])
        scope, _, last = name[1:].partition("/") if name.startswith("@") else ("", "", name)
        scoped = bool(origin and scope and _bare(scope) == _bare(origin.owner) and "mcp" in last.lower())
        if (kind, name) in seen or not (scoped or _bare(last) in own):
            continue
        seen.add((kind, name))
        line = text.count("\n", 0, match.start()) + 1
        yield Found(
            registry_type=kind, identifier=name, file=readme, line=line, mcp=f"is started with {match[1]}",
            extra={"spoken": True},
        )  # fmt: skip


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
