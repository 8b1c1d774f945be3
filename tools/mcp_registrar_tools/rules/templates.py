"""Placeholders that a release script fills in (``{{VERSION}}``, ``${VERSION}``): a template is not a mistake."""

from __future__ import annotations

import re
from typing import Any

from mcp_registrar_tools.findings import Finding
from mcp_registrar_tools.manifest import patch
from mcp_registrar_tools.manifest.body import Path

_PLACEHOLDER = re.compile(
    r"\{\{[^{}]{1,80}\}\}|\$\{\{?[^{}]{1,80}\}?\}|\$\([A-Za-z_][\w.]{0,80}\)|(?<![\w$])\$[A-Z_][A-Z0-9_]{1,80}"
    r"|__[A-Z][A-Z0-9_]{1,80}__|<<[A-Za-z_]\w{1,80}>>|@[A-Z][A-Z_]{2,80}@|%[A-Z][A-Z_]{2,80}%"
)
# Where a release script writes. A dollar sign in an argument is no placeholder but a mistake of its own (R33).
_FIELDS = {"version", "identifier", "fileSha256", "url", "websiteUrl", "description", "title", "registryBaseUrl"}


def found_in(text: Any) -> str | None:
    """The first placeholder of a text."""
    if not isinstance(text, str) or not any(mark in text for mark in "{$_@%<"):
        return None
    match = _PLACEHOLDER.search(text)
    return match[0] if match else None


def excuse(findings: list[Finding], document: Any) -> list[Finding]:
    """The findings, those about a value with a placeholder replaced by one remark each."""
    excused: set[Path] = set()
    kept: list[Finding] = []
    for finding in findings:
        at = finding.at
        last = at[-1] if at else ""
        placeholder = None
        about_value = not finding.code.endswith("-forbidden") and finding.code != "unexpected-property"
        if about_value and (last in _FIELDS or at == ("name",)):
            placeholder = found_in(patch.get(document, at))
        if placeholder is None:
            kept.append(finding)
        elif at not in excused:
            excused.add(at)
            kept.append(
                Finding(
                    code="template-placeholder",
                    severity="info",
                    path=finding.path,
                    message=f"holds the placeholder {placeholder}; as it stands the registry would refuse it",
                    layer=finding.layer,
                    hint="fill it in before publishing, then validate the result",
                    at=at,
                )
            )
    return kept
