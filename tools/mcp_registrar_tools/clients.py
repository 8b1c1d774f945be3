"""The exact configuration of each MCP client for a server from a registry.

`client_config` gives one snippet a client; `config_file` says where that client keeps its settings. Secrets are
never written into a file where the client has another way: VS Code asks (``inputs``), Claude Code, Cursor, Windsurf
and Gemini CLI expand environment variables, Codex forwards them by name. Claude Desktop and Zed have no such way:
there a ``<NAME>`` stands to be replaced.

The formats are those of each client's own documentation, as of November 2026.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict

from mcp_registrar_tools.answer import clean

if TYPE_CHECKING:
    from mcp_registrar_tools.launch import Hole, Start, Text
    from mcp_registrar_tools.registries import Entry

ClientName = Literal["claude-desktop", "claude-code", "vscode", "cursor", "windsurf", "codex", "gemini-cli", "zed"]
CLIENTS: tuple[ClientName, ...] = get_args(ClientName)

_RUNNERS = frozenset({"npx", "pnpm", "yarn", "bunx", "bun", "deno", "node", "uvx", "pipx", "dnx", "docker", "podman"})


class Snippet(BaseModel):
    """What to put where. ``text`` is a fragment to paste into ``file``; ``value`` goes under ``key`` in it.

    ``inputs`` are VS Code's questions. ``command`` is a shell line that does the same, when the client has one.
    ``fill`` names what stands in the text to be replaced or set by the person; ``notes`` are whole sentences.
    """

    model_config = ConfigDict(frozen=True)

    client: ClientName
    title: str
    file: str
    language: Literal["json", "toml"]
    text: str
    key: tuple[str, str]
    value: dict[str, Any]
    inputs: list[dict[str, Any]] = []
    command: str = ""
    fill: list[str] = []
    notes: list[str] = []


@dataclass(frozen=True)
class _Client:
    title: str
    root: str
    file: str
    entry: Callable[[Start], dict[str, Any]]
    bridged: frozenset[str] = frozenset()
    """Transports that this client reaches only through the ``mcp-remote`` program."""


def client_config(entry: Entry | Mapping[str, Any], *, use: str = "") -> dict[ClientName, Snippet]:
    """One snippet for each client. ``entry`` is a registry entry or its server.json document.

    ``use`` chooses among several ways to start: a package type, or ``remote``. Empty takes the first package that
    starts as a process, else the first remote. The dict is empty when nothing in the entry can be started.
    """
    server: Mapping[str, Any] = entry if isinstance(entry, Mapping) else entry.server
    if "name" not in server and isinstance(server.get("server"), Mapping):
        server = server["server"]
    way = choose(server, use)
    if way is None:
        return {}
    name = short_name(str(server.get("name", "")))
    return {client: _snippet(client, name, way) for client in CLIENTS}


def choose(server: Mapping[str, Any], use: str = "") -> Start | None:
    """The way to start that `client_config` describes."""
    from mcp_registrar_tools.launch import starts

    ways = [way for way in starts(server) if way.command or way.url or way.download]
    return next((way for way in ways if use in ("", way.label)), None)


def short_name(server_name: str) -> str:
    """The key under which clients know the server: short, because tool names are prefixed with it.

    ``io.github.acme/weather`` is ``weather``; where the last part says nothing, the owner comes before it.
    """
    namespace, _, part = server_name.partition("/")
    part = re.sub(r"[^A-Za-z0-9_-]+", "-", part or namespace).strip("-")
    if part.lower() in {"mcp", "server", "mcp-server", "main", "api"}:
        owner = re.sub(r"[^A-Za-z0-9_-]+", "-", namespace.rsplit(".", 1)[-1]).strip("-")
        part = f"{owner}-{part}" if owner else part
    return part or "server"


def config_file(client: ClientName, *, project: Path | str = "") -> Path | None:
    """Where the client reads its servers: for this user, or for one project. None when there is no such file."""
    if project:
        folder = {
            "claude-code": ".mcp.json",
            "vscode": ".vscode/mcp.json",
            "cursor": ".cursor/mcp.json",
            "codex": ".codex/config.toml",
            "gemini-cli": ".gemini/settings.json",
            "zed": ".zed/settings.json",
        }.get(client)
        return Path(project).expanduser() / folder if folder else None
    import os

    home = Path.home()
    roaming = Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")
    support = home / "Library" / "Application Support"
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    windows, mac = sys.platform == "win32", sys.platform == "darwin"
    apps = roaming if windows else support if mac else config
    files: dict[ClientName, Path] = {
        "claude-desktop": apps / "Claude" / "claude_desktop_config.json",
        "claude-code": home / ".claude.json",
        "vscode": apps / "Code" / "User" / "mcp.json",
        "cursor": home / ".cursor" / "mcp.json",
        "windsurf": home / ".codeium" / "windsurf" / "mcp_config.json",
        "codex": Path(os.environ.get("CODEX_HOME") or home / ".codex") / "config.toml",
        "gemini-cli": home / ".gemini" / "settings.json",
        "zed": roaming / "Zed" / "settings.json" if windows else config / "zed" / "settings.json",
    }
    return files[client]


def _snippet(client: ClientName, name: str, start: Start) -> Snippet:
    kind = _CLIENTS[client]
    notes = [start.note] if start.note and not start.download else []
    notes += _warnings(start)
    value: dict[str, Any] = {}
    if start.download:
        notes.append(
            f"Open {start.download} with Claude Desktop: it installs the bundle and asks for its settings."
            if client == "claude-desktop"
            else f"{kind.title} cannot open bundles: unpack {start.download} and use the command in its manifest.json."
        )
    elif start.url and start.transport in kind.bridged:
        value = _process(_bridge(start), _angle)
        notes.append(f"{kind.title} reaches this address through mcp-remote, which needs Node.js.")
    else:
        value = kind.entry(start)
    if start.url and start.command:
        line = shlex.join([start.command, *(_show(a, _angle) for a in start.args)])
        notes.append(f"Start the server first: {line}")
    holes = start.holes() if value else []
    inputs = [_question(hole) for hole in holes] if client == "vscode" else []
    fill = [] if inputs else [hole.name for hole in holes]
    stand_ins = [h for h in holes if f"<{h.name}>" in json.dumps(value)] if fill else []
    for verb, named in (
        ("Replace", [f"<{h.name}>{_about(h)}" for h in stand_ins]),
        ("Set in the environment", [h.name + _about(h) for h in holes if fill and h not in stand_ins]),
    ):
        if named:
            notes.append(f"{verb}: {', '.join(named)}")
    if start.optional and value:
        notes.append(f"Optional, not set: {', '.join(start.optional[:12])}{' …' if len(start.optional) > 12 else ''}")
    document = _document(kind, name, value, inputs)
    return Snippet(
        client=client,
        title=kind.title,
        file=kind.file,
        language="toml" if client == "codex" else "json",
        text=(_toml(document) if client == "codex" else json.dumps(document, indent=2, ensure_ascii=False))
        if value
        else "",
        key=(kind.root, name),
        value=value,
        inputs=inputs,
        command=_command_line(client, name, value, holes) if value else "",
        fill=fill,
        notes=notes,
    )


def _about(hole: Hole) -> str:
    return f" ({clean(hole.description, 80)})" if hole.description else ""


def _warnings(start: Start) -> list[str]:
    """What a person should know before trusting an entry that strangers wrote."""
    notes = []
    if start.command and start.command not in _RUNNERS and start.label != "cargo":
        notes.append(f"This entry starts {start.command!r}, which is no package runner: look at it before you run it.")
    if reads_environment(start):
        notes.append("The entry's own text refers to variables of your environment: look where their values would go.")
    return notes


def reads_environment(start: Start) -> bool:
    """Whether literal text of the entry would be expanded by a client: ``${HOME}`` in a URL sends it away."""
    texts = (*start.args, *start.env.values(), start.url, *start.headers.values())
    return any(isinstance(part, str) and re.search(r"\$(\{|[A-Za-z_])", part) for text in texts for part in text)


def _document(kind: _Client, name: str, value: dict[str, Any], inputs: list[dict[str, Any]]) -> dict[str, Any]:
    return ({"inputs": inputs} if inputs else {}) | {kind.root: {name: value}}


def _command_line(client: ClientName, name: str, value: dict[str, Any], holes: list[Hole]) -> str:
    if client == "claude-code":
        line = json.dumps(value, ensure_ascii=False)
        return f"claude mcp add-json {name} {shlex.quote(line)} --scope user"
    if client == "vscode" and not holes:
        return f"code --add-mcp {shlex.quote(json.dumps({'name': name} | value, ensure_ascii=False))}"
    if client == "codex" and not holes and set(value) <= {"command", "args", "env"}:
        env = [part for k, v in value.get("env", {}).items() for part in ("--env", f"{k}={v}")]
        return shlex.join(["codex", "mcp", "add", name, *env, "--", value["command"], *value.get("args", [])])
    if client == "codex" and not holes and set(value) == {"url"}:
        return shlex.join(["codex", "mcp", "add", name, "--url", value["url"]])
    return ""


def _show(text: Text, hole: Callable[[Hole], str]) -> str:
    return "".join(clean(part) if isinstance(part, str) else hole(part) for part in text)


def _process(start: Start, hole: Callable[[Hole], str]) -> dict[str, Any]:
    """``command``, ``args`` and, when there is one, ``env``."""
    env = {key: _show(text, hole) for key, text in start.env.items()}
    return {"command": clean(start.command), "args": [_show(arg, hole) for arg in start.args]} | (
        {"env": env} if env else {}
    )


def _bridge(start: Start) -> Start:
    """A remote behind the ``mcp-remote`` program, which speaks stdio to the client.

    Header values travel in the environment: some clients break arguments at spaces.
    """
    from mcp_registrar_tools.launch import Start

    args: list[Text] = [("-y",), ("mcp-remote",), start.url]
    env: dict[str, Text] = {}
    for header, text in start.headers.items():
        variable = re.sub(r"[^A-Za-z0-9]+", "_", header).strip("_").upper()
        args += [("--header",), (f"{header}:${{{variable}}}",)]
        env[variable] = text
    if start.transport == "sse":
        args += [("--transport",), ("sse-only",)]
    return Start(label=start.label, command="npx", args=tuple(args), env=env)


def _stdio_or_url(
    hole: Callable[[Hole], str],
    *,
    stdio: Mapping[str, Any] | None = None,
    http: Mapping[str, Any] | None = None,
    sse: Mapping[str, Any] | None = None,
    url_key: str = "url",
    sse_url_key: str = "",
) -> Callable[[Start], dict[str, Any]]:
    """An entry in the ``mcpServers`` family: extra keys for each transport, and the name of the address's key."""

    def entry(start: Start) -> dict[str, Any]:
        if not start.url:
            return dict(stdio or {}) | _process(start, hole)
        event_stream = start.transport == "sse"
        headers = {key: _show(text, hole) for key, text in start.headers.items()}
        return (
            dict((sse if event_stream else http) or {})
            | {(sse_url_key or url_key) if event_stream else url_key: _show(start.url, hole)}
            | ({"headers": headers} if headers else {})
        )

    return entry


