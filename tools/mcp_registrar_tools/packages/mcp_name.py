"""The ownership mark in a README: ``mcp-name: <server name>`` as a token of its own.

PyPI, NuGet and Cargo packages carry it. The rules are the registry's since its release 1.8.0: one space, exact letter
case, and behind the name neither a letter nor anything else that could belong to a longer name.
"""

from __future__ import annotations

import re

_NAME_CHARACTER = re.compile(r"[A-Za-z0-9._/-]")
_DECLARATION = re.compile(r"mcp-name:[ \t]*([A-Za-z0-9._/-]+)", re.IGNORECASE)


def token(server_name: str) -> str:
    """What has to be in the README."""
    return f"mcp-name: {server_name}"


def declares(text: str, server_name: str) -> bool:
    """Whether the text holds the token, ended by the end of the text, another character or an HTML comment's end."""
    wanted = token(server_name)
    start = text.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        if not _NAME_CHARACTER.match(text, end) or text.startswith(("-->", "--!>"), end):
            return True
        start = text.find(wanted, start + 1)
    return False


def glued_to(text: str, server_name: str) -> str | None:
    """The character right behind the first occurrence of the token, where `declares` said no; None without one."""
    wanted = token(server_name)
    start = text.find(wanted)
    if start < 0:
        return None
    return text[start + len(wanted) : start + len(wanted) + 1] or None


def declared(text: str) -> list[str]:
    """Every name that a text claims, in any letter case and spacing, each once: for telling what it says instead.

    A full stop, slash or hyphen at the end is taken for punctuation.
    """
    found = (match[1].removesuffix("--").rstrip(".-/") for match in _DECLARATION.finditer(text))
    return list(dict.fromkeys(name for name in found if "/" in name))
