"""What to start for a check: chosen from a manifest or named outright, with its inputs filled in."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mcp_registrar_tools.answer import quoted
from mcp_registrar_tools.errors import ImageError, InputError
from mcp_registrar_tools.images.check import Check
from mcp_registrar_tools.images.containers import Launch

if TYPE_CHECKING:
    from mcp_registrar_tools.launch import Hole, Start, Text
    from mcp_registrar_tools.workbench import Workbench

PROGRAM_SECONDS = 180.0
"""npx and uvx download first: a check by name gets at least this long."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One thing to try: an ``image`` with its ``launch``, a ``url`` with ``headers``, or a ``command``.

    ``named`` says that the caller typed the address himself. ``notes`` is what was made up for the trial.
    """

    image: str = ""
    launch: Launch = field(default_factory=Launch)
    endpoint: str = "/mcp"
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    transport: str = "stdio"
    named: bool = False
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


async def run(bench: Workbench, plan: Plan, seconds: float) -> Check:
    """Carry a plan out. Raises `ImageError` when there is no engine or the image cannot be had."""
    from mcp_registrar_tools.images import check, engine
    from mcp_registrar_tools.images.lines import Steps

    bench = replace(bench, progress=Steps(bench.progress).next())
    await bench.progress(0, 2, f"starting {plan.image or plan.url or ' '.join(plan.command)}")
    if plan.image:
        docker = await engine.connect()
        await _have(docker, plan.image, bench)
        found = await check.image(docker, plan.image, plan.launch, bench.outbound, path=plan.endpoint, seconds=seconds)
    elif plan.url:
        if plan.named:
            bench.outbound.trust(plan.url)
        found = await check.address(bench.outbound, plan.url, plan.headers, transport=plan.transport, seconds=seconds)
    else:
        found = await check.program(plan.command, plan.environment, seconds=max(seconds, PROGRAM_SECONDS))
    found.notes = [*plan.notes, *found.notes]
    await bench.progress(2, 2, "checked")
    return found


async def plan(path: str, target: str, names: Sequence[str]) -> Plan:
    """Decide what ``target`` means: a URL, a package of the manifest, or an image; empty is the manifest's image,
    else its remote. ``names`` are environment variables whose values are passed on.

    Raises `InputError` for what cannot be chosen, ``check-needs-asking`` for a program nobody asked for.
    """
    import anyio
    import anyio.to_thread

    given = {name: os.environ[name] for name in names if name in os.environ}
    if missing := [name for name in names if name not in os.environ]:
        raise InputError(
            "environment-missing",
            f"{', '.join(missing)} is not set in the environment of mcp-registrar",
            "give names only, and set their values where mcp-registrar runs",
        )
    if not target and ":" in path and not await anyio.Path(path).exists():
        path, target = ".", path  # an image or URL where the folder belongs: `mcp-registrar check weather:1.0.0`
    if re.match(r"https?://", target):
        return Plan(
            url=target, transport="sse" if urlsplit(target).path.endswith("/sse") else "streamable-http", named=True
        )
    document = await anyio.to_thread.run_sync(lambda: _manifest(path, needed=not target))
    return choose(document, target, given, path)


def choose(document: Mapping[str, Any], target: str, given: Mapping[str, str], path: str = ".") -> Plan:
    """See `plan`; ``document`` is the manifest, empty when there is none."""
    from mcp_registrar_tools.launch import package_start, remote_start

    packages = [p for p in document.get("packages") or [] if isinstance(p, dict)]
    remotes = [r for r in document.get("remotes") or [] if isinstance(r, dict) and r.get("url")]
    for package in packages:
        kind, identifier = str(package.get("registryType", "")), str(package.get("identifier", ""))
        if (not target and kind == "oci") or (target and target in {kind, identifier}):
            return _of_package(package_start(package), kind, identifier, given)
    if not target and remotes:
        return _of_remote(remote_start(remotes[0]), given)
    if not target:
        kinds = [str(p.get("registryType", "")) for p in packages]
        if not kinds:
            raise InputError(
                "check-nothing-declared",
                "the manifest declares neither packages nor remotes",
                f"init_manifest(path={quoted(path)}) adds what it finds; or name an image or URL as `target`",
            )
        commands = [" ".join(_words(package_start(p).command, package_start(p).args)) for p in packages]
        raise InputError(
            "check-needs-asking",
            f"checking this would run on this machine, outside a container: {'; '.join(commands)}",
            f'if that is wanted, say so: check_server(path={quoted(path)}, target="{kinds[0]}")',
        )
    if target in {"npm", "pypi", "nuget", "cargo", "mcpb", "oci"}:
        raise InputError(
            "check-not-declared",
            f"the manifest declares no {target} package",
            "name one that it has, an image or a URL",
        )
    from mcp_registrar_tools.images import reference

    reference.parse(target)
    return Plan(image=target)


def of_image(package: Mapping[str, Any], image: str) -> Plan:
    """The plan for an image that was just built, started as its ``packages`` entry says."""
    from mcp_registrar_tools.launch import package_start

    found = _of_package(package_start(package), "oci", str(package["identifier"]), {})
    return replace(found, image=image)


def _of_package(start: Start, kind: str, identifier: str, given: Mapping[str, str]) -> Plan:
    fill = _Filler(given)
    environment = {name: fill.text(text) for name, text in start.env.items()} | dict(given)
    arguments = [fill.text(text) for text in start.args]
    if kind == "oci":
        url = fill.text(start.url)
        launch, notes = _docker_run(arguments, identifier, environment, url)
        return Plan(
            image=identifier,
            launch=launch,
            endpoint=urlsplit(url).path or "/mcp",
            transport=start.transport,
            notes=[*fill.notes(), *notes],
        )
    if not start.command:
        raise InputError(
            "check-not-possible", f"a {kind} package cannot be started here: {start.note}", "check it by hand"
        )
    if start.url:
        raise InputError(
            "check-not-possible",
            f"this {kind} package serves {fill.text(start.url)}: it has to be started by hand",
            f'start it, then check_server(target="{fill.text(start.url)}")',
        )
    return Plan(command=[start.command, *arguments], environment=environment, notes=fill.notes())


def _of_remote(start: Start, given: Mapping[str, str]) -> Plan:
    fill = _Filler(given)
    url = fill.text(start.url)
    headers = {name: fill.text(text) for name, text in start.headers.items()}
    return Plan(url=url, headers=headers, transport=start.transport, notes=fill.notes())


class _Filler:
    """Fills what only a person knows: from the environment passed on, else with something that looks right."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self._made_up: list[str] = []

    def text(self, text: Text) -> str:
        return "".join(part if isinstance(part, str) else self._hole(part) for part in text)

    def _hole(self, hole: Hole) -> str:
        if hole.name in self._given:
            return self._given[hole.name]
        if hole.name not in self._made_up:
            self._made_up.append(hole.name)
        return hole.choices[0] if hole.choices else hole.placeholder or "placeholder"

    def notes(self) -> list[str]:
        if not self._made_up:
            return []
        return [f"{', '.join(self._made_up)} made up for the check; pass real values on with env=[names]"]


