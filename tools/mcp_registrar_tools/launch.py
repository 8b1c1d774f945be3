"""How a client starts what a registry entry declares: the command or address, and what only the person knows.

An entry's inputs (arguments, environment variables, headers, transport variables) are resolved by one rule: a fixed
``value``, else the ``default``, else a hole when the input is required, else it is left out and listed as optional.
A hole is a place that a person has to fill; each client has its own way of asking (`clients`).

Source of the semantics: the official server.json reference (Input, Argument, KeyValueInput, variables).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_VARIABLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True)
class Hole:
    """A value that only the person knows. ``name`` is an environment variable's name, unique in one start."""

    name: str
    description: str = ""
    secret: bool = False
    choices: tuple[str, ...] = ()
    placeholder: str = ""


Text = tuple[str | Hole, ...]
"""A string with holes in it; a tuple of one string is an ordinary string."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """One way to get a server running: a process to start (``command``), an address to call (``url``), or both.

    With both, the process has to be started by the person and the client calls the address. ``transport`` is
    ``stdio``, ``streamable-http`` or ``sse``. ``label`` names the way (``npm``, ``oci``, ``remote``). ``download`` is
    the address of a bundle (MCPB) that a client opens instead. ``optional`` lists inputs that were left out.
    """

    label: str
    transport: str = "stdio"
    command: str = ""
    args: tuple[Text, ...] = ()
    env: Mapping[str, Text] = field(default_factory=dict)
    url: Text = ()
    headers: Mapping[str, Text] = field(default_factory=dict)
    download: str = ""
    optional: tuple[str, ...] = ()
    note: str = ""

    def holes(self) -> list[Hole]:
        """Everything that the person must fill in, each once, in order of appearance."""
        texts: Iterable[Text] = (*self.args, *self.env.values(), self.url, *self.headers.values())
        found = {part.name: part for text in texts for part in text if isinstance(part, Hole)}
        return list(found.values())


def starts(server: Mapping[str, Any]) -> list[Start]:
    """Every way to start a server.json's server: stdio packages first, then remotes, then what needs a hand."""
    packages = [package_start(p) for p in _objects(server.get("packages"))]
    remotes = [remote_start(r) for r in _objects(server.get("remotes"))]
    alone = [s for s in packages if s.command and not s.url]
    return alone + remotes + [s for s in packages if s not in alone]


def remote_start(remote: Mapping[str, Any]) -> Start:
    """A ``remotes[]`` entry as an address with headers."""
    optional: list[str] = []
    headers = _pairs(remote.get("headers"), optional)
    variables = _mapping(remote.get("variables"))
    return Start(
        label="remote",
        transport=str(remote.get("type", "streamable-http")),
        url=_with_variables(str(remote.get("url", "")), variables) or (),
        headers=headers,
        optional=tuple(optional),
    )


def package_start(package: Mapping[str, Any]) -> Start:
    """A ``packages[]`` entry as a command (and an address when its transport is HTTP)."""
    kind = str(package.get("registryType", ""))
    optional: list[str] = []
    runtime = _arguments(package.get("runtimeArguments"), optional)
    own = _arguments(package.get("packageArguments"), optional)
    env = _pairs(package.get("environmentVariables"), optional)
    transport = _mapping(package.get("transport"))
    url = _local_url(transport, package)
    command, args, note = _command(package, runtime, own, env=env, url=url)
    return Start(
        label=kind,
        transport=str(transport.get("type", "stdio")),
        command=command,
        args=tuple(args),
        env=env,
        url=url,
        headers=_pairs(transport.get("headers"), optional) if url else {},
        download=str(package.get("identifier", "")) if kind == "mcpb" else "",
        optional=tuple(optional),
        note=note,
    )


def _command(
    package: Mapping[str, Any], runtime: list[Text], own: list[Text], *, env: Mapping[str, Text], url: Text
) -> tuple[str, list[Text], str]:
    """Program, arguments, and what has to be done first, as the package's type says."""
    from mcp_registrar_tools.packages import TYPES

    kind = str(package.get("registryType", ""))
    if kind in TYPES:
        line, first = TYPES[kind].launch(package, runtime, own, env=list(env), port=_port(url))
    else:
        line = [(str(package.get("runtimeHint", "")),), *runtime, *own]
        first = f"no known way to start a {kind or 'package without registryType'} package"
    return (str(line[0][0]) if line and line[0] else ""), line[1:], first


def reference(package: Mapping[str, Any], runtime: list[Text], separator: str) -> list[Text]:
    """What a runner is told to run: identifier, separator, version; nothing when its own arguments say it already."""
    identifier, version = str(package.get("identifier", "")), str(package.get("version", ""))
    said = " ".join(part for text in runtime for part in text if isinstance(part, str))
    if identifier and re.search(rf"(^|[\s=]){re.escape(identifier)}($|[\s=@:\[])", said):
        return []
    return [(f"{identifier}{separator}{version}" if version and separator else identifier,)]


