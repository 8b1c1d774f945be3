"""The generated pages are those of the code: every tool, setting, resource and prompt has its heading."""

from __future__ import annotations

import re

import pytest
from docs.generate import pages

from mcp_registrar.catalog import COMMANDS_ONLY, TOOLS
from mcp_registrar.settings import describe
from mcp_registrar_tools.version import VERSION
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    return {str(path.relative_to(ROOT)): text for path, text in pages().items()}


def test_pages_are_up_to_date(generated: dict[str, str]) -> None:
    stale = [name for name, text in generated.items() if (ROOT / name).read_text("utf-8") != text]
    assert not stale, "run: python -m docs.generate"


def test_everything_has_a_heading(generated: dict[str, str]) -> None:
    def headings(page: str) -> set[str]:
        return set(re.findall(r"^## (.+)$", generated[f"docs/{page}.md"], re.MULTILINE))

    assert headings("tools") == {spec.name for spec in TOOLS} | {spec.command for spec in COMMANDS_ONLY}
    assert headings("settings") == {variable for variable, _, _ in describe()}
    assert "registrar://servers/{name}/{version}" in headings("resources")
    assert headings("prompts") == {"publish_server", "publish_image", "automate_publishing", "fix_manifest"}
    assert all(f"docs/tools.md#{spec.name}" in generated["README.md"] for spec in TOOLS)


def test_links_between_pages_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_version_is_one() -> None:
    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text("utf-8")
