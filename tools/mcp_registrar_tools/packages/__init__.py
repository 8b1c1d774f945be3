"""Package types: all that is special to one stands in one file, found through `TYPES`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from mcp_registrar_tools.findings import Finding
    from mcp_registrar_tools.launch import Text
    from mcp_registrar_tools.outbound import Outbound
    from mcp_registrar_tools.packages.found import Found, Marker
    from mcp_registrar_tools.project.edits import Edit
    from mcp_registrar_tools.project.walk import Project


class PackageType(Protocol):
    """What a module of this folder offers. Reading blocks; nothing of the project is ever run."""

    def detect(self, project: Project) -> list[Found]:
        """Every package of this type in the project, whether or not it is published."""

    def entry(self, found: Found, version: str | None) -> dict[str, Any]:
        """Its `packages[]` element; ``version`` is used where the package itself states none."""

    def marker(self, project: Project, found: Found, server_name: str) -> Marker:
        """Where its ownership marker stands or must go."""

    def write_marker(self, mark: Marker, server_name: str) -> Edit | None:
        """The edit that puts it there, None when nothing is to do. Raises OSError, UnicodeDecodeError, ValueError."""

    def launch(
        self, package: Mapping[str, Any], runtime: list[Text], own: list[Text], *, env: list[str], port: int | None
    ) -> tuple[list[Text], str]:
        """The command line a client starts an entry with (empty when there is none), and what to do before.

        ``runtime`` and ``own`` are the entry's resolved arguments, ``env`` the names of variables that are passed on,
        ``port`` where its HTTP transport listens.
        """

    def field_problems(self, package: Mapping[str, Any]) -> list[str]:
        """What the registry refuses in an entry without asking anybody, in its words and order."""

    async def verify(
        self, package: Mapping[str, Any], server_name: str, outbound: Outbound, base_url: str, *, extras: bool = True
    ) -> list[Finding]:
        """Whether the published package says that it is this server's; see `packages.published`.

        ``package`` has passed `field_problems`. Findings of severity ``error`` are the verdict, at most one.
        """


class _Types(Mapping[str, PackageType]):
    """Loads a type's module at first use: most calls need one or none."""

    _names = ("npm", "pypi", "nuget", "cargo", "oci", "mcpb")

    def __getitem__(self, registry_type: str) -> PackageType:
        if registry_type not in self._names:
            raise KeyError(registry_type)
        return cast("PackageType", import_module(f"{__name__}.{registry_type}"))

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


TYPES: Mapping[str, PackageType] = _Types()
"""Registry types in the order of the official documents, each with its module."""
