"""Run any file of cases of the official registry's behaviour: ``python -m benchmarks.official_cases FILE``.

A case is ``{id, kind, input, expected, …}``. Each kind is a function registered in `KINDS` by a module of
`benchmarks.cases`; it returns None when the case passed, else what differed. Where ours differs on purpose
that begins with ``deliberate: ``; such a case counts as neither passed nor failed. Exit code 1 when anything
failed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio

import benchmarks.cases
from mcp_registrar_tools.packages import npm, pypi

DELIBERATE = "deliberate: "

Case = dict[str, Any]
Check = Callable[[Case], Awaitable[str | None]]

KINDS: dict[str, Check] = {}


def kind(name: str) -> Callable[[Check], Check]:
    """Register a function as the check of this kind."""

    def register(check: Check) -> Check:
        if name in KINDS:
            raise ValueError(f"two checks for {name}")
        KINDS[name] = check
        return check

    return register


def load_kinds() -> dict[str, Check]:
    """Import every module of `benchmarks.cases`, each of which registers its kinds."""
    for module in pkgutil.iter_modules(benchmarks.cases.__path__):
        importlib.import_module(f"benchmarks.cases.{module.name}")
    return KINDS


def fill_holes(text: str) -> str:
    """A text with the package registries' host names in place of ``{NPM_HOST}``, ``{PYPI_HOST}``, …"""
    for hole, url in (("NPM", npm.BASE_URL), ("PYPI", pypi.BASE_URL), ("TEST_PYPI", pypi.TEST_BASE_URL)):
        text = text.replace("{" + hole + "_HOST}", urlsplit(url).netloc)
    return text


def load_cases(path: Path) -> list[Case]:
    """The cases of a file, its holes filled."""
    cases: list[Case] = json.loads(fill_holes(path.read_text(encoding="utf-8")))
    return cases


async def run_case(case: Case) -> str | None:
    """What differed, None when the case passed. An exception of the code under test is a difference."""
    check = KINDS.get(case["kind"])
    if check is None:
        return "no check for this kind"
    try:
        with anyio.fail_after(60):
            return await check(case)
    except Exception as error:  # noqa: BLE001 - whatever it raises belongs in the report
        return f"{type(error).__name__}: {error}"


def differs(what: str, expected: object, got: object) -> str | None:
    """For checks: None when equal, else a line saying what was expected and what came."""
    return None if expected == got else f"{what}: expected {expected!r}, got {got!r}"


async def run(cases: list[Case]) -> dict[str, str]:
    """Failed ids and why."""
    failed: dict[str, str] = {}
    for case in cases:
        reason = await run_case(case)
        if reason is not None:
            failed[case["id"]] = reason
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.official_cases", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--kind", action="append", help="only these kinds (may be repeated)")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    options = parser.parse_args()
    load_kinds()
    cases = [case for case in load_cases(options.file) if not options.kind or case["kind"] in options.kind]
    told = anyio.run(run, cases)
    chosen = {name: reason for name, reason in told.items() if reason.startswith(DELIBERATE)}
    failed = {name: reason for name, reason in told.items() if name not in chosen}
    totals = Counter(case["kind"] for case in cases)
    kinds_failed = Counter(case["kind"] for case in cases if case["id"] in failed)
    rows = {
        name: {
            "passed": total - kinds_failed[name] - sum(c["kind"] == name and c["id"] in chosen for c in cases),
            "deliberate": {c["id"]: chosen[c["id"]] for c in cases if c["kind"] == name and c["id"] in chosen},
            "failed": {c["id"]: failed[c["id"]] for c in cases if c["kind"] == name and c["id"] in failed},
        }
        for name, total in sorted(totals.items())
    }
    if options.format == "json":
        print(json.dumps({"passed": len(cases) - len(told), "total": len(cases), "kinds": rows}, indent=2))
    else:
        for name, total in sorted(totals.items()):
            print(f"{name:26} {rows[name]['passed']:4} of {total:4} passed")
        for name, reason in chosen.items():
            print(f"  differs on purpose {name}: {reason.removeprefix(DELIBERATE)}")
        for name, reason in failed.items():
            print(f"  failed {name}: {reason[:300]}")
        print(f"{len(cases) - len(told)} of {len(cases)} passed, {len(chosen)} differ on purpose")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    # Run as a module this file is __main__; the checks register with the importable one.
    from benchmarks.official_cases import main as imported_main

    sys.exit(imported_main())
