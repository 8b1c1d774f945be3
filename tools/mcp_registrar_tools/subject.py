"""What `validate` looks at: an inline document, or a file with its text and its project."""

from __future__ import annotations

import difflib
import json
import os
from typing import Any

from mcp_registrar_tools import rules
from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.findings import Finding
from mcp_registrar_tools.manifest import files, migrate, patch
from mcp_registrar_tools.manifest.source import Source, dump, too_deep, without_surrogates
from mcp_registrar_tools.rules import consistency

BODY_LIMIT = 1024 * 1024
"""Bytes of a request that the official registry reads (its framework's default)."""
DIFF_LIMIT = 400_000
"""Characters of both texts together beyond which no diff is made."""


def inline(document: dict[str, Any]) -> Subject:
    """A document that came with the call. Raises `InputError` for one that is too large or too deep."""
    if too_deep(document):
        raise InputError("json-too-deep", "the document is nested too deeply", "a server.json has about eight levels")
    dumped = json.dumps(document)
    size = len(dumped)
    if size > files.SIZE_LIMIT:
        raise InputError(
            "document-too-large",
            f"the document has {size / 1048576:.1f} MiB; at most {files.SIZE_LIMIT / 1048576:g} MiB are read",
            "give the manifest itself; a server.json is a few kilobytes",
        )
    return Subject(without_surrogates(document, dumped), None, None, size)


def load(path: str) -> Subject:
    """The manifest at a path; see `manifest.files.find`. Blocking."""
    found = files.find(path)
    source = Source(files.read_text_file(found.path, root=found.root))
    document = source.document if isinstance(source.document, dict) else None
    return Subject(document, source, found)


class Subject:
    """What is being validated: a document and, when it is a file, its text and project."""

    def __init__(
        self, document: dict[str, Any] | None, source: Source | None, found: files.Found | None, size: int = 0
    ) -> None:
        self.size = size
        self.document = document
        self.source = source
        self.found = found
        self.shown = str(found.path) if found else ""
        self.others = [str(other) for other in found.others] if found else []
        self.findings: list[Finding] = []
        self.changes: list[str] = []
        self.diff = ""

    def examine(self, fix: bool) -> Subject:
        """Fills in ``findings`` (and, with ``fix``, ``changes`` and ``diff``). Blocking."""
        if fix and self.document is not None:
            self.changes, self.diff = self._fix()
        self.findings = self._located(self._all())
        return self

    def _all(self) -> list[Finding]:
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
        if (size := self.size or len(self.source.text if self.source else "")) > BODY_LIMIT:
            text.append(_too_large_to_publish(size))
        return [*text, *self._about(self.document)]

    def _about(self, document: dict[str, Any]) -> list[Finding]:
        """What the rules say of a document in this place."""
        found = rules.check(document)
        if self.found is not None:
            found += consistency.check(document, self.found.path, self.found.root)
        return found

    def _located(self, findings: list[Finding]) -> list[Finding]:
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

    def _fix(self) -> tuple[list[str], str]:
        """Migrate, apply the safe fixes, write the file. What changed, and the diff."""
        assert self.document is not None  # noqa: S101 - the caller has looked
        before = self.document
        fixed, changes = migrate.migrate(before)
        for _ in range(3):  # a fix may uncover what another one hid
            done = [finding for finding in self._about(fixed) if finding.fix and _applied(fixed, finding)]
            changes += [f"{finding.path}: {finding.hint}" for finding in done]
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


def _too_large_to_publish(size: int) -> Finding:
    return Finding(
        code="body-too-large",
        severity="error",
        path="",
        message=f"the document has {size} bytes; the registry reads at most {BODY_LIMIT}",
        hint="take out what nobody installs, or split the server",
        layer="publish-time",
    )


def _applied(document: dict[str, Any], finding: Finding) -> bool:
    try:
        patch.change(document, finding.fix or [])
    except (KeyError, IndexError, TypeError, ValueError):
        return False  # an earlier fix has changed this place; the next round looks again
    return True


def _diff(old: str, new: str, name: str) -> str:
    if old == new:
        return ""
    if len(old) + len(new) > DIFF_LIMIT:
        return f"(the change is too large to show: {len(old)} characters are now {len(new)})"
    shown = os.path.basename(name) if os.path.isabs(name) else name  # the path itself is told already
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), f"a/{shown}", f"b/{shown}", lineterm="", n=1)
    return "\n".join(lines)
