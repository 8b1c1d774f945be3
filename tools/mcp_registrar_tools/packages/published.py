"""Asking a package registry about a published package: what the six types share.

The requests, decisions and messages are those of the official registry (release 1.8.1); hints are ours. Every
``verify`` returns findings whose ``path`` is relative to the package (``identifier``, ``version``). Findings of
severity ``error`` are the verdict, everything else is for the reader only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mcp_registrar_tools.errors import OutboundError
from mcp_registrar_tools.findings import Finding, Severity

if TYPE_CHECKING:
    from mcp_registrar_tools.outbound import Fetched, Outbound

USER_AGENT = "MCP-Registry-Validator/1.0"
SECONDS = 10.0
PROBE_SECONDS = 3.0
JSON_LIMIT = 16 * 1024 * 1024
README_LIMIT = 5 * 1024 * 1024
REDIRECTS = 10

WAITABLE = frozenset(
    {"package-not-found", "package-version-not-found", "package-registry-busy", "package-registry-unreachable"}
)
"""Codes of verdicts that time may change: what was published a moment ago appears, a registry recovers."""

_CLAIM = re.compile(r"mcp-name:[ \t]*([A-Za-z0-9._/-]+)", re.IGNORECASE)
_TRANSIENT = ("take a moment to appear", "retry later", "retry shortly", "wait for validation to complete")


class Refusal(Exception):
    """The verdict is no: ``message`` in the registry's words, ``code`` and ``hint`` ours."""

    def __init__(self, code: str, message: str, hint: str, path: str = "identifier") -> None:
        super().__init__(message)
        self.finding = note(code, message, hint, severity="error", path=path)


def note(
    code: str, message: str, hint: str | None, *, severity: Severity = "info", path: str = "identifier"
) -> Finding:
    """A finding of the ownership layer."""
    return Finding(code=code, severity=severity, path=path, message=message, layer="ownership", hint=hint, source="R51")


def transient(message: str) -> bool:
    """Whether the registry itself says in this message that trying again may help."""
    return any(words in message for words in _TRANSIENT)


def escape(segment: str) -> str:
    """One segment of a URL's path, as the registry escapes it (Go's ``PathEscape``: ``/`` goes, ``@`` stays)."""
    from urllib.parse import quote

    return quote(segment, safe="$&+=:@-_.~")


def member(document: object, name: str) -> Any:
    """A member of a JSON object as Go reads it: letter case of the key does not matter, null is not there."""
    found = None
    if isinstance(document, dict):
        for key, value in document.items():
            if isinstance(key, str) and key.lower() == name.lower() and value is not None:
                found = value
    return found


async def get(
    outbound: Outbound,
    url: str,
    failure: str,
    *,
    accept: str = "",
    agent: str = USER_AGENT,
    limit: int = JSON_LIMIT,
    cut: bool = False,
) -> Fetched:
    """GET on the same host; when there is no answer, `Refusal` with ``failure: reason``."""
    headers = {"user-agent": agent, **({"accept": accept} if accept else {})}
    try:
        return await outbound.fetch(
            "GET", url, headers=headers, timeout=SECONDS, limit=limit, redirects=REDIRECTS, cut=cut
        )
    except OutboundError as error:
        raise unreachable(failure, error) from None


def unreachable(failure: str, error: OutboundError) -> Refusal:
    """No answer from a package registry. A refusal of our own safety rules does not get better by waiting."""
    code = "package-registry-unreachable" if error.transient else "package-registry-failed"
    return Refusal(code, f"{failure}: {error.message}", error.hint)


def parse(answer: Fetched, failure: str) -> Any:
    """The JSON document of an answer; `Refusal` with ``failure: reason`` when it is none."""
    try:
        document = answer.json()
    except ValueError as error:
        reason = "EOF" if not answer.body.strip() else str(error)
        raise Refusal("package-registry-failed", f"{failure}: {reason}", "try again later") from None
    if document is not None and not isinstance(document, dict):
        raise Refusal("package-registry-failed", f"{failure}: it is not an object", "try again later")
    return document


