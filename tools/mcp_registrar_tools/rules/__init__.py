"""The registry's rules, and ours.

`body_problems`, `publish_issues`, `schema_issues` and `publish_time_problems` answer as the official
registry does, for a registry that must not differ from it. `check` is everything at once, for a person or a
model.
"""

from __future__ import annotations

from typing import Any, Literal

from mcp_registrar_tools.findings import Finding
from mcp_registrar_tools.manifest import body, schemas
from mcp_registrar_tools.manifest.body import BodyProblem
from mcp_registrar_tools.rules import publish_time, semantics, structure

__all__ = [
    "BodyProblem",
    "body_problems",
    "issue",
    "publish_issues",
    "publish_time_problems",
    "schema_issues",
]

_SCHEMA_CODES = {"schema-version-extraction-error", "schema-version-not-available"}


def body_problems(document: Any) -> list[BodyProblem]:
    """Layer B: what a POST with this body is refused for (422), in the registry's order."""
    return body.bind(document)[1]


def publish_issues(document: Any, schema_policy: Literal["warn", "error"] = "warn") -> list[Finding]:
    """Layers V and S, in the registry's order: what POST /publish answers 422 for (only errors refuse)."""
    return semantics.problems(body.bind(document)[0], schema_policy)


def schema_issues(document: Any) -> list[Finding]:
    """Layer J as POST /validate gives it: the declared schema over the document as the registry would write
    it.

    Empty when the version is unknown (layer V has said so). Failures of the root itself are not listed there.
    """
    bound = body.bind(document)[0]
    version = schemas.version_of(bound["$schema"])
    if version not in schemas.VERSIONS:
        return []
    return [finding for finding in structure.schema_findings(version, bound) if finding.at]


def publish_time_problems(document: Any) -> list[Finding]:
    """Layer P without the network: R50 and the fields by registry type (§2.3), in the registry's order."""
    return publish_time.problems(body.bind(document)[0])


def issue(finding: Finding) -> dict[str, Any]:
    """The issue object of the registry's API: ``{type, path, message, severity, reference}``."""
    schema = finding.layer == "structure" or finding.code in _SCHEMA_CODES
    return {
        "type": "schema" if schema else "semantic",
        "path": finding.path,
        "message": finding.message,
        "severity": finding.severity,
        "reference": finding.source if finding.layer == "structure" and finding.source else finding.code,
    }
