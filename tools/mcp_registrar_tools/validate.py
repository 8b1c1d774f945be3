"""The tool `validate`: every rule of the registry and ours, at once, with cures."""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from mcp_registrar_tools import rules
from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.findings import Finding
from mcp_registrar_tools.manifest import files, migrate, patch
from mcp_registrar_tools.manifest.source import Source, dump, too_deep
from mcp_registrar_tools.report import ValidationReport, make
from mcp_registrar_tools.workbench import Workbench

Detail = Literal["concise", "full"]


async def validate(
    bench: Workbench,
    path: Annotated[str, Field(description="project folder or server.json")] = ".",
    document: Annotated[dict[str, Any] | None, Field(description="a server.json inline, instead of path")] = None,
    fix: Annotated[bool, Field(description="apply safe fixes and migrate to the current schema")] = False,
    ownership: Annotated[bool, Field(description="also look for the ownership marker in published packages")] = False,
    registry: Annotated[str, Field(description="also ask this registry: version free, remote URL free")] = "",
    detail: Detail = "concise",
) -> ValidationReport:
    """Check a server.json against every rule of the official registry and against its project, offline.

    Every problem at once, each with its cure. Call it before you say a server is ready to publish.
    """
    if document is not None:
        subject = _inline(document)
    else:
        import anyio.to_thread

        subject = await anyio.to_thread.run_sync(_load, path)
    changes: list[str] = []
    diff = ""
    if fix and subject.document is not None:
        changes, diff = subject.fix()
    findings = subject.findings()
    if subject.document is not None:
        if ownership:
            findings += await _ownership(bench, subject.document)
        if registry:
            findings += await _registry(bench, registry, subject.document)
    facts = subject.document if isinstance(subject.document, dict) else {}
    report = make(
        subject.locate(findings),
        detail=detail,
        path=subject.shown,
        others=subject.others,
        name=_word(facts.get("name")),
        version=_word(facts.get("version")),
        changes=changes,
        diff=diff,
        document=subject.document if changes and document is not None else None,
    )
    report.next = _next(report, fixable=not fix and any(finding.fix for finding in findings))
    return report


class _Subject:
    """What is being validated: a document and, when it is a file, its text and project."""

    def __init__(self, document: dict[str, Any] | None, source: Source | None, found: files.Found | None) -> None:
        self.document = document
        self.source = source
        self.found = found
        self.shown = _relative(found.path) if found else ""
        self.others = [_relative(other) for other in found.others] if found else []

    def findings(self) -> list[Finding]:
        text = [
            Finding(
                code=problem.code,
                severity="warning" if problem.code == "lone-surrogate" else "error",
                path=".".join(map(str, problem.at)),
                message=problem.message,
                hint=problem.hint,
                layer="structure",
                line=problem.line,
                column=problem.column,
                at=problem.at,
            )
            for problem in (self.source.problems if self.source else [])
        ]
        if self.document is None:
            return text
        return [*text, *rules.check(self.document)]

    def locate(self, findings: list[Finding]) -> list[Finding]:
        """The findings with line and column, when there is a text."""
        if self.source is None or self.document is None:
            return findings
        located = []
        for finding in findings:
            if finding.line is None and finding.layer not in ("ownership", "registry"):
                line, column = self.source.find(finding.at)
                located.append(finding.model_copy(update={"line": line, "column": column}))
            else:
                located.append(finding)
        return located

    def fix(self) -> tuple[list[str], str]:
        """Migrate, apply the safe fixes, write the file. What changed, and the diff."""
        assert self.document is not None  # noqa: S101 - the caller has looked
        before = self.document
        fixed, changes = migrate.migrate(before)
        for _ in range(3):  # a fix may uncover what another one hid
            done = False
            for finding in rules.check(fixed):
                if finding.fix and (changed := _applied(fixed, finding)) is not None:
                    fixed, done = changed, True
                    changes.append(f"{finding.path}: {finding.hint}")
            if not done:
                break
        if self.source is None:
            old, new = dump(before), dump(fixed)
        else:
            old = self.source.text
            marked = any(problem.code == "byte-order-mark" for problem in self.source.problems)
            new = self.source.rewrite(fixed) if fixed != before else old
            if marked:
                changes.append("the byte-order mark is gone")
            if self.found is not None and (new != old or marked):
                files.inside(self.found.path, self.found.root)
                files.write_atomic(self.found.path, new.encode("utf-8"))
            self.source = Source(new)
        self.document = fixed
        return changes, _diff(old, new, self.shown or "server.json")


def _applied(document: dict[str, Any], finding: Finding) -> dict[str, Any] | None:
    try:
        changed = patch.apply(document, finding.fix or [])
    except (KeyError, IndexError, TypeError, ValueError):
        return None  # an earlier fix has changed this place; the next round looks again
    return changed if isinstance(changed, dict) and changed != document else None


def _diff(old: str, new: str, name: str) -> str:
    if old == new:
        return ""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), f"a/{name}", f"b/{name}", lineterm="", n=1)
    return "\n".join(lines)


def _inline(document: dict[str, Any]) -> _Subject:
    if too_deep(document):
        raise InputError("json-too-deep", "the document is nested too deeply", "a server.json has about eight levels")
    size = len(json.dumps(document))
    if size > files.SIZE_LIMIT:
        raise InputError(
            "document-too-large",
            f"the document has {size / 1048576:.1f} MiB; at most {files.SIZE_LIMIT / 1048576:g} MiB are read",
            "give the manifest itself; a server.json is a few kilobytes",
        )
    return _Subject(document, None, None)


def _load(path: str) -> _Subject:
    found = files.find(path)
    source = Source(files.read_text_file(found.path, root=found.root))
    document = source.document if isinstance(source.document, dict) else None
    return _Subject(document, source, found)


def _relative(path: Path) -> str:
    try:
        return os.path.relpath(path) if path.is_absolute() and path.is_relative_to(Path.cwd()) else str(path)
    except OSError:
        return str(path)


def _word(value: Any) -> str:
    return value[:300] if isinstance(value, str) else ""


def _next(report: ValidationReport, fixable: bool) -> str:
    where = f'path="{report.path}"' if report.path else "document=…"
    if fixable and not report.valid:
        return f"validate({where}, fix=true)"
    if not report.valid:
        return f"correct these places, then validate({where})"
    if any(finding.code == "template-placeholder" for finding in report.findings):
        return f"fill in the placeholders, then validate({where})"
    return f"publish({where})" if report.path else "write it to server.json, then publish(path=…)"


async def _ownership(bench: Workbench, document: dict[str, Any]) -> list[Finding]:
    return []


async def _registry(bench: Workbench, registry: str, document: dict[str, Any]) -> list[Finding]:
    from mcp_registrar_tools.registries import connect
    from mcp_registrar_tools.registries.compare import differences
    from mcp_registrar_tools.registries.tokens import prediction
    from mcp_registrar_tools.rules import registry_view

    target = await connect(bench, registry)
    return await registry_view.check(target, document, differences=differences, prediction=prediction)
