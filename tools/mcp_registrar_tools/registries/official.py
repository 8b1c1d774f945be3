"""The official registry's API, as its own publisher speaks it.

The same client serves the real registry, the embedded one (over an in-process transport) and any other registry of
this API. Reads are repeated when the registry is busy; a write is never repeated blindly: after an answer that
leaves open whether it happened, the registry is asked what it holds.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from mcp_registrar_tools.answer import clean
from mcp_registrar_tools.errors import LoginError, OutboundError, RegistrarError, RegistryError
from mcp_registrar_tools.registries import Entry, Kind, Page, Query, Status
from mcp_registrar_tools.registries.compare import differences
from mcp_registrar_tools.registries.refusals import loads, refusal

if TYPE_CHECKING:
    from mcp_registrar_tools.outbound import Fetched, Outbound
    from mcp_registrar_tools.registries.session import Session
    from mcp_registrar_tools.registries.tokens import Grants

OFFICIAL_META = "io.modelcontextprotocol.registry/official"

READ_TIMEOUT = 20.0
WRITE_TIMEOUT = 120.0
"""Seconds. The registry looks at each package before it accepts a publish, one after another."""
BUSY = {429, 500, 502, 503, 504}
REPEATED_WRITES = BUSY - {500}
"""After a 500 the registry is asked what it holds, and the same request is not sent again."""
ATTEMPTS = 3
PAUSES = (0.5, 2.0)
"""Seconds between attempts; a ``Retry-After`` up to `LONGEST_PAUSE` is followed instead."""
LONGEST_PAUSE = 10.0


class OfficialRegistry:
    """Client of the official API under ``/v0`` (or ``/v0.1`` where nothing else is served)."""

    kind: Kind = "official"
    statuses: tuple[Status, ...] = ("active", "deprecated", "deleted")

    def __init__(
        self,
        name: str,
        url: str,
        outbound: Outbound,
        *,
        session: Session | None,
        prefix: str = "/v0",
        ranked: bool = False,
    ) -> None:
        self.name = name
        self.url = url
        self.searches = "names, titles and descriptions" if ranked else "names only"
        self._ranked = ranked
        self._outbound = outbound
        self._session = session
        self._prefix = prefix
        if session is not None:
            session.prefix = prefix

    def prepared(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document as this registry is sent it and will show it."""
        return document

    # Reading

    async def get(self, server_name: str, version: str = "latest", *, include_deleted: bool = False) -> Entry | None:
        answer = await self.read(self._version_path(server_name, version), include_deleted=include_deleted)
        return entry(objects(answer), answer.url) if answer else None

    async def versions(self, server_name: str, *, include_deleted: bool = False) -> list[Entry]:
        answer = await self.read(f"/servers/{segment(server_name)}/versions", include_deleted=include_deleted)
        return [entry(item, answer.url) for item in _items(answer)] if answer else []

    async def search(self, query: Query) -> Page:
        asked: dict[str, Any] = {
            "limit": query.limit,
            "cursor": query.cursor,
            "updated_since": query.updated_since,
            "include_deleted": query.include_deleted,
        }
        if self._ranked and query.version == "latest":  # the embedded registry's own: words anywhere, best first
            answer = await self.read("/search", q=query.words, type=query.type, status=query.status, **asked)
        else:
            answer = await self.read("/servers", search=query.words, version=query.version, **asked)
        if answer is None:
            raise self.refusal(404, None)
        metadata = objects(answer).get("metadata") or {}
        return Page(
            entries=[entry(item, answer.url) for item in _items(answer)],
            next_cursor=str(metadata.get("nextCursor") or ""),
            corrected={str(word): str(other) for word, other in (metadata.get("corrected") or {}).items()},
        )

    async def validate(self, document: dict[str, Any]) -> list[dict[str, Any]]:
        answer = await self._send("POST", "/validate", document, timeout=READ_TIMEOUT, attempts=ATTEMPTS)
        if answer.status == 422:  # the body's own shape: problems with a location in place of issues
            body = loads(answer)
            return [
                {
                    "type": "json",
                    "path": str(error.get("location", "")).removeprefix("body").lstrip("."),
                    "message": str(error.get("message", "")),
                    "severity": "error",
                    "reference": "",
                }
                for error in (body.get("errors") if isinstance(body, dict) else None) or []
                if isinstance(error, dict)
            ]
        if answer.status != 200:
            raise self.refusal(answer.status, answer)
        issues = objects(answer).get("issues") or []
        return [issue for issue in issues if isinstance(issue, dict)]

    async def grants(self) -> Grants | None:
        return None if self._session is None else await self._session.grants()

    def page(self, server_name: str, version: str) -> str:
        if self.name == "local":
            return f"registrar://servers/{quote(server_name, safe='')}/{quote(version, safe='')}"
        return f"{self.url}{self._prefix}{self._version_path(server_name, version)}"

    # Writing

    async def publish(self, document: dict[str, Any]) -> Entry:
        async def committed() -> Entry | None:
            there = await self.get(document["name"], document["version"], include_deleted=True)
            return there if there and not differences(document, there.server) else None

        answer = await self._write("POST", "/publish", document, committed)
        if isinstance(answer, Entry):
            return answer
        return replace(entry(objects(answer), answer.url), warnings=_warnings(answer))

    async def set_status(
        self, server_name: str, status: Status, *, version: str | None, message: str = ""
    ) -> list[Entry]:
        body = {"status": status} | ({"statusMessage": message} if message else {})

        def as_asked(item: Entry) -> bool:
            return item.status == status and item.status_message == message

        if version is not None:

            async def committed() -> Entry | None:
                there = await self.get(server_name, version, include_deleted=True)
                return there if there and as_asked(there) else None

            answer = await self._write("PATCH", f"{self._version_path(server_name, version)}/status", body, committed)
            return [answer if isinstance(answer, Entry) else entry(objects(answer), answer.url)]

        async def all_committed() -> list[Entry] | None:
            there = await self.versions(server_name, include_deleted=True)
            return there if there and all(map(as_asked, there)) else None

        changed = await self._write("PATCH", f"/servers/{segment(server_name)}/status", body, all_committed)
        return changed if isinstance(changed, list) else [entry(item, changed.url) for item in _items(changed)]

    async def _write(self, method: str, path: str, body: Any, committed: Any, *, admin: bool = False) -> Any:
        """One write. ``committed`` says what the registry holds when the answer was lost or is a server's fault."""
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            failure: RegistrarError
            answer = None
            try:
                answer = await self._send(method, path, body, timeout=WRITE_TIMEOUT, admin=admin)
            except OutboundError as error:
                if not error.transient:
                    raise
                failure = error
            else:
                if answer.status in {200, 201}:
                    return answer
                if answer.status not in BUSY:
                    if answer.status == 400:  # "duplicate", "no change": perhaps an earlier attempt counted
                        found = await self._look(committed)
                        if found is not None:
                            return found
                    raise self.refusal(answer.status, answer)
                failure = self.refusal(answer.status, answer)
                last = last or answer.status not in REPEATED_WRITES
            if answer is None or answer.status != 429:
                found = await self._look(committed)
                if found is not None:
                    return found
            if last:
                raise failure
            await pause(attempt, answer)
        raise AssertionError("unreachable")

    async def _look(self, committed: Any) -> Any:
        try:
            return await committed()
        except (OutboundError, RegistryError):
            return None

    # The wire

    async def read(self, path: str, *, admin: bool = False, **query: Any) -> Fetched | None:
        """A GET under the prefix; None for 404. Empty and false parameters are left out."""
        given = {key: "true" if value is True else value for key, value in query.items() if value}
        answer = await self._send(
            "GET", path + (f"?{urlencode(given)}" if given else ""), attempts=ATTEMPTS, admin=admin
        )
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise self.refusal(answer.status, answer)
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        timeout: float = READ_TIMEOUT,
        attempts: int = 1,
        admin: bool = False,
    ) -> Fetched:
        """A request with whatever proof of identity it needs; once more with a new token when the old one expired."""
        write = method != "GET" and path != "/validate" and self._proves()
        path = ("/admin" if admin else "") + self._prefix + path
        for attempt in range(attempts):
            answer = None
            try:
                answer = await self._once(method, path, body, timeout, write=write, fresh=False)
                if answer.status == 401 and write:
                    answer = await self._once(method, path, body, timeout, write=write, fresh=True)
            except OutboundError as error:
                if not error.transient or attempt == attempts - 1:
                    raise
            if answer is not None and (answer.status not in BUSY or attempt == attempts - 1):
                return answer
            await pause(attempt, answer)
        raise AssertionError("unreachable")

    async def _once(self, method: str, path: str, body: Any, timeout: float, *, write: bool, fresh: bool) -> Fetched:
        headers = {"accept": "application/json"}
        if write and self._session is not None:
            headers["authorization"] = f"Bearer {await self._session.token(fresh=fresh)}"
        if isinstance(body, bytes):
            headers["content-type"] = "application/yaml"
            return await self._outbound.fetch(method, self.url + path, headers=headers, content=body, timeout=timeout)
        return await self._outbound.fetch(method, self.url + path, headers=headers, json=body, timeout=timeout)

    def _proves(self) -> bool:
        """Whether a write carries proof of identity. agentregistry needs none, and gets it from who logged in."""
        if self._session is None:
            return False
        return self.kind == "official" or self._session.store.load(self.url) is not None

    @staticmethod
    def _version_path(server_name: str, version: str) -> str:
        return f"/servers/{segment(server_name)}/versions/{segment(version)}"

    def refusal(self, status: int, answer: Fetched | None) -> RegistryError | LoginError:
        """The registry's own words for why not, with the next step."""
        return refusal(self.name, status, answer, self._session)


