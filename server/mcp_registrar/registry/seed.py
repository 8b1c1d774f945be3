"""Servers from a file into the store, and back."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_registrar.registry.store.reading import Filter
from mcp_registrar.registry.store.rows import DuplicateVersionError, StoreError
from mcp_registrar_tools.answer import clean
from mcp_registrar_tools.errors import InputError

if TYPE_CHECKING:
    from mcp_registrar.registry.store import Store
    from mcp_registrar.registry.store.database import Session

LIMIT = 512 * 1024 * 1024
"""Bytes of a seed file."""
BATCH = 200


@dataclass
class Result:
    """What became of a file's servers; ``refused`` are (name, why)."""

    added: int = 0
    present: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


async def seed(store: Store, file: Path) -> Result:
    """Add the servers of a JSON file: documents, or entries with state and times as `export` writes them.

    Raises `InputError` when the file cannot be read.
    """
    import anyio.to_thread

    entries = await anyio.to_thread.run_sync(_read, file)
    result = Result()
    batch: list[dict[str, Any]] = []
    for entry in entries:
        document = entry.get("server") if isinstance(entry, dict) and isinstance(entry.get("server"), dict) else entry
        bound, trouble = _checked(document)
        name = clean(str(bound.get("name", "")), 200) or "?"
        if trouble:
            result.refused.append((name, trouble))
        elif document is not entry and isinstance(entry.get("_meta"), dict):
            batch.append({**entry, "server": bound})
            if len(batch) == BATCH:
                await _restore(store, batch, result)
                batch = []
        else:
            try:
                await store.publish(bound)
                result.added += 1
            except DuplicateVersionError:
                result.present += 1
            except StoreError as error:
                result.refused.append((name, str(error)))
    if batch:
        await _restore(store, batch, result)
    return result


async def _restore(store: Store, entries: list[dict[str, Any]], result: Result) -> None:
    from mcp_registrar.registry.mirror import Counts, take

    def job(session: Session) -> Counts:
        counts = Counts()
        fresh = []
        for entry in entries:
            name, version = entry["server"]["name"], entry["server"]["version"]
            if session.run("SELECT 1 FROM versions WHERE server_name = ? AND version = ?", name, version):
                counts.kept += 1
            else:
                fresh.append(entry)
        take(session, fresh, "", counts)
        return counts

    counts = await store.apply(job)
    result.added += counts.added
    result.present += counts.kept


def _checked(document: Any) -> tuple[dict[str, Any], str]:
    """The document as the registry holds it, and the first reason to refuse it."""
    from mcp_registrar_tools import rules
    from mcp_registrar_tools.manifest import body

    bound, problems = body.bind(document)
    if problems:
        return bound, f"{problems[0].location}: {problems[0].message}"
    for finding in rules.publish_issues(bound):
        if finding.severity == "error":
            return bound, finding.message
    return bound, ""


def _read(file: Path) -> list[Any]:
    try:
        if file.stat().st_size > LIMIT:
            raise InputError("seed-too-large", f"{file} is larger than {LIMIT} bytes", "split the file")
        value = json.loads(file.read_bytes())
    except OSError as error:
        raise InputError("seed-unreadable", f"{file}: {error.strerror}", "check the path") from None
    except (ValueError, RecursionError) as error:
        raise InputError(
            "seed-unreadable", f"{file} is not JSON: {error}", "export writes a file that can be read"
        ) from None
    if isinstance(value, dict) and isinstance(value.get("servers"), list):
        value = value["servers"]
    if not isinstance(value, list):
        raise InputError("seed-unreadable", f"{file} holds no list of servers", "give a list, or what export writes")
    return value


async def export(store: Store, file: Path, *, overwrite: bool = False) -> int:
    """Write every version as ``{"servers": [...]}``, deleted ones included; how many there were.

    The file appears whole or not at all. Raises `InputError`.
    """
    if os.path.exists(file) and not overwrite:  # noqa: ASYNC240 - one look
        raise InputError("export-exists", f"{file} is there already", "add --overwrite, or name another file")
    try:
        handle, partial = tempfile.mkstemp(dir=file.parent, prefix=".export-")
    except OSError as error:
        raise InputError("export-failed", f"{file.parent}: {error.strerror}", "check the folder") from None
    count = 0
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write('{"servers":[')
            after: tuple[str, str] | None = None
            while rows := await store.page(Filter(include_deleted=True), after=after, limit=500):
                for row in rows:
                    stream.write(("," if count else "") + "\n" + row.json())
                    count += 1
                after = rows[-1].server_name, rows[-1].version
            stream.write("\n]}\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, file)
    except BaseException:
        os.unlink(partial)
        raise
    return count
