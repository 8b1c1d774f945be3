"""What the registry accepts and its users regret. Codes are ours; nothing here makes a document invalid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mcp_registrar_tools.findings import Finding, Severity
from mcp_registrar_tools.manifest import body, patch, versions
from mcp_registrar_tools.manifest.body import Path, Struct, dotted
from mcp_registrar_tools.rules import templates

Json = dict[str, Any]

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:API_?KEY|APIKEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PASS|PAT|CREDENTIALS?)$", re.IGNORECASE
)
_NO_SECRET_NAME = re.compile(r"PUBLIC|(?:^|_)(?:SORT|PRIMARY|PARTITION|CACHE)_KEY$", re.IGNORECASE)
_SECRET_VALUE = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,}|glpat-[\w-]{18,}|sk-[A-Za-z0-9_-]{20,}"
    r"|xox[abprs]-[A-Za-z0-9-]{10,}|AKIA[0-9A-Z]{16}|AIza[\w-]{35}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{40,}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+)|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|(?i:\bbearer\s+[A-Za-z0-9._~+/-]{20,})"
)
_PLACEHOLDER_NAME = re.compile(r"your[-_.]?(?:user|org|name|company|github)|<|example\.com$", re.IGNORECASE)


def problems(document: Json, bound: Json) -> list[Finding]:
    """All advice, in the document's order."""
    return [
        *_name_and_title(bound),
        *_version(bound),
        *_presence(bound),
        *_key_case(document, body.SERVER, ()),
        *(finding for i, package in enumerate(bound.get("packages", ())) for finding in _package(i, package)),
        *_inputs(bound),
        *_twice(bound),
    ]


def _advice(
    code: str, at: Path, message: str, hint: str, *, severity: Severity = "warning", fix: list[Json] | None = None
) -> Finding:
    return Finding(
        code=code,
        severity=severity,
        path=dotted(at),
        message=message,
        layer="advice",
        hint=hint,
        fix=fix,
        at=at,
    )


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _name_and_title(bound: Json) -> Iterator[Finding]:
    name, title = bound["name"], bound.get("title", "")
    if title and title.lower() in (name.lower(), name.lower().partition("/")[2]):
        yield _advice(
            "title-repeats-name",
            ("title",),
            f"the title {title!r} only repeats the name",
            "write it as people would say it, or leave it out: clients then show the name",
            severity="info",
        )
    if _PLACEHOLDER_NAME.search(name.partition("/")[0].replace("com.example", "")):
        yield _advice(
            "placeholder-name",
            ("name",),
            f"{name} looks like a placeholder",
            "use a namespace that you can prove: io.github.<login>/… or your domain reversed",
        )
    if "[describe what your server does]" in bound["description"]:
        yield _advice(
            "placeholder-description",
            ("description",),
            "the description is still the template's",
            "say in at most 100 characters what the server does",
        )


def _version(bound: Json) -> Iterator[Finding]:
    version = bound["version"]
    placeholder = templates.found_in(version)
    if placeholder:
        yield _advice(
            "template-placeholder",
            ("version",),
            f"holds the placeholder {placeholder}; the registry would take it as it stands",
            "fill it in before publishing, then validate the result",
            severity="info",
        )
    elif version and not versions.is_semver(version):
        yield _advice(
            "version-not-semantic",
            ("version",),
            f"{version!r} is not a semantic version: the registry orders it below every one that is, by date",
            "use three numbers without leading zeros, like 1.2.0",
            severity="info",
        )


def _presence(bound: Json) -> Iterator[Finding]:
    if not bound.get("packages") and not bound.get("remotes"):
        yield _advice(
            "nothing-to-install",
            (),
            "there is neither a package nor a remote: nobody can install this server",
            "add an entry to packages or remotes",
        )
    repository = bound.get("repository")
    if not repository or not (repository.get("url") or repository.get("source")):
        yield _advice(
            "repository-missing",
            ("repository",),
            "there is no repository: people cannot look at the source before they install it",
            'add {"url": "https://github.com/<owner>/<repository>", "source": "github"}',
            severity="info",
        )


def _key_case(given: Any, struct: Struct, at: Path) -> Iterator[Finding]:
    if not isinstance(given, dict):
        return
    for key, value in given.items():
        if key in struct.names:
            spec = next(field for field in struct.fields if field.name == key)
            if spec.struct is None:
                continue
            if spec.kind == "list" and isinstance(value, list):
                for i, item in enumerate(value):
                    yield from _key_case(item, spec.struct, (*at, key, i))
            elif spec.kind == "struct":
                yield from _key_case(value, spec.struct, (*at, key))
        elif (name := struct.folded.get(key.casefold())) and name not in given:
            here = (*at, key)
            yield _advice(
                "key-case",
                here,
                f"{key} is taken for {name} by the registry, but not by every client",
                f"write {name}",
                fix=[{"op": "move", "from": patch.pointer(here), "path": patch.pointer((*at, name))}],
            )


