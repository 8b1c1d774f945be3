"""What `validate` answers: a verdict, the findings, and the same for editors (SARIF) and GitHub's annotations."""

from __future__ import annotations

import json
import os
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic import Field, PrivateAttr

from mcp_registrar_tools.answer import Answer, clean
from mcp_registrar_tools.findings import Finding

_ORDER = {"error": 0, "warning": 1, "info": 2}
_SHOWN = {"concise": 12, "full": 80}
_LISTED = {"concise": 30, "full": 1000}
_DIFF = {"concise": 1200, "full": 4000}


class ValidationReport(Answer):
    """The verdict on a manifest. ``findings`` are the worst first; ``counts`` is of all, listed or not."""

    FORMATS: ClassVar[tuple[str, ...]] = ("sarif", "github")

    valid: bool = Field(description="no error: the registry would accept it as far as could be checked")
    path: str = Field(default="", description="the file that was looked at")
    others: list[str] = Field(default_factory=list, description="further manifests in that folder")
    name: str = ""
    version: str = ""
    counts: dict[str, int] = Field(default_factory=dict, description="findings by severity")
    findings: list[Finding] = Field(default_factory=list)
    changes: list[str] = Field(default_factory=list, description="what fix=true changed")
    diff: str = Field(default="", description="the change as a unified diff")
    document: dict[str, Any] | None = Field(default=None, description="the fixed inline document")
    detail: str = Field(default="concise", exclude=True)
    _every: list[Finding] = PrivateAttr(default_factory=list)

    def lines(self) -> list[str]:
        what = self.path or "document"
        who = f" ({self.name} {self.version})" if self.name else ""
        counted = ", ".join(
            f"{n} {word}{'s' if n > 1 and word != 'info' else ''}" for word, n in self.counts.items() if n
        )
        lines = [clean(f"{what}{who}: {'valid' if self.valid else 'INVALID'}{' - ' + counted if counted else ''}")]
        if self.others:
            shown = ", ".join(self.others[:5]) + (", …" if len(self.others) > 5 else "")
            lines.append(clean(f"also here: {shown}"))
        groups = _grouped(self.findings)
        limit = _SHOWN[self.detail]
        lines += [clean(_line(group), 420) for group in groups[:limit]]
        hidden = sum(self.counts.values()) - sum(len(group) for group in groups[:limit])
        if hidden:
            lines.append(f"… and {hidden} more" + ('; detail="full" shows them' if self.detail == "concise" else ""))
        if self.changes:
            done = "changed" if self.path or self.document is not None else "would change"
            lines.append(f"{done}: " + clean("; ".join(self.changes[:12]), 700))
        if self.diff:
            lines.append(clean(self.diff, _DIFF[self.detail]))
        return lines

    def files(self) -> list[Path]:
        return [Path(self.path)] if self.changes and self.path else []

    def exit_code(self) -> int:
        return 0 if self.valid else 1

    def render(self, form: str) -> str:
        """SARIF 2.1.0 (``sarif``) or GitHub's workflow commands (``github``)."""
        if form == "sarif":
            return json.dumps(self._sarif(), indent=2)
        return "\n".join(self._annotation(finding) for finding in self._every)

    def _sarif(self) -> dict[str, Any]:
        rules = {finding.code: finding.layer for finding in self._every}
        return {
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {
                        "driver": {
                            "name": "mcp-registrar",
                            "rules": [{"id": code, "properties": {"layer": layer}} for code, layer in rules.items()],
                        }
                    },
                    "columnKind": "unicodeCodePoints",
                    "results": [self._result(finding) for finding in self._every],
                }
            ],
        }

    def _result(self, finding: Finding) -> dict[str, Any]:
        text = clean(f"{finding.message}. {finding.hint}" if finding.hint else finding.message)
        location: dict[str, Any] = {
            "artifactLocation": {"uri": _uri(self._place())},
        }
        if finding.line:
            location["region"] = {"startLine": finding.line, "startColumn": finding.column or 1}
        level = {"error": "error", "warning": "warning", "info": "note"}[finding.severity]
        return {
            "ruleId": finding.code,
            "level": level,
            "message": {"text": text},
            "locations": [
                {
                    "physicalLocation": location,
                    "logicalLocations": [{"fullyQualifiedName": clean(finding.path)}],
                }
            ],
        }

    def _place(self) -> Path:
        """The file as seen from the current folder, which in a CI job is the repository."""
        path = Path(self.path or "server.json")
        return path.relative_to(Path.cwd()) if path.is_absolute() and path.is_relative_to(Path.cwd()) else path

    def _annotation(self, finding: Finding) -> str:
        level = {"error": "error", "warning": "warning", "info": "notice"}[finding.severity]
        text = f"{finding.path}: {finding.message}" + (f" - {finding.hint}" if finding.hint else "")
        place = [f"file={_property(str(self._place()))}"]
        if finding.line:
            place += [f"line={finding.line}", f"col={finding.column or 1}"]
        place.append(f"title={_property(finding.code)}")
        return f"::{level} {','.join(place)}::{_data(clean(text))}"


def make(findings: list[Finding], *, detail: str, **facts: Any) -> ValidationReport:
    """A report of these findings: counted, the worst first and within a file's order, as many as ``detail`` lists."""
    ordered = sorted(findings, key=lambda finding: _ORDER[finding.severity])
    counts = {severity: 0 for severity in _ORDER}
    for finding in findings:
        counts[finding.severity] += 1
    listed = ordered[: _LISTED[detail]]
    report = ValidationReport(valid=not counts["error"], counts=counts, findings=listed, detail=detail, **facts)
    report._every = ordered
    return report


def _uri(path: Path) -> str:
    """A path as the URI reference that SARIF wants."""
    if path.is_absolute():
        return path.as_uri()
    text = quote(os.fsencode(path.as_posix()), safe="/")
    return f"./{text}" if "%3A" in text.partition("/")[0] else text


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _grouped(findings: list[Finding]) -> list[list[Finding]]:
    """Findings that say the same of different places, together, in the order of the first of each."""
    keys: dict[tuple[str, str, str | None], int] = {}
    for finding in findings:
        keys.setdefault(_key(finding), len(keys))
    ordered = sorted(findings, key=lambda finding: keys[_key(finding)])
    return [list(group) for _, group in groupby(ordered, key=_key)]


def _key(finding: Finding) -> tuple[str, str, str | None]:
    return finding.severity + finding.code, finding.message, finding.hint


def _line(group: list[Finding]) -> str:
    first = group[0]
    places = ", ".join(clean(finding.path, 120) or "document" for finding in group[:4])
    if len(group) > 4:
        places += f" and {len(group) - 4} more"
    line = f" (line {first.line})" if first.line else ""
    message = clean(first.message.replace("\n", " "), 200)
    hint = f" → {clean(first.hint.replace(chr(10), ' '), 220)}" if first.hint else ""
    return f"{first.severity} {places}{line}: {message}{hint} [{first.code}]"
