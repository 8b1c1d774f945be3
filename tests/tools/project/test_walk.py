"""Reading a tree within bounds, and every kind of file that cannot be read."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mcp_registrar_tools.project import walk as walking
from mcp_registrar_tools.project.walk import line_of, walk


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def test_fetched_and_built_folders_are_not_seen(tmp_path: Path) -> None:
    put(
        tmp_path,
        "a.py",
        "src/b.py",
        "node_modules/x/package.json",
        ".git/config",
        "target/c",
        "p/.venv/d",
        ".github/w.yml",
    )
    assert walk(tmp_path, tmp_path).files == ("a.py", ".github/w.yml", "src/b.py")


def test_what_is_near_the_top_comes_first(tmp_path: Path) -> None:
    put(tmp_path, "a/b/c/package.json", "z/package.json", "package.json", "examples/x/package.json")
    project = walk(tmp_path, tmp_path)
    assert list(project.named("package.json")) == [
        "package.json", "z/package.json", "examples/x/package.json", "a/b/c/package.json",
    ]  # fmt: skip
    assert list(project.packages("package.json")) == ["package.json", "z/package.json", "a/b/c/package.json"]
    assert list(project.named("*.json", "nothing")) == list(project.named("package.json"))


def test_a_huge_tree_is_left_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "MAX_ENTRIES", 2_000)
    for number in range(30):
        folder = tmp_path / f"d{number:02}"
        folder.mkdir()
        for inner in range(100):
            (folder / f"f{inner}.ts").touch()
    (tmp_path / "package.json").write_text("{}")
    start = time.perf_counter()
    project = walk(tmp_path, tmp_path)
    assert project.truncated
    assert "package.json" in project.files
    assert time.perf_counter() - start < 2


def test_in_a_folder_too_full_to_list_package_files_are_found_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "MAX_ENTRIES", 10)
    for number in range(200):
        (tmp_path / f"f{number}").touch()
    (tmp_path / "pyproject.toml").write_text("")
    project = walk(tmp_path, tmp_path)
    assert project.truncated
    assert project.files.count("pyproject.toml") == 1


def test_what_cannot_be_read_is_told_and_never_raised(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("secret")
    top = tmp_path / "top"
    top.mkdir()
    (top / "binary.json").write_bytes(b"{\0}")
    (top / "latin.md").write_bytes("# Caf\xe9 server".encode("latin-1"))
    (top / "wide.csproj").write_bytes("<Project/>".encode("utf-16"))
    (top / "bom.json").write_bytes(b"\xef\xbb\xbf{}")
    (top / "large.md").write_bytes(b"a" * 1_000_001)
    (top / "link.md").symlink_to(outside)
    (top / "loop").symlink_to(top)
    (top / "dangling.md").symlink_to(top / "nothing")
    project = walk(top, top)
    assert project.text("binary.json") is None
    assert project.text("latin.md") == "# Caf\ufffd server"
    assert project.text("wide.csproj") == "<Project/>"
    assert project.text("bom.json") == "{}"
    assert project.text("large.md") is None
    assert project.text("link.md") is None
    assert project.text("missing.md") is None
    told = " ".join(project.problems)
    for words in ("binary.json is binary", "latin.md is not UTF-8", "large.md is larger", "link.md is a link out"):
        assert words in told
    assert "missing" not in told


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_and_folder(tmp_path: Path) -> None:
    put(tmp_path, "package.json", "closed/package.json")
    (tmp_path / "package.json").chmod(0)
    (tmp_path / "closed").chmod(0)
    project = walk(tmp_path, tmp_path)
    assert project.text("package.json") is None
    assert len(project.problems) == 2
    (tmp_path / "closed").chmod(0o755)


def test_above_stops_at_the_top(tmp_path: Path) -> None:
    put(tmp_path, "README.md", "top/README.md", "top/a/b/x")
    project = walk(tmp_path / "top" / "a" / "b", tmp_path / "top")
    assert list(project.above("README.md")) == [tmp_path / "top" / "README.md"]
    assert project.shown(tmp_path / "top" / "README.md") == "../../README.md"


def test_lines_count_from_one() -> None:
    assert line_of("a\nb\nc", "c") == 3
    assert line_of("a", "z") == 1
