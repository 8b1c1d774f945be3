"""One thing a rule found in a ``server.json`` or around it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

Severity = Literal["error", "warning", "info"]
Layer = Literal[
    "structure",  # the body's shape and JSON Schema
    "semantics",  # the registry's rules beyond the schema
    "publish-time",  # what the registry checks only when publishing, as far as it needs no network
    "consistency",  # the manifest against the project's files
    "ownership",  # the marker in the published package
    "registry",  # what the chosen registry already holds and allows
    "advice",  # accepted, and regretted later
]


class Finding(BaseModel):
    """A problem (or advice) with its cure.

    ``code``, ``path`` and ``message`` are the registry's own words where it has them. ``path`` uses the
    registry's bracket notation (``packages[0].transport.url``). ``hint`` says what to do in one sentence
    with the actual value; ``fix`` is a JSON Patch (RFC 6902) when a safe one exists. ``source`` names the
    rule or document the finding rests on. ``line`` and ``column`` count from 1 in the file, when there is a
    file. ``at`` is the path as keys and indexes of the document, for programs in this process.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    code: str
    severity: Severity
    path: str
    message: str
    layer: Layer
    hint: str | None = None
    fix: list[dict[str, Any]] | None = None
    source: str | None = None
    line: int | None = None
    column: int | None = None
    at: SkipJsonSchema[tuple[str | int, ...]] = Field(default=(), exclude=True, repr=False)