async def pause(attempt: int, answer: Fetched | None) -> None:
    """Wait before the next attempt, as long as the registry asks for when it asks."""
    import anyio

    wait = PAUSES[min(attempt, len(PAUSES) - 1)]
    asked = (answer.headers.get("retry-after", "") if answer else "").strip()
    if asked.isdigit():
        wait = min(float(asked), LONGEST_PAUSE)
    await anyio.sleep(wait)


def segment(text: str) -> str:
    """One path segment, percent-encoded: ``io.github.a/b`` is one segment."""
    return quote(text, safe="")


def entry(item: Any, url: str) -> Entry:
    """An `Entry` of a ServerResponse; older registries put the block of facts beside, not below, its name."""
    if not isinstance(item, dict) or not isinstance(item.get("server"), dict):
        raise RegistryError(
            "unexpected-answer", f"{url} did not answer with server entries", "check the registry's address"
        )
    meta = item.get("_meta")
    facts = meta.get(OFFICIAL_META, meta) if isinstance(meta, dict) else {}
    facts = facts if isinstance(facts, dict) else {}
    status = facts.get("status") or item["server"].get("status")
    return Entry(
        server=item["server"],
        status=status if status in ("active", "deprecated", "deleted") else "active",
        status_message=str(facts.get("statusMessage") or ""),
        published_at=str(facts.get("publishedAt") or ""),
        updated_at=str(facts.get("updatedAt") or ""),
        is_latest=bool(facts.get("isLatest")),
    )


def _warnings(answer: Fetched) -> tuple[str, ...]:
    """What our own registry says of ownership when it lets a publish pass; other registries send no such header."""
    try:
        said = json.loads(answer.headers.get("x-registrar-ownership", "[]"))
    except ValueError:
        return ()
    return tuple(clean(one, 500) for one in said if isinstance(one, str)) if isinstance(said, list) else ()


def objects(answer: Fetched) -> dict[str, Any]:
    """The answer's JSON object; `RegistryError` when it is none."""
    body = loads(answer)
    if not isinstance(body, dict):
        raise RegistryError(
            "unexpected-answer",
            f"{answer.url} did not answer with JSON",
            "check the registry's address",
            status=answer.status,
        )
    return body


def _items(answer: Fetched) -> list[Any]:
    items = objects(answer).get("servers")
    if items is not None and not isinstance(items, list):  # Go writes an empty list as null
        raise RegistryError(
            "unexpected-answer", f"{answer.url} did not answer with a list of servers", "check the registry's address"
        )
    return items or []
