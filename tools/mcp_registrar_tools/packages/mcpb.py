"""All that is special to MCPB packages.

Seeing one in a project, its `packages[]` entry, its ownership marker, how a client starts it, and how the
registry verifies it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mcp_registrar_tools.packages import fields

# ---------------------------------------------------------------------------------------------------------------
# In a project: detect, entry, marker, launch
# ---------------------------------------------------------------------------------------------------------------


# ---------------------------------------------------------------------------------------------------------------
# At the registry: verify
# ---------------------------------------------------------------------------------------------------------------


_HOSTS = {
    "github.com": "GitHub",
    "www.github.com": "GitHub",
    "gitlab.com": "GitLab",
    "www.gitlab.com": "GitLab",
}
_GITHUB_ASSET = re.compile(
    r"/([a-zA-Z0-9]([a-zA-Z0-9\-]{0,37}[a-zA-Z0-9])?)/([a-zA-Z0-9._\-]+)/releases/download/([^/]+)/([^/]+)"
)
_GITLAB_ASSET = re.compile(
    r"/([a-zA-Z0-9._\-]+(?:/[a-zA-Z0-9._\-]+)*)/-/(releases/[^/]+/downloads/[^/]+|package_files/[0-9]+/download)"
)


def field_problems(package: Mapping[str, Any]) -> list[str]:
    """What the registry refuses in the entry itself, in its words and order."""
    identifier = fields.text(package, "identifier")
    found: list[str] = []
    if not fields.text(package, "fileSha256"):
        found.append("must include a fileSha256 hash for integrity verification")
    if not identifier:
        found.append("package identifier is required for MCPB packages")
    if fields.text(package, "registryBaseUrl"):
        found.append(
            "MCPB packages must not have 'registryBaseUrl' field - use the full download URL in 'identifier' instead"
        )
    if identifier:
        found.extend(url_problems(identifier))
    return found


def url_problems(identifier: str) -> list[str]:
    """Whether the URL is a release asset on GitHub or GitLab, over https, with ``mcp`` somewhere in it.

    At most two messages: a URL that is no release asset is not examined further.
    """
    from urllib.parse import unquote, urlsplit

    if any(ord(c) < 0x20 or ord(c) == 0x7F for c in identifier):
        shown = fields.go_quote(identifier)
        return [f"invalid MCPB package URL: parse {shown}: net/url: invalid control character in URL"]
    try:
        parts = urlsplit(identifier)
        host = parts.netloc.rpartition("@")[2].lower()
    except ValueError as error:
        return [f"invalid MCPB package URL: {error}"]
    provider = _HOSTS.get(host)
    if provider is None:
        return [
            f"MCPB packages must be hosted on allowlisted providers (GitHub or GitLab). Host '{host}' is not allowed"
        ]
    path = unquote(parts.path)
    if provider == "GitHub" and not _GITHUB_ASSET.fullmatch(path):
        return [
            "GitHub MCPB packages must be release assets following the pattern "
            "'/owner/repo/releases/download/tag/filename'"
        ]
    if provider == "GitLab" and not _GITLAB_ASSET.fullmatch(path):
        return [
            "GitLab MCPB packages must be release assets following patterns "
            "'/owner/repo/-/releases/tag/downloads/filename' or '/owner/repo/-/package_files/id/download'"
        ]
    found = []
    if parts.scheme != "https":
        found.append(f"invalid MCPB package URL, must use HTTPS: {identifier}")
    if "mcp" not in identifier.lower():
        found.append(f"MCPB package URL must contain 'mcp': {identifier}")
    return found
