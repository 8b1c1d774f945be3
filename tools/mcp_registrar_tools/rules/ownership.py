"""Whether the published packages of a server say that they are this server's: R51, asked before the registry asks.

Requests, decisions and words are those of the official registry; each package type has its own in `packages`. The
registry asks one package after the other and stops at the first refusal; we ask all at once and keep the order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_registrar_tools.answer import clean
from mcp_registrar_tools.errors import OutboundError
from mcp_registrar_tools.findings import Finding
from mcp_registrar_tools.manifest import body
from mcp_registrar_tools.packages import TYPES

if TYPE_CHECKING:
    from mcp_registrar_tools.outbound import Outbound
    from mcp_registrar_tools.workbench import Progress, Settings

PACKAGE_SECONDS = 60.0
"""Everything asked about one package, once, is over by then; each request has a limit of its own below that."""
AT_ONCE = 16
"""Packages asked about at the same time."""
ENTRY = "package-entry"
"""Code of a refusal that needs no network: the entry itself is wrong."""
MESSAGE_LIMIT, HINT_LIMIT = 2000, 600
_MARKERS = {"ownership-marker-missing", "ownership-marker-differs", "ownership-marker-glued"}
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 2.0, 15.0, 1.5
"""Seconds between two looks while waiting for a package to appear."""


@dataclass(frozen=True, kw_only=True)
class Ownership:
    """What one package says. ``verified`` when the registry would accept it.

    ``refusal`` is the registry's message without the words around it, empty when verified; ``findings`` the verdict
    and what explains it, with paths of the whole document.
    """

    index: int
    registry_type: str
    identifier: str
    version: str
    refusal: str = ""
    findings: list[Finding] = field(default_factory=list)

    @property
    def verified(self) -> bool:
        return not self.refusal


async def verify(
    document: Any,
    outbound: Outbound,
    settings: Settings,
    *,
    wait: float = 0,
    progress: Progress | None = None,
    extras: bool = True,
    seconds: float | None = None,
) -> list[Ownership]:
    """Ask about every package of a server.json, all at once; the answers are in the document's order.

    ``wait`` is seconds to go on asking about a package that is not there yet, or whose registry is busy.
    ``extras`` adds what explains a refusal and what the registry does not look at. ``seconds`` (`PACKAGE_SECONDS`)
    is how long one look at one package may take.
    """
    import anyio

    bound = body.bind(document)[0]
    packages = bound.get("packages", [])
    answers: list[Ownership | None] = [None] * len(packages)
    waiting = _Waiting(wait, progress)
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def look(package: dict[str, Any]) -> list[Finding]:
        async with limiter:
            return await _once(package, bound["name"], outbound, settings, extras, seconds or PACKAGE_SECONDS)

    async def one(index: int, package: dict[str, Any]) -> None:
        answers[index] = await _patiently(index, package, look, waiting)

    async with anyio.create_task_group() as tasks:
        for index, package in enumerate(packages):
            tasks.start_soon(one, index, package)
    return [answer for answer in answers if answer is not None]


async def findings(
    document: Any,
    outbound: Outbound,
    settings: Settings,
    *,
    wait: float = 0,
    progress: Progress | None = None,
    manifest: Path | None = None,
    root: Path | None = None,
) -> list[Finding]:
    """`verify` for a person: what is proven too, and, beside a project (``manifest`` in ``root``), whether a refused
    package was merely released before its marker was written. Problems of the entry itself are `publish_time`'s.
    """
    import anyio.to_thread

    found: list[Finding] = []
    answers = await verify(document, outbound, settings, wait=wait, progress=progress)
    for answer in answers:
        found += [finding for finding in answer.findings if finding.code != ENTRY]
        if answer.verified:
            found.append(_proven(answer))
    refused = [answer for answer in answers if any(finding.code in _MARKERS for finding in answer.findings)]
    if refused and manifest is not None and root is not None:
        found += await anyio.to_thread.run_sync(_written_since, document, refused, manifest, root)
    return found


def _proven(answer: Ownership) -> Finding:
    from mcp_registrar_tools.packages import published

    version = f" {answer.version}" if answer.version else ""
    # Of an MCPB bundle the registry asks only that anybody can download it.
    shown = "can be downloaded" if answer.registry_type == "mcpb" else "says that it is this server's"
    message = f"{answer.registry_type} {answer.identifier}{version} is published and {shown}"
    return _placed(answer.index, published.note("ownership-verified", message, None))


def _written_since(document: Any, refused: list[Ownership], manifest: Path, root: Path) -> list[Finding]:
    """For packages without the marker: do the project's files carry it by now? Then only a release is missing."""
    from mcp_registrar_tools.manifest import versions
    from mcp_registrar_tools.packages import published
    from mcp_registrar_tools.rules import consistency, surroundings

    bound = body.bind(document)[0]
    subfolder = bound.get("repository", {}).get("subfolder", "")
    found = []
    for answer in refused:
        package = bound["packages"][answer.index]
        around = surroundings.see(manifest, root, subfolder)
        if answer.registry_type == "oci":
            images = around.of("oci")
            carrier = next((image for image in images if image.server_name == bound["name"]), None)
            where = carrier.server_name_where if carrier else ""
            release = "build and push the image again: build_image(push=true)"
        else:
            if (own := consistency.own(around, package)) is None:
                around = surroundings.see(manifest, root, subfolder, deep=True)
                own = consistency.own(around, package)
            if own is None:
                continue
            mark = TYPES[answer.registry_type].marker(around.project, own, bound["name"])
            where = f"{around.project.shown(mark.file)}:{mark.line}" if mark.state == "present" and mark.file else ""
            newer = own.version if own.version and own.version != answer.version else None
            version = newer or versions.next_free(answer.version, [answer.version])
            release = f"release {version} and name that version here"
        if where:
            text = f"{where} carries the marker, the published {answer.version or 'image'} does not: it is older"
            found.append(_placed(answer.index, published.note("released-before-marker", text, release)))
    return found


