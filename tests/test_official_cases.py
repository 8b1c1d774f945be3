"""Every open case of every kind that has a check; a kind without one is a failure too."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.official_cases import DELIBERATE, KINDS, load_cases, load_kinds, run_case

from tests.conftest import SHARED

BELIEVED_WRONG: dict[str, str] = {}
"""Case id -> why we think the case, not the code, is wrong."""

load_kinds()
_FILE = SHARED / "cases" / "official_cases.json"
_CASES = load_cases(_FILE) if _FILE.exists() else []


@pytest.mark.anyio
@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in _CASES if case["kind"] in KINDS])
async def test_case(case: dict[str, Any]) -> None:
    reason = await run_case(case)
    if case["id"] in BELIEVED_WRONG:
        assert reason is not None, "this case passes: take it off the list"
        pytest.xfail(BELIEVED_WRONG[case["id"]])
    if reason and reason.startswith(DELIBERATE):
        pytest.xfail(reason)
    assert reason is None, reason
