"""The shape of the document: the registry's body check (layer B) and JSON Schema (layer J)."""

from __future__ import annotations

from typing import Any

from mcp_registrar_tools.findings import Finding, Severity
from mcp_registrar_tools.manifest import schema_check, schemas
from mcp_registrar_tools.manifest.body import BodyProblem, dotted
from mcp_registrar_tools.manifest.schema_check import SchemaError


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


def schema_findings(
    version: str, document: Any, *, severity: Severity = "error", every_branch: bool = True, limit: int = 1_000_000
) -> list[Finding]:
    """What one date's schema refuses in a document as it stands, in the words of the registry's POST
    /validate.

    ``source`` is the registry's ``reference``. A failure at the root is included, with an empty path; the
    registry's own list leaves it out. It lists the failures of every branch of an ``anyOf``; without
    ``every_branch`` only those of the branch that was meant are listed.
    """
    error = schema_check.errors(version, document, limit)
    if error is None:
        return []
    root = schemas.shared(version)
    found = []
    for leaf in error.leaves() if every_branch else _meant(error):
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


def _meant(error: SchemaError) -> list[SchemaError]:
    """The leaves, but of an ``anyOf`` only those of the branch whose ``type`` fits (or that fails least)."""
    if not error.causes:
        return [error]
    if not error.keyword.endswith("/anyOf"):
        return [leaf for cause in error.causes for leaf in _meant(cause)]
    branches = [_meant(cause) for cause in error.causes]
    if all(len(branch) == 1 and branch[0].keyword.endswith("/required") for branch in branches):
        missing = [branch[0].message.partition(": ")[2] for branch in branches]
        one_of = f"one of these fields must be present: {', '.join(missing)}"
        return [SchemaError(error.keyword, error.absolute, error.at, one_of)]

    def distance(branch: list[SchemaError]) -> tuple[int, int]:
        wrong_type = sum(leaf.at[-1:] == ("type",) and len(leaf.at) == len(error.at) + 1 for leaf in branch)
        return wrong_type, len(branch)

    best = min(branches, key=distance)
    if distance(best)[0]:
        words = sorted(
            {leaf.message.partition("be ")[2] for branch in branches for leaf in branch if leaf.at[-1:] == ("type",)}
        )
        message = f"type must be one of {', '.join(words)}"
        return [SchemaError(f"{error.keyword}", error.absolute, (*error.at, "type"), message)]
    return best