def hint(package: Mapping[str, Any], runner: str, *other: str) -> str:
    """The entry's runtime hint, or ``runner`` when it gives none or only names the language (``other``)."""
    said = str(package.get("runtimeHint") or "")
    return runner if said in ("", *other) else said


def sets_variable(runtime: list[Text], name: str) -> bool:
    """Whether a container engine's own arguments already pass on this environment variable."""
    return any(isinstance(t[0], str) and re.match(rf"(--env=|-e=?)?{re.escape(name)}(=|$)", t[0]) for t in runtime if t)


def _arguments(items: object, optional: list[str]) -> list[Text]:
    result: list[Text] = []
    for item in _objects(items):
        flag = str(item.get("name", "")) if item.get("type") == "named" else ""
        name = flag or str(item.get("valueHint", "")) or "argument"
        if flag and _is_switch(item):
            result.append((flag,))
            continue
        text = _resolve(item, name)
        if text is None:
            optional.append(name)
        elif flag.endswith("="):
            result.append((flag, *text))
        elif flag:
            result += [(flag,), text]
        else:
            result.append(text)
    return result


def _is_switch(item: Mapping[str, Any]) -> bool:
    """A named argument that is complete without a value, such as ``--stdio`` or docker's ``-i``."""
    if any(item.get(key) not in (None, "", []) for key in ("value", "default", "valueHint", "placeholder", "choices")):
        return False
    if item.get("isRequired") is False or item.get("isSecret"):
        return False
    return item.get("format") == "boolean" if item.get("format") else True


def _pairs(items: object, optional: list[str]) -> dict[str, Text]:
    result: dict[str, Text] = {}
    for item in _objects(items):
        name = str(item.get("name", ""))
        text = _resolve(item, name)
        if text is None:
            optional.append(name)
        elif name:
            result[name] = text
    return result


def _resolve(item: Mapping[str, Any], name: str) -> Text | None:
    """The text of an input; None when it is optional and has none."""
    required = bool(item.get("isRequired"))
    if item.get("value") not in (None, ""):
        return _with_variables(str(item["value"]), _mapping(item.get("variables")), required=required)
    if item.get("default") not in (None, "") and not item.get("isSecret"):
        return (str(item["default"]),)
    return (_hole(item, name),) if required else None


def _with_variables(value: str, variables: Mapping[str, Any], *, required: bool = True) -> Text | None:
    """``value`` with its ``{variables}`` filled in; None when it is optional and something needed is unknown."""
    parts: list[str | Hole] = []
    end = 0
    for match in _VARIABLE.finditer(value):
        variable = variables.get(match[1])
        if not isinstance(variable, Mapping):
            continue  # not declared: the braces are meant literally
        text = _resolve(variable, match[1])
        if text is None:
            if not required:
                return None
            text = (_hole(variable, match[1]),)
        parts += [value[end : match.start()], *text]
        end = match.end()
    parts.append(value[end:])
    joined: list[str | Hole] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part:
            joined.append(part)
    return tuple(joined)


def _hole(item: Mapping[str, Any], name: str) -> Hole:
    # the name of an environment variable: --connectionString -> CONNECTION_STRING, X-Api-Key -> X_API_KEY
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    variable = re.sub(r"[^A-Za-z0-9]+", "_", words).strip("_").upper() or "VALUE"
    return Hole(
        f"_{variable}" if variable[0].isdigit() else variable,
        str(item.get("description", "")),
        bool(item.get("isSecret")),
        tuple(str(choice) for choice in item.get("choices") or ()),
        str(item.get("placeholder", "")),
    )


def _local_url(transport: Mapping[str, Any], package: Mapping[str, Any]) -> Text:
    """A package's HTTP address; its variables are the package's own inputs, by name or value hint."""
    if transport.get("type") in (None, "stdio") or not transport.get("url"):
        return ()
    inputs: dict[str, Any] = {}
    for key in ("runtimeArguments", "packageArguments", "environmentVariables"):
        for item in _objects(package.get(key)):
            for name in (item.get("name"), item.get("valueHint")):
                if name:
                    inputs.setdefault(str(name), item)
                    inputs.setdefault(str(name).lstrip("-"), item)
            inputs |= {k: v for k, v in _mapping(item.get("variables")).items() if k not in inputs}
    return _with_variables(str(transport["url"]), inputs | dict(_mapping(transport.get("variables")))) or ()


def _port(url: Text) -> int | None:
    if len(url) != 1 or not isinstance(url[0], str):
        return None
    try:
        return urlsplit(url[0]).port
    except ValueError:
        return None


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
