"""Server names (``namespace/name``) and the ``mcp-name:`` token that proves who a package belongs to."""

from __future__ import annotations

import re

NAMESPACE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9.-]*[a-zA-Z0-9]\Z")
NAME_PART = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*[a-zA-Z0-9]\Z")
TOKEN = "mcp-name: "  # noqa: S105 - a marker in a README, no secret

_NAME_CHARACTER = re.compile(r"[A-Za-z0-9._/-]")
_COMMENT_CLOSES = ("-->", "--!>")


def is_server_name(name: str) -> bool:
    """Whether the registry's database and rules accept this name: two parts of at least two characters each."""
    namespace, slash, part = name.partition("/")
    return bool(slash and NAMESPACE.match(namespace) and NAME_PART.match(part))


def name_problem(name: str) -> str | None:
    """The registry's message for a name that it refuses (rule R20), None for one it accepts."""
    if not name:
        return "server name is required and must be a string"
    slashes = name.count("/")
    if slashes == 0:
        return "server name must be in format 'dns-namespace/name' (e.g., 'com.example.api/server')"
    if slashes > 1:
        return "server name cannot contain multiple slashes"
    namespace, _, part = name.partition("/")
    if not namespace or not part:
        return "server name must be in format 'dns-namespace/name' with non-empty namespace and name parts"
    if not NAMESPACE.match(namespace):
        return (
            f"server name format is invalid: namespace '{namespace}' is invalid. Namespace must start and "
            "end with alphanumeric characters, and may contain dots and hyphens in the middle"
        )
    if not NAME_PART.match(part):
        return (
            f"server name format is invalid: name '{part}' is invalid. Name must start and end with "
            "alphanumeric characters, and may contain dots, underscores, and hyphens in the middle"
        )
    return None


def has_token(text: str, server_name: str) -> bool:
    """Whether ``text`` holds ``mcp-name: <server_name>`` with nothing glued to the name."""
    return any(not _trailing(text, end) for end in _ends(text, server_name))


def glued_to_token(text: str, server_name: str) -> str | None:
    """The character that spoils an otherwise right token; None when the token is right or not there at all."""
    spoilers = [_trailing(text, end) for end in _ends(text, server_name)]
    return spoilers[0] if spoilers and all(spoilers) else None


def _ends(text: str, server_name: str) -> list[int]:
    token = TOKEN + server_name
    return [match.end() for match in re.finditer(re.escape(token), text)]


def _trailing(text: str, end: int) -> str:
    if text.startswith(_COMMENT_CLOSES, end):
        return ""
    following = text[end : end + 1]
    return following if _NAME_CHARACTER.match(following) else ""


def tokens(text: str) -> list[str]:
    """Every server name that a text claims with ``mcp-name:``, in order."""
    return [
        m[1] for m in re.finditer(re.escape(TOKEN) + r"([A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9._-]*[A-Za-z0-9])", text)
    ]
