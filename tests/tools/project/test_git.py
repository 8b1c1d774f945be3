"""The git origin, from addresses of every form and from real work trees."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mcp_registrar_tools.project.git import find_git, parse_remote, tags


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/Acme/Weather-MCP.git", "https://github.com/Acme/Weather-MCP"),
        ("https://github.com/Acme/Weather-MCP/", "https://github.com/Acme/Weather-MCP"),
        ("http://www.github.com/a/b", "https://github.com/a/b"),
        ("git@github.com:Acme/w.git", "https://github.com/Acme/w"),
        ("org-1234@github.com:Acme/w.git", "https://github.com/Acme/w"),
        ("ssh://git@github.com/Acme/w.git", "https://github.com/Acme/w"),
        ("ssh://git@ssh.github.com:443/Acme/w.git", "https://github.com/Acme/w"),
        ("git+https://github.com/Acme/w.git", "https://github.com/Acme/w"),
        ("git+ssh://git@github.com/Acme/w.git", "https://github.com/Acme/w"),
        ("git://github.com/Acme/w", "https://github.com/Acme/w"),
        ("https://ghp_secret@github.com/Acme/w.git", "https://github.com/Acme/w"),
        ("https://x:ghp_secret@github.com/Acme/w.git", "https://github.com/Acme/w"),
        ("git@github.com-work:Acme/w.git", "https://github.com/Acme/w"),
        ("Acme/w", "https://github.com/Acme/w"),
        ("github:Acme/w", "https://github.com/Acme/w"),
        ("gitlab:group/w", "https://gitlab.com/group/w"),
        ("git@gitlab.com:group/sub/w.git", "https://gitlab.com/group/sub/w"),
        ("https://github.com/Acme/w/tree/main/packages/x", "https://github.com/Acme/w"),
        ("https://gitlab.com/group/w/-/tree/main", "https://gitlab.com/group/w"),
        ("https://bitbucket.org/acme/x.git", "https://bitbucket.org/acme/x"),
        ("https://git.example.org/team/x.git", "https://git.example.org/team/x"),
        ("https://github.com/Acme", None),
        ("work:Acme/w.git", None),
        ("/srv/git/w.git", None),
        ("../w.git", None),
        ("file:///srv/w.git", None),
        ("C:\\\\repos\\\\w", None),
        ("", None),
    ],
)
def test_every_form_of_address(url: str, expected: str | None) -> None:
    origin = parse_remote(url)
    assert (origin.url if origin else None) == expected


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("https://github.com/a/b", "github"),
        ("https://gitlab.com/a/b", "gitlab"),
        ("https://gitlab.com/a/sub/b", None),
        ("https://gitlab.example.org/a/b", None),
        ("https://bitbucket.org/a/b", None),
    ],
)
def test_the_source_is_only_what_the_registry_accepts(url: str, source: str | None) -> None:
    origin = parse_remote(url)
    assert origin is not None
    assert origin.source == source


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    top = tmp_path / "top"
    top.mkdir()
    git(top, "init", "-b", "main")
    git(top, "remote", "add", "origin", "git@github.com:Acme/Weather.git")
    (top / "packages" / "x").mkdir(parents=True)
    (top / "packages" / "x" / "f").write_text("1")
    git(top, "add", ".")
    git(top, "commit", "-m", "one")
    git(top, "tag", "v1.2.0")
    git(top, "tag", "v1.10.0")
    return top


def test_a_subfolder_finds_the_top(repository: Path) -> None:
    found = find_git(repository / "packages" / "x")
    assert found is not None
    assert found.top == repository
    assert found.origin is not None
    assert found.origin.url == "https://github.com/Acme/Weather"
    assert tags(found) == ["v1.10.0", "v1.2.0"]


def test_packed_tags_count(repository: Path) -> None:
    git(repository, "pack-refs", "--all")
    found = find_git(repository)
    assert found is not None
    assert tags(found) == ["v1.10.0", "v1.2.0"]


def test_a_worktree_shares_the_origin(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", str(tmp_path / "tree"), "-b", "other")
    found = find_git(tmp_path / "tree" / "packages")
    assert found is not None
    assert found.top == tmp_path / "tree"
    assert found.origin is not None
    assert found.origin.name == "Weather"


def test_a_shallow_clone_has_its_origin(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--depth", "1", f"file://{repository}", "shallow")
    git(tmp_path / "shallow", "remote", "set-url", "origin", "https://github.com/Acme/Weather")
    found = find_git(tmp_path / "shallow")
    assert found is not None
    assert found.origin is not None
    assert found.origin.owner == "Acme"


def test_a_submodule_is_its_own_repository(repository: Path, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    git(tmp_path, "clone", str(repository), "inner")
    git(inner, "remote", "set-url", "origin", "https://github.com/Other/inner.git")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "add", str(inner), "vendor/inner")
    git(repository / "vendor" / "inner", "remote", "set-url", "origin", "https://github.com/Other/inner.git")
    found = find_git(repository / "vendor" / "inner")
    assert found is not None
    assert found.top == repository / "vendor" / "inner"
    assert found.origin is not None
    assert found.origin.owner == "Other"


def test_instead_of_is_followed_and_upstream_is_seen(repository: Path) -> None:
    git(repository, "remote", "set-url", "origin", "gh:Me/Weather")
    git(repository, "config", "url.https://github.com/.insteadOf", "gh:")
    git(repository, "remote", "add", "upstream", "https://github.com/Acme/Weather")
    found = find_git(repository)
    assert found is not None
    assert found.origin is not None
    assert found.upstream is not None
    assert (found.origin.owner, found.upstream.owner) == ("Me", "Acme")


def test_without_git_there_is_none(tmp_path: Path) -> None:
    assert find_git(tmp_path) is None
    (tmp_path / ".git").write_text("gitdir: /nowhere/at/all\n")
    assert find_git(tmp_path) is None


def test_a_repository_without_remote_has_no_origin(tmp_path: Path) -> None:
    git(tmp_path, "init")
    found = find_git(tmp_path)
    assert found is not None
    assert found.origin is None
