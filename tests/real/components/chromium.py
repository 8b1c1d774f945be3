"""Chromium, driven by playwright's Python package (whose own download of a browser is not used)."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def install() -> None:
    """Debian's browser and one font (120 MB, about 12 s)."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
    subprocess.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )


def executable() -> str | None:
    return next((path for path in map(shutil.which, NAMES) if path), None)


def missing() -> str | None:
    try:
        import playwright.async_api  # noqa: F401
    except ImportError:
        return "the Python package playwright is not installed"
    return None if executable() else "chromium is not installed (Debian: chromium fonts-dejavu-core)"


@contextlib.asynccontextmanager
async def start() -> AsyncIterator[Browser]:
    """A headless browser until the block ends."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()
