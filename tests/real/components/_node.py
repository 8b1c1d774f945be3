"""Node.js 22 or newer, from the development environment itself, and npm packages in a folder of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

COMPONENTS = ROOT / ".components"
"""Where components are kept between runs; git does not see it."""
BIN = Path(sys.executable).parent


def missing() -> str | None:
    """Why there is no Node.js of our own; None when there is."""
    return None if (BIN / "node").exists() else "Node.js 22 or newer is not in the development environment"


def environment() -> dict[str, str]:
    """An environment in which node, npm and npx are ours and write only below the components' folder."""
    return {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
        "npm_config_cache": str(COMPONENTS / "npm-cache"),
        "npm_config_update_notifier": "false",
    }


def install(folder: str, *packages: str) -> Path:
    """Install npm packages into a folder of their own; returns the folder."""
    target = COMPONENTS / folder
    target.mkdir(parents=True, exist_ok=True)
    if not (target / "package.json").exists():
        (target / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    subprocess.run(
        [BIN / "npm", "install", "--no-audit", "--no-fund", "--loglevel", "error", *packages],
        cwd=target,
        env=environment(),
        check=True,
        timeout=300,
    )
    return target
