"""Publishing, editing, changing status, validating: the official order of checks.

The body's shape comes first (422), then the token (401), then what the token allows (403), then the document's
rules (422), then what depends on packages and on what is stored (400).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from mcp_registrar.registry.api.reads import server_name, server_version
from mcp_registrar.registry.auth.permissions import EVERYTHING, Permission, allowed, patterns
from mcp_registrar.registry.http import Answer, Problem, Request, failed, invalid, json_answer
from mcp_registrar.registry.store.rows import MissingError, StoreError
from mcp_registrar.registry.store.writing import MESSAGE_WITH_ACTIVE
from mcp_registrar_tools.answer import clean

if TYPE_CHECKING:
    from mcp_registrar.registry.app import RegistryApp
    from mcp_registrar_tools.findings import Finding

T = TypeVar("T")

ORG_HINT = (
    ". If you're trying to publish to a GitHub organization, you may need to make your organization membership "
    "public in order to publish to it (https://github.com/orgs/<org>/people)"
)


async def _permissions(app: RegistryApp, request: Request) -> Sequence[Permission]:
    """What the caller may do. Raises `Problem` 401. The owner of this process needs no token."""
    if app.config.owner:
        return EVERYTHING
    from mcp_registrar.registry.auth.tokens import InvalidToken

    scheme, space, token = (request.header("authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not space:
        raise Problem(401, "Invalid Authorization header format. Expected 'Bearer <token>'")
    try:
        return (await app.tokens()).check(token)
    except InvalidToken as error:
        raise failed(401, "Invalid or expired Registry JWT token", str(error)) from None


def _missing_header(app: RegistryApp, request: Request) -> list[dict[str, Any]]:
    if app.config.owner or request.header("authorization"):
        return []
    return [{"message": "required header parameter is missing", "location": "header.Authorization", "value": ""}]


async def _document(app: RegistryApp, request: Request, *, open_to_all: bool = False) -> dict[str, Any]:
    """The body as the registry holds it (known fields, nothing empty), when its shape is right (layer B)."""
    from mcp_registrar_tools.manifest import body

    errors = [] if open_to_all else _missing_header(app, request)
    document, problems = body.bind(await request.json())
    errors += [{"message": p.message, "location": p.location, "value": p.value} for p in problems]
    if errors:
        raise invalid(*errors)
    return document


def _refuse_invalid(document: dict[str, Any], what: str) -> None:
    from mcp_registrar_tools import rules

    if any(finding.severity == "error" for finding in rules.publish_issues(document)):
        raise Problem(422, f"Failed to {what} server, invalid schema: call /validate for details")


async def _ownership(app: RegistryApp, document: dict[str, Any]) -> list[Finding]:
    """What is wrong with the packages' ownership, as far as this registry asks."""
    mode = app.config.ownership
    if mode == "off" or not document.get("packages"):
        return []
    from mcp_registrar.registry.ownership import problems

    return await problems(app, document)


OWNERSHIP_HEADER = "x-registrar-ownership"
"""On a publish that was let pass: what an enforcing registry would have said, a JSON array of strings in ASCII."""


async def _refuse_unowned(app: RegistryApp, document: dict[str, Any], title: str) -> dict[str, str]:
    """Refuse (400) where ownership is enforced; elsewhere log what is wrong and return it as a header."""
    findings = await _ownership(app, document)
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors and app.config.ownership == "enforce":
        raise failed(400, title, errors[0].message)
    if not findings:
        return {}
    app.report(document["name"], findings)
    return {OWNERSHIP_HEADER: json.dumps([clean(finding.message, 500) for finding in findings[:5]])}


def _entry_refusal(app: RegistryApp, document: dict[str, Any], finding: Finding) -> str:
    """What to say of a problem that needs no network, "" to go on.

    The fields of a package are part of its ownership check: enforced, that check finds them in its own order;
    switched off, the registry does not look at them at all.
    """
    from mcp_registrar_tools.rules import ownership

    if finding.at[:1] != ("packages",):
        return finding.message
    if app.config.ownership != "report":
        return ""
    index = int(finding.at[1])
    return ownership.wrapped(index, document["packages"][index]["identifier"], finding.message)


async def publish(app: RegistryApp, request: Request) -> Answer:
    from mcp_registrar_tools import rules

    document = await _document(app, request)
    permissions = await _permissions(app, request)
    name = document["name"]
    if not allowed(name, "publish", permissions):
        raise Problem(403, _no_permission(name, permissions))
    _refuse_invalid(document, "publish")
    title = "Failed to publish server"
    for finding in rules.publish_time_problems(document):
        if finding.severity == "error" and (message := _entry_refusal(app, document, finding)):
            raise failed(400, title, message)
    reported = await _refuse_unowned(app, document, title)
    try:
        row = await app.store.publish(document)
    except StoreError as error:
        raise failed(400, title, str(error)) from None
    answer = Answer(row.json())
    answer.headers |= reported
    return answer


