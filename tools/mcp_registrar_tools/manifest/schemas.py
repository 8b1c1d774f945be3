"""JSON Schemas of ``server.json`` for every date the registry knows, made from one description.

They accept and refuse exactly what the official files of those dates do (the copies embedded in the
registry) and keep their definition names, because the registry names definitions in its answers. They are
written from the field tables of the reference, not copied: no annotations, and each date is said as its
difference from the others.
"""

from __future__ import annotations

import copy
import re
from functools import cache
from typing import Any

VERSIONS = ("2025-07-09", "2025-09-16", "2025-09-29", "2025-10-11", "2025-10-17", "2025-12-11")
"""The dates, oldest first."""
CURRENT = VERSIONS[-1]

PUBLISHER_PROVIDED = "io.modelcontextprotocol.registry/publisher-provided"
OFFICIAL = "io.modelcontextprotocol.registry/official"
NAME_PATTERN = "^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$"
SHA256_PATTERN = "^[a-f0-9]{64}$"
URL_PATTERN = r"^https?://[^\s]+$"

FORMATS = ("string", "number", "boolean", "filepath")
MIME_TYPES = ("image/png", "image/jpeg", "image/jpg", "image/svg+xml", "image/webp")
THEMES = ("light", "dark")
STATUSES = ("active", "deprecated", "deleted")

_VERSION_IN_URL = re.compile(r"/schemas/([A-Za-z0-9_~.-]+)/server\.schema\.json")


def url(version: str) -> str:
    """The ``$schema`` of a date."""
    return f"https://static.modelcontextprotocol.io/schemas/{version}/server.schema.json"


CURRENT_URL = url(CURRENT)


def version_of(schema_url: str) -> str | None:
    """The version that a ``$schema`` names, as the registry finds it: anywhere in the text, on any host."""
    found = _VERSION_IN_URL.search(schema_url)
    return found[1] if found else None


def schema(version: str) -> dict[str, Any]:
    """A new copy of the JSON Schema (draft-07) of one date; raises KeyError for a date that is not in `VERSIONS`."""
    return copy.deepcopy(shared(version))


@cache
def shared(version: str) -> dict[str, Any]:
    """Like `schema`, without copying: not to be changed."""
    if version not in VERSIONS:
        raise KeyError(version)
    made = _make(version)
    return _snake(made) if version == "2025-07-09" else made


Json = dict[str, Any]

_STRING: Json = {"type": "string"}
_BOOLEAN: Json = {"type": "boolean"}
_URI: Json = {"type": "string", "format": "uri"}


def _text(**limits: Any) -> Json:
    return {"type": "string", **limits}


def _object(properties: Json, required: tuple[str, ...] = (), **more: Any) -> Json:
    made: Json = {"type": "object", "properties": properties, **more}
    if required:
        made["required"] = list(required)
    return made


def _ref(name: str) -> Json:
    return {"$ref": f"#/definitions/{name}"}


def _array(items: Json) -> Json:
    return {"type": "array", "items": items}


def _one_of_words(*words: str) -> Json:
    return {"type": "string", "enum": list(words)}


def _inputs(version: str) -> Json:
    plain: Json = {
        "description": _STRING,
        "isRequired": _BOOLEAN,
        "format": _one_of_words(*FORMATS),
        "value": _STRING,
        "isSecret": _BOOLEAN,
        "default": _STRING,
        "choices": _array(_STRING),
    }
    if version >= "2025-10-11":
        plain["placeholder"] = _STRING
    with_variables = _object({"variables": {"type": "object", "additionalProperties": _ref("Input")}})
    positional = _object(
        {"type": _one_of_words("positional"), "valueHint": _STRING, "isRepeated": _BOOLEAN},
        ("type",),
        anyOf=[{"required": ["valueHint"]}, {"required": ["value"]}],
    )
    named = _object({"type": _one_of_words("named"), "name": _STRING, "isRepeated": _BOOLEAN}, ("type", "name"))
    return {
        "Input": _object(plain),
        "InputWithVariables": {"allOf": [_ref("Input"), with_variables]},
        "KeyValueInput": {"allOf": [_ref("InputWithVariables"), _object({"name": _STRING}, ("name",))]},
        "PositionalArgument": {"allOf": [_ref("InputWithVariables"), positional]},
        "NamedArgument": {"allOf": [_ref("InputWithVariables"), named]},
        "Argument": {"anyOf": [_ref("PositionalArgument"), _ref("NamedArgument")]},
    }


