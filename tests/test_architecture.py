"""The lines of docs/architecture.md: who may import whom, and how long a file may grow."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

TOOLS = ROOT / "tools" / "mcp_registrar_tools"
SERVER = ROOT / "server" / "mcp_registrar"
FILES = sorted([*TOOLS.rglob("*.py"), *SERVER.rglob("*.py")])
MCP_USERS = {"app.py", "adapter.py", "resources.py", "prompts.py"}

# folder of tools/ -> folders it must not import
FORBIDDEN = {
    "manifest": {"rules", "registries", "images", "packages"},
    "packages": {"rules", "registries"},
    "project": {"rules", "registries", "packages", "images"},
    "registries": {"rules"},
    "images": {"rules"},
}


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_import_directions(path: Path) -> None:
    names = set(imports(path))
    if path.is_relative_to(TOOLS):
        assert not [n for n in names if within(n, "mcp_registrar")], "tools never import the server"
        assert not [n for n in names if within(n, "mcp") or within(n, "mcp_types")], "tools do not know MCP"
        assert not [n for n in names if within(n, "cyclopts") or within(n, "argparse")], "nor the command line"
        folder = path.relative_to(TOOLS).parts[0]
        for other in FORBIDDEN.get(folder, ()):
            assert not [n for n in names if within(n, f"mcp_registrar_tools.{other}")], f"{folder} imports {other}"
    elif path.parent != SERVER or path.name not in MCP_USERS:
        assert not [n for n in names if within(n, "mcp") or within(n, "mcp_types")], f"only {MCP_USERS} know mcp"


def test_server_registry_does_not_know_the_doors() -> None:
    for path in (SERVER / "registry").glob("*.py"):
        names = [n for n in imports(path) if within(n, "mcp_registrar") and not within(n, "mcp_registrar.registry")]
        assert set(names) <= {"mcp_registrar", "mcp_registrar.settings"}, path


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_are_readable_in_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 450
