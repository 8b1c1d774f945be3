"""The guides, for clients without resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from mcp_registrar_tools.answer import Answer
from mcp_registrar_tools.guides import Language, Topic, guide

if TYPE_CHECKING:
    from mcp_registrar_tools.workbench import Workbench


class GuideText(Answer):
    """A guide as Markdown."""

    topic: str
    language: str
    markdown: str

    def lines(self) -> list[str]:
        return [self.markdown.rstrip()]


async def read_guide(
    bench: Workbench,
    topic: Annotated[Topic, Field(description="subject")] = "publishing",
    language: Annotated[Language, Field(description="English or Korean")] = "en",
) -> GuideText:
    """Read a short guide; rarely needed: answers name the next call."""
    return GuideText(topic=topic, language=language, markdown=guide(topic, language))
