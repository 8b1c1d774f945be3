"""Schemas, guides, examples and registry entries as MCP resources, and completion of every variable."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from mcp import types
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.server.mcpserver.resources import FunctionResource

from mcp_registrar_tools import guides
from mcp_registrar_tools.answer import clean
from mcp_registrar_tools.errors import RegistrarError

if TYPE_CHECKING:
    from mcp_registrar.adapter import RegistrarServer
    from mcp_registrar_tools.workbench import Workbench

JSON = "application/json"
COMPLETIONS = 100
"""The protocol's limit of values in one completion."""


def register(server: RegistrarServer, bench: Workbench) -> None:
    """Add the resources and the completion handler to the server."""
    _schemas(server)
    _guides(server)
    _listed(server)
    _servers(server, bench)
    _completions(server, bench)


def _schemas(server: RegistrarServer) -> None:
    @server.resource(
        "registrar://schemas/server.json/{version}",
        name="schema",
        title="JSON Schema of server.json",
        description="By date (2025-07-09 to 2025-12-11), or latest",
        mime_type=JSON,
    )
    async def schema(version: str) -> str:
        return _schema(version)


def _guides(server: RegistrarServer) -> None:
    @server.resource(
        "registrar://guides/{language}/{topic}",
        name="guide",
        title="Guide",
        description=f"en or ko; {', '.join(guides.TOPICS)}",
        mime_type="text/markdown",
    )
    async def guide(language: str, topic: str) -> str:
        try:
            return guides.guide(topic, language)
        except KeyError:
            raise ResourceNotFoundError(
                f"no such guide; languages {', '.join(guides.LANGUAGES)}, topics {', '.join(guides.TOPICS)}"
            ) from None

    @server.resource(
        "registrar://examples/{kind}",
        name="example",
        title="Example server.json",
        description=f"One valid manifest of each kind: {', '.join(guides.KINDS)}",
        mime_type=JSON,
    )
    async def example(kind: str) -> str:
        try:
            return guides.example(kind)
        except KeyError:
            raise ResourceNotFoundError(f"no such example; there are {', '.join(guides.KINDS)}") from None


def _listed(server: RegistrarServer) -> None:
    """The guides, examples and the current schema once more as plain resources: some clients list only those."""

    def add(uri: str, title: str, mime_type: str, text: Callable[[], str]) -> None:
        name = uri.partition("://")[2]
        server.add_resource(FunctionResource(uri=uri, name=name, title=title, mime_type=mime_type, fn=text))

    for language, label in zip(guides.LANGUAGES, ("Guide", "가이드"), strict=True):
        for topic in guides.TOPICS:
            add(
                f"registrar://guides/{language}/{topic}",
                f"{label}: {topic}",
                "text/markdown",
                partial(guides.guide, topic, language),
            )
    for kind in guides.KINDS:
        add(f"registrar://examples/{kind}", f"Example: {kind}", JSON, partial(guides.example, kind))
    add("registrar://schemas/server.json/latest", "JSON Schema of server.json", JSON, partial(_schema, "latest"))


def _schema(version: str) -> str:
    from mcp_registrar_tools.manifest import schemas

    wanted = schemas.CURRENT if version == "latest" else version
    if wanted not in schemas.VERSIONS:
        raise ResourceNotFoundError(f"no schema {clean(version, 40)!r}: {', '.join(schemas.VERSIONS)} or latest")
    return json.dumps(schemas.schema(wanted), indent=2, ensure_ascii=False)


def _servers(server: RegistrarServer, bench: Workbench) -> None:
    async def entry(name: str, version: str) -> str:
        from mcp_registrar_tools.get_server import find_entry
        from mcp_registrar_tools.registries import connect

        try:
            found, _ = await find_entry(await connect(bench), name, version)
        except RegistrarError as error:
            refused = ResourceNotFoundError if error.code.endswith("-not-found") else ResourceError
            raise refused(clean(error.text())) from None
        return json.dumps(found.server, indent=2, ensure_ascii=False)

    @server.resource(
        "registrar://servers/{name}/{version}",
        name="server",
        title="Registry entry",
        description="server.json of an entry in the default registry; the slash in the name as %2F, version or latest",
        mime_type=JSON,
    )
    async def by_name(name: str, version: str) -> str:
        return await entry(name, version)

    @server.resource(
        "registrar://servers/{namespace}/{part}/{version}",
        name="server-plain",
        title="Registry entry",
        description="The same with the name's slash as it is",
        mime_type=JSON,
    )
    async def by_parts(namespace: str, part: str, version: str) -> str:
        return await entry(f"{namespace}/{part}", version)


