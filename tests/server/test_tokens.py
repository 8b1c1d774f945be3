"""What an assistant reads stays within its budget: the ledger of `benchmarks.tokens`, held."""

from __future__ import annotations

import pytest
from benchmarks.projects import CORPUS
from benchmarks.tokens import Flow, measure

from tests.conftest import shared

pytestmark = pytest.mark.anyio


async def test_the_ledger() -> None:
    shared("corpus")
    result = await measure(CORPUS)
    assert result["tools/list"] <= 3500
    assert result["instructions"] < 250
    flows: list[Flow] = result["flows"]
    assert {flow.kind for flow in flows} == {"ready", "new", "mended"}
    for flow in flows:
        story = "\n\n".join(f"{call.tool}\n{call.text}" for call in flow.calls)
        assert flow.published, story
        assert not any(call.error for call in flow.calls), story
        if flow.kind == "mended":
            assert len(flow.calls) <= 8
            assert len(flow.calls[0].facts["changes"]) + flow.calls[0].facts["counts"]["error"] >= 6
        else:
            assert len(flow.calls) <= 5, story
            assert flow.answers <= 2000, story
        for call in flow.calls:
            assert len(call.text) <= 4096, f"{call.tool} says {len(call.text)} characters"
