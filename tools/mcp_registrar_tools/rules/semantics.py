"""What the registry checks beyond the schema, in its order: R10 to R43, as findings name their rule.

Each ``_rule`` takes the document as the registry holds it (`manifest.body.bind`) and yields what it
refuses, in the registry's own codes, paths and words. Nothing here knows hints or fixes; see `rules.cures`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from mcp_registrar_tools.findings import Finding, Severity
from mcp_registrar_tools.manifest import gourl, names, schemas, versions
from mcp_registrar_tools.manifest.body import Path, dotted
from mcp_registrar_tools.manifest.gotext import GO_SPACE, byte_length, quote, quote_rune

Json = dict[str, Any]

RULES = {
    "schema-field-required": "R10",
    "schema-version-extraction-error": "R11",
    "schema-version-deprecated": "R12",
    "schema-version-not-available": "R13",
    "invalid-server-name": "R20",
    "reserved-version-string": "R21",
    "version-looks-like-range": "R22",
    "invalid-repository-url": "R23",
    "invalid-subfolder-path": "R24",
    "invalid-website-url": "R25",
    "website-url-must-be-absolute": "R26",
    "website-url-invalid-scheme": "R27",
    "website-url-invalid-characters": "R28",
    "title-whitespace-only": "R29",
    "icon-src-invalid-url": "R30",
    "icon-src-not-absolute": "R30",
    "icon-src-invalid-scheme": "R30",
    "package-name-has-spaces": "R31",
    "named-argument-name-required": "R32",
    "invalid-named-argument-name": "R33",
    "argument-value-starts-with-name": "R34",
    "argument-default-starts-with-name": "R34",
    "stdio-transport-url-not-empty": "R36",
    "streamable-transport-url-required": "R37",
    "invalid-templated-url": "R38/R43",
    "unsupported-transport-type": "R39",
    "unsupported-remote-transport-type": "R40",
    "remote-transport-url-required": "R41",
    "invalid-remote-url": "R42",
}
"""The registry's code of each rule -> its number in the reference."""

_GITHUB = re.compile(r"https?://(?:www\.)?github\.com/[\w.-]+/[\w.-]+/?\Z", re.ASCII)
_GITLAB = re.compile(r"https?://(?:www\.)?gitlab\.com/[\w.-]+/[\w.-]+/?\Z", re.ASCII)
_SUBFOLDER = re.compile(r"[a-zA-Z0-9\-_./]+\Z")
_WEBSITE_REFUSED = re.compile("[\"'<> \t\r\n]")
_ARGUMENT_NAME_REFUSED = re.compile(r"[<> $]")
_VARIABLE = re.compile(r"\{([^}]+)\}")
_PORT_VARIABLE = re.compile(r":\{[^}]+\}(/|\Z)")
_FILLED = {"{host}": "example.com", "{port}": "8080", "{path}": "api", "{protocol}": "http", "{scheme}": "http"}


def problems(bound: Json, schema_policy: Literal["warn", "error"] = "warn") -> list[Finding]:
    """Every problem of layers V and S, in the registry's order."""
    return [
        *_schema_version(bound, schema_policy),
        *_server_name(bound),
        *_version(("version",), bound["version"]),
        *_repository(bound),
        *_website(bound),
        *_title(bound),
        *_icons(bound),
        *(finding for i, package in enumerate(bound.get("packages", ())) for finding in _package(i, package)),
        *(finding for i, remote in enumerate(bound.get("remotes", ())) for finding in _remote(i, remote)),
    ]


def _found(code: str, at: Path, message: str, path: str = "", severity: Severity = "error") -> Finding:
    return Finding(
        code=code,
        severity=severity,
        path=path or dotted(at),
        message=message,
        layer="semantics",
        source=f"official registry, rule {RULES[code]}",
        at=at,
    )


