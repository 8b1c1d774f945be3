"""Names that people have used for what ``server.json`` calls otherwise today."""

from __future__ import annotations

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