def _package(i: int, package: Json) -> Iterator[Finding]:
    at: Path = ("packages", i)
    if package.get("runtimeArguments") and not package.get("runtimeHint"):
        hints = {"npm": "npx", "pypi": "uvx", "oci": "docker", "nuget": "dnx"}
        runtime = hints.get(package["registryType"])
        here = (*at, "runtimeHint")
        yield _advice(
            "runtime-hint-missing",
            here,
            "there are runtimeArguments but no runtimeHint: clients do not know whose arguments they are",
            f'add "runtimeHint": "{runtime or "…"}"',
            fix=[{"op": "add", "path": patch.pointer(here), "value": runtime}] if runtime else None,
        )
    if package["registryType"] == "oci" and package["identifier"]:
        yield from _image(at, package)


def _image(at: Path, package: Json) -> Iterator[Finding]:
    from mcp_registrar_tools.errors import InputError
    from mcp_registrar_tools.images import reference

    identifier, here = package["identifier"], (*at, "identifier")
    try:
        image = reference.parse(identifier)
    except InputError:
        return
    if image.version is None:
        version = package.get("version", "")
        tag = version.replace("+", "_") or "<version>"
        yield _advice(
            "oci-reference-without-tag",
            here,
            f"{identifier} names no tag: every install gets whatever is latest then",
            f"write {identifier}:{tag}",
            fix=[{"op": "replace", "path": patch.pointer(here), "value": f"{identifier}:{tag}"}] if version else None,
        )
    elif image.tag == "latest" and not image.digest:
        yield _advice(
            "oci-tag-latest",
            here,
            f"{identifier}: this entry will mean another image tomorrow",
            "name the version's own tag",
            severity="info",
        )


def inputs(bound: Json) -> Iterator[tuple[Path, Json]]:
    """Every argument, environment variable, header and variable with its place."""
    for i, package in enumerate(bound.get("packages", ())):
        at: Path = ("packages", i)
        for name in ("runtimeArguments", "packageArguments", "environmentVariables"):
            for j, entry in enumerate(package.get(name, ())):
                yield (*at, name, j), entry
        yield from _transport_inputs((*at, "transport"), package["transport"])
    for i, remote in enumerate(bound.get("remotes", ())):
        yield from _transport_inputs(("remotes", i), remote)


def _transport_inputs(at: Path, transport: Json) -> Iterator[tuple[Path, Json]]:
    for j, entry in enumerate(transport.get("headers", ())):
        yield (*at, "headers", j), entry
    for name, entry in transport.get("variables", {}).items():
        yield (*at, "variables", name), entry


def _inputs(bound: Json) -> Iterator[Finding]:
    for at, entry in inputs(bound):
        name = entry.get("name") or (at[-1] if isinstance(at[-1], str) else "")
        secret = bool(
            _SECRET_NAME.search(str(name).replace("-", "_").lstrip("_")) and not _NO_SECRET_NAME.search(str(name))
        )
        for key in ("value", "default"):
            if _SECRET_VALUE.search(entry.get(key, "")):
                yield _advice(
                    "secret-in-manifest",
                    (*at, key),
                    f"{name or 'this'} holds what looks like a real secret; everybody can read it once published",
                    "remove it, let the user give it (isRequired, isSecret), and revoke the old one",
                )
        plain = entry.get("format", "string") == "string" and not entry.get("value") and not entry.get("choices")
        if secret and plain and not entry.get("isSecret") and "environmentVariables" in at:
            here = (*at, "isSecret")
            yield _advice(
                "secret-not-marked",
                here,
                f"{name} looks like a secret but is not marked: clients will show and store it in the clear",
                'add "isSecret": true',
                fix=[{"op": "add", "path": patch.pointer(here), "value": True}],
            )


def _twice(bound: Json) -> Iterator[Finding]:
    seen: dict[tuple[str, str, str], int] = {}
    for i, package in enumerate(bound.get("packages", ())):
        key = (package["registryType"], package["identifier"], package.get("version", ""))
        transport = str(package["transport"].get("type"))
        key = (key[0], key[1], f"{key[2]} {transport}")
        if key[1] and key in seen:
            yield _advice(
                "package-twice",
                ("packages", i),
                f"packages[{i}] is the same package as packages[{seen[key]}]",
                "keep one of them",
                severity="info",
            )
        seen.setdefault(key, i)