async def registry_problems(
    document: Any, outbound: Outbound, settings: Settings, *, seconds: float = PACKAGE_SECONDS
) -> list[Finding]:
    """R51 for a registry: the refusals with its exact words, in its order. It would stop at the first.

    ``seconds`` is how long a package may take.
    """
    found = []
    for answer in await verify(document, outbound, settings, extras=False, seconds=seconds):
        for finding in answer.findings[:1]:
            found.append(
                finding.model_copy(update={"message": wrapped(answer.index, answer.identifier, finding.message)})
            )
    return found


def wrapped(index: int, identifier: str, message: str) -> str:
    """How the registry reports what is wrong with a package when it refuses to publish."""
    return f"registry validation failed for package {index} ({identifier}): {message}"


def base_url(package: dict[str, Any], settings: Settings, outbound: Outbound) -> str:
    """Where this package's registry is reached; an address from settings may be private, the user named it."""
    kind = package["registryType"]
    if kind == "mcpb":
        return ""
    if kind == "oci":
        from mcp_registrar_tools.images import distribution, reference

        registry = reference.parse(package["identifier"]).registry
        named = settings.oci_mirror
        url = distribution.endpoint(registry, named)
        named = named if url != distribution.endpoint(registry) else None
    else:
        from mcp_registrar_tools.packages import cargo, npm, nuget, pypi

        named, usual = {
            "npm": (settings.npm_url, npm.BASE_URL),
            "pypi": (settings.pypi_url, pypi.BASE_URL),
            "nuget": (settings.nuget_url, nuget.BASE_URL),
            "cargo": (settings.cargo_url, cargo.BASE_URL),
        }[kind]
        url = named or usual
    if named:
        outbound.trust(url)
    return url