def string(document: object, name: str, failure: str) -> str:
    """A text member of a JSON object, empty when missing; `Refusal` when it is something else."""
    value = member(document, name)
    if value is not None and not isinstance(value, str):
        raise Refusal("package-registry-failed", f"{failure}: {name} is not a string", "publish it as a string")
    return value or ""


async def probe(outbound: Outbound, method: str, url: str, headers: Mapping[str, str], seconds: float) -> str:
    """Whether something is there: ``exists`` (200), ``missing`` (404), ``busy`` (429, 5xx, no answer), ``unknown``."""
    try:
        answer = await outbound.fetch(
            method, url, headers=headers, timeout=seconds, limit=JSON_LIMIT, redirects=REDIRECTS, cut=True
        )
    except OutboundError:
        return "busy"
    if answer.status == 429 or 500 <= answer.status < 600:
        return "busy"
    return {200: "exists", 404: "missing"}.get(answer.status, "unknown")


async def index_refusal(
    outbound: Outbound, status: int, package: Mapping[str, Any], *, label: str, place: str, probe_url: str
) -> Refusal:
    """What npm's or PyPI's answer (not 200) for a version means. ``place`` is where a new release has to appear."""
    identifier, version = package["identifier"], package["version"]
    if status == 429:
        return Refusal(
            "package-registry-busy",
            f"{label} rate-limited the metadata request for package '{identifier}' (status: 429). "
            "Likely transient, retry later",
            "wait a minute and try again",
        )
    if 500 <= status < 600:
        return Refusal(
            "package-registry-busy",
            f"{label} upstream error fetching metadata for package '{identifier}' (status: {status}). "
            "Likely transient, retry later",
            "wait a minute and try again",
        )
    if status != 404:
        return Refusal(
            "package-registry-failed",
            f"{label} package '{identifier}' metadata fetch failed (status: {status})",
            f"check that {label} shows the package to everybody",
        )
    state = await probe(outbound, "HEAD", probe_url, {"user-agent": USER_AGENT}, PROBE_SECONDS)
    if state == "exists":
        return Refusal(
            "package-version-not-found",
            f"{label} package '{identifier}' exists, but version '{version}' was not found (status: 404). "
            f"A newly published release can take a moment to appear on {place}. "
            f"Wait and retry, or publish version '{version}' before registering it",
            f"publish version {version} first; if you just did, try again with wait=120",
            "version",
        )
    if state == "busy":
        return Refusal(
            "package-registry-busy",
            f"{label} could not confirm package '{identifier}' version '{version}' "
            "(version status: 404, package check inconclusive). Likely transient, retry later",
            "wait a minute and try again",
        )
    hint = f"publish the package to {label} before registering it, or correct the identifier"
    if state == "missing":
        return Refusal("package-not-found", f"{label} package '{identifier}' not found (status: 404)", hint)
    return Refusal(
        "package-version-not-found",
        f"{label} package '{identifier}' version '{version}' not found (status: 404)",
        hint,
        "version",
    )


def near_misses(server_name: str, names: list[str], where: str) -> list[Finding]:
    """What a package says instead of the server's name: the same in other letters, or another name altogether."""
    same = [name for name in names if name != server_name and name.lower() == server_name.lower()]
    if same:
        return [
            note(
                "ownership-letter-case",
                f"found {same[0]}, expected {server_name}: only the letter case differs",
                f"letter case counts: write {server_name} in {where}, or rename the server to {same[0]}",
            )
        ]
    others = [name for name in names if name != server_name][:3]
    if others and server_name not in names:
        return [
            note(
                "ownership-other-name",
                f"{where} names {', '.join(others)}, not {server_name}",
                f"put {server_name} there and publish a new version, or publish under the name that is there",
            )
        ]
    return []


def readme_findings(text: str, server_name: str) -> list[Finding]:
    """`near_misses` of a README that does not hold the token."""
    return near_misses(server_name, claimed_names(text), "the README")


def claimed_names(text: str) -> list[str]:
    """Every server name that a README claims, in any letter case and spacing, each once.

    A full stop, slash or hyphen at the end is taken for punctuation.
    """
    found = (match[1].removesuffix("--").rstrip(".-/") for match in _CLAIM.finditer(text))
    return list(dict.fromkeys(name for name in found if "/" in name))
