"""Names that people have used for what ``server.json`` calls otherwise today."""

from __future__ import annotations

from typing import Any

from mcp_registrar_tools.manifest import body
from mcp_registrar_tools.manifest.body import Struct
from mcp_registrar_tools.manifest.schemas import SNAKE_CASE

RENAMED = {snake: camel for camel, snake in SNAKE_CASE.items()}
"""Keys of 2025-07-09 -> today's."""

TOP_ALIASES = {"icon": "icons", "version_detail": "version", "versionDetail": "version", "homepage": "websiteUrl"}
PACKAGE_ALIASES = {
    "registry_name": "registryType",
    "registryName": "registryType",
    "registry": "registryType",
    "type": "registryType",
    "name": "identifier",
    "package": "identifier",
    "registry_url": "registryBaseUrl",
    "registryUrl": "registryBaseUrl",
    "runtime": "runtimeHint",
    "sha256": "fileSha256",
    "arguments": "packageArguments",
    "args": "packageArguments",
    "environment": "environmentVariables",
    "env": "environmentVariables",
    "transport_type": "transport",
    "transportType": "transport",
}
TRANSPORT_ALIASES = {"transport_type": "type", "transportType": "type", "transport": "type", "uri": "url"}
INPUT_ALIASES = {"required": "isRequired", "secret": "isSecret", "example": "placeholder", "enum": "choices"}
REPOSITORY_ALIASES = {"directory": "subfolder"}

TYPE_NAMES = {
    "docker": "oci", "dockerhub": "oci", "docker-hub": "oci", "container": "oci", "ghcr": "oci", "node": "npm",
    "pip": "pypi", "python": "pypi", "uvx": "pypi", "crates": "cargo", "crates.io": "cargo", "dxt": "mcpb",
}  # fmt: skip
TRANSPORT_NAMES = {
    "http": "streamable-http", "https": "streamable-http", "streamable": "streamable-http",
    "streamablehttp": "streamable-http", "streamable_http": "streamable-http", "http-stream": "streamable-http",
    "server-sent-events": "sse",
}  # fmt: skip


_OF = (
    (body.SERVER, TOP_ALIASES),
    (body.PACKAGE, PACKAGE_ALIASES),
    (body.TRANSPORT, TRANSPORT_ALIASES),
    (body.REPOSITORY, REPOSITORY_ALIASES),
)


def with_current_keys(value: Any, struct: Struct = body.SERVER) -> Any:
    """The document with every known old key under today's name, nothing else changed: what its author meant.

    A key whose place is taken stays as it is.
    """
    if not isinstance(value, dict):
        return value
    names = next((names for owner, names in _OF if owner is struct), INPUT_ALIASES)
    fields = {spec.name: spec for spec in struct.fields}
    made: dict[str, Any] = {}
    for key, inner in value.items():
        name = key if key in fields else RENAMED.get(key) or names.get(key, key)
        if name != key and (name in value or name in made or name not in fields):
            name = key
        spec = fields.get(name)
        made[name] = inner if spec is None or spec.struct is None else _inner(inner, spec.kind, spec.struct)
    return made


def _inner(value: Any, kind: str, struct: Struct) -> Any:
    if kind == "list" and isinstance(value, list):
        return [with_current_keys(item, struct) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: with_current_keys(item, struct) for key, item in value.items()}
    return with_current_keys(value, struct)
