"""What a GitHub Actions job shows of a publish."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_registrar_tools.github_actions import command
from tests.tools.registries.serving import document, embedded, project


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "mcp_registrar", "--data-dir", str(folder / "data"), *arguments]
    actions = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "GITHUB_WORKSPACE": str(folder),
    }
    return subprocess.run(
        program, capture_output=True, text=True, check=False, cwd=folder, env=dict(os.environ) | actions | environment
    )


def test_a_publish_writes_a_notice_and_the_summary(tmp_path: Path) -> None:
    project(tmp_path, document())
    done = run(tmp_path, "publish", ".", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcome"] == "published"
    assert "::notice title=io.github.octocat/weather 1.0.0::Published" in done.stderr
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert text.startswith("### Published: io.github.octocat/weather 1.0.0\n")
    again = run(tmp_path, "publish", ".")
    assert again.returncode == 0, "a job that runs again is not red"
    assert "Already published" in again.stdout
    assert "### Already published" in (tmp_path / "summary.md").read_text(encoding="utf-8")


def test_a_refusal_is_an_annotation_at_the_line(tmp_path: Path) -> None:
    project(tmp_path, document(description="x" * 101))
    done = run(tmp_path, "publish", ".")
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line.startswith("::error ")]
    assert any("file=server.json,line=4" in line and "<= 100" in line for line in errors), errors
    assert "### Not done" in (tmp_path / "summary.md").read_text(encoding="utf-8")


def test_other_content_is_red(tmp_path: Path) -> None:
    project(tmp_path, document())
    assert run(tmp_path, "publish", ".").returncode == 0
    project(tmp_path, document(description="Something else"))
    done = run(tmp_path, "publish", ".", "--format", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "version-exists"
    assert "::error title=version-exists::" in done.stderr


def test_not_logged_in_is_red_and_says_how(tmp_path: Path) -> None:
    project(tmp_path, document())
    with embedded(tmp_path / "registry") as url:
        done = run(tmp_path, "publish", ".", "--registry", url)
    assert done.returncode == 1
    assert "not-logged-in" in done.stderr


def test_outside_of_actions_nothing_is_added(tmp_path: Path) -> None:
    project(tmp_path, document())
    done = run(tmp_path, "publish", ".", GITHUB_ACTIONS="")
    assert "::" not in done.stderr
    assert not (tmp_path / "summary.md").exists()


@pytest.mark.parametrize("text", ["a\n::set-env name=X::y", "100% \r\n::error::x"])
def test_no_text_begins_a_command_of_its_own(text: str) -> None:
    assert "\n" not in command("error", text, title=text, file="a,b:c")
    assert command("error", "x", file="a,b:c") == "::error file=a%2Cb%3Ac::x"
