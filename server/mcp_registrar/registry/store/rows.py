"""What the store holds, and how a row becomes the bytes that are served."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

OFFICIAL = "io.modelcontextprotocol.registry/official"

COLUMNS = (
    "server_name, version, status, status_message, status_changed_at, published_at, updated_at, is_latest, document"
)


class StoreError(Exception):
    """The store refuses a change; the text is the one the official registry answers with."""


class DuplicateVersionError(StoreError):
    def __init__(self, name: str, version: str) -> None:
        super().__init__(f"invalid version: cannot publish duplicate version: {name}@{version} already exists")


class TooManyVersionsError(StoreError):
    def __init__(self, limit: int) -> None:
        super().__init__(
            f"maximum number of versions for this server reached ({limit}): please reach out at "
            "https://github.com/modelcontextprotocol/registry to explain your use case"
        )


class MissingError(StoreError):
    """There is no such server or version."""


class Row(NamedTuple):
    """One published version, in the order of `COLUMNS`. Times are microseconds since 1970, UTC."""

    server_name: str
    version: str
    status: str
    status_message: str | None
    status_changed_at: int
    published_at: int
    updated_at: int
    is_latest: int
    document: str

    def meta(self) -> dict[str, Any]:
        """What the registry says about this version, without the document."""
        meta: dict[str, Any] = {"status": self.status, "statusChangedAt": rfc3339(self.status_changed_at)}
        if self.status_message:
            meta["statusMessage"] = self.status_message
        meta["publishedAt"] = rfc3339(self.published_at)
        meta["updatedAt"] = rfc3339(self.updated_at)
        meta["isLatest"] = bool(self.is_latest)
        return meta

    def json(self) -> str:
        """The ServerResponse. The document goes in as it is stored: nothing is parsed to serve it."""
        message = f'"statusMessage":{json.dumps(self.status_message)},' if self.status_message else ""
        return (
            f'{{"server":{self.document},"_meta":{{"{OFFICIAL}":{{"status":"{self.status}",'
            f'"statusChangedAt":"{rfc3339(self.status_changed_at)}",{message}'
            f'"publishedAt":"{rfc3339(self.published_at)}","updatedAt":"{rfc3339(self.updated_at)}",'
            f'"isLatest":{"true" if self.is_latest else "false"}}}}}}}'
        )


def now() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


def rfc3339(micros: int) -> str:
    """A time as the official registry writes it: UTC, fraction without trailing zeros."""
    seconds, fraction = divmod(micros, 1_000_000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:06d}".rstrip("0") + "Z" if fraction else text + "Z"


def micros(text: str) -> int:
    """The reverse of `rfc3339`, for any offset and any number of digits in the fraction. Raises ValueError."""
    import re

    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)", text, re.ASCII)
    if not found:
        raise ValueError(f"not an RFC 3339 timestamp: {text}")
    day, clock, fraction, offset = found.groups()
    base = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if offset == 'Z' else offset}")
    seconds = (base - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    return int(seconds) * 1_000_000 + int((fraction or "0")[:6].ljust(6, "0"))


def serialize(document: dict[str, Any]) -> str:
    """A document as it is stored and served: compact, unescaped UTF-8 (lone surrogates escaped)."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(document, separators=(",", ":"))
    return text


def kind_of(document: dict[str, Any]) -> str:
    """The TYPE column: the first package's registryType, else the first remote's transport, else nothing."""
    for key, field in (("packages", "registryType"), ("remotes", "type")):
        entries = document.get(key)
        if isinstance(entries, list) and entries and isinstance(entries[0], dict):
            return str(entries[0].get(field) or "").replace("\0", "")
    return ""


def remote_urls(document: dict[str, Any]) -> list[str]:
    """The remotes' URLs, each once, sorted (locks are taken in this order)."""
    remotes = document.get("remotes") or []
    return sorted({str(r["url"]) for r in remotes if isinstance(r, dict) and r.get("url")})
