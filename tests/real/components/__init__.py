"""Real programs that the tests drive: one file each, all of the same shape.

Each module has ``install()`` (as root on Debian, idempotent), ``missing() -> str | None`` (what is not there, in
words) and a context manager ``start(...)`` that runs the component on loopback in a folder of its own and stops it by
its own process id. ``python -m tests.real.components install`` installs all of them.
"""

from __future__ import annotations

import os
from types import ModuleType

import pytest

REQUIRED = os.environ.get("MCP_REGISTRAR_REQUIRE_REAL") == "1"
"""In CI a missing component fails its tests; elsewhere it skips them, with the reason."""


def require(component: ModuleType) -> None:
    """Skip (or, where real components are required, fail) the calling test when the component is not there."""
    reason = component.missing()
    if reason is None:
        return
    if REQUIRED:
        pytest.fail(f"{component.__name__.rsplit('.', 1)[-1]}: {reason}")
    pytest.skip(reason)
