"""Finding, reading and writing a manifest file, with an answer for everything that can be wrong with one."""

from __future__ import annotations

import os
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from mcp_registrar_tools.answer import clean, quoted
from mcp_registrar_tools.errors import InputError

SIZE_LIMIT = 10 * 1024 * 1024
"""Bytes of a manifest (or any text file of a project) that are read; more is refused."""

PLACES = ("server.json", ".mcp/server.json")
"""Where a manifest lies in a project, in this order."""

_SKIPPED = {
    "node_modules", "vendor", "target", "dist", "build", "out", "bin", "obj", "site-packages", "__pycache__",
    "venv",
}  # fmt: skip
_DEPTH = 4
_ENTRIES = 20_000


@dataclass(frozen=True)
class Found:
    """A manifest in a project: ``path`` is the one taken, ``others`` are further ones, ``root`` is the
    project.

    ``root`` is the folder that holds ``.git`` above the manifest, else the folder that was asked about.
    """

    path: Path
    root: Path
    others: tuple[Path, ...] = field(default=())


def find(path: str | os.PathLike[str]) -> Found:
    """The manifest at a path: the file itself, or in a folder ``server.json``, ``.mcp/server.json``, then
    packages of a monorepo (the one nearest to the top, then in alphabetical order).

    Raises `InputError` (``path-not-found``, ``manifest-not-found``, ``path-outside-project``, …).
    """
    given = _path(path)
    try:
        mode = given.stat().st_mode
    except FileNotFoundError:
        raise InputError(
            "path-not-found",
            f"{_show(given)} does not exist",
            'give the project\'s folder, or its server.json ("." is here)',
        ) from None
    except NotADirectoryError:
        raise InputError(
            "path-not-found",
            f"{_show(given)} does not exist: a part of it is a file, not a folder",
            "give the project's folder, or its server.json",
        ) from None
    except (OSError, ValueError) as error:
        raise _unreadable(given, error) from None
    if stat.S_ISDIR(mode):
        try:
            paths = _in_folder(given)
        except OSError as error:
            raise _unreadable(given, error) from None
        if not paths:
            raise InputError(
                "manifest-not-found",
                f"there is no server.json in {_show(given)} (nor .mcp/server.json, nor in its packages)",
                f"init_manifest(path={quoted(str(path))}) writes one",
            )
        return Found(paths[0], _root(paths[0], given), tuple(paths[1:]))
    if not stat.S_ISREG(mode):
        raise InputError("path-not-a-file", f"{_show(given)} is neither a file nor a folder", "give a server.json")
    return Found(given, _root(given, given.parent))


def _path(path: str | os.PathLike[str]) -> Path:
    text = os.fspath(path)
    if "\0" in text:
        raise InputError("path-not-found", "the path holds a NUL character", "give a path without it")
    try:
        return Path(text).expanduser()
    except RuntimeError:  # the home of a user whom nobody knows: a file may be called so
        return Path(text)


def _root(manifest: Path, fallback: Path) -> Path:
    for folder in manifest.absolute().parents:
        if (folder / ".git").exists():
            return folder
    return fallback.absolute()


def _in_folder(folder: Path) -> list[Path]:
    for place in PLACES:
        if (folder / place).is_file():
            return [folder / place]
    found: list[Path] = []
    level = [folder]
    seen = 0
    for _ in range(_DEPTH):
        following: list[Path] = []
        for parent in level:
            try:
                entries = sorted(os.scandir(parent), key=lambda entry: entry.name)
            except OSError:
                continue
            for entry in entries:
                seen += 1
                if seen > _ENTRIES:
                    return found
                hidden = entry.name.startswith(".") and entry.name != ".mcp"
                if hidden or entry.name in _SKIPPED or not entry.is_dir(follow_symlinks=False):
                    continue
                child = Path(entry.path)
                if (child / "server.json").is_file():
                    found.append(child / "server.json")
                following.append(child)
        level = following
    return found


def read_text_file(path: Path, *, root: Path | None = None, limit: int = SIZE_LIMIT) -> str:
    """The text of a UTF-8 file, line endings as they are; a byte-order mark stays in front as U+FEFF.

    With ``root`` a symbolic link must not lead out of that folder. Raises `InputError` for everything that
    is not a readable text file of at most ``limit`` bytes.
    """
    data = read_bytes(path, root=root, limit=limit)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise InputError(
                "file-not-utf-8", f"{_show(path)} is UTF-16", "save it as UTF-8 without a byte-order mark"
            ) from None
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            "file-not-utf-8",
            f"{_show(path)} is not UTF-8: byte 0x{data[error.start]:02x} in line {line}",
            "save it as UTF-8",
        ) from None


def read_bytes(path: Path, *, root: Path | None = None, limit: int = SIZE_LIMIT) -> bytes:
    """A regular file's bytes; see `read_text_file`."""
    if root is not None:
        inside(path, root)
    try:
        # Not blocking on a pipe that someone named server.json.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        raise InputError("path-not-found", f"{_show(path)} does not exist", "check the path") from None
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    try:
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            raise InputError("path-not-a-file", f"{_show(path)} is a folder", "give the path of a file in it")
        if not stat.S_ISREG(status.st_mode):
            raise InputError("path-not-a-file", f"{_show(path)} is not a regular file", "give a regular file")
        if status.st_size > limit:
            raise _too_large(path, status.st_size, limit)
        parts: list[bytes] = []
        total = 0
        while part := os.read(handle, 1 << 20):
            total += len(part)
            if total > limit:
                raise _too_large(path, total, limit)
            parts.append(part)
        return b"".join(parts)
    except OSError as error:
        raise _unreadable(path, error) from None
    finally:
        os.close(handle)


def _too_large(path: Path, size: int, limit: int) -> InputError:
    return InputError(
        "file-too-large",
        f"{_show(path)} has {size / 1048576:.1f} MiB; at most {limit / 1048576:g} MiB are read",
        "give the manifest itself; a server.json is a few kilobytes",
    )


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or str(error)
    return InputError(
        "file-unreadable", f"{_show(path)} cannot be read: {reason}", "check the path and its permissions"
    )


def _show(path: Path) -> str:
    return clean(str(path).replace("\n", "?"), 300)


def inside(path: Path, root: Path) -> Path:
    """The real path when it lies in ``root``; raises `InputError` (``path-outside-project``) when a link leads out."""
    try:
        real, limit = path.resolve(), root.resolve()
    except (OSError, RuntimeError) as error:
        raise _unreadable(path, error) from None
    if real != limit and limit not in real.parents:
        raise InputError(
            "path-outside-project",
            f"{_show(path)} leads out of {_show(root)} by a symbolic link",
            "replace the link by the file, or give the file it points to",
        )
    return real


def write_atomic(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Replace a file in one step: a reader sees the old content or the new, never a part.

    A symbolic link keeps pointing where it did; its target is replaced. ``mode`` sets the permissions;
    without it they stay as they were (0644 less umask for a new file). Raises `InputError`
    (``file-unwritable``).
    """
    path = Path(os.path.realpath(path))
    temporary: str | None = None
    try:
        existing = path.stat().st_mode if path.exists() else None
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".tmp", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            if mode is None:
                mode = stat.S_IMODE(existing) if existing is not None else 0o644 & ~_umask()
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        temporary = None
        _sync_folder(path.parent)
    except OSError as error:
        raise InputError(
            "file-unwritable",
            f"{_show(path)} cannot be written: {error.strerror or error}",
            "check that the folder exists and may be written to",
        ) from None
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _umask() -> int:
    current = os.umask(0o022)
    os.umask(current)
    return current


def _sync_folder(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
