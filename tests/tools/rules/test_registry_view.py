"""What the chosen registry says: asked of the embedded registry, in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks.validate import typical

from mcp_registrar.bench import make_bench
from mcp_registrar_tools.registries import connect
from mcp_registrar_tools.validate import validate
from mcp_registrar_tools.workbench import Settings, Workbench

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Workbench]:
    made, close = make_bench(Settings(data_dir=tmp_path, ownership="off"))
    yield made
    await close()


async def codes(bench: Workbench, **changes: Any) -> list[str]:
    report = await validate(bench, document={**typical(), **changes}, registry="local")
    return [finding.code for finding in report.findings if finding.layer == "registry"]


async def test_before_and_after_a_publish(bench: Workbench) -> None:
    assert await codes(bench) == []
    await (await connect(bench, "local")).publish(typical())
    assert await codes(bench) == ["already-published"]
    assert await codes(bench, description="another") == ["duplicate-version"]
    assert await codes(bench, version="2.0.0") == []
    assert await codes(bench, name="io.github.other/server") == ["remote-url-in-use"]
    report = await validate(bench, document={**typical(), "description": "x"}, registry="local")
    (finding,) = [finding for finding in report.findings if finding.layer == "registry"]
    assert finding.message == "invalid version: cannot publish duplicate version"
    assert "1.4.3" in (finding.hint or "")
    assert not report.valid
