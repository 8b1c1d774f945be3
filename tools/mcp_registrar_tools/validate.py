"""The tool `validate`: every rule of the registry and ours, at once, with cures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from mcp_registrar_tools.answer import quoted
from mcp_registrar_tools.report import ValidationReport, make
from mcp_registrar_tools.workbench import Workbench

if TYPE_CHECKING:
    from mcp_registrar_tools.findings import Finding
    from mcp_registrar_tools.subject import Subject

Detail = Literal["concise", "full"]
UNREACHED = frozenset({"package-registry-busy", "package-registry-unreachable", "package-registry-failed"})
"""Findings that say nothing of the document: a package registry did not answer."""
SMALL = 100_000
"""Characters of an inline document below which it is not worth a thread."""


async def validate(
    bench: Workbench,
    path: Annotated[str, Field(description="project folder or server.json")] = ".",
    document: Annotated[dict[str, Any] | None, Field(description="server.json inline, instead of path")] = None,
    fix: Annotated[bool, Field(description="apply safe fixes, migrate the schema")] = False,
    ownership: Annotated[bool, Field(description="look for markers in the published packages")] = False,
    wait: Annotated[int, Field(ge=0, le=3600, description="with ownership: seconds")] = 0,
    registry: Annotated[str, Field(description="ask it too: version and URL free")] = "",
    detail: Annotated[Detail, Field(description="full lists all")] = "concise",
) -> ValidationReport:
    """Check server.json by every rule of the registry and against its project, offline: all problems, with cures.

    Call it before you say that the work is done.
    """
    import anyio.to_thread

    from mcp_registrar_tools.subject import inline, load

    if document is None:
        subject = await anyio.to_thread.run_sync(lambda: load(path).examine(fix))
    else:
        subject = inline(document)
        if subject.size < SMALL:
            subject.examine(fix)
        else:
            await anyio.to_thread.run_sync(subject.examine, fix)
    findings = subject.findings
    if subject.document is not None:
        if ownership:
            findings += await _ownership(bench, subject, wait)
        if registry:
            findings += await _registry(bench, registry, subject.document)
    facts = subject.document if isinstance(subject.document, dict) else {}
    report = make(
        findings,
        detail=detail,
        path=subject.shown,
        others=subject.others,
        name=_word(facts.get("name")),
        version=_word(facts.get("version")),
        changes=subject.changes,
        diff=subject.diff,
        document=subject.document if subject.changes and document is not None else None,
    )
    repairs = any(finding.fix or "fix=true" in (finding.hint or "") for finding in findings)
    report.next = _next(report, fixable=repairs and not fix)
    if not report.valid and all(f.code in UNREACHED for f in findings if f.severity == "error"):
        where = f"path={quoted(report.path)}" if report.path else "document=…"
        report.next = f"validate({where}, ownership=true, wait=300) when the package registry can be reached"
    return report


def _word(value: Any) -> str:
    return value[:300] if isinstance(value, str) else ""


def _next(report: ValidationReport, fixable: bool) -> str:
    where = f"path={json.dumps(report.path, ensure_ascii=False)}"
    again = f"validate({where})" if report.path else "validate the document again"
    if fixable and not report.valid:
        return f"validate({where}, fix=true)" if report.path else "validate the document again with fix=true"
    if not report.valid:
        return f"correct these places, then {again}"
    if any(finding.code == "template-placeholder" for finding in report.findings):
        return f"fill in the placeholders, then {again}"
    return f"publish({where})" if report.path else "write it to server.json and publish that"


async def _ownership(bench: Workbench, subject: Subject, wait: int) -> list[Finding]:
    from mcp_registrar_tools.rules import ownership

    found = subject.found
    return await ownership.findings(
        subject.document,
        bench.outbound,
        bench.settings,
        wait=wait,
        progress=bench.progress,
        manifest=found.path if found else None,
        root=found.root if found else None,
    )


async def _registry(bench: Workbench, registry: str, document: dict[str, Any]) -> list[Finding]:
    from mcp_registrar_tools.registries import connect
    from mcp_registrar_tools.registries.compare import differences
    from mcp_registrar_tools.registries.tokens import prediction
    from mcp_registrar_tools.rules import registry_view

    target = await connect(bench, registry)
    return await registry_view.check(target, document, differences=differences, prediction=prediction)
