"""A registry's no, in its own words, with the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_registrar_tools.answer import clean
from mcp_registrar_tools.errors import LoginError, RegistryError

if TYPE_CHECKING:
    from mcp_registrar_tools.outbound import Fetched
    from mcp_registrar_tools.registries.session import Session


def refusal(
    name: str, status: int, answer: Fetched | None, session: Session | None = None
) -> RegistryError | LoginError:
    """The error for an HTTP answer that is not what was hoped for. Secrets of the session are cut out of it."""
    body = loads(answer) if answer else None
    title, causes = "", []
    if isinstance(body, dict):
        title = str(body.get("detail") or body.get("title") or body.get("message") or body.get("error") or "")
        for error in body.get("errors") or []:
            if isinstance(error, dict) and error.get("message"):
                where = f"{error['location']}: " if error.get("location") else ""
                causes.append(where + str(error["message"]))
    elif answer is not None and answer.headers.get("content-type", "").startswith("text/plain"):
        title = answer.body.decode("utf-8", "replace")
    said = " – ".join([part for part in (title, "; ".join(causes[:10])) if part]) or "no reason given"
    said = clean(session.redact(said) if session else said, 1500)
    message = f"{name}: {said} (HTTP {status})"
    code, hint = remedy(status, said, name)
    if status == 401:
        return LoginError(code, message, hint)
    return RegistryError(code, message, hint, status=status)


def remedy(status: int, said: str, name: str) -> tuple[str, str]:
    """Code and next step for a refusal in the registry's words."""
    text = said.lower()
    if status == 401:
        return "login-refused", f'log in again with login(registry="{name}")'
    if status == 403:
        return (
            "forbidden",
            f'log in as an owner of this namespace, or rename the server; login(registry="{name}") lists yours',
        )
    if "duplicate version" in text:
        return "version-exists", "raise the version in server.json; a version that was published once is taken for ever"
    if "is already used by server" in text:
        return "remote-url-in-use", "use another remote URL, or delete the other server's version that holds it"
    if "registry validation failed for package" in text:
        return (
            "ownership",
            "put the ownership marker into the package and release it; validate(ownership=true) checks that",
        )
    if "must contain at least 3 characters" in text:
        return "search-too-short", "search for a word of three characters or more"
    if "query." in text:
        return "invalid-query", "correct that argument; a cursor is the one of the previous answer, or leave it out"
    if "call /validate" in text or status == 422:
        return "invalid-document", "validate(path=…) shows every problem with its fix"
    if "status_message" in text or "no changes to apply" in text:
        return "status-refused", "give another status or message"
    if "removed from deployment first" in text:
        return "deployed", "stop it in the registry's own user interface (Deployed, Remove), then call again"
    if status == 429:
        return "rate-limited", "wait a minute and call again"
    if status >= 500:
        return "registry-unavailable", "call again in a minute; a publish that did arrive is recognised"
    if status == 404:
        return "not-found", f'search(registry="{name}") shows what is there'
    if 300 <= status < 400:
        return "redirected", "the registry has moved: use the address that it names"
    return "registry-refused", "correct what the registry names and call again"


def unavailable(url: str, status: int) -> RegistryError:
    """The registry is there and cannot answer now."""
    if status == 429:
        return RegistryError(
            "rate-limited", f"{url} limits requests (HTTP 429)", "wait a minute and call again", status=429
        )
    return RegistryError(
        "registry-unavailable", f"{url} cannot answer now (HTTP {status})", "call again in a minute", status=status
    )


def loads(answer: Fetched) -> Any:
    """The answer's JSON, None when it is none."""
    try:
        return answer.json()
    except ValueError:
        return None
