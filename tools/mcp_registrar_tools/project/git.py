"""The git origin of a folder, read from git's own files: no process is started and no hook can run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

SOURCES = {"github.com": "github", "gitlab.com": "gitlab"}
"""Hosts that the registry accepts in `repository`, and the `source` to write."""

_SCP = re.compile(r"^(?:[^@/\s]+@)?([^:/\s]+):(?!//)(.+)$")
_SHORT = re.compile(r"^(?:(github|gitlab|bitbucket):)?([A-Za-z0-9][\w.-]*)/([\w.-]+?)(?:\.git)?$")
_SECTION = re.compile(r'^\[\s*([\w.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]')


@dataclass(frozen=True)
class Origin:
    """A repository somewhere. ``owner`` keeps its letter case and may hold slashes (GitLab groups)."""

    host: str
    owner: str
    name: str
    where: str = ""

    @property
    def url(self) -> str:
        """The https address, without credentials and without ``.git``."""
        return f"https://{self.host}/{self.owner}/{self.name}"

    @property
    def source(self) -> str | None:
        """`repository.source`, or None where the registry accepts no such repository (R23)."""
        return None if "/" in self.owner else SOURCES.get(self.host)


@dataclass(frozen=True)
class Git:
    """What git's files say of a work tree. ``folder`` holds ``config``; ``upstream`` is set in many forks."""

    top: Path
    folder: Path
    origin: Origin | None
    upstream: Origin | None


def parse_remote(url: str, where: str = "") -> Origin | None:
    """Any form of a repository's address: https, ssh, scp-like, git+https, `owner/name`, `github:owner/name`."""
    url = url.strip()
    short = _SHORT.match(url)
    if short and "://" not in url:
        host = {"gitlab": "gitlab.com", "bitbucket": "bitbucket.org"}.get(short[1] or "", "github.com")
        return Origin(host, short[2], short[3], where)
    scp = _SCP.match(url) if "://" not in url else None
    if scp:
        host, path = scp[1], scp[2]
    else:
        try:
            parts = urlsplit(url.removeprefix("git+"))
            host, path = parts.hostname or "", parts.path
        except ValueError:
            return None
        if parts.scheme not in {"http", "https", "ssh", "git"}:
            return None
    host = host.lower().removeprefix("www.").removeprefix("ssh.").removeprefix("altssh.")
    if "." not in host or host.startswith("github.com-") or host.startswith("gitlab.com-"):
        # A host alias of ~/.ssh/config (`github.com-work`); only one that carries the real host is understood.
        real = host.partition("-")[0]
        if real not in SOURCES:
            return None
        host = real
    pieces = [piece for piece in path.strip("/").split("/") if piece]
    for stop in ("tree", "blob", "-", "issues", "wiki", "releases"):
        if stop in pieces[2:]:
            pieces = pieces[: pieces.index(stop, 2)]
    if len(pieces) < 2 or (host == "github.com" and len(pieces) > 2):
        return None
    name = pieces[-1].removesuffix(".git")
    return Origin(host, "/".join(pieces[:-1]), name, where) if name else None


def find_git(folder: Path) -> Git | None:
    """The work tree that ``folder`` stands in: ordinary, shallow, worktree or submodule. Blocking, a few reads."""
    for top in (folder, *folder.parents):
        mark = top / ".git"
        try:
            if mark.is_dir():
                inner = mark
            elif mark.is_file():
                inner = _gitdir(top, mark)
            else:
                continue
            common = inner / "commondir"
            home = (inner / common.read_text("utf-8").strip()).resolve() if common.is_file() else inner
            config = home / "config"
            if not config.is_file():
                if (home / "HEAD").is_file():
                    return Git(top, home, None, None)
                continue
            remotes, rewrites = _config(config.read_text("utf-8", errors="replace"))
        except OSError:
            continue
        return _git(top, home, remotes, rewrites)
    return None


def _git(top: Path, home: Path, remotes: dict[str, str], rewrites: list[tuple[str, str]]) -> Git:
    def parsed(name: str) -> Origin | None:
        url = remotes.get(name, "")
        for base, short in sorted(rewrites, key=lambda pair: -len(pair[1])):
            if url.startswith(short):
                url = base + url[len(short) :]
                break
        return parse_remote(url, f"git remote {name}") if url else None

    main = "origin" if "origin" in remotes else next(iter(remotes)) if len(remotes) == 1 else ""
    return Git(top, home, parsed(main), parsed("upstream") if main != "upstream" else None)


def _gitdir(top: Path, mark: Path) -> Path:
    text = mark.read_text("utf-8", errors="replace").strip()
    return (top / text.removeprefix("gitdir:").strip()).resolve()


def _config(text: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """First URL of each remote, and the `insteadOf` rewrites, of a git config file."""
    remotes: dict[str, str] = {}
    rewrites: list[tuple[str, str]] = []
    section, sub = "", ""
    for raw in text.splitlines():
        line = raw.strip()
        if head := _SECTION.match(line):
            section, sub = head[1].lower(), (head[2] or "").replace('\\"', '"').replace("\\\\", "\\")
            line = line[head.end() :].strip()
        key, equals, value = line.partition("=")
        if not equals or line[:1] in "#;":
            continue
        key, value = key.strip().lower(), _value(value)
        if section == "remote" and key == "url":
            remotes.setdefault(sub, value)
        elif section == "url" and key == "insteadof":
            rewrites.append((sub, value))
    return remotes, rewrites


def _value(text: str) -> str:
    text = text.strip()
    if text.startswith('"'):
        end = text.find('"', 1)
        return text[1:end] if end > 0 else text[1:]
    return re.split(r"\s[#;]", text, maxsplit=1)[0].strip()


def tags(git: Git) -> list[str]:
    """Tag names, packed and loose, as far as this clone has them (a shallow one may have none)."""
    names: set[str] = set()
    try:
        packed = git.folder / "packed-refs"
        if packed.is_file():
            names.update(re.findall(r"^[0-9a-f]{40,64} refs/tags/(\S+)$", packed.read_text("utf-8", "replace"), re.M))
        loose = git.folder / "refs" / "tags"
        if loose.is_dir():
            names.update(path.relative_to(loose).as_posix() for path in loose.rglob("*") if path.is_file())
    except OSError:
        return sorted(names)
    return sorted(names)
