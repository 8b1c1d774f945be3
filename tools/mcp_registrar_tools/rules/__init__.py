"""The registry's rules, and ours.

`body_problems`, `publish_issues`, `schema_issues` and `publish_time_problems` answer as the official
registry does, for a registry that must not differ from it. `check` is everything at once, for a person or a
model.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from mcp_registrar_tools.findings import Finding
from mcp_registrar_tools.manifest import aliases, body, patch, schema_check, schemas
from mcp_registrar_tools.manifest.body import BodyProblem
from mcp_registrar_tools.rules import advice, cures, publish_time, semantics, structure, templates

__all__ = [
    "BodyProblem",
    "body_problems",
    "check",
    "issue",
    "publish_issues",
    "publish_time_problems",
    "schema_issues",
]

MANY = 1000
"""Findings beyond this number have no cure, and the schemas' reasons end there: nobody reads as many."""
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
    """Layer P without the network: R50 and the fields by registry type, in the registry's order."""
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


def check(document: Any) -> list[Finding]:
    """Everything that can be said of a document alone: structure, semantics, publish time, advice; with
    cures.

    In the registry's order. What two layers say of the same place is said once, by the layer that would
    refuse it first; values with placeholders are excused.
    """
    bound, problems = body.bind(document)
    shape = []
    hopeless = len(problems) > MANY
    if hopeless:
        shape.append(_too_many(len(problems)))
        document = {k: v[:MANY] if isinstance(v, list) else v for k, v in list(document.items())[:MANY]}
        bound, problems = body.bind(document)
    shape += [structure.from_body(problem) for problem in problems]
    meant = document
    if any(problem.rule == "unexpected-property" for problem in problems):
        # What stands under an old name is examined too, so that one round of corrections is enough.
        meant = aliases.with_current_keys(document)
        bound, problems = body.bind(meant)
        # A key under an old name is missing, but what it holds is known: it hides nothing.
        known = [finding for finding in shape if patch.get(meant, finding.at) is None or not _is_missing(finding)]
        new = _news(known, [structure.from_body(problem) for problem in problems])
        findings = [*shape, *new, *_news([*known, *new], semantics.problems(bound))]
        shape = [*known, *new]
    else:
        findings = [*shape, *_news(shape, semantics.problems(bound))]
    if not hopeless:  # the schema would only repeat it, slowly
        findings += _news(findings, _schemas(document, bound))
    findings += _news(shape, publish_time.problems(bound))
    if any(finding.severity == "error" for finding in findings):
        findings = templates.excuse(findings, meant)
    if isinstance(document, dict):
        findings += _news(findings, advice.problems(document, bound))
    return [*(_cured(finding, document, meant) for finding in findings[:MANY]), *findings[MANY:]]


def _too_many(count: int) -> Finding:
    return Finding(
        code="too-many-problems",
        severity="error",
        path="",
        message=f"{count} places have the wrong shape; only the first {MANY} entries of each list were examined",
        hint="correct the first ones, the rest is probably the same",
        layer="structure",
        at=("",),
    )


def _is_missing(finding: Finding) -> bool:
    return finding.code == "missing-property"


def _cured(finding: Finding, document: Any, meant: Any) -> Finding:
    """With its cure. What is about a value under an old name has a hint only: its place will be another one."""
    if meant is document or _is_missing(finding) or patch.get(document, finding.at) is not None:
        return cures.cure(finding, document)
    cured = cures.cure(finding, meant)
    return cured.model_copy(update={"fix": None}) if cured.fix else cured


def _schemas(document: Any, bound: dict[str, Any]) -> list[Finding]:
    """The declared schema's errors, and what the current one will say besides.

    The registry applies the schema to the document as it would write it: what is only wrong in the document as it
    stands (a null, say) is a warning, for others read it.
    """
    declared = schemas.version_of(bound["$schema"]) if bound["$schema"] else None
    found: list[Finding] = []
    if declared in schemas.VERSIONS:
        found = structure.schema_findings(declared, document, every_branch=False, limit=MANY)
        if found:
            tree = schema_check.errors(declared, bound, MANY)
            known = {node.at for node in tree.everything()} if tree else set()
            found = [f if f.at in known else f.model_copy(update={"severity": "warning"}) for f in found]
    if declared != schemas.CURRENT:
        coming = structure.schema_findings(
            schemas.CURRENT, document, severity="warning", every_branch=False, limit=MANY
        )
        found += _news(found, coming)
    return found


def _all_missing_known(finding: Finding, places: set[body.Path]) -> bool:
    missing = re.findall(r"'([^']*)'", finding.message)
    return all((*finding.at, name) in places for name in missing)


def _news(known: list[Finding], more: list[Finding]) -> list[Finding]:
    """Of ``more`` what is about places that no error of ``known`` is about: not the place itself, nor one around it."""
    if not known or not more:
        return more
    places = {finding.at for finding in known if finding.severity == "error"}
    if not places:
        return more
    parents = {place[:-1] for place in places if place}
    return [
        finding
        for finding in more
        if not any(finding.at[:length] in places for length in range(len(finding.at) + 1))
        and not (finding.code == "schema-additionalProperties" and finding.at in parents)
        and not (finding.code == "schema-required" and _all_missing_known(finding, places))
    ]
