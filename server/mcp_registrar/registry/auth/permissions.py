"""What a token allows (internal/auth of the official registry)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

BLOCKED = (
    "your namespace is blocked. raise an issue at https://github.com/modelcontextprotocol/registry/ "
    "if you think this is a mistake"
)


class Permission(NamedTuple):
    """``action`` on every server name that ``resource`` covers."""

    action: str
    resource: str

    def json(self) -> dict[str, str]:
        return {"action": self.action, "resource": self.resource}


EVERYTHING = (Permission("publish", "*"), Permission("edit", "*"))


def permissions_of(value: Any) -> list[Permission]:
    """The ``permissions`` claim of a token; what is not one is left out."""
    if not isinstance(value, list):
        return []
    return [
        Permission(str(each.get("action", "")), str(each.get("resource", "")))
        for each in value
        if isinstance(each, dict)
    ]


def covers(pattern: str, name: str) -> bool:
    """``*`` covers all; a pattern that ends in ``*`` covers what begins like it; else both are equal."""
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    return pattern == name


def allowed(name: str, action: str, permissions: Iterable[Permission]) -> bool:
    """Whether one of the permissions is for this action on this server name."""
    return any(each.action == action and covers(each.resource, name) for each in permissions)


def patterns(permissions: Iterable[Permission], action: str) -> list[str]:
    """The patterns of one action, in order."""
    return [each.resource for each in permissions if each.action == action]


def is_blocked(permissions: Sequence[Permission], blocked: Iterable[str]) -> bool:
    """Whether a token with these permissions would reach into a blocked namespace. An administrator's may."""
    if any(each.resource == "*" for each in permissions):
        return False
    return any(
        allowed(f"{namespace}/test", "publish", permissions) or allowed(f"{namespace}.test/x", "publish", permissions)
        for namespace in blocked
    )
