"""Whatever a project's files hold, reading them ends, soon, and edits stay what they say."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_registrar_tools.packages import TYPES
from mcp_registrar_tools.project import dockerfile, environment, hosted, images, readme
from mcp_registrar_tools.project.edits import without
from mcp_registrar_tools.project.git import parse_remote
from mcp_registrar_tools.project.walk import walk

WORDS = st.lists(
    st.sampled_from(
        [
            "FROM a",
            "LABEL ",
            "k=v",
            '"',
            "\\\n",
            "\n",
            "\r\n",
            "# ",
            "RUN <<E",
            "E\n",
            "ENV X=1",
            " ",
            "AS b",
            "[",
            "é",
            "CMD",
        ]
    ),
    max_size=30,
).map("".join)


@given(st.text(max_size=60))
def test_any_address(text: str) -> None:
    origin = parse_remote(text)
    if origin:
        assert origin.url.startswith("https://")
        assert "@" not in origin.url.partition("//")[2].partition("/")[0]


@given(WORDS)
@settings(max_examples=300)
def test_any_dockerfile(text: str) -> None:
    parsed = dockerfile.parse(text)
    dockerfile.transport(parsed)
    if parsed.stages:
        try:
            once = dockerfile.set_label(text, "a.b", "io.github.x/yy")
        except ValueError:
            return  # said to be broken, and left alone
        assert dockerfile.set_label(once, "a.b", "io.github.x/yy") == once


@given(st.text(alphabet="<!-># \nab", max_size=80))
def test_comments_are_taken_out(text: str) -> None:
    left = without(text, "<!--", "-->")
    assert "<!--" not in left or "<!--" not in text


@pytest.mark.parametrize(
    "piece",
    ["<!--", "```", '"env": {', "| `A_KEY` | ", "docker run ", "npx ", "[x](", "{{", "https://a", "<PropertyGroup>"],
)
def test_a_megabyte_of_openings_is_read_in_time(tmp_path: Path, piece: str) -> None:
    text = piece * (300_000 // len(piece))
    (tmp_path / "README.md").write_text(text)
    (tmp_path / "a.csproj").write_text("<Project>" + text)
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    start = time.perf_counter()
    seen = walk(tmp_path, tmp_path)
    for kind in TYPES.values():
        kind.detect(seen)
    environment.variables(seen, {""})
    hosted.hosted(seen, tmp_path / "README.md")
    images.images(seen, None, {"weather"})
    readme.title(text)
    readme.listed_as(seen, tmp_path / "README.md")
    assert time.perf_counter() - start < 10
