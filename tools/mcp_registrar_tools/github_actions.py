"""What a GitHub Actions job shows of a command: annotations at the lines of the file, and a job summary.

The command line calls `report` once per command; outside of Actions it does nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

from mcp_registrar_tools.answer import Answer, clean
from mcp_registrar_tools.errors import RegistrarError
from mcp_registrar_tools.publish import PublishAnswer, PublishRefused


def report(result: Answer | RegistrarError) -> list[str]:
    """Append to the job summary and return the workflow commands to print (on standard error), one a line."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return []
    if text := summary(result):
        try:
            with open(os.environ["GITHUB_STEP_SUMMARY"], "a", encoding="utf-8") as file:
                file.write(text + "\n")
        except (KeyError, OSError):
            pass  # the runner gives the file; a job without one still has its log
    return commands(result)


def commands(result: Answer | RegistrarError) -> list[str]:
    """Workflow commands: an error for each finding of a refusal, or for the failure; a notice for a publish."""
    if isinstance(result, PublishRefused) and result.findings:
        file = _relative(result.file)
        return [
            command(
                "error",
                f"{finding.path}: {finding.message}" + (f" - {finding.hint}" if finding.hint else ""),
                title=finding.code,
                file=file,
                line=str(finding.line or ""),
                col=str(finding.column or ""),
            )
            for finding in result.findings[:10]
        ]  # Actions shows ten a step
    if isinstance(result, RegistrarError):
        return [command("error", result.text(), title=result.code)]
    if isinstance(result, PublishAnswer):
        return [command("notice", "\n".join(result.lines()[:2]), title=f"{result.name} {result.version}")]
    return []


def summary(result: Answer | RegistrarError) -> str:
    """Markdown for the job's page; empty for what needs none."""
    if isinstance(result, RegistrarError):
        details = f"\n\n```text\n{clean(result.details).replace('```', '')}\n```" if result.details else ""
        return f"### Not done: {_escaped(result.message)}{details}\n\nNext: {_escaped(result.hint)} `[{result.code}]`\n"
    if isinstance(result, PublishAnswer):
        rows = {
            "Server": f"`{result.name}`",
            "Version": f"`{result.version}`" + (" (latest)" if result.is_latest else ""),
            "Registry": f"`{result.registry}`",
            "Address": f"<{result.url}>" if result.url.startswith("http") else f"`{result.url}`",
            "Login": f"`{result.login}`" if result.login else "",
        }
        table = "\n".join(f"| {key} | {value} |" for key, value in rows.items() if value)
        notes = "".join(f"\n- {_escaped(note)}" for note in result.notes)
        return (
            f"### {result.outcome.capitalize()}: {result.name} {result.version}\n\n| | |\n|---|---|\n{table}\n{notes}\n"
        )
    return ""


def command(name: str, text: str, **properties: str) -> str:
    """One workflow command, escaped so that no text can begin another."""
    given = ",".join(
        f"{key}={_data(value).replace(':', '%3A').replace(',', '%2C')}" for key, value in properties.items() if value
    )
    return f"::{name} {given}::{_data(clean(text))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped(text: str) -> str:
    """Text from outside as plain Markdown."""
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>()#+!|" else char for char in clean(text)).replace("\n", " ")


def _relative(file: Path | None) -> str:
    if file is None:
        return ""
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    path = file.absolute()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(file)
