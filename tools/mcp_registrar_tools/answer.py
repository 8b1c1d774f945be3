"""What every tool answers with: facts for programs, a short text for a model or a person."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

TEXT_LIMIT = 4096
"""Characters an answer aims at; `HARD_LIMIT` is where it is cut. Clients cut tool results at about 10 KB."""
HARD_LIMIT = 8192

# C0 and C1 controls except tab and newline, zero-width and bidirectional marks, tags, variation selectors,
# soft hyphen, byte-order mark: invisible to a person, read by a model.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff]"
)


def clean(text: str, limit: int | None = None) -> str:
    """Text from outside (a README, a registry's answer, a log) made safe to show: invisible characters removed.

    With ``limit`` the result is at most that many characters and ends in ``…`` when something was cut.
    """
    text = _INVISIBLE.sub("", text)
    return text if limit is None or len(text) <= limit else text[: limit - 1] + "…"


def quoted(text: str) -> str:
    """A text as it is written in a call such as ``publish(path="…")``."""
    return json.dumps(clean(text, 300), ensure_ascii=False)


class Answer(BaseModel):
    """Base of all results. ``next`` is the call or command that comes next, empty when nothing is left to do."""

    # Built at first use: a host waits for the start of this process, and most answers are never given.
    model_config = ConfigDict(extra="forbid", defer_build=True)

    FORMATS: ClassVar[tuple[str, ...]] = ()

    next: str = Field(default="", description="the next call")

    def lines(self) -> list[str]:
        """The text answer, without the next step. Subclasses say it in as few words as they can."""
        raise NotImplementedError

    def text(self) -> str:
        """`lines` and the next step, at most `HARD_LIMIT` characters, without invisible characters."""
        tail = f"\nNext: {self.next}" if self.next else ""
        return clean("\n".join(self.lines()), HARD_LIMIT - len(tail)) + clean(tail)

    def files(self) -> list[Path]:
        """Files that were written, for a client to open."""
        return []

    def render(self, form: str) -> str:
        """The answer in one of the further formats that a subclass names in ``FORMATS`` (for editors and CI)."""
        raise NotImplementedError(form)

    def exit_code(self) -> int:
        """What the command line exits with: 0 when what was asked for is so."""
        return 0
