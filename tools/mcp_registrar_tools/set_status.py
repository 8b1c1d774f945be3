"""Deprecate, delete (unpublish) or restore a published server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field

from mcp_registrar_tools.answer import Answer, clean
from mcp_registrar_tools.errors import InputError, RegistryError
from mcp_registrar_tools.registries import Status
from mcp_registrar_tools.workbench import Workbench

if TYPE_CHECKING:
    from mcp_registrar_tools.registries import Entry, Registry

STATUSES = ("active", "deprecated", "deleted")
SHOWN = 15


class StatusChange(BaseModel):
    """One version: what it was and what it is."""

    version: str
    before: str
    after: str
    message_before: str = ""
    message_after: str = ""


class StatusAnswer(Answer):
    """Every version that was meant; ``changed`` is False when all were so already."""

    name: str
    registry: str
    changed: bool = True
    versions: list[StatusChange] = Field(default_factory=list)
    note: str = ""
    undo: str = ""

    def lines(self) -> list[str]:
        if not self.changed:
            many = (
                f"All {len(self.versions)} versions"
                if len(self.versions) > 1
                else f"Version {self.versions[0].version}"
            )
            return [f"{many} of {self.name} in {self.registry}: already {self.versions[0].after}, nothing to change."]
        lines = [f"{self.name} in {self.registry}:"]
        for change in self.versions[:SHOWN]:
            was = f" ({clean(change.message_before, 80)})" if change.message_before else ""
            lines.append(f"- {change.version}: {change.before}{was} -> {change.after}")
        if len(self.versions) > SHOWN:
            lines.append(f"and {len(self.versions) - SHOWN} more versions")
        if message := self.versions[0].message_after:
            lines.append(f"Message: {clean(message, 200)}")
        return lines + [line for line in (self.note, self.undo and f"To undo: {self.undo}") if line]


def argument_problem(status: str, name: str, version: str, all_versions: bool) -> str | None:
    """What is wrong with the arguments, in the words of the official publisher's ``status`` command."""
    if not status:
        return "--status flag is required (active, deprecated, or deleted)"
    if status not in STATUSES:
        return f"invalid status '{clean(status, 40)}'. Must be one of: active, deprecated, deleted"
    if not name:
        return "server name is required"
    if not version and not all_versions:
        return "version is required unless --all-versions flag is set"
    return None


async def set_status(
    bench: Workbench,
    name: Annotated[str, Field(description="namespace/name")],
    status: Annotated[Status, Field(description="deleted: unpublish")],
    version: Annotated[str, Field(description="unless all_versions")] = "",
    all_versions: Annotated[bool, Field(description="every version")] = False,
    message: Annotated[str, Field(description="shown to users", max_length=500)] = "",
    registry: Annotated[str, Field(description="as in publish")] = "",
) -> StatusAnswer:
    """Deprecate, delete (unpublish) or restore a published server."""
    from mcp_registrar_tools.registries import connect
    from mcp_registrar_tools.registries.names import resolve

    problem = argument_problem(status, name, version, all_versions)
    if version and all_versions:
        problem = "both a version and all versions are asked for"
    if problem:
        raise InputError("status-arguments", problem, 'give version="…", or all_versions=true for every version')
    if message and status == "active":
        raise InputError(
            "status-message",
            "status_message cannot be provided when setting status to active",
            "leave the message out; it is cleared",
        )
    target = await connect(bench, registry)
    if status not in target.statuses:
        possible = ", ".join(target.statuses)
        raise RegistryError(
            "status-unsupported",
            f"{target.name} ({target.kind}) knows no status {status!r}, only {possible}",
            f'use status="{target.statuses[-1]}", or a registry that keeps this status',
        )
    before = await current(target, name, version)
    await permitted(target, name)

    wanted = [item for item in before if item.status != status or item.status_message != message]
    changes = [
        StatusChange(
            version=clean(str(item.server.get("version")), 255),
            before=item.status,
            after=status,
            message_before=clean(item.status_message, 500),
            message_after=message,
        )
        for item in before
    ]
    undo = ""
    if len(before) == 1 and before[0].status in target.statuses:
        undo = f'set_status(name="{name}", status="{before[0].status}", version="{changes[0].version}"'
        undo += f', registry="{target.name}")'
    result = StatusAnswer(name=name, registry=target.name, versions=changes)
    if not wanted:
        return result.model_copy(update={"changed": False})

    if not resolve(bench.settings, registry).private and (status == "deleted" or all_versions):
        what = f"all {len(before)} versions of {name}" if all_versions else f"{name} {version}"
        if await bench.ask.confirm(f"Set {what} in {target.url} to {status}?") is False:
            raise InputError("declined", f"{what} stays as it is: you said no", "nothing is left to do")

    after = await target.set_status(name, status, version=version or None, message=message)
    seen = {str(item.server.get("version")): item.status for item in after}
    for change in changes:
        change.after = seen.get(change.version, change.after)
    note = ""
    if target.kind == "agentregistry-apply":
        note = "This registry removes what is deleted; publish it again to bring it back."
    elif message and target.kind == "agentregistry-v0":
        note = "This registry keeps no message."
    return result.model_copy(update={"versions": changes, "note": note, "undo": undo})


async def current(target: Registry, name: str, version: str) -> list[Entry]:
    """The versions that are meant, as they are now. Raises `RegistryError` when there is none."""
    if version:
        item = await target.get(name, version, include_deleted=True)
        if item is not None:
            return [item]
        versions = [str(i.server.get("version")) for i in await target.versions(name, include_deleted=True)]
        if versions:
            there = ", ".join(clean(v, 60) for v in versions[:10])
            raise RegistryError(
                "not-found",
                f"{target.name} has no version {clean(version, 80)} of {name}",
                f"its versions: {there}",
                status=404,
            )
    elif items := await target.versions(name, include_deleted=True):
        return items
    raise RegistryError(
        "not-found",
        f"{target.name} has no server {clean(name, 200)}",
        f'search(words="{clean(name, 200)}", registry="{target.name}")',
        status=404,
    )


async def permitted(target: Registry, name: str) -> None:
    """Raise with the cure when the registry would say 403: a change needs publish or edit on the name."""
    from mcp_registrar_tools.registries.tokens import prediction

    grants = await target.grants()
    if grants is None or grants.allows(name, "publish", "edit"):
        return
    message, hint = prediction(grants, name) or ("", "")
    raise RegistryError("forbidden", f"{target.name}: {message}", hint, status=403)