def _angle(hole: Hole) -> str:
    return f"<{hole.name}>"


def _dollar(hole: Hole) -> str:
    return f"${{{hole.name}}}"


def _env_colon(hole: Hole) -> str:
    return f"${{env:{hole.name}}}"


def _input(hole: Hole) -> str:
    return f"${{input:{_input_id(hole)}}}"


def _input_id(hole: Hole) -> str:
    return hole.name.lower()


def _label(hole: Hole) -> str:
    return clean(hole.description, 200) or hole.name


def _question(hole: Hole) -> dict[str, Any]:
    """An element of VS Code's ``inputs``."""
    if hole.choices and not hole.secret:
        return {
            "type": "pickString",
            "id": _input_id(hole),
            "description": _label(hole),
            "options": list(hole.choices),
        }
    return {"type": "promptString", "id": _input_id(hole), "description": _label(hole)} | (
        {"password": True} if hole.secret else {}
    )


def _codex(start: Start) -> dict[str, Any]:
    """Codex expands nothing, but forwards variables by name and fills headers from them."""
    if start.url:
        value: dict[str, Any] = {"url": _show(start.url, _angle)}
        fixed: dict[str, str] = {}
        from_env: dict[str, str] = {}
        for header, text in start.headers.items():
            holes = [part for part in text if not isinstance(part, str)]
            if not holes:
                fixed[header] = _show(text, _angle)
            elif len(text) == 1:
                from_env[header] = holes[0].name
            elif header.lower() == "authorization" and len(text) == 2 and text[0] == "Bearer ":
                value["bearer_token_env_var"] = holes[0].name
            else:
                fixed[header] = _show(text, _angle)
        return value | ({"http_headers": fixed} if fixed else {}) | ({"env_http_headers": from_env} if from_env else {})
    forwarded = [key for key, text in start.env.items() if len(text) == 1 and _names(text[0], key)]
    env = {key: _show(text, _angle) for key, text in start.env.items() if key not in forwarded}
    value = {"command": start.command, "args": [_show(arg, _angle) for arg in start.args]}
    return value | ({"env": env} if env else {}) | ({"env_vars": forwarded} if forwarded else {})


