"""Publish a server.json to a registry, once, however often it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from mcp_registrar_tools.answer import Answer, clean, quoted
from mcp_registrar_tools.errors import InputError, LoginError, RegistryError
from mcp_registrar_tools.findings import Finding
from mcp_registrar_tools.workbench import Workbench

if TYPE_CHECKING:
    from mcp_registrar_tools.images import flow
    from mcp_registrar_tools.registries import Entry, Registry

Outcome = Literal["published", "already published", "dry run"]
SHOWN = 10
"""Problems or differences shown in a refusal."""
READ_BACK_PAUSES = (0.5, 2.0)
"""Seconds between looks at what was just published."""


class PublishAnswer(Answer):
    """What became of it. ``url`` is the canonical address; ``notes`` is what the reader should know besides."""

    outcome: Outcome
    name: str
    version: str
    registry: str
    url: str
    rehearsal: bool
    is_latest: bool = False
    login: str = ""
    steps: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)

    def lines(self) -> list[str]:
        what = f"{self.name} {self.version}"
        where = "the local registry" if self.rehearsal else self.registry
        first = {
            "published": f"Published {what} to {where}",
            "already published": f"Already published: {where} has {what} with the same content",
            "dry run": f"Dry run: {what} would be published to {where}",
        }[self.outcome]
        lines = [first + (f" as {self.login}" if self.login else ""), self.url]
        if self.rehearsal:
            lines.append("This was a rehearsal: the local registry is on this machine, nobody else sees it.")
        if self.outcome != "dry run" and not self.is_latest:
            lines.append("It is not the latest: the version that is stays, for this one does not rank above it.")
        return [*self.steps, *lines, *(f"- {note}" for note in self.notes)]


class PublishRefused(RegistryError):
    """A publish that was stopped here, before the registry had to refuse it. ``findings`` are all reasons."""

    def __init__(self, code: str, message: str, hint: str, findings: list[Finding], *, file: Path | None) -> None:
        shown = [
            f"- {f.path or 'server.json'}: {clean(f.message, 200)}" + (f" ({clean(f.hint, 120)})" if f.hint else "")
            for f in findings[:SHOWN]
        ]
        more = len(findings) - SHOWN
        super().__init__(
            code, message, hint, details="\n".join([*shown, f"and {more} more"] if more > 0 else shown) or None
        )
        self.findings = findings
        self.file = file


async def publish(
    bench: Workbench,
    path: Annotated[str, Field(description="project or server.json")] = ".",
    registry: Annotated[str, Field(description="local (a rehearsal), official, a name or URL")] = "",
    dry_run: Annotated[bool, Field(description="all but the write")] = False,
    wait: Annotated[int, Field(ge=0, le=3600, description="seconds to wait for packages to appear")] = 0,
    docker_url: Annotated[str, Field(description="build the image first: prefix, docker.io/user")] = "",
    platform: Annotated[str, Field(description="of that image")] = "",
    push_image: Annotated[bool, Field(description="push images first")] = False,
) -> PublishAnswer:
    """Publish server.json after every check, and read it back. Safe to repeat."""
    from mcp_registrar_tools.registries import connect
    from mcp_registrar_tools.registries.compare import differences
    from mcp_registrar_tools.registries.names import resolve

    image = await image_draft(path, docker_url, platform, push_image) if docker_url else None
    manifest = Manifest(path, image)
    place = resolve(bench.settings, registry)
    # Registries of other people may leave the checks of packages out; then it is for them to say no.
    strict = place.name == "official" or (place.name == "local" and bench.settings.ownership != "off")
    manifest.check(packages=strict)
    document = manifest.document
    name, version = document["name"], document["version"]

    steps = 5
    await bench.progress(1, steps, f"looking for {name} {version}")
    target = await connect(bench, registry)
    expected = target.prepared(document)
    lost = differences(document, expected)
    notes = [f"not held by this registry: {line}" for line in lost if not line.startswith("$schema")]
    notes += [] if strict else manifest.package_notes()

    done: list[str] = []

    def answer(outcome: Outcome, item: Entry | None, login: str = "") -> PublishAnswer:
        rehearsal = target.name == "local"
        next_call = f'get_server(name="{name}", registry="{target.name}")'
        if outcome == "dry run":
            next_call = call(path, registry, image)
        elif rehearsal:
            next_call = f'login(registry="official"), then {call(path, "official", image, push=True)} to go live'
        return PublishAnswer(
            outcome=outcome,
            name=name,
            version=version,
            registry=target.name,
            url=target.page(name, version),
            rehearsal=rehearsal,
            is_latest=bool(item and item.is_latest),
            login=login,
            steps=done,
            notes=notes,
            next=next_call,
        )

    there = await target.get(name, version, include_deleted=True)
    same = there is not None and not differences(expected, there.server)
    if there is not None and same and there.published:
        if there.status != "active":
            because = f": {clean(there.status_message, 200)}" if there.status_message else ""
            notes.append(
                f"its status is {there.status}{because}; to change that:"
                f' set_status(name="{name}", version="{version}", status="active", registry="{target.name}")'
            )
        return answer("already published", there)

    await bench.progress(2, steps, "checking what may be published")
    login = await permission(target, name, notes, dry_run=dry_run)

    if there is not None and not same:
        raise await taken(target, document, there, path)

    if not (dry_run or place.private):
        question = (
            f"Publish {name} {version} to {target.url}? Everybody will see it, and a published version can be"
            " hidden later but never changed or removed."
        )
        if await bench.ask.confirm(question) is False:
            raise InputError("declined", f"{name} {version} was not published: you said no", "nothing is left to do")

    if image is not None:
        from mcp_registrar_tools.images import flow

        done += await flow.make(bench, image, after=2, of=steps, dry_run=dry_run)
    await bench.progress(3, steps, "checking the packages")
    if push_image and image is None and not dry_run:
        await push_images(bench, document)
    if wait or (dry_run and target.name != "local"):
        await packages_ready(bench, target, manifest, wait, notes)

    if dry_run:
        issues = [issue for issue in await target.validate(document) if issue.get("severity") == "error"]
        if issues:
            raise manifest.refused(
                "invalid-document",
                f"{target.name} would refuse {name} {version}",
                f"validate(path={quoted(path)}) shows every problem with its fix",
                [registry_finding(issue) for issue in issues],
            )
        return answer("dry run", None, login)

    await bench.progress(4, steps, f"publishing to {target.name}")
    accepted = await target.publish(document)
    notes += [f"ownership, as the official registry would see it: {warning}" for warning in accepted.warnings]
    await bench.progress(5, steps, "reading back")
    shown = await read_back(target, name, version)
    if shown is None or differences(expected, shown.server):
        raise RegistryError(
            "read-back",
            f"{target.name} accepted {name} {version} and "
            + ("does not show it" if shown is None else "shows something else"),
            f"{call(path, registry)} again in a minute tells which",
            status=200,
        )
    return answer("published", shown, login)


async def read_back(target: Registry, name: str, version: str) -> Entry | None:
    """The version as the registry shows it now; a registry of several replicas gets a moment to agree with itself."""
    import anyio

    for pause in READ_BACK_PAUSES:
        if (shown := await target.get(name, version)) is not None:
            return shown
        await anyio.sleep(pause)
    return await target.get(name, version)


async def image_draft(path: str, docker_url: str, platform: str, push: bool) -> flow.Draft:
    """What server.json will say once its image is built; nothing is built yet."""
    import anyio.to_thread

    from mcp_registrar_tools.images import build, flow
    from mcp_registrar_tools.images.platforms import normalise

    platforms = tuple(normalise(part) for part in platform.split(",") if part.strip())
    order = build.Order(registry=docker_url, push=push, platforms=platforms)
    return await anyio.to_thread.run_sync(lambda: flow.draft(path, order))


def call(path: str, registry: str, image: flow.Draft | None = None, *, push: bool = False) -> str:
    """The literal call that publishes this; with an image it builds that again, and pushes it with ``push``."""
    words = [f"path={quoted(path)}"] + ([f'registry="{registry}"'] if registry else [])
    if image is not None:
        words.append(f'docker_url="{clean(image.order.registry, 200)}"')
        words += ["push_image=true"] if push or image.order.push else []
    return f"publish({', '.join(words)})"


class Manifest:
    """A server.json, read for publishing: ``document`` is an object and valid JSON.

    With a draft it is what the file will say once the image is built.
    """

    def __init__(self, path: str, image: flow.Draft | None = None) -> None:
        from mcp_registrar_tools.manifest.files import find, read_text_file
        from mcp_registrar_tools.manifest.source import Source

        self.given = clean(path, 300)
        if image is not None:
            self.file, text = image.file, image.new_text()
        else:
            found = find(path)
            self.file, text = found.path, read_text_file(found.path, root=found.root)
        self.source = Source(text)
        problem = next((p for p in self.source.problems if p.fatal), None)
        if problem or not isinstance(self.source.document, dict):
            what = f"line {problem.line}: {problem.message}" if problem else "it is not a JSON object"
            raise InputError(
                "invalid-json",
                f"{self.file}, {clean(what, 300)}",
                f"validate(path={quoted(self.given)}) says how to repair it",
            )
        self.document: dict[str, Any] = self.source.document

    def refused(self, code: str, message: str, hint: str, findings: list[Finding]) -> PublishRefused:
        """A refusal with the places in the file."""
        located = []
        for finding in findings:
            line, column = self.source.find(finding.at) if finding.at else (None, None)
            located.append(finding.model_copy(update={"line": line, "column": column}))
        return PublishRefused(code, message, hint, located, file=self.file)

    def check(self, *, packages: bool = True) -> None:
        """Raise `PublishRefused` with every reason for which the official registry would say no.

        ``packages=False`` leaves out the rules of the package types (where an image may be hosted, which fields its
        entry may have): they are part of an ownership check that other registries do not make.
        """
        from mcp_registrar_tools import rules
        from mcp_registrar_tools.rules import templates

        document = self.document
        at_publish = [f for f in rules.publish_time_problems(document) if packages or f.at[:1] != ("packages",)]
        refused = [f for f in (*rules.publish_issues(document), *at_publish) if f.severity == "error"]
        if not refused and not rules.body_problems(document):
            if placeholder := templates.found_in(document["version"]):
                # The registry would take it, and for ever.
                raise InputError(
                    "template-placeholder",
                    f"{self.file} has no version yet: the placeholder {placeholder} stands in its place",
                    f"fill it in, then validate(path={quoted(self.given)})",
                )
            return
        layers = ("structure", "semantics", "publish-time") if packages else ("structure", "semantics")
        errors = [f for f in rules.check(document) if f.severity == "error" and f.layer in layers]
        errors += [f for f in refused if f.layer == "publish-time" and not packages]
        raise self.refused(
            "invalid-document",
            f"{self.file} cannot be published: {len(errors)} problem{'s' if len(errors) > 1 else ''}",
            f"validate(path={quoted(self.given)}, fix=true) repairs what is safe to repair and explains the rest",
            errors,
        )

    def package_notes(self) -> list[str]:
        """What the official registry would refuse in the package entries."""
        from mcp_registrar_tools import rules

        return [
            f"the official registry would refuse {f.path}: {f.message}"
            for f in rules.publish_time_problems(self.document)
        ]


async def permission(target: Registry, name: str, notes: list[str], *, dry_run: bool) -> str:
    """Who publishes; raises with the cure when the registry would say 403. A dry run goes on without a login."""
    from mcp_registrar_tools.registries.tokens import prediction

    try:
        grants = await target.grants()
    except LoginError as error:
        if not dry_run or error.code != "not-logged-in":
            raise
        notes.append(f"permission not checked: {error.message}; {error.hint}")
        return ""
    if grants is None:
        return ""
    if refusal := prediction(grants, name):
        message, hint = refusal
        raise RegistryError("forbidden", f"{target.name}: {message}", hint, status=403)
    return clean(f"{grants.subject} ({grants.method})", 200) if grants.subject else ""


async def taken(target: Registry, document: dict[str, Any], there: Entry, path: str) -> RegistryError:
    """The version is there with other content: what differs, and a version that is free."""
    from mcp_registrar_tools.manifest.versions import next_free
    from mcp_registrar_tools.registries.compare import differences

    name, version = document["name"], document["version"]
    versions = await target.versions(name, include_deleted=True)
    free = next_free(version, [str(item.server.get("version")) for item in versions])
    lines = [clean(line, 300) for line in differences(target.prepared(document), there.server, SHOWN)]
    state = "" if there.status == "active" else f" ({there.status})"
    return RegistryError(
        "version-exists",
        f"{target.name} already has {name} {version}{state} with other content; a published version cannot be changed",
        f'set "version": "{free}" in server.json (and in the packages that carry it), then {call(path, target.name)}',
        details="Published -> yours:\n" + "\n".join(f"- {line}" for line in lines),
        status=400,
    )


async def packages_ready(bench: Workbench, target: Registry, manifest: Manifest, wait: int, notes: list[str]) -> None:
    """Wait, at most ``wait`` seconds, until the published packages name this server.

    Only a real registry of the official rules refuses for it; for others what is missing is a note.
    """
    from mcp_registrar_tools.rules import ownership

    document = manifest.document

    async def waiting(done: float, total: float | None, message: str) -> None:
        await bench.progress(3 + 0.9 * done / (total or 1), 5, message)  # within the step that checks the packages

    answers = await ownership.verify(document, bench.outbound, bench.settings, wait=wait, progress=waiting)
    missing = [answer for answer in answers if not answer.verified]
    if not missing:
        return
    if target.kind != "official" or target.name == "local":
        notes += [f"{clean(a.identifier, 120)}: {clean(a.refusal, 400)}" for a in missing]
        return
    where = f"path={quoted(manifest.given)}"
    raise manifest.refused(
        "ownership",
        f"{target.name} would refuse {document['name']}: {len(missing)} of its packages are not ready",
        f"publish({where}, wait=300) waits for a fresh release; validate({where}, ownership=true) explains the rest",
        [finding for a in missing for finding in a.findings if finding.severity == "error"],
    )


async def push_images(bench: Workbench, document: dict[str, Any]) -> None:
    """Push every image that the document names, with Docker's own login."""
    from mcp_registrar_tools.images import engine, push

    images = [p["identifier"] for p in document.get("packages") or [] if p.get("registryType") == "oci"]
    if not images:
        raise InputError("no-image", "server.json names no OCI image to push", "leave push_image out")
    docker = await engine.connect()
    for image in images:
        await push.push(docker, image, bench.progress)


def registry_finding(issue: dict[str, Any]) -> Finding:
    """A registry's issue as a finding."""
    return Finding(
        code=clean(str(issue.get("reference") or issue.get("type") or "registry"), 120),
        severity="error",
        path=clean(str(issue.get("path") or ""), 200),
        message=clean(str(issue.get("message") or ""), 500),
        layer="registry",
    )
