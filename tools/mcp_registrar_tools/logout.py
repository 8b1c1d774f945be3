"""Forget a login."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mcp_registrar_tools.answer import Answer
from mcp_registrar_tools.workbench import Workbench


class LogoutAnswer(Answer):
    """``forgotten`` is False when there was no login."""

    registry: str
    forgotten: bool
    note: str = ""

    def lines(self) -> list[str]:
        first = f"Logged out of {self.registry}." if self.forgotten else f"There was no login to {self.registry}."
        return [first, self.note] if self.note else [first]


async def logout(bench: Workbench, registry: Annotated[str, Field(description="as in publish")] = "") -> LogoutAnswer:
    """Forget the login to a registry."""
    from mcp_registrar_tools.registries.names import for_login
    from mcp_registrar_tools.registries.session import Session

    place = for_login(bench.settings, registry)
    session = Session(bench, place)
    forgotten = await session.forget() if place.name != "local" else False
    left = session.credential() if place.name != "local" else None
    note = f"Still in force without a login: {left.described()}." if left else ""
    return LogoutAnswer(registry=place.name, forgotten=forgotten, note=note)
