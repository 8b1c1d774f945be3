"""READMEs: which one a folder has, its title, the ownership token in it and how to put it there."""

from __future__ import annotations

import re
from pathlib import Path

from mcp_registrar_tools.manifest.names import has_token
from mcp_registrar_tools.project.edits import Edit, edit_text, insert_lines, read_exact
from mcp_registrar_tools.project.walk import Project, line_of

NAME = r"[A-Za-z0-9][A-Za-z0-9.-]*/[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]"
"""A server name as it may stand in running text (registry rule R20)."""
TOKEN = re.compile(rf"mcp-name:[ \t]*({NAME})")
"""The ownership token of PyPI, NuGet and Cargo READMEs."""

NAMES = ("README.md", "readme.md", "Readme.md", "README.rst", "README.markdown", "README.txt", "README")

_NOT_TITLES = re.compile(
    r"^(readme|table of contents|contents|overview|introduction|about|installation|install|"
    r"usage|getting started|quick ?start|features|license|changelog)$",
    re.I,
)


def find(project: Project, folder: str = "") -> Path | None:
    """The folder's README, by any usual name."""
    prefix = f"{folder}/" if folder else ""
    at = {name.lower() for name in NAMES}
    for path in project.files:
        if path.startswith(prefix) and "/" not in path[len(prefix) :] and path[len(prefix) :].lower() in at:
            return project.folder / path
    return None


def title(text: str) -> str | None:
    """The first heading as plain text, when it reads like a title (not ``Installation``, not a command)."""
    fenced = False
    lines = text.splitlines()
    for number, line in enumerate(line[:500] for line in lines[:80]):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        if fenced:
            continue
        heading = re.match(r"^#\s+(.+?)\s*#*$", line) or re.match(r"^\s*<h1[^>]*>(.*?)</h1>", line, re.I)
        if not heading and re.match(r"^=+\s*$", lines[number + 1] if number + 1 < len(lines) else ""):
            heading = re.match(r"^(\S.*)$", line)
        if not heading:
            continue
        words = plain(heading[1])
        if not words or _NOT_TITLES.match(words) or len(words) > 100:
            return None
        return words
    return None


def plain(text: str) -> str:
    """A line of Markdown or HTML as the words a reader sees."""
    text = re.sub(r"<!--.*?-->|<[^>]+>", " ", text)
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)", " ", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"[`*]|(?<!\w)_+|_+(?!\w)|:[a-z_]+:", "", text)
    text = re.sub(r"[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u20e3\u200d\u2049]", "", text)
    return " ".join(text.split()).strip(" -–—|:")


def put_token(path: Path, server_name: str, *, visible: bool = False) -> Edit | None:
    """The README with ``mcp-name: …`` in it; None when it is there already.

    Another name's token is replaced where it stands. A new one goes below the first heading as a comment, or as
    visible text where comments are stripped (crates.io). Raises OSError, UnicodeDecodeError.
    """
    before, text = read_exact(path)
    old = next((one for one in TOKEN.finditer(text) if not (visible and hidden(text, one.start()))), None)
    if old:
        replaced = text[: old.start(1)] + server_name + text[old.end(1) :]
        if has_token(replaced, server_name):  # else something is glued to it, and a line of its own is needed
            return edit_text(path, before, replaced)
    token = f"mcp-name: {server_name}"
    restructured = path.suffix.lower() == ".rst"
    if visible:
        line = token
    elif restructured:
        line = f".. {token}"
    else:
        line = f"<!-- {token} -->"
    lines = text.splitlines()
    at = _below_heading(lines, restructured)
    block = [""] if at > 0 and lines[at - 1].strip() else []
    block.append(line)
    if at < len(lines) and lines[at].strip():
        block.append("")
    return edit_text(path, before, insert_lines(text, at, block))


def hidden(text: str, index: int) -> bool:
    """Whether the position stands inside an HTML comment."""
    return text.rfind("<!--", 0, index) > text.rfind("-->", 0, index)


def _below_heading(lines: list[str], restructured: bool) -> int:
    start = 0
    if lines and lines[0].strip() == "---":  # front matter
        start = next((n + 1 for n, line in enumerate(lines[1:], 1) if line.strip() == "---"), 0)
    for number in range(start, min(len(lines), start + 30)):
        if not restructured and re.match(r"^#\s", lines[number]):
            return number + 1
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if lines[number].strip() and re.match(r"^={3,}\s*$", following):
            return number + 2
    return start


_LISTED = re.compile(
    r"(?<![\w./@-])((?:io|com|ai|dev|net|org|app|co|me|tech|cloud|xyz|sh|run|so|gg|tools|info|[a-z]{2})"
    r"\.[A-Za-z0-9][A-Za-z0-9.-]*(?:/|%2[Ff])[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9])"
)


def listed_as(project: Project, path: Path) -> tuple[str, int] | None:
    """The server name that a README gives where it speaks of the MCP registry, and its line."""
    for number, line in enumerate((project.text(path) or "").splitlines(), 1):
        if not re.search(r"MCP(%20|\s|[-_])*Registry|registry\.modelcontextprotocol\.io", line, re.I):
            continue
        for match in _LISTED.finditer(line):
            name = re.sub(r"%2F", "/", match[1], flags=re.I)
            if "modelcontextprotocol.io/" not in name:
                return re.sub(r"-[0-9a-f]{6}$", "", name) if "%2" in match[1] else name, number
    return None


def token_in(project: Project, path: Path) -> tuple[str, int] | None:
    """The server name of the first ownership token in a file, and its line."""
    text = project.text(path)
    match = TOKEN.search(text) if text else None
    return (match[1].rstrip("-"), line_of(text or "", match[0])) if match else None