def _no_permission(name: str, permissions: Sequence[Permission]) -> str:
    mine = patterns(permissions, "publish")
    have = f"You have permission to publish: {', '.join(mine)}" if mine else "You do not have any publish permissions"
    hint = ORG_HINT if name.startswith("io.github.") else ""
    return f"You do not have permission to publish this server. {have}. Attempting to publish: {name}{hint}"


async def edit(app: RegistryApp, request: Request) -> Answer:
    document = await _document(app, request)
    permissions = await _permissions(app, request)
    name, version = server_name(request), server_version(request)
    # "latest" is a way of reading, not a version that can be changed.
    current = None if version == "latest" else await app.store.get(name, version)
    if current is None:
        raise Problem(404, "Server not found")
    if not allowed(current.server_name, "edit", permissions):
        raise Problem(403, "You do not have edit permissions for this server")
    if document["name"] != current.server_name:
        raise Problem(400, "Cannot rename server")
    if document["version"] != version:
        raise Problem(400, "Version in request body must match URL path parameter")
    _refuse_invalid(document, "edit")
    title = "Failed to edit server"
    await _refuse_unowned(app, document, title)
    try:
        row = await app.store.edit(name, version, document)
    except MissingError as error:
        raise Problem(404, str(error)) from None
    except StoreError as error:
        raise failed(400, title, str(error)) from None
    return Answer(row.json())


async def _status_body(app: RegistryApp, request: Request) -> tuple[str, str | None]:
    errors = _missing_header(app, request)
    body = await request.json()
    if not isinstance(body, dict):
        raise invalid(*errors, {"message": "expected object", "location": "body", "value": body})
    if "status" not in body:
        errors.append({"message": "expected required property status to be present", "location": "body", "value": body})
    elif not isinstance(body["status"], str):
        errors.append({"message": "expected string", "location": "body.status", "value": body["status"]})
    elif body["status"] not in ("active", "deprecated", "deleted"):
        words = 'expected value to be one of "active, deprecated, deleted"'
        errors.append({"message": words, "location": "body.status", "value": body["status"]})
    message = body.get("statusMessage")
    if "statusMessage" in body and not isinstance(message, str):
        errors.append({"message": "expected string", "location": "body.statusMessage", "value": message})
    elif isinstance(message, str) and len(message) > 500:
        errors.append({"message": "expected length <= 500", "location": "body.statusMessage", "value": message})
    for key in sorted(body):
        if key not in ("status", "statusMessage", "$schema"):
            errors.append({"message": "unexpected property", "location": f"body.{key}", "value": body})
    if errors:
        raise invalid(*errors)
    if message and "\0" in message:
        raise failed(400, "Failed to update server status", "invalid byte sequence in statusMessage: 0x00")
    return body["status"], message


def _may_change(permissions: Sequence[Permission], name: str, missing: str, found: bool) -> None:
    if not found:
        raise Problem(404, missing)
    if not (allowed(name, "publish", permissions) or allowed(name, "edit", permissions)):
        raise Problem(403, "You do not have publish or edit permissions for this server")


async def set_status(app: RegistryApp, request: Request) -> Answer:
    status, message = await _status_body(app, request)
    permissions = await _permissions(app, request)
    name, version = server_name(request), server_version(request)
    current = await app.store.get(name, version, include_deleted=True)
    # "latest" is a way of reading, not a version that can be changed.
    found = current is not None and version != "latest"
    _may_change(permissions, name, "Server version not found", found)
    return Answer((await _apply(app.store.set_status(name, version, status, message))).json())


async def set_all_status(app: RegistryApp, request: Request) -> Answer:
    status, message = await _status_body(app, request)
    permissions = await _permissions(app, request)
    name = server_name(request)
    found = await app.store.get(name, "latest", include_deleted=True)
    _may_change(permissions, name, "Server not found", found is not None)
    rows = await _apply(app.store.set_all_status(name, status, message))
    body = ",".join(row.json() for row in rows)
    return Answer(f'{{"updatedCount":{len(rows)},"servers":[{body}]}}')


async def _apply(change: Awaitable[T]) -> T:
    try:
        return await change
    except MissingError as error:
        raise Problem(404, str(error)) from None
    except StoreError as error:
        text = str(error)
        if text.startswith("No changes to apply") or text == MESSAGE_WITH_ACTIVE:
            raise Problem(400, text) from None
        raise failed(400, "Failed to update server status", text) from None


async def validate(app: RegistryApp, request: Request) -> Answer:
    from mcp_registrar_tools import rules

    document = await _document(app, request, open_to_all=True)
    findings = [*rules.publish_issues(document), *rules.schema_issues(document)]
    valid = not any(finding.severity == "error" for finding in findings)
    return json_answer({"valid": valid, "issues": [rules.issue(finding) for finding in findings]})


ROUTES: tuple[tuple[str, str, Callable[[RegistryApp, Request], Awaitable[Answer]]], ...] = (
    ("POST", "/publish", publish),
    ("POST", "/validate", validate),
    ("PUT", "/servers/{server_name}/versions/{version}", edit),
    ("PATCH", "/servers/{server_name}/versions/{version}/status", set_status),
    ("PATCH", "/servers/{server_name}/status", set_all_status),
)