def _schema_version(bound: Json, policy: str) -> Iterator[Finding]:
    url = bound["$schema"]
    at: Path = ("$schema",)
    if not url:
        yield _found("schema-field-required", at, "$schema field is required", "schema")
        return
    version = schemas.version_of(url)
    if version is None:
        message = f"failed to extract schema version from URL: invalid schema URL format: {url}"
        yield _found("schema-version-extraction-error", at, message, "schema")
        return
    if url != schemas.CURRENT_URL:
        advice, severity = "Consider updating to the latest schema version", "warning"
        if policy == "error":
            advice, severity = "Use the current schema version", "error"
        message = f"schema version {version} is not the current version ({schemas.CURRENT}). {advice}"
        yield _found(
            "schema-version-deprecated",
            at,
            message,
            "schema",
            "warning" if severity == "warning" else "error",
        )
    if version not in schemas.VERSIONS:
        message = (
            f"schema version {version} not available: schema version {version} not found in embedded schemas: "
            f"open schemas/{version}.json: file does not exist"
        )
        yield _found("schema-version-not-available", at, message, "schema")


def _server_name(bound: Json) -> Iterator[Finding]:
    message = names.name_problem(bound["name"])
    if message:
        yield _found("invalid-server-name", ("name",), message)


def _version(at: Path, version: str) -> Iterator[Finding]:
    if version == "latest":
        message = "version string 'latest' is reserved and cannot be used"
        yield _found("reserved-version-string", at, message)
    elif versions.looks_like_range(version):
        message = f"version must be a specific version, not a range: {quote(version)}"
        yield _found("version-looks-like-range", at, message)


def _repository(bound: Json) -> Iterator[Finding]:
    repository = bound.get("repository")
    if not repository:
        return
    url, source = repository.get("url", ""), repository.get("source", "")
    if not url and not source:
        return
    pattern = {"github": _GITHUB, "gitlab": _GITLAB}.get(source)
    if pattern is None or not pattern.match(url):
        at: Path = ("repository", "url")
        yield _found("invalid-repository-url", at, f"invalid repository URL: {url}")
    subfolder = repository.get("subfolder", "")
    if subfolder and not is_subfolder(subfolder):
        at = ("repository", "subfolder")
        yield _found("invalid-subfolder-path", at, f"invalid subfolder path: {subfolder}")


def is_subfolder(path: str) -> bool:
    """A clean relative path: no slash at either end, no empty, ``.`` or ``..`` segment, plain characters."""
    if not _SUBFOLDER.match(path):
        return False
    return not any(segment in ("", ".", "..") for segment in path.split("/"))


def _website(bound: Json) -> Iterator[Finding]:
    url = bound.get("websiteUrl", "")
    if not url:
        return
    at: Path = ("websiteUrl",)
    try:
        parsed = gourl.parse(url)
    except gourl.GoURLError as error:
        yield _found("invalid-website-url", at, f"invalid websiteUrl: {error}")
        return
    if not parsed.scheme:
        message = f"websiteUrl must be absolute (include scheme): {url}"
        yield _found("website-url-must-be-absolute", at, message)
    if parsed.scheme != "https":
        yield _found("website-url-invalid-scheme", at, f"websiteUrl must use https scheme: {url}")
    refused = _WEBSITE_REFUSED.search(url)
    if refused:
        where = byte_length(url[: refused.start()])
        char = quote_rune(refused[0])
        message = f"websiteUrl contains an invalid character {char} at position {where}: {url}"
        yield _found("website-url-invalid-characters", at, message)


def _title(bound: Json) -> Iterator[Finding]:
    title = bound.get("title", "")
    if title and not title.strip(GO_SPACE):
        yield _found("title-whitespace-only", ("title",), "title cannot be only whitespace")


def _icons(bound: Json) -> Iterator[Finding]:
    for i, icon in enumerate(bound.get("icons", ())):
        at: Path = ("icons", i, "src")
        src = icon["src"]
        try:
            parsed = gourl.parse(src)
        except gourl.GoURLError as error:
            yield _found("icon-src-invalid-url", at, f"invalid icon src URL: {error}")
            continue
        if not parsed.scheme:
            message = f"icon src must be an absolute URL (include scheme): {src}"
            yield _found("icon-src-not-absolute", at, message)
        if parsed.scheme != "https":
            message = f"icon src must use https scheme (got {parsed.scheme}): {src}"
            yield _found("icon-src-invalid-scheme", at, message)


def _package(i: int, package: Json) -> Iterator[Finding]:
    at: Path = ("packages", i)
    if " " in package["identifier"]:
        message = "package name cannot contain spaces"
        yield _found("package-name-has-spaces", (*at, "identifier"), message)
    yield from _version((*at, "version"), package.get("version", ""))
    for name in ("runtimeArguments", "packageArguments"):
        for j, argument in enumerate(package.get(name, ())):
            if argument["type"] == "named":
                yield from _named_argument((*at, name, j), argument)
    yield from _package_transport((*at, "transport"), package)