_TAKES_VALUE = {
    *("-e", "--env", "-p", "--publish", "-v", "--volume", "--mount", "--network", "--net", "--name", "--entrypoint"),
    *("-w", "--workdir", "-u", "--user", "--platform", "-l", "--label", "--env-file", "--add-host", "--memory", "-m"),
}


def _docker_run(arguments: list[str], image: str, environment: Mapping[str, str], url: str) -> tuple[Launch, list[str]]:
    """What ``docker run OPTIONS IMAGE ARGUMENTS`` asks for, as far as a check grants it."""
    at = arguments.index(image) if image in arguments else len(arguments)
    options, after = arguments[1:at], arguments[at + 1 :]
    found: dict[str, str] = {}
    ports: list[int] = []
    notes: list[str] = []
    position = 0
    while position < len(options):
        option, equals, value = options[position].partition("=")
        position += 1
        if option in _TAKES_VALUE and not equals and position < len(options):
            value = options[position]
            position += 1
        if option in {"-e", "--env"}:
            name, has_value, text = value.partition("=")
            found[name] = text if has_value else environment.get(name, "")
        elif option in {"-p", "--publish"}:
            inner = value.rpartition(":")[2].partition("/")[0]
            ports += [int(inner)] if inner.isdecimal() else []
        elif option in {"-v", "--volume", "--mount"}:
            notes.append(f"{option} {value} left out: a check mounts nothing of this machine")
    port = 0
    if url:
        declared = urlsplit(url).port
        port = ports[0] if ports else declared or 80
    return Launch(arguments=after, environment={**environment, **found}, port=port), notes


def _words(command: str, arguments: Sequence[Text]) -> list[str]:
    return [command, *("".join(p if isinstance(p, str) else f"<{p.name}>" for p in text) for text in arguments)]


def _manifest(path: str, *, needed: bool) -> dict[str, Any]:
    from mcp_registrar_tools.manifest.files import find, read_text_file

    try:
        found = find(path)
    except InputError:
        if needed:
            raise
        return {}
    try:
        document = json.loads(read_text_file(found.path).removeprefix("\ufeff"))
    except ValueError as error:
        raise InputError(
            "manifest-invalid-json", f"{found.path} is not JSON: {error}", f"validate(path={quoted(path)}) says where"
        ) from None
    return document if isinstance(document, dict) else {}


async def _have(docker: Any, image: str, bench: Workbench) -> None:
    """Make sure that the image is here, by pulling it if need be."""
    if await docker.inspect(image) is not None:
        return
    from mcp_registrar_tools.images import push

    try:
        await push.pull(docker, image, bench.progress)
    except ImageError as error:
        raise ImageError(
            "image-not-here",
            f"{image} is neither on this machine nor can it be pulled: {error.message}",
            'build it first (build_image(path="…", check=true)), or push it',
        ) from error