def _completions(server: RegistrarServer, bench: Workbench) -> None:
    @server.completion()  # type: ignore[no-untyped-call,untyped-decorator]
    async def complete(
        ref: types.PromptReference | types.ResourceTemplateReference,
        argument: types.CompletionArgument,
        context: types.CompletionContext | None,
    ) -> types.Completion:
        known = (context.arguments if context else None) or {}
        where = ref.uri.split("/")[2] if isinstance(ref, types.ResourceTemplateReference) else "prompt"
        source = _SOURCES.get((where, argument.name))
        values = await source(bench, argument.value, known) if source else []
        begun = argument.value.lower()
        fitting = [value for value in values if value.lower().startswith(begun)]
        fitting += [value for value in values if begun in value.lower() and value not in fitting]
        return types.Completion(
            values=[clean(value) for value in fitting[:COMPLETIONS]],
            total=len(fitting),
            has_more=len(fitting) > COMPLETIONS,
        )


Source = Callable[["Workbench", str, dict[str, str]], Awaitable[list[str]]]


def _fixed(*values: str) -> Source:
    async def source(bench: Workbench, begun: str, known: dict[str, str]) -> list[str]:
        return list(values)

    return source


async def _schema_versions(bench: Workbench, begun: str, known: dict[str, str]) -> list[str]:
    from mcp_registrar_tools.manifest import schemas

    return ["latest", *sorted(schemas.VERSIONS, reverse=True)]


async def _registries(bench: Workbench, begun: str, known: dict[str, str]) -> list[str]:
    return list(dict.fromkeys(["official", "local", "agentregistry", *bench.settings.registries]))


async def _entries(bench: Workbench, begun: str) -> list[dict[str, Any]]:
    """Documents whose name may continue what was typed; nothing when the registry cannot be asked."""
    from mcp_registrar_tools.registries import Query, connect

    query = Query(words=begun.rpartition("/")[2], limit=COMPLETIONS)
    try:
        page = await (await connect(bench)).search(query)
    except RegistrarError:
        return []
    return [found.server for found in page.entries]


async def _names(bench: Workbench, begun: str, known: dict[str, str]) -> list[str]:
    return list(dict.fromkeys(str(document.get("name", "")) for document in await _entries(bench, begun)))


async def _namespaces(bench: Workbench, begun: str, known: dict[str, str]) -> list[str]:
    return list(dict.fromkeys(name.partition("/")[0] for name in await _names(bench, "", known)))


async def _parts(bench: Workbench, begun: str, known: dict[str, str]) -> list[str]:
    names = await _names(bench, begun, known)
    return [
        part for space, _, part in (name.partition("/") for name in names) if space == known.get("namespace", space)
    ]


async def _versions(bench: Workbench, begun: str, known: dict[str, str]) -> list[str]:
    from mcp_registrar_tools.registries import connect

    name = known.get("name") or f"{known.get('namespace', '')}/{known.get('part', '')}"
    try:
        found = await (await connect(bench)).versions(name) if len(name) > 1 else []
    except RegistrarError:
        found = []
    return ["latest", *(str(one.server.get("version", "")) for one in found)]


_SOURCES: dict[tuple[str, str], Source] = {
    ("schemas", "version"): _schema_versions,
    ("guides", "language"): _fixed(*guides.LANGUAGES),
    ("guides", "topic"): _fixed(*guides.TOPICS),
    ("examples", "kind"): _fixed(*guides.KINDS),
    ("servers", "name"): _names,
    ("servers", "namespace"): _namespaces,
    ("servers", "part"): _parts,
    ("servers", "version"): _versions,
    ("prompt", "registry"): _registries,
    ("prompt", "language"): _fixed(*guides.LANGUAGES),
    ("prompt", "image_registry"): _fixed("ghcr.io/", "docker.io/", "quay.io/"),
    ("prompt", "path"): _fixed("."),
}