async def _patiently(
    index: int, package: dict[str, Any], look: Callable[[dict[str, Any]], Awaitable[list[Finding]]], waiting: _Waiting
) -> Ownership:
    """The last answer about a package, after as many looks as `_Waiting` allows."""
    pause = FIRST_PAUSE
    while True:
        findings = await look(package)
        verdict = next((finding for finding in findings if finding.severity == "error"), None)
        if verdict is None or not _may_change(findings) or not await waiting.pause(pause, package, verdict.message):
            break
        pause = min(pause * GROWTH, LONGEST_PAUSE)
    return Ownership(
        index=index,
        registry_type=package["registryType"],
        identifier=package["identifier"],
        version=package.get("version", ""),
        refusal=_placed(index, verdict).message if verdict else "",
        findings=[_placed(index, finding) for finding in findings],
    )


def _may_change(found: list[Finding]) -> bool:
    """Whether time may turn these into a yes."""
    from mcp_registrar_tools.packages import published

    codes = {finding.code for finding in found}
    # Registries refuse an image that is not there yet as they refuse a private one, unless a login shows it.
    unseen = "image-private" in codes and "image-not-public" not in codes
    return (
        unseen
        or not codes.isdisjoint(published.WAITABLE)
        or any(finding.severity == "error" and published.transient(finding.message) for finding in found)
    )


async def _once(
    package: dict[str, Any],
    server_name: str,
    outbound: Outbound,
    settings: Settings,
    extras: bool,
    seconds: float,
) -> list[Finding]:
    """One look at one package: first the entry itself, as the registry does, then what is published."""
    import anyio

    from mcp_registrar_tools.packages import published

    kind = package["registryType"]
    if kind not in TYPES:
        message = f"unsupported registry type: {kind}"
        return [_entry(message, f"use one of {', '.join(TYPES)}", "registryType")]
    problems = TYPES[kind].field_problems(package)
    if problems:
        return [_entry(problems[0], "correct the entry; `validate` shows every such problem", "")]
    try:
        with anyio.fail_after(seconds):
            where = base_url(package, settings, outbound)
            return await TYPES[kind].verify(package, server_name, outbound, where, extras=extras)
    except OutboundError as error:  # an address in the settings that is none
        message = f"failed to verify {kind} package '{package['identifier']}': {error.message}"
        return [published.note("package-registry-failed", message, error.hint, severity="error")]
    except TimeoutError:
        return [
            published.note(
                "package-registry-unreachable",
                f"failed to verify {kind} package '{package['identifier']}': not finished within {seconds:g} s",
                "try again later",
                severity="error",
            )
        ]


def _entry(message: str, hint: str, path: str) -> Finding:
    """A refusal of the entry itself; `publish_time` reports the same without the network."""
    from mcp_registrar_tools.packages import published

    return published.note(ENTRY, message, hint, severity="error", path=path)


def _placed(index: int, finding: Finding) -> Finding:
    """The finding with its path in the whole document."""
    at: tuple[str | int, ...] = ("packages", index, finding.path) if finding.path else ("packages", index)
    # A package may say anything: what it says is shown on one line, and not without end.
    message = clean(" ".join(finding.message.splitlines()), MESSAGE_LIMIT)
    hint = finding.hint and clean(" ".join(finding.hint.splitlines()), HINT_LIMIT)
    return finding.model_copy(update={"path": body.dotted(at), "at": at, "message": message, "hint": hint})


class _Waiting:
    """The time left for packages to appear, shared by all of them, and word of it to whoever waits."""

    def __init__(self, seconds: float, progress: Progress | None) -> None:
        import anyio

        self._seconds = seconds
        self._progress = progress
        self._said = -1.0
        self._start = anyio.current_time()

    async def pause(self, seconds: float, package: dict[str, Any], why: str) -> bool:
        """Sleep before the next look; False when the time is used up."""
        import anyio

        passed = anyio.current_time() - self._start
        left = self._seconds - passed
        if left <= 0:
            return False
        if self._progress is not None:
            version = f" {package['version']}" if package.get("version") else ""
            self._said = max(passed, self._said + 0.001)  # progress has to increase, however many wait
            await self._progress(
                min(self._said, self._seconds),
                self._seconds,
                clean(f"waiting for {package['registryType']} {package['identifier']}{version}: {why}", 300),
            )
        await anyio.sleep(min(seconds, left))
        return True
