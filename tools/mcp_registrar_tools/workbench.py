"""What a tool needs from the outside world, handed to it by whichever door was used."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from mcp_registrar_tools.outbound import Outbound

Progress = Callable[[float, float | None, str], Awaitable[None]]
"""``await progress(done, total, message)``; ``total`` is None when unknown."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a user can set. Each has an environment variable, see `mcp_registrar.settings`."""

    registry: str = field(default="local", metadata={"help": "registry used when a call names none"})
    data_dir: Path = field(default=Path(), metadata={"help": "where the embedded registry and credentials are kept"})
    database_url: str | None = field(
        default=None,
        metadata={"help": "postgresql://… for the embedded registry; SQLite in data_dir without it"},
    )
    registries: Mapping[str, str] = field(
        default_factory=dict, metadata={"help": "registries by name, `name=URL` separated by commas"}
    )
    ownership: Literal["enforce", "report", "off"] = field(
        default="report", metadata={"help": "whether the embedded registry checks the packages it is told of"}
    )
    npm_url: str | None = field(default=None, metadata={"help": "npm registry to verify against"})
    pypi_url: str | None = field(default=None, metadata={"help": "PyPI index to verify against"})
    nuget_url: str | None = field(default=None, metadata={"help": "NuGet service index to verify against"})
    cargo_url: str | None = field(default=None, metadata={"help": "crates.io to verify against"})
    oci_mirror: str | None = field(
        default=None,
        metadata={"help": "where image registries are really reached, `host=URL` separated by commas"},
    )
    trusted_origins: tuple[str, ...] = field(
        default=(),
        metadata={"help": "origins (https://host:port) that may be private or plain http, separated by commas"},
    )
    ca_file: Path | None = field(
        default=None, metadata={"help": "PEM file of a certificate authority to trust in addition"}
    )
    dns_server: str | None = field(default=None, metadata={"help": "DNS server `address:port` for TXT look-ups"})
    github_url: str | None = field(
        default=None, metadata={"help": "GitHub, for device login (default https://github.com)"}
    )
    github_api_url: str | None = field(default=None, metadata={"help": "GitHub's API (default https://api.github.com)"})
    log_level: str = field(default="WARNING", metadata={"help": "DEBUG, INFO, WARNING or ERROR, on standard error"})


class Asker(Protocol):
    """Asking the person, where the client can. Each answer is None when this client cannot be asked."""

    patience: float
    """Seconds that a call may wait for the person to act elsewhere, before the client gives the call up."""

    async def confirm(self, question: str) -> bool | None:
        """A yes or no. The question must depend on the arguments only: a stateless client asks by calling again."""

    async def visit(self, message: str, url: str) -> bool | None:
        """Send the person to a page; True when they say that they went."""


class NobodyToAsk:
    """An `Asker` for clients that cannot ask."""

    patience = 40.0

    async def confirm(self, question: str) -> bool | None:
        return None

    async def visit(self, message: str, url: str) -> bool | None:
        return None


async def _silent(done: float, total: float | None, message: str) -> None:
    return None


@dataclass(kw_only=True)
class Workbench:
    """Settings, the way out, the embedded registry, progress and the person.

    ``local_registry`` opens the embedded registry in this process at first use and returns an `Outbound` whose
    transport leads there (the paths of the official API under any base URL).
    """

    settings: Settings
    outbound: Outbound
    local_registry: Callable[[], Awaitable[Outbound]]
    progress: Progress = _silent
    ask: Asker = field(default_factory=NobodyToAsk)
