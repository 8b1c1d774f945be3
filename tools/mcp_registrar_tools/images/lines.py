"""A build's output as lines: handed on as progress, and the last ones of the current step kept for when it fails."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable

from mcp_registrar_tools.answer import clean
from mcp_registrar_tools.workbench import Progress

TAIL_LINES = 20
ERROR_LINES = 6
TAIL_CHARACTERS = 1600
LINE_CHARACTERS = 300

_STANDARD_ERROR = "\x1b[91m"  # how the engine marks it; the two streams arrive in no certain order
_TERMINAL = re.compile("\x1b\\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]")

# What the engine's own builder says of itself, of no use to who looks for a cause.
_HOUSEKEEPING = re.compile(r" ---> |Removing intermediate container|Successfully (built|tagged) ")

_TROUBLE = re.compile(
    r"\b(error|err!|fatal|fail(ed|ure|s)?|cannot|could not|can't|not found|no such|denied|unable|unknown|invalid)\b",
    re.IGNORECASE,
)

StepReader = Callable[[str], tuple[int, int, str] | None]
"""Reads number, total and instruction from a line that opens a step."""


class LineView:
    """Cuts a stream into lines and reports each as progress, numbered by the step it belongs to."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._rest = ""
        self._number, self._total = 0, 0
        self._instruction = ""
        self._lines: deque[str] = deque(maxlen=TAIL_LINES)
        self._errors: deque[str] = deque(maxlen=ERROR_LINES)
        self._count = 0
        self._reported = 0.0

    @property
    def step(self) -> str:
        """The step that is running, as a person names it: ``step 3/5 `RUN make` ``; empty before the first."""
        if not self._total:
            return ""
        return f"step {self._number}/{self._total} `{clean(self._instruction, 160)}`"

    def tail(self) -> str:
        """The last lines of the running step, with its last words on standard error if those came earlier."""
        return _joined(self._lines, self._errors)

    async def feed(self, text: str, read_step: StepReader) -> None:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            await self._line(line, read_step)

    async def flush(self, read_step: StepReader) -> None:
        if self._rest:
            await self._line(self._rest, read_step)
            self._rest = ""

    async def _line(self, line: str, read_step: StepReader) -> None:
        # A carriage return redraws a line: what stands after the last one is what a person would see.
        on_error = line.startswith(_STANDARD_ERROR)
        line = _TERMINAL.sub("", line).rstrip("\r").rsplit("\r", 1)[-1].rstrip()
        if not line.strip():
            return
        if (found := read_step(line)) is not None:
            self._number, self._total, self._instruction = found
            self._lines.clear()
            self._errors.clear()
            self._count = 0
        elif not _HOUSEKEEPING.match(line):
            self._lines.append(line[:LINE_CHARACTERS])
            if on_error or _TROUBLE.search(line):
                self._errors.append(line[:LINE_CHARACTERS])
        self._count += 1
        # A progress value has to grow with each message: the step, and within it a share that never reaches the next.
        done = max(self._number - 1, 0) + self._count / (self._count + 20)
        self._reported = max(done, self._reported + 1e-6)
        await self._progress(self._reported, float(self._total) or None, clean(line, LINE_CHARACTERS))


def tail_of(lines: Iterable[str]) -> str:
    """The end of a step's output, and before it what looks like trouble further up."""
    last: deque[str] = deque(maxlen=TAIL_LINES)
    trouble: deque[str] = deque(maxlen=ERROR_LINES)
    for line in lines:
        if line.strip():
            last.append(line[:LINE_CHARACTERS])
            if _TROUBLE.search(line):
                trouble.append(line[:LINE_CHARACTERS])
    return _joined(last, trouble)


def _joined(last: Iterable[str], trouble: Iterable[str]) -> str:
    """Both within `TAIL_CHARACTERS`; the trouble is not what gets cut."""
    end = list(last)
    before = [line for line in trouble if line not in end]
    room = TAIL_CHARACTERS - sum(len(line) + 1 for line in before)
    return clean("\n".join([*before, "\n".join(end)[-max(room, 400) :]]))


class Steps:
    """Progress over several stages as one line that only rises."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._base = 0.0

    def next(self) -> Progress:
        start = self._base

        async def report(done: float, total: float | None, message: str) -> None:
            value = max(start + done, self._base + 1e-6)
            self._base = value
            await self._progress(value, None if total is None else max(start + total, value), message)

        return report