def _transports(version: str) -> Json:
    patterned = version >= "2025-12-11"
    headers = _array(_ref("KeyValueInput"))
    streamable_url = _text(pattern=URL_PATTERN) if patterned else _STRING
    sse_url = _text(pattern=URL_PATTERN) if patterned else _URI
    made: Json = {
        "StdioTransport": _object({"type": _one_of_words("stdio")}, ("type",)),
        "StreamableHttpTransport": _object(
            {"type": _one_of_words("streamable-http"), "url": streamable_url, "headers": headers},
            ("type", "url"),
        ),
        "SseTransport": _object({"type": _one_of_words("sse"), "url": sse_url, "headers": headers}, ("type", "url")),
    }
    if patterned:
        variables = _object({"variables": {"type": "object", "additionalProperties": _ref("Input")}})
        made["LocalTransport"] = _local_transport()
        made["RemoteTransport"] = {"allOf": [_remote_transport(), variables]}
    return made


def _local_transport() -> Json:
    return {"anyOf": [_ref("StdioTransport"), _ref("StreamableHttpTransport"), _ref("SseTransport")]}


def _remote_transport() -> Json:
    return {"anyOf": [_ref("StreamableHttpTransport"), _ref("SseTransport")]}


def _package(version: str) -> Json:
    required = ["registryType", "identifier", "version", "transport"]
    more: Json = {"additionalProperties": False}
    if version >= "2025-10-11":
        required.remove("version")
        more = {}
    package_version = _text(minLength=1, **{"not": {"const": "latest"}})
    if version >= "2025-12-11":
        package_version["maxLength"] = 255
    return _object(
        {
            "registryType": _STRING,
            "registryBaseUrl": _URI,
            "identifier": _STRING,
            "version": package_version,
            "fileSha256": _text(pattern=SHA256_PATTERN),
            "runtimeHint": _STRING,
            "transport": _ref("LocalTransport") if version >= "2025-12-11" else _local_transport(),
            "runtimeArguments": _array(_ref("Argument")),
            "packageArguments": _array(_ref("Argument")),
            "environmentVariables": _array(_ref("KeyValueInput")),
        },
        tuple(required),
        **more,
    )


def _make(version: str) -> Json:
    basic: Json = {
        "name": _text(minLength=3, maxLength=200, pattern=NAME_PATTERN),
        "description": _text(minLength=1, maxLength=100),
        "repository": _ref("Repository"),
        "version": _text(maxLength=255),
        "websiteUrl": _URI,
    }
    remote = _ref("RemoteTransport") if version >= "2025-12-11" else _remote_transport()
    free: Json = {"type": "object", "additionalProperties": True}
    meta = _object({PUBLISHER_PROVIDED: free})
    detail: Json = {
        "$schema": _URI,
        "packages": _array(_ref("Package")),
        "remotes": _array(remote),
        "_meta": meta,
    }
    required = ("name", "description", "version")
    definitions: Json = {
        "Repository": _object({"url": _URI, "source": _STRING, "id": _STRING, "subfolder": _STRING}, ("url", "source")),
        "Package": _package(version),
        **_inputs(version),
        **_transports(version),
    }
    if version >= "2025-10-11":
        basic["title"] = _text(minLength=1, maxLength=100)
        basic["icons"] = _array(_ref("Icon"))
        definitions["Icon"] = _object(
            {
                "src": _text(format="uri", maxLength=255),
                "mimeType": _one_of_words(*MIME_TYPES),
                "sizes": _array(_text(pattern=r"^(\d+x\d+|any)$")),
                "theme": _one_of_words(*THEMES),
            },
            ("src",),
        )
        definitions["ServerDetail"] = _object({**basic, **detail}, required)
    else:
        meta["additionalProperties"] = True
        if version < "2025-09-29":
            basic["status"] = _one_of_words(*STATUSES)
            meta["properties"][OFFICIAL] = free
        definitions["Server"] = _object(basic, required)
        definitions["ServerDetail"] = {"allOf": [_ref("Server"), _object(detail)]}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": url(version),
        "title": f"server.json of {version}",
        **_ref("ServerDetail"),
        "definitions": definitions,
    }


SNAKE_CASE = {
    "registryType": "registry_type",
    "registryBaseUrl": "registry_base_url",
    "fileSha256": "file_sha256",
    "runtimeHint": "runtime_hint",
    "runtimeArguments": "runtime_arguments",
    "packageArguments": "package_arguments",
    "environmentVariables": "environment_variables",
    "isRequired": "is_required",
    "isSecret": "is_secret",
    "valueHint": "value_hint",
    "isRepeated": "is_repeated",
    "websiteUrl": "website_url",
}
"""Today's key -> its name in 2025-07-09. The registry's own migration renames exactly these."""


def _snake(node: Any) -> Any:
    """The same schema with the keys of 2025-07-09, in ``properties`` and in ``required``."""
    if isinstance(node, list):
        return [_snake(item) for item in node]
    if not isinstance(node, dict):
        return node
    made: Json = {}
    for key, value in node.items():
        if key == "properties":
            made[key] = {SNAKE_CASE.get(name, name): _snake(inner) for name, inner in value.items()}
        elif key == "required":
            made[key] = [SNAKE_CASE.get(name, name) for name in value]
        else:
            made[key] = _snake(value)
    return made
