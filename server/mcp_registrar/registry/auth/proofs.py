"""Errors and answers that all ways of proving an identity share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mcp_registrar.registry.auth.permissions import Permission


class Grant(NamedTuple):
    """Who proved to be whom, and what that allows."""

    subject: str
    permissions: Sequence[Permission]


class Refused(Exception):
    """The proof does not hold; the text says why. ``told`` is False when the caller must not learn it."""

    def __init__(self, message: str, *, told: bool = True) -> None:
        super().__init__(message)
        self.told = told
