"""Which files go to a builder, and how much that is."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from mcp_registrar_tools.errors import ImageError, InputError
from mcp_registrar_tools.images import context


def fill(folder: Path, *names: str, text: str = "x") -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def packed(found: context.Context) -> list[str]:
    with found.pack() as archive, tarfile.open(fileobj=archive) as tar:
        return sorted(member.name for member in tar.getmembers() if member.isfile())


def test_everything_but_what_is_ignored(tmp_path: Path) -> None:
    fill(
        tmp_path,
        "Dockerfile",
        "a.py",
        "b.log",
        "keep.log",
        "logs/deep/c.log",
        "node_modules/x/y.js",
        "sub/node_modules/z.js",
    )
    (tmp_path / ".dockerignore").write_text("# comment\n\n**/*.log\n!keep.log\n**/node_modules\nDockerfile\n")
    found = context.read(tmp_path)
    # The Dockerfile travels although it is ignored: the builder needs it.
    assert packed(found) == [".dockerignore", "Dockerfile", "a.py", "keep.log"]
    assert found.ignore_file == ".dockerignore"
    assert found.size == sum((tmp_path / name).stat().st_size for name in packed(found))


def test_a_dockerfiles_own_ignore_file_wins(tmp_path: Path) -> None:
    fill(tmp_path, "deploy/Dockerfile", "a", "b")
    (tmp_path / ".dockerignore").write_text("a\n")
    (tmp_path / "deploy/Dockerfile.dockerignore").write_text("b\n")
    found = context.read(tmp_path, "deploy/Dockerfile")
    assert "a" in packed(found)
    assert "b" not in packed(found)


def test_a_dockerfile_outside_the_folder(tmp_path: Path) -> None:
    fill(tmp_path, "project/a", "Dockerfile")
    found = context.read(tmp_path / "project", "../Dockerfile")
    assert packed(found) == [".mcp-registrar.Dockerfile", "a"]
    assert found.dockerfile_name == ".mcp-registrar.Dockerfile"


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        context.read(tmp_path / "nowhere")
    assert caught.value.code == "folder-missing"
    with pytest.raises(InputError) as caught:
        context.read(tmp_path)
    assert caught.value.code == "dockerfile-missing"
    assert f'init_manifest(path="{tmp_path}", dockerfile=true)' in caught.value.hint
    with pytest.raises(InputError) as caught:
        context.read(tmp_path, "other.Dockerfile")
    assert "other.Dockerfile" in caught.value.message


def test_a_context_that_is_too_large_names_what_makes_it_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "SIZE_LIMIT", 1000)
    fill(tmp_path, "Dockerfile", "a")
    fill(tmp_path, "data/one", "data/two", text="x" * 600)
    with pytest.raises(ImageError) as caught:
        context.read(tmp_path)
    assert caught.value.code == "context-too-large"
    assert "data 1.2 kB" in caught.value.message
    assert ".dockerignore" in caught.value.hint
    assert context.read(tmp_path, large=True).size > 1200
    (tmp_path / ".dockerignore").write_text("data\n")
    assert context.read(tmp_path).size < 1000


def test_what_looks_forgotten_is_told(tmp_path: Path) -> None:
    fill(tmp_path, "Dockerfile", ".git/objects/x", "node_modules/y", ".env")
    notes = " ".join(context.read(tmp_path).notes)
    assert "node_modules" in notes
    assert ".env" in notes
    assert ".dockerignore" in notes
    (tmp_path / ".dockerignore").write_text(".git\nnode_modules\n.env\n")
    assert context.read(tmp_path).notes == []


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0.0 kB"), (1500, "1.5 kB"), (67_300_000, "67.3 MB"), (2_500_000_000, "2.50 GB")]
)
def test_sizes(count: int, text: str) -> None:
    assert context.megabytes(count) == text