def _names(part: str | Hole, variable: str) -> bool:
    return not isinstance(part, str) and part.name == variable


def _toml(document: dict[str, Any]) -> str:
    import tomlkit

    root = tomlkit.document()
    for key, servers in document.items():
        outer = tomlkit.table(is_super_table=True)
        for name, value in servers.items():
            outer.append(name, toml_table(value))
        root.append(key, outer)
    return tomlkit.dumps(root).strip()


def toml_table(value: Mapping[str, Any]) -> Any:
    """A table whose nested mappings stand inline, as Codex's documentation writes them."""
    import tomlkit

    table = tomlkit.table()
    for key, item in value.items():
        if isinstance(item, Mapping):
            inline = tomlkit.inline_table()
            inline.update(item)
            table.append(key, inline)
        else:
            table.append(key, item)
    return table


_BOTH = frozenset({"streamable-http", "sse"})

_CLIENTS: dict[ClientName, _Client] = {
    "claude-desktop": _Client(
        "Claude Desktop",
        "mcpServers",
        "claude_desktop_config.json (Settings > Developer > Edit Config)",
        _stdio_or_url(_angle),
        bridged=_BOTH,
    ),
    "claude-code": _Client(
        "Claude Code",
        "mcpServers",
        ".mcp.json in the project, or ~/.claude.json",
        _stdio_or_url(_dollar, stdio={"type": "stdio"}, http={"type": "http"}, sse={"type": "sse"}),
    ),
    "vscode": _Client(
        "VS Code",
        "servers",
        ".vscode/mcp.json, or MCP: Open User Configuration",
        _stdio_or_url(_input, stdio={"type": "stdio"}, http={"type": "http"}, sse={"type": "sse"}),
    ),
    "cursor": _Client(
        "Cursor",
        "mcpServers",
        "~/.cursor/mcp.json or .cursor/mcp.json",
        _stdio_or_url(_env_colon),
    ),
    "windsurf": _Client(
        "Windsurf",
        "mcpServers",
        "~/.codeium/windsurf/mcp_config.json",
        _stdio_or_url(_env_colon, url_key="serverUrl"),
    ),
    "codex": _Client("Codex", "mcp_servers", "~/.codex/config.toml", _codex, bridged=frozenset({"sse"})),
    "gemini-cli": _Client(
        "Gemini CLI",
        "mcpServers",
        "~/.gemini/settings.json",
        _stdio_or_url(_dollar, url_key="httpUrl", sse_url_key="url"),
    ),
    "zed": _Client(
        "Zed",
        "context_servers",
        "~/.config/zed/settings.json",
        _stdio_or_url(_angle),
        bridged=frozenset({"sse"}),
    ),
}
