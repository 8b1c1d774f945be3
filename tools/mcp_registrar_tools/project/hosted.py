"""Addresses under which a project says that its server is hosted."""

from __future__ import annotations

import re
from pathlib import Path

from mcp_registrar_tools.project.walk import Project, line_of

_CONFIGURED = re.compile(
    r"""["']?(?:url|serverUrl|server_url|endpoint|httpUrl)["']?\s*[:=]\s*["'](https://[^\s"'<>`]+)["']"""
    r"""|--transport[ =](?:http|sse|streamable-http)\s+\S+\s+["']?(https://[^\s"'<>`]+)"""
    r"""|mcp-remote(?:@[\w.]+)?["',\s]+(https://[^\s"'<>`]+)"""
)
_NOT_OURS = re.compile(
    r"//([^/.]+(/|$)|localhost|127\.|0\.0\.0\.0|10\.|192\.168\.|example\.|[^/]*\.example|your|my-|[^/]*\b(your|example)[-.]|"
    r"github\.com|raw\.githubusercontent|registry\.|server\.smithery\.ai|api\.smithery|mcp\.pipedream)|[{}$<>…]|\.\.\.",
    re.IGNORECASE,
)


def hosted(project: Project, readme: Path | None) -> list[tuple[str, str]]:
    """URL and `file:line` of each, in order: what a bundle-like manifest declares, what the README configures."""
    results: dict[str, str] = {}
    for path in project.named("manifest.json"):
        text = project.text(path) if "/" not in path else None
        match = re.search(r'"server"\s*:\s*\{[^{}]*"url"\s*:\s*"(https://[^"]+)"', text or "")
        if match:
            results[match[1]] = f"{path}:{line_of(text or '', match[1])}"
    text = project.text(readme) if readme else None
    if text and readme:
        for match in _CONFIGURED.finditer(text):
            url = next(group for group in match.groups() if group).rstrip("\\").partition("?")[0].rstrip(".,)")
            path = url.partition("//")[2].partition("/")[2]
            if (
                not _NOT_OURS.search(url)
                and re.search(r"mcp|sse|stream", url, re.I)
                and not path.endswith((".json", ".md"))
            ):
                results.setdefault(url, f"{project.shown(readme)}:{text.count(chr(10), 0, match.start()) + 1}")
    return list(results.items())
