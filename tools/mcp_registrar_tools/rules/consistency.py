"""The manifest against the project that it describes. Codes are ours; the registry sees none of these files.

It sees what is built from them: a wrong marker here is a refused publish after the release.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mcp_registrar_tools.answer import clean
from mcp_registrar_tools.findings import Finding, Severity
from mcp_registrar_tools.manifest.body import Path, bind, dotted
from mcp_registrar_tools.packages import TYPES
from mcp_registrar_tools.packages.found import Found
from mcp_registrar_tools.project.git import Origin, parse_remote
from mcp_registrar_tools.rules import templates
from mcp_registrar_tools.rules.surroundings import Surroundings, see

Json = dict[str, Any]

INDEXES = ("npm", "pypi", "nuget", "cargo")
_IO_GITHUB = "io.github."


def check(document: Any, manifest: Any, root: Any) -> list[Finding]:
    """Everything in which the manifest and the files around it differ. Reads files; see `surroundings.see`."""
    bound = bind(document)[0]
    repository = bound.get("repository", {})
    subfolder = repository.get("subfolder", "")
    around = see(manifest, root, subfolder)
    if any(own(around, package) is None for package in bound.get("packages", ()) if package["registryType"] in INDEXES):
        around = see(manifest, root, subfolder, deep=True)
    found = [
        *owner(bound, around.origin),
        *_repository(bound, around),
        *(
            finding
            for i, package in enumerate(bound.get("packages", ()))
            for finding in _package(i, package, bound, around)
        ),
    ]
    around.remember()
    return found


def _found(
    code: str, at: Path, message: str, hint: str, *, severity: Severity = "warning", fix: list[Json] | None = None
) -> Finding:
    return Finding(
        code=code,
        severity=severity,
        path=dotted(at),
        message=clean(message, 500),
        layer="consistency",
        hint=clean(hint, 400),
        fix=fix,
        at=at,
    )


# Whose it is


def owner(bound: Json, origin: Origin | None) -> Iterator[Finding]:
    """An ``io.github.<owner>`` name against the owner of the repository, letter for letter.

    The registry grants ``io.github.<login>/*`` with GitHub's own letter case. The evidence is the git origin, else
    the manifest's ``repository``.
    """
    name = bound["name"]
    namespace, _, part = name.partition("/")
    if not namespace.startswith(_IO_GITHUB) or not part:
        return
    claimed = namespace.removeprefix(_IO_GITHUB)
    stated = parse_remote(bound.get("repository", {}).get("url", "")) if bound.get("repository") else None
    evidence, where = (origin, "git's origin") if origin else (stated, "repository.url")
    if evidence is None or evidence.host != "github.com" or claimed == evidence.owner:
        return
    right = f"{_IO_GITHUB}{evidence.owner}/{part}"
    if claimed.lower() == evidence.owner.lower():
        sure = stated is None or origin is None or stated.owner == origin.owner
        yield _found(
            "namespace-owner-case",
            ("name",),
            f"{namespace} is not the letter case of {where}: {evidence.owner}",
            f"write {right}, in the marker too: the registry compares letter for letter with the GitHub login",
            fix=[{"op": "replace", "path": "/name", "value": right}] if sure else None,
        )
    else:
        yield _found(
            "namespace-owner-differs",
            ("name",),
            f"{namespace} is not the owner of {where}: {evidence.owner}",
            f"log in as {claimed} to publish it, or write {right}",
        )


def _repository(bound: Json, around: Surroundings) -> Iterator[Finding]:
    repository = bound.get("repository") or {}
    url = repository.get("url", "")
    stated = parse_remote(url) if url and not templates.found_in(url) else None
    origin = around.origin
    if stated and origin and stated.url.lower() != origin.url.lower():
        yield _found(
            "repository-differs",
            ("repository", "url"),
            f"{url} is not where this project comes from: {origin.url}",
            f"write {origin.url}, unless the other one is meant",
            severity="info",
        )
    folder = around.project.top
    subfolder = repository.get("subfolder", "")
    if subfolder and ".." not in subfolder.split("/") and not (folder / subfolder).is_dir():
        yield _found(
            "subfolder-missing",
            ("repository", "subfolder"),
            f"there is no folder {subfolder} in {folder.name}",
            f"write {around.folder}" if around.folder else "leave it out: the server is at the top",
        )
    elif url and origin and around.folder and not subfolder and _has_package(around):
        yield _found(
            "subfolder-unsaid",
            ("repository", "subfolder"),
            f"the server is in {around.folder}, but the repository's subfolder is not said",
            f'add "subfolder": "{around.folder}"',
            severity="info",
            fix=[{"op": "add", "path": "/repository/subfolder", "value": around.folder}],
        )


def _has_package(around: Surroundings) -> bool:
    return any(found.folder == around.folder for kind in INDEXES for found in around.of(kind))


# Its packages


def _normal(registry_type: str, identifier: str) -> str:
    if registry_type == "pypi":
        return re.sub(r"[-_.]+", "-", identifier).lower()
    if registry_type == "cargo":
        return identifier.replace("-", "_").lower()
    return identifier.lower() if registry_type == "nuget" else identifier


def own(around: Surroundings, package: Json) -> Found | None:
    """The project's package that an entry speaks of."""
    kind = package["registryType"]
    wanted = _normal(kind, package["identifier"])
    same = [found for found in around.of(kind) if _normal(kind, found.identifier) == wanted]
    return same[0] if same else None


def _package(i: int, package: Json, bound: Json, around: Surroundings) -> Iterator[Finding]:
    kind, at = package["registryType"], ("packages", i)
    if kind == "oci":
        yield from _image(at, bound, around)
        return
    if kind not in INDEXES or templates.found_in(package["identifier"]):
        return
    found = own(around, package)
    if found is None:
        yield from _other_name(at, package, around)
        return
    shown = around.project.shown(found.file)
    if found.private:
        yield _found(
            "package-private",
            (*at, "identifier"),
            f"{shown} says that {found.identifier} is never published",
            "make it public, or remove this entry",
        )
    yield from _versions(at, package, bound, found, shown)
    yield from _marker(at, kind, found, bound["name"], around)
    for question in found.questions:
        yield _question(at, question)


def _other_name(at: Path, package: Json, around: Surroundings) -> Iterator[Finding]:
    kind = package["registryType"]
    subfolder = around.folder
    here = [found for found in around.of(kind) if found.folder == subfolder and not found.private]
    if len(here) == 1 and package["identifier"]:
        shown = around.project.shown(here[0].file)
        yield _found(
            "identifier-differs",
            (*at, "identifier"),
            f"{package['identifier']} is not what {shown} publishes: {here[0].identifier}",
            f"write {here[0].identifier}, unless another project publishes that package",
        )


def _versions(at: Path, package: Json, bound: Json, found: Found, shown: str) -> Iterator[Finding]:
    version = package.get("version", "")
    where = found.version_where or shown
    if found.version and version and not templates.found_in(version) and not templates.found_in(found.version):
        if found.version != version:
            yield _found(
                "package-version-differs",
                (*at, "version"),
                f"{version} is not the version in {where}: {found.version}",
                f"write {found.version} if that is what you release, or release {version}",
            )
        elif bound["version"] and bound["version"] != version and not templates.found_in(bound["version"]):
            yield _found(
                "server-version-differs",
                ("version",),
                f"the server's version {bound['version']} is not its package's: {version}",
                f"write {version}, unless only the manifest changed",
                severity="info",
            )


def _marker(at: Path, kind: str, found: Found, name: str, around: Surroundings) -> Iterator[Finding]:
    if not name or templates.found_in(name):
        return
    mark = TYPES[kind].marker(around.project, found, name)
    if mark.state == "present":
        return
    where = around.project.shown(mark.file) if mark.file else around.project.shown(found.file)
    here = (*at, "identifier")
    if mark.state == "other":
        yield _found(
            "marker-differs",
            here,
            f"{where}:{mark.line} gives this package to {mark.found}, not to {name}",
            f"write {mark.text} there (letter for letter) and release it, or use that name here",
        )
    elif mark.state == "missing":
        yield _found(
            "marker-missing",
            here,
            f"{where} does not say whose package this is; the registry looks for {mark.text} in the release",
            "init_manifest(markers=true) writes it; then release the package",
        )
    else:
        yield _found(
            "marker-missing",
            here,
            f"nothing of this package can say whose it is: {mark.note or 'no file carries the marker'}",
            f"add a README with {mark.text} and release it",
        )


_QUESTIONS = (
    ("npx cannot choose", "npx-cannot-choose"),
    ("starts a script named", "script-missing"),
    ("publishes to", "other-package-registry"),
)


def _question(at: Path, question: str) -> Finding:
    message, _, hint = question.partition("; ")
    code = next((code for words, code in _QUESTIONS if words in question), "package-doubtful")
    return _found(code, (*at, "identifier"), message, hint or "check that this is meant")


def _image(at: Path, bound: Json, around: Surroundings) -> Iterator[Finding]:
    name = bound["name"]
    images = [found for found in around.of("oci") if found.folder in ("", around.folder)]
    if not images or not name or templates.found_in(name):
        return
    labelled = [found for found in images if found.server_name]
    here = (*at, "identifier")
    if labelled and not any(found.server_name == name for found in labelled):
        yield _found(
            "marker-differs",
            here,
            f"{labelled[0].server_name_where} labels the image as {labelled[0].server_name}, not as {name}",
            f"write {name} there (letter for letter) and push the image again",
        )
    elif not labelled and not any(found.extra["labelled"] for found in images):
        shown = around.project.shown(images[0].file)
        yield _found(
            "marker-missing",
            here,
            f"{shown} sets no label io.modelcontextprotocol.server.name; the registry looks for it in the image",
            "build_image() adds it, or init_manifest(markers=true) writes it into the Dockerfile",
        )
    parsed = images[0].extra["dockerfile"]
    if parsed.stages and not parsed.command and parsed.stages[-1].image.lower() == "scratch":
        yield _found(
            "image-without-entrypoint",
            here,
            f"{around.project.shown(images[0].file)} has neither ENTRYPOINT nor CMD: the image does not start",
            'add ENTRYPOINT ["/path/to/server"]',
        )
