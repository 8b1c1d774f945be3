"""The command line when its output goes nowhere: a closed pipe, a full disk, a terminal without Unicode."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

GOOD = (
    '{"$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",'
    ' "name": "io.github.acme/weather", "description": "W", "version": "1.0.0"}'
)


def command(tmp_path: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "mcp_registrar", "--data-dir", str(tmp_path / "data"), *arguments]


@pytest.mark.parametrize("arguments", [["search"], ["guide", "--format", "json"]])
def test_a_reader_that_has_seen_enough_is_no_failure(tmp_path: Path, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command(tmp_path, *arguments), stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(command(tmp_path, "search"), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "[output-unwritable]" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_without_unicode_gets_its_answer(tmp_path: Path) -> None:
    project = tmp_path / "ünï"
    project.mkdir()
    (project / "server.json").write_text(GOOD)
    done = subprocess.run(
        command(tmp_path, "validate", str(project)),
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"\\xfcn\\xef/server.json (io.github.acme/weather 1.0.0): valid" in done.stdout


def test_no_help_speaks_of_empty_lists(tmp_path: Path) -> None:
    done = subprocess.run(command(tmp_path, "init", "--help"), capture_output=True, text=True, check=True)
    assert "[]" not in done.stdout
