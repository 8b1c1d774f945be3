"""Finding, reading and writing files, hostile ones included."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.manifest.files import SIZE_LIMIT, find, read_text_file, write_atomic


def put(path: Path, text: str = "{}") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_finds_a_file_and_the_usual_places(tmp_path: Path) -> None:
    nested = put(tmp_path / "packages/b/server.json")
    first = put(tmp_path / "packages/a/server.json")
    put(tmp_path / "node_modules/x/server.json")
    found = find(tmp_path)
    assert (found.path, found.others) == (first, (nested,))
    assert find(nested).path == nested
    hidden = put(tmp_path / ".mcp/server.json")
    assert find(str(tmp_path)).path == hidden
    top = put(tmp_path / "server.json")
    assert find(tmp_path).path == top


def test_root_is_the_folder_with_git(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    manifest = put(tmp_path / "packages/a/server.json")
    assert find(manifest).root == tmp_path
    assert find(manifest.parent).root == tmp_path


def test_a_worktree_has_a_git_file(tmp_path: Path) -> None:
    put(tmp_path / ".git", "gitdir: elsewhere")
    assert find(put(tmp_path / "a/server.json")).root == tmp_path


@pytest.mark.parametrize(
    ("path", "code"),
    [("nowhere", "path-not-found"), ("file/server.json", "path-not-found"), ("empty", "manifest-not-found"),
     ("a\0b", "path-not-found"), ("x" * 5000, "file-unreadable")],
)  # fmt: skip
def test_says_what_is_wrong_with_a_path(tmp_path: Path, path: str, code: str) -> None:
    (tmp_path / "empty").mkdir()
    put(tmp_path / "file")
    with pytest.raises(InputError) as caught:
        find(f"{tmp_path}/{path}")
    assert caught.value.code == code
    assert len(caught.value.text()) < 1000


def test_the_home_of_nobody_is_an_ordinary_name() -> None:
    with pytest.raises(InputError) as caught:
        find("~nobody-of-this-name/project")
    assert caught.value.code == "path-not-found"


def test_a_folder_is_not_read_as_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        read_text_file(tmp_path)


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "server.json")
    with pytest.raises(InputError) as caught:
        read_text_file(tmp_path / "server.json")
    assert caught.value.code == "path-not-a-file"


def test_a_file_of_50_megabytes_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "server.json"
    with path.open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    with pytest.raises(InputError, match=r"50\.0 MiB; at most 10 MiB") as caught:
        read_text_file(path)
    assert caught.value.code == "file-too-large"
    path.write_bytes(b" " * SIZE_LIMIT)
    assert len(read_text_file(path)) == SIZE_LIMIT


@pytest.mark.parametrize(("data", "words"), [(b'{\n"a": "\xff"}', "line 2"), ("{}".encode("utf-16"), "UTF-16")])
def test_text_that_is_not_utf_8(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "f").write_bytes(data)
    with pytest.raises(InputError, match=words):
        read_text_file(tmp_path / "f")


def test_line_endings_and_byte_order_mark_are_kept(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\xef\xbb\xbf{\r\n}\r\n")
    assert read_text_file(tmp_path / "f") == "\ufeff{\r\n}\r\n"


def test_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    secret = put(tmp_path / "secret", "token")
    project = tmp_path / "project"
    project.mkdir()
    (project / "server.json").symlink_to(secret)
    with pytest.raises(InputError) as caught:
        read_text_file(project / "server.json", root=project)
    assert caught.value.code == "path-outside-project"
    assert "token" not in caught.value.text()
    inner = put(project / "real.json", "x")
    (project / "link.json").symlink_to(inner)
    assert read_text_file(project / "link.json", root=project) == "x"


def test_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "server.json").symlink_to("server.json")
    with pytest.raises(InputError):
        find(tmp_path / "server.json")
    with pytest.raises(InputError):
        read_text_file(tmp_path / "server.json", root=tmp_path)


def test_writing_keeps_mode_and_links(tmp_path: Path) -> None:
    path = put(tmp_path / "a", "old")
    path.chmod(0o600)
    (tmp_path / "link").symlink_to("a")
    write_atomic(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    write_atomic(tmp_path / "secret", b"key", mode=0o600)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "link", "secret"]


def test_writing_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        write_atomic(tmp_path / "no/such/folder", b"")
    assert caught.value.code == "file-unwritable"


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    path = put(tmp_path / "f", "a" * 100_000)
    stop = threading.Event()

    def write() -> None:
        letter = 0
        while not stop.is_set():
            letter += 1
            write_atomic(path, bytes([97 + letter % 26]) * 100_000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(300):
            data = path.read_bytes()
            assert len(data) == 100_000
            assert len(set(data)) == 1
    finally:
        stop.set()
        writer.join()
