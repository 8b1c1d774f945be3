"""A name that flips to 127.0.0.1, with a real name server and the system's own resolver."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.real.components import REQUIRED, dns, require

UNSHARE = ("unshare", "--mount", "--net")


@pytest.fixture(autouse=True)
def _namespaces() -> None:
    require(dns)
    try:
        reason = subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).stderr.decode().strip()
    except FileNotFoundError:
        reason = "there is no unshare here"
    if reason and REQUIRED:
        pytest.fail(f"namespaces: {reason}")
    if reason:
        pytest.skip(f"namespaces of our own: {reason}")


def test_a_name_that_changes_its_mind_reaches_nobody_here() -> None:
    done = subprocess.run(
        [*UNSHARE, sys.executable, "-m", "tests.real.rebinding"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["found"] == {
        "flips.test": ["outbound-refused", "outbound-private"],  # first to a public address, then not at all
        "private.test": ["outbound-private"],
        "inner.test": ["outbound-private"],
        "nowhere.test": ["outbound-unknown-host"],
    }
    # One look-up for each request, none between judging and connecting, and one by the check itself.
    assert report["asked"] == 3
    assert report["visitors"] == 1