def _named_argument(at: Path, argument: Json) -> Iterator[Finding]:
    name = argument.get("name", "")
    if not name:
        yield _found("named-argument-name-required", (*at, "name"), "named argument name is required")
    elif _ARGUMENT_NAME_REFUSED.search(name):
        message = f"invalid named argument name format: {name}"
        yield _found("invalid-named-argument-name", (*at, "name"), message)
    for key in ("value", "default"):
        value = argument.get(key, "")
        # Everything starts with an empty name: the registry says so too.
        if value and value.startswith(name):
            message = (
                f"argument {key} cannot start with the argument name: {key} starts with argument name '{name}': {value}"
            )
            yield _found(f"argument-{key}-starts-with-name", (*at, key), message)


def _package_transport(at: Path, package: Json) -> Iterator[Finding]:
    transport = package["transport"]
    kind, url = transport["type"], transport.get("url", "")
    if kind == "stdio":
        if url:
            message = f"url must be empty for stdio transport type, got: {url}"
            yield _found("stdio-transport-url-not-empty", (*at, "url"), message)
    elif kind not in ("streamable-http", "sse"):
        message = f"unsupported transport type: {kind}"
        yield _found("unsupported-transport-type", (*at, "type"), message)
    elif not url:
        message = f"url is required for {kind} transport type"
        yield _found("streamable-transport-url-required", (*at, "url"), message)
    else:
        available = package_variables(package)
        if not _is_templated_url(url, available):
            message = "invalid package transport URL: " + _undefined(url, available)
            yield _found("invalid-templated-url", (*at, "url"), message)


def package_variables(package: Json) -> list[str]:
    """What a package's transport URL may refer to: environment variables, then arguments' names and hints."""
    found = [variable["name"] for variable in package.get("environmentVariables", ())]
    for name in ("runtimeArguments", "packageArguments"):
        for argument in package.get(name, ()):
            found += [word for key in ("name", "valueHint") if (word := argument.get(key))]
    return found


def _remote(i: int, remote: Json) -> Iterator[Finding]:
    at: Path = ("remotes", i)
    kind, url = remote["type"], remote.get("url", "")
    if kind not in ("streamable-http", "sse"):
        message = f"unsupported transport type for remotes: {kind} (only streamable-http and sse are supported)"
        yield _found("unsupported-remote-transport-type", (*at, "type"), message)
        return
    if not url:
        message = f"url is required for {kind} transport type"
        yield _found("remote-transport-url-required", (*at, "url"), message)
    elif not _is_remote_url(url):
        yield _found("invalid-remote-url", (*at, "url"), f"invalid remote URL: {url}")
    available = [name for name in remote.get("variables", ()) if name]
    if not _is_templated_url(url, available):
        message = "invalid remote URL: " + _undefined(url, available)
        yield _found("invalid-templated-url", (*at, "url"), message)


def fill_variables(url: str) -> str:
    """A URL with every ``{variable}`` replaced as the registry does it before it parses (R45)."""
    if "{" not in url:
        return url
    for hole, value in _FILLED.items():
        url = url.replace(hole, value)
    return _VARIABLE.sub("placeholder", _PORT_VARIABLE.sub(r":8080\1", url))


def url_variables(url: str) -> list[str]:
    """The names in braces of a URL, in order."""
    return _VARIABLE.findall(url) if "{" in url else []


def _parsed(url: str) -> gourl.GoURL | None:
    try:
        parsed = gourl.parse(fill_variables(url))
    except gourl.GoURLError:
        return None
    return parsed if parsed.scheme in ("http", "https") and parsed.host else None


def _is_remote_url(url: str) -> bool:
    parsed = _parsed(url)
    if parsed is None or parsed.scheme != "https":
        return False
    host = parsed.hostname
    return host not in ("localhost", "127.0.0.1") and not host.endswith(".localhost")


def _is_templated_url(url: str, available: list[str]) -> bool:
    return _parsed(url) is not None and all(name in available for name in url_variables(url))


def _undefined(url: str, available: list[str]) -> str:
    if not url_variables(url):
        return url
    return (
        f"template variables in URL {url} reference undefined variables. Available variables: [{' '.join(available)}]"
    )
