"""Wheels of everything our own image installs, so that it builds without a network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.real.components._node import COMPONENTS

FOLDER = COMPONENTS / "wheels"
_DONE = FOLDER / ".complete"


def missing() -> str | None:
    """What is not there, in words."""
    return None if _DONE.exists() else "the wheels of our own dependencies are not downloaded"


def install() -> None:
    """Download them for the Python that runs this, with pip, from wherever pip is configured to look."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "-q", "--prefer-binary", "--dest", str(FOLDER)]
    subprocess.run([*command, f"{ROOT}[postgres]", "hatchling"], check=True, timeout=300)
    for own in FOLDER.glob("mcp_registrar-*"):  # the image installs the source it is given
        own.unlink()
    _DONE.touch()


def path() -> Path:
    """The folder of the wheels."""
    return FOLDER
