"""The shape of the document: the registry's body check (layer B) and JSON Schema (layer J)."""

from __future__ import annotations

from typing import Any

from mcp_registrar_tools.findings import Finding, Severity
from mcp_registrar_tools.manifest import schema_check, schemas
from mcp_registrar_tools.manifest.body import BodyProblem, dotted


def from_body(problem: BodyProblem) -> Finding:
    """A finding with the body check's message. Its code is ours: the registry gives none."""
    return Finding(
        code=problem.rule,
        severity="error",
        path=dotted(problem.at),
        message=problem.message,
        layer="structure",
        source=f"registry request body: {problem.location}",
        at=problem.at,
    )


def schema_findings(version: str, document: Any, severity: Severity = "error") -> list[Finding]:
    """What one date's schema refuses in a document as it stands, the registry's messages in ``message``.

    ``source`` is the registry's ``reference``. A failure at the root is included, with an empty path; the
    registry's own list leaves it out.
    """
    error = schema_check.errors(version, document)
    if error is None:
        return []
    root = schemas.shared(version)
    found = []
    for leaf in error.leaves():
        message = leaf.message.replace("missing properties:", "missing required fields:")
        found.append(
            Finding(
                code=f"schema-{leaf.keyword.rpartition('/')[2]}",
                severity=severity,
                path=dotted(leaf.at),
                message=message.replace("is not valid", "has invalid format"),
                layer="structure",
                source=schema_check.reference(root, leaf.keyword, leaf.absolute),
                at=leaf.at,
            )
        )
    return found
