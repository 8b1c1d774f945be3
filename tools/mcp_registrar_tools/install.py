"""Put a server from a registry into a client's settings, without disturbing what else is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from mcp_registrar_tools.answer import Answer, clean, quoted
from mcp_registrar_tools.clients import ClientName, Snippet
from mcp_registrar_tools.errors import InputError

if TYPE_CHECKING:
    from mcp_registrar_tools.workbench import Workbench


class Installed(Answer):
    """What was written. ``backup`` is the file as it was before; empty when there was none or nothing changed."""

    name: str
    version: str
    client: str
    file: str
    key: str
    backup: str
    changed: bool
    notes: list[str]

    def lines(self) -> list[str]:
        if not self.changed:
            return [f"{self.key} is in {self.file} already, just so", *self.notes]
        kept = f"; the file as it was: {self.backup}" if self.backup else ""
        return [f"{self.name} {self.version} is {self.key} in {self.file}{kept}", *self.notes]

    def files(self) -> list[Path]:
        return [Path(self.file)] if self.changed else []


async def install(
    bench: Workbench,
    name: Annotated[str, Field(description="server name")],
    client: Annotated[ClientName, Field(description="whose settings")],
    version: Annotated[str, Field(description="latest when empty")] = "",
    use: Annotated[str, Field(description="package type or remote, when there are several")] = "",
    project: Annotated[str, Field(description="folder: its settings instead of the user's")] = "",
    registry: Annotated[str, Field(description="as in publish")] = "",
    overwrite: Annotated[bool, Field(description="replace an entry of the same name that differs")] = False,
) -> Installed:
    """Add a server to a client's settings; comments and other entries stay, the old file is kept beside it."""
    import anyio.to_thread

    from mcp_registrar_tools.clients import choose, client_config, config_file, reads_environment
    from mcp_registrar_tools.get_server import find_entry
    from mcp_registrar_tools.registries import connect

    entry, _ = await find_entry(await connect(bench, registry), name, version)
    snippet = client_config(entry, use=use).get(client)
    start = choose(entry.server, use)
    if snippet is None or start is None or not snippet.value:
        raise InputError(
            "nothing-to-install",
            f"{clean(name, 200)} has nothing that {client} can start" + (f" as {clean(use, 40)!r}" if use else ""),
            " ".join(snippet.notes) if snippet and snippet.notes else f"get_server(name={quoted(name)})",
        )
    if start.url and reads_environment(start):
        raise InputError(
            "refers-to-environment",
            f"the remote of {clean(name, 200)} names variables of your environment, which it would be sent",
            f'look at it with get_server(name={quoted(name)}, detail="full") and add it by hand if you trust it',
        )
    file = config_file(client, project=project)
    if file is None:
        raise InputError("no-project-settings", f"{snippet.title} has no settings per project", "leave project empty")
    backup, changed = await anyio.to_thread.run_sync(lambda: write_settings(file, snippet, overwrite=overwrite))
    return Installed(
        name=str(entry.server.get("name")),
        version=str(entry.server.get("version")),
        client=client,
        file=str(file),
        key=snippet.key[1],
        backup=str(backup) if backup else "",
        changed=changed,
        notes=[*snippet.notes, f"Restart {snippet.title} to start it."] if changed else snippet.notes,
    )


def write_settings(file: Path, snippet: Snippet, *, overwrite: bool) -> tuple[Path | None, bool]:
    """Merge a snippet into a settings file: (backup of the old file, whether anything changed).

    Raises `InputError` when the file cannot be read as settings, or holds another entry of the same name and
    ``overwrite`` is false.
    """
    from mcp_registrar_tools.manifest.files import read_text_file, write_atomic

    old = read_text_file(file) if file.exists() else ""
    new = (
        _merged_toml(file, old, snippet, overwrite)
        if snippet.language == "toml"
        else _merged(file, old, snippet, overwrite)
    )
    if new == old:
        return None, False
    backup = None
    if old:
        backup = file.with_name(f"{file.name}.{_stamp()}.bak")
        write_atomic(backup, old.encode("utf-8"), mode=file.stat().st_mode & 0o777)
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, new.encode("utf-8"))
    return backup, True


def _stamp() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")[:-3]


def _merged(file: Path, old: str, snippet: Snippet, overwrite: bool) -> str:
    from mcp_registrar_tools import jsonc

    root, name = snippet.key
    try:
        present = jsonc.loads(old) or {}
        servers = present.get(root) if isinstance(present, dict) else None
        if isinstance(servers, dict) and name in servers:
            _may_replace(file, name, servers[name] == snippet.value, overwrite)
            if servers[name] == snippet.value:
                return old
        text = jsonc.put(old, [root, name], snippet.value)
        known = present.get("inputs") if isinstance(present, dict) else None
        known = known if isinstance(known, list) else []
        ids = {question.get("id") for question in known if isinstance(question, dict)}
        missing = [question for question in snippet.inputs if question["id"] not in ids]
        return jsonc.put(text, ["inputs"], [*known, *missing]) if missing else text
    except jsonc.JsoncError as error:
        raise _unreadable(file, str(error)) from None


def _merged_toml(file: Path, old: str, snippet: Snippet, overwrite: bool) -> str:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    from mcp_registrar_tools.clients import toml_table

    root, name = snippet.key
    try:
        document = tomlkit.parse(old)
        servers = document.get(root)
        if servers is None:
            servers = tomlkit.table(is_super_table=True)
            document.append(root, servers)
        if not hasattr(servers, "unwrap") or not isinstance(servers.unwrap(), dict):
            raise _unreadable(file, f"{root} is not a table")
        if name in servers:
            same = servers[name].unwrap() == snippet.value
            _may_replace(file, name, same, overwrite)
            if same:
                return old
        servers[name] = toml_table(snippet.value)
        return tomlkit.dumps(document)
    except TOMLKitError as error:
        raise _unreadable(file, str(error)) from None


def _may_replace(file: Path, name: str, same: bool, overwrite: bool) -> None:
    if not same and not overwrite:
        raise InputError(
            "entry-exists",
            f"{file} holds another entry named {name!r}",
            "pass overwrite to replace it (a copy is kept)",
        )


def _unreadable(file: Path, reason: str) -> InputError:
    return InputError("settings-unreadable", f"{file} cannot be read: {reason}", "mend that line, then try again")
