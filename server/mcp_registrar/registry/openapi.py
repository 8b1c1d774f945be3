"""The API described for programs (OpenAPI 3.1) and, from the same description, for people at ``/docs``."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from mcp_registrar.registry.http import Answer, Request, json_answer

if TYPE_CHECKING:
    from mcp_registrar.registry.app import RegistryApp

PREFIXES = ("/v0.1", "/v0")
CORE_SCHEMA = "ServerDetail"

_STRING = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}


async def as_json(app: RegistryApp, request: Request) -> Answer:
    return json_answer(document())


async def as_yaml(app: RegistryApp, request: Request) -> Answer:
    import yaml

    text = yaml.safe_dump(document(), sort_keys=False, allow_unicode=True)
    return Answer(text, content_type="application/yaml; charset=utf-8")


async def docs(app: RegistryApp, request: Request) -> Answer:
    from mcp_registrar.registry.catalogue import html

    operations = [
        {
            "method": method.upper(),
            "path": path,
            "summary": operation["summary"],
            "parameters": [each["name"] for each in operation.get("parameters", []) if each["in"] == "query"],
            "statuses": sorted(operation["responses"]),
        }
        for path, methods in document()["paths"].items()
        if not path.startswith("/v0/")
        for method, operation in methods.items()
    ]
    return html("docs.html", here="docs", operations=operations)


@cache
def document() -> dict[str, Any]:
    """The whole description."""
    from mcp_registrar_tools.version import VERSION

    paths: dict[str, Any] = {}
    for prefix in PREFIXES:
        for path, methods in _paths().items():
            paths[prefix + path] = {
                method: {**operation, "operationId": _operation_id(prefix, method, path)}
                for method, operation in methods.items()
            }
    paths["/metrics"] = {
        "get": {
            "summary": "Counters in Prometheus' text format",
            "operationId": "metrics",
            "responses": {"200": {"description": "Counters", "content": {"text/plain": {"schema": _STRING}}}},
        }
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "MCP registry", "version": VERSION, "description": "The official MCP registry's API."},
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation_id(prefix: str, method: str, path: str) -> str:
    words = [part.strip("{}") for part in path.split("/") if part]
    return "-".join([method, *words, prefix[1:].replace(".", "-")])


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _in_path(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _STRING, "description": description}


_PROBLEMS = {
    "400": "The request cannot be carried out; errors say why",
    "401": "The token is missing, not ours or too old; or the proof does not hold",
    "403": "The token does not allow it",
    "404": "There is no such server or version, or this way to log in is off",
    "408": "The body did not arrive",
    "413": "The body is larger than 1 MiB",
    "415": "The body is not JSON",
    "422": "The parameters or the body do not have the right shape",
}


def _responses(schema: dict[str, Any], description: str, *statuses: int) -> dict[str, Any]:
    found: dict[str, Any] = {"200": {"description": description, "content": {"application/json": {"schema": schema}}}}
    for status in statuses:
        content: dict[str, Any] = {"application/problem+json": {"schema": _ref("Problem")}}
        if status == 400:  # a null byte is refused before anything else looks, and as plain JSON
            content["application/json"] = {"schema": _ref("Problem")}
        found[str(status)] = {"description": _PROBLEMS[str(status)], "content": content}
    return found


def _body(name: str) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": _ref(name)}}}


def _paths() -> dict[str, Any]:
    boolean = {"type": "boolean"}
    limit = _query("limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 30}, "Servers on a page")
    cursor = _query("cursor", _STRING, "Where the page begins: `metadata.nextCursor` of the page before")
    since = _query("updated_since", _TIME, "Only what changed after this moment; deleted versions are included")
    deleted = _query("include_deleted", boolean, "Whether deleted versions are shown")
    name = _in_path("serverName", "Server name, percent-encoded (`com.example%2Fweather`)")
    version = _in_path("version", "Version, percent-encoded; `latest` when reading")
    secured: dict[str, Any] = {"security": [{"bearer": []}]}
    writing = (400, 401, 403, 408, 413, 415, 422)
    paths: dict[str, Any] = {
        "/health": {
            "get": {"summary": "Whether the registry is well", "responses": _responses(_ref("Health"), "Well", 400)}
        },
        "/ping": {"get": {"summary": "An answer", "responses": _responses(_ref("Pong"), "Pong", 400)}},
        "/version": {"get": {"summary": "Which build this is", "responses": _responses(_ref("Build"), "Build", 400)}},
        "/servers": {
            "get": {
                "summary": "List servers in the order of their names",
                "parameters": [
                    cursor,
                    limit,
                    _query("search", _STRING, "Part of the name, in any letter case"),
                    since,
                    _query("version", _STRING, "`latest`, or an exact version"),
                    deleted,
                ],
                "responses": _responses(_ref("ServerList"), "A page", 400, 422),
            }
        },
        "/search": {
            "get": {
                "summary": "Find servers by words in name, title and description, best first (not in the official API)",
                "parameters": [
                    _query("q", _STRING, "The words; a word also matches as a prefix, misspelt ones are corrected"),
                    _query("cursor", {"type": "integer", "minimum": 0}, "`metadata.nextCursor` of the page before"),
                    limit,
                    _query("type", _STRING, "First package's registryType, else the first remote's type"),
                    _query("status", {"enum": ["active", "deprecated", "deleted"]}, "Only this status"),
                    since,
                    deleted,
                ],
                "responses": _responses(_ref("ServerList"), "A page", 400, 422),
            }
        },
        "/servers/{serverName}/versions": {
            "get": {
                "summary": "All versions of a server, the newest publication first",
                "parameters": [name, deleted],
                "responses": _responses(_ref("ServerList"), "All versions", 400, 404, 422),
            }
        },
        "/servers/{serverName}/versions/{version}": {
            "get": {
                "summary": "One version of a server",
                "parameters": [name, version, deleted],
                "responses": _responses(_ref("ServerResponse"), "The version", 400, 404, 422),
            },
            "put": {
                "summary": "Replace the document of a version (needs the edit permission)",
                "parameters": [name, version],
                "requestBody": _body(CORE_SCHEMA),
                "responses": _responses(_ref("ServerResponse"), "The changed version", *writing, 404),
                **secured,
            },
        },
        "/servers/{serverName}/versions/{version}/status": {
            "patch": {
                "summary": "Change the status of a version",
                "parameters": [name, version],
                "requestBody": _body("StatusUpdateRequest"),
                "responses": _responses(_ref("ServerResponse"), "The changed version", *writing, 404),
                **secured,
            }
        },
        "/servers/{serverName}/status": {
            "patch": {
                "summary": "Change the status of all versions, or of none",
                "parameters": [name],
                "requestBody": _body("StatusUpdateRequest"),
                "responses": _responses(_ref("AllVersionsStatusResponse"), "All versions", *writing, 404),
                **secured,
            }
        },
        "/publish": {
            "post": {
                "summary": "Publish a version",
                "requestBody": _body(CORE_SCHEMA),
                "responses": _responses(_ref("ServerResponse"), "The published version", *writing),
                **secured,
            }
        },
        "/validate": {
            "post": {
                "summary": "Everything that is wrong with a document",
                "requestBody": _body(CORE_SCHEMA),
                "responses": _responses(
                    _ref("ValidationResult"), "The verdict, also when invalid", 400, 408, 413, 415, 422
                ),
            }
        },
    }
    for method, fields, summary in _LOGINS:
        operation: dict[str, Any] = {
            "summary": summary,
            "responses": _responses(_ref("Token"), "A token of this registry", 400, 401, 404, 408, 413, 415, 422),
        }
        if fields:
            schema = {
                "type": "object",
                "required": list(fields),
                "properties": {field: _STRING for field in fields},
                "additionalProperties": False,
            }
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        paths[f"/auth/{method}"] = {"post": operation}
    return paths


_SIGNED = ("domain", "timestamp", "signed_timestamp")
_LOGINS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("github-at", ("github_token",), "A GitHub access token for a registry token"),
    ("github-oidc", ("oidc_token",), "A GitHub Actions identity token for a registry token"),
    ("oidc", ("oidc_token",), "An identity token of the configured issuer for a registry token (where enabled)"),
    ("dns", _SIGNED, "A timestamp signed with the key in a domain's TXT record for a registry token"),
    ("http", _SIGNED, "A timestamp signed with the key on a domain's web server for a registry token"),
    ("none", (), "A token for the anonymous namespace (where enabled)"),
)


def _object(properties: dict[str, Any], *required: str, open_: bool = False) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        **({} if open_ else {"additionalProperties": False}),
    }


def _schemas() -> dict[str, Any]:
    status = {"enum": ["active", "deprecated", "deleted"]}
    official = _object(
        {
            "status": status,
            "statusChangedAt": _TIME,
            "statusMessage": {"type": "string", "maxLength": 500},
            "publishedAt": _TIME,
            "updatedAt": _TIME,
            "isLatest": {"type": "boolean"},
        },
        *("status", "statusChangedAt", "publishedAt", "updatedAt", "isLatest"),
    )
    error = _object({"message": _STRING, "location": _STRING, "value": {}}, "message")
    issue = _object(
        {
            "type": {"enum": ["json", "schema", "semantic", "linter"]},
            "path": _STRING,
            "message": _STRING,
            "severity": {"enum": ["error", "warning", "info"]},
            "reference": _STRING,
        },
        *("type", "path", "message", "severity", "reference"),
    )
    return {
        **_server_schemas(),
        "ServerResponse": _object(
            {
                "server": _ref("StoredServer"),
                "_meta": _object({"io.modelcontextprotocol.registry/official": official}, open_=True),
            },
            *("server", "_meta"),
        ),
        # Stored documents passed the registry's own rules, which the JSON Schema is stricter than in places.
        "StoredServer": _object({"name": _STRING, "version": _STRING}, "name", "version", open_=True),
        "ServerList": _object(
            {
                "servers": {"type": "array", "items": _ref("ServerResponse")},
                "metadata": _object(
                    {
                        "count": {"type": "integer"},
                        "nextCursor": _STRING,
                        "corrected": {"type": "object", "additionalProperties": _STRING},
                    },
                    "count",
                ),
            },
            *("servers", "metadata"),
        ),
        "StatusUpdateRequest": _object(
            {"status": {"type": "string", **status}, "statusMessage": {"type": "string", "maxLength": 500}}, "status"
        ),
        "AllVersionsStatusResponse": _object(
            {
                "updatedCount": {"type": "integer"},
                "servers": {"type": "array", "items": _ref("ServerResponse")},
            },
            *("updatedCount", "servers"),
        ),
        "ValidationResult": _object(
            {"valid": {"type": "boolean"}, "issues": {"type": "array", "items": issue}}, "valid", "issues"
        ),
        "Token": _object(
            {"registry_token": _STRING, "expires_at": {"type": "integer"}}, "registry_token", "expires_at"
        ),
        "Health": _object({"status": _STRING, "github_client_id": _STRING}, "status"),
        "Pong": _object({"pong": {"type": "boolean"}}, "pong"),
        "Build": _object({"version": _STRING, "git_commit": _STRING, "build_time": _STRING}, "version"),
        "Problem": _object(
            {
                "title": _STRING,
                "status": {"type": "integer"},
                "detail": _STRING,
                "errors": {"type": "array", "items": error},
            },
            *("title", "status", "detail"),
        ),
    }


def _server_schemas() -> dict[str, Any]:
    """The definitions of the current server.json schema, as components."""
    from mcp_registrar_tools.manifest import schemas

    text = json.dumps(schemas.schema(schemas.CURRENT)["definitions"]).replace("#/definitions/", "#/components/schemas/")
    found: dict[str, Any] = json.loads(text)
    return found
