"""Requests and answers in the official registry's shapes."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

BODY_LIMIT = 1024 * 1024
"""Bytes of a request body; the official framework's default."""
DRAIN_LIMIT = 8 * BODY_LIMIT
"""What is read of a larger one before it is refused: a client that is still sending would not see the answer."""

Receive = Callable[[], Awaitable[Mapping[str, Any]]]

_HEX_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Problem(Exception):
    """A refusal: an RFC 9457 problem document. ``errors`` are ``{message, location?, value?}``."""

    def __init__(self, status: int, detail: str, errors: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors

    def body(self) -> bytes:
        problem: dict[str, Any] = {
            "title": HTTPStatus(self.status).phrase if self.status != 422 else "Unprocessable Entity",
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            problem["errors"] = list(self.errors)
        return json.dumps(problem).encode()


def failed(status: int, detail: str, message: str) -> Problem:
    """A refusal with one cause."""
    return Problem(status, detail, [{"message": message}])


def invalid(*errors: Mapping[str, Any]) -> Problem:
    """The framework's refusal of parameters or a body (layer B)."""
    kept = [{key: value for key, value in each.items() if value is not None} for each in errors]
    return Problem(422, "validation failed", kept)


class Answer:
    """A response: status, body and headers."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, body: bytes | str, status: int = 200, content_type: str = "application/json", **headers: str
    ) -> None:
        self.body = body.encode() if isinstance(body, str) else body
        self.status = status
        self.headers = {"content-type": content_type, **{k.replace("_", "-"): v for k, v in headers.items()}}


def json_answer(value: Any, status: int = 200) -> Answer:
    return Answer(json.dumps(value, ensure_ascii=False, separators=(",", ":")), status)


class Request:
    """What a handler sees of a request. ``parameters`` are the path's, decoded once."""

    __slots__ = ("_receive", "headers", "method", "parameters", "query_string", "route", "scope")

    def __init__(self, scope: Mapping[str, Any], receive: Receive) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.query_string: bytes = scope["query_string"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.parameters: dict[str, str] = {}
        self.route = ""
        self._receive = receive

    def header(self, name: str) -> str | None:
        value = self.headers.get(name.encode())
        return None if value is None else value.decode("latin-1")

    def query(self) -> dict[str, str]:
        """The first value of each parameter; an empty value is no value."""
        found: dict[str, str] = {}
        text = self.query_string.decode("latin-1")
        for key, value in parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="replace"):
            found.setdefault(key, value)
        return {key: value for key, value in found.items() if value}

    async def body(self) -> bytes:
        """The whole body. Raises `Problem` 413 when it reaches `BODY_LIMIT`."""
        parts: list[bytes] = []
        total = 0
        while total < DRAIN_LIMIT:
            message = await self._receive()
            if message["type"] != "http.request":
                raise Problem(408, "request body read timeout")
            part: bytes = message.get("body", b"")
            total += len(part)
            if total < BODY_LIMIT:
                parts.append(part)
            if not message.get("more_body"):
                break
        if total >= BODY_LIMIT:
            raise Problem(413, f"request body is too large limit={BODY_LIMIT} bytes")
        return b"".join(parts)

    async def json(self) -> Any:
        """The body as the official registry's decoder reads it. Raises `Problem`."""
        content_type = (self.header("content-type") or "application/json").partition(";")[0].strip().lower()
        if content_type != "application/json" and not content_type.endswith("+json"):
            raise Problem(
                415,
                "validation failed",
                [{"message": f"unknown content type: {content_type}", "location": "body"}],
            )
        body = await self.body()
        if not body:
            raise Problem(400, "request body is required")
        text = body.decode("utf-8", "replace")
        try:
            value = json.loads(text, parse_constant=_no_constant)
            if "\\u" in text:
                # A lone half of a surrogate pair becomes U+FFFD, as in Go.
                value = json.loads(
                    json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
                )
        except (ValueError, RecursionError) as error:
            raise Problem(
                400, "validation failed", [{"message": f"invalid JSON: {error}", "location": "body"}]
            ) from None
        return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def unescape(text: str, detail: str) -> str:
    """Percent-decoding, strict; ``detail`` is what the refusal says."""
    if "%" in text and _HEX_ESCAPE.search(text):
        raise failed(400, detail, f"invalid URL escape in {text!r}")
    try:
        result = unquote_to_bytes(text).decode()
    except UnicodeError:
        raise failed(400, detail, "not valid UTF-8") from None
    if "\0" in result:
        raise failed(400, detail, "null byte")
    return result


class Parameters:
    """A query's parameters. What is wrong with them is collected, and told all at once by `check`."""

    def __init__(self, query: Mapping[str, str]) -> None:
        self._query = query
        self._errors: list[dict[str, Any]] = []

    def text(self, name: str) -> str:
        """As it is, empty when absent."""
        return self._query.get(name, "")

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number in a range."""
        text = self._query.get(name)
        if text is None:
            return default
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
            self._refuse(name, "invalid integer", text)
            return default
        value = int(text)
        if value < low:
            self._refuse(name, f"expected number >= {low}", value)
        elif value > high:
            self._refuse(name, f"expected number <= {high}", value)
        return value

    def boolean(self, name: str) -> bool | None:
        """A truth value as Go reads it, None when absent."""
        text = self._query.get(name)
        if text in ("1", "t", "T", "TRUE", "true", "True"):
            return True
        if text in ("0", "f", "F", "FALSE", "false", "False"):
            return False
        if text is not None:
            self._refuse(name, "invalid boolean", text)
        return None

    def choice(self, name: str, allowed: Sequence[str]) -> str:
        """One of the allowed words, empty when absent."""
        text = self.text(name)
        if text and text not in allowed:
            self._refuse(name, f'expected value to be one of "{", ".join(allowed)}"', text)
        return text

    def check(self) -> None:
        """Raises `Problem` 422 with the framework's words when something was wrong."""
        if self._errors:
            raise invalid(*self._errors)

    def _refuse(self, name: str, message: str, value: Any) -> None:
        self._errors.append({"message": message, "location": f"query.{name}", "value": value})
