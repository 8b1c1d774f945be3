"""What ``/version`` answers."""

from __future__ import annotations

from functools import cache
from importlib import metadata


@cache
def build(version: str) -> dict[str, str]:
    """Version, commit and build time; the last two are "unknown" unless the package was installed from git."""
    commit = "unknown"
    if not version:
        try:
            version = metadata.version("mcp-registrar")
        except metadata.PackageNotFoundError:
            version = "unknown"
    try:
        import json

        origin = json.loads(metadata.distribution("mcp-registrar").read_text("direct_url.json") or "{}")
        commit = origin.get("vcs_info", {}).get("commit_id", commit)
    except (metadata.PackageNotFoundError, ValueError):
        pass
    return {"version": version, "git_commit": commit, "build_time": "unknown"}
