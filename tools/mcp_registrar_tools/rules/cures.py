"""What to do about a finding: one sentence with the actual value, and a JSON Patch where one is safe.

A fix is safe when it keeps what the author meant: a key under its right name, a value the registry forbids
taken out. Anything that needs words or a decision has only a hint.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable
from typing import Any

from mcp_registrar_tools.findings import Finding
from mcp_registrar_tools.manifest import aliases, body, migrate, names, schemas
from mcp_registrar_tools.manifest.body import Path
from mcp_registrar_tools.manifest.patch import get, pointer
from mcp_registrar_tools.rules import semantics

Json = dict[str, Any]
Cure = tuple[str | None, list[Json] | None]


def cure(finding: Finding, document: Any) -> Finding:
    """The finding with its hint and, where there is one, its fix. What it has already is kept."""
    if finding.hint is not None:
        return finding
    if finding.code.startswith("schema-") and finding.layer == "structure":
        hint, fix = _schema(finding, document)
    else:
        hint, fix = _CURES.get(finding.code, _none)(finding.at, get(document, finding.at), document)
    return finding.model_copy(update={"hint": hint, "fix": fix}) if hint or fix else finding


def _none(at: Path, value: Any, document: Any) -> Cure:
    return None, None


def _replace(at: Path, value: Any) -> list[Json]:
    return [{"op": "replace", "path": pointer(at), "value": value}]


def _remove(at: Path) -> list[Json]:
    return [{"op": "remove", "path": pointer(at)}]


def _add(at: Path, value: Any) -> list[Json]:
    return [{"op": "add", "path": pointer(at), "value": value}]


def _shown(value: Any, limit: int = 80) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= limit else text[: limit - 1] + "…"


# Structure

_STRUCTS = {
    "packages": body.PACKAGE, "remotes": body.TRANSPORT, "transport": body.TRANSPORT, "icons": body.ICON,
    "repository": body.REPOSITORY, "environmentVariables": body.KEY_VALUE_INPUT, "headers": body.KEY_VALUE_INPUT,
    "runtimeArguments": body.ARGUMENT, "packageArguments": body.ARGUMENT, "variables": body.INPUT,
}  # fmt: skip
_ALIASES = {
    "packages": aliases.PACKAGE_ALIASES,
    "repository": aliases.REPOSITORY_ALIASES,
    "transport": aliases.TRANSPORT_ALIASES,
    "remotes": aliases.TRANSPORT_ALIASES,
}


def _struct_of(at: Path) -> tuple[str, body.Struct]:
    for part in reversed(at[:-1]):
        if isinstance(part, str) and part in _STRUCTS:
            return part, _STRUCTS[part]
    return "", body.SERVER


def _missing(at: Path, value: Any, document: Any) -> Cure:
    name = str(at[-1])
    parent = get(document, at[:-1]) or {}
    where, _ = _struct_of(at)
    known = {**aliases.RENAMED, **_ALIASES.get(where, aliases.INPUT_ALIASES if where else aliases.TOP_ALIASES)}
    for key in parent if isinstance(parent, dict) else ():
        if known.get(key) == name:
            if isinstance(parent[key], str):
                old = (*at[:-1], key)
                return f"{key} is now called {name}", [{"op": "move", "from": pointer(old), "path": pointer(at)}]
            return f"{key} became {name}; validate with fix=true rewrites it", None
    if name == "$schema":
        return f'add "$schema": "{schemas.CURRENT_URL}"', _add(at, schemas.CURRENT_URL)
    if name == "transport":
        return 'add "transport": {"type": "stdio"} (or the type the package speaks)', _add(at, {"type": "stdio"})
    words = {
        "name": "add the server's name, like io.github.<owner>/<server>",
        "description": "add a description of at most 100 characters",
        "version": "add the server's version, like 1.0.0",
        "registryType": "add npm, pypi, nuget, cargo, oci or mcpb",
        "identifier": "add the package's name, for oci the whole image reference, for mcpb the download URL",
        "type": "add the type: " + ("positional or named" if "Arguments" in where else "stdio, streamable-http or sse"),
    }
    return words.get(name, f"add {name}"), None


def _unexpected(at: Path, value: Any, document: Any) -> Cure:
    key = str(at[-1])
    parent = get(document, at[:-1])
    where, struct = _struct_of(at)
    known = _ALIASES.get(where, aliases.INPUT_ALIASES if where else aliases.TOP_ALIASES)
    name = aliases.RENAMED.get(key) or known.get(key)
    if name in struct.names:
        if isinstance(parent, dict) and name in parent:
            return f"remove it: {name} says it", _remove(at)
        if where or key not in known:
            to = (*at[:-1], name)
            return f"rename it to {name}", [{"op": "move", "from": pointer(at), "path": pointer(to)}]
        return f"it is called {name} today; validate with fix=true rewrites it", None
    if key == "status" and not where:
        return "remove it: the registry keeps the status, see set_status", _remove(at)
    if key == "mcpName":
        return "remove it here: it belongs into package.json", _remove(at)
    close = difflib.get_close_matches(key, [n for n in struct.names if n not in (parent or {})], 1, 0.8)
    if close:
        to = (*at[:-1], close[0])
        return f"did you mean {close[0]}?", [{"op": "move", "from": pointer(at), "path": pointer(to)}]
    if at[:-1] == ("_meta",) or not where:
        return f"move it into _meta under {schemas.PUBLISHER_PROVIDED}, or remove it", None
    return "remove it: the registry refuses what it does not know", _remove(at)


def _wrong_type(at: Path, value: Any, document: Any) -> Cure:
    _, struct = _struct_of(at)
    spec = next((f for f in struct.fields if f.name == at[-1]), None)
    kind = spec.kind if spec else ("string" if at and isinstance(at[-1], int) else "struct")
    if kind == "string" and isinstance(value, bool | int | float):
        text = json.dumps(value)
        return f'write it as a string: "{text}"', _replace(at, text)
    if kind == "boolean" and value in ("true", "false"):
        return f"write {value} without quotes", _replace(at, value == "true")
    if kind == "boolean":
        return "write true or false", None
    wanted = {"list": "a list", "strings": "a list of strings", "string": "a string"}.get(kind, "an object")
    return f"write {wanted}; validate with fix=true rewrites the usual shapes", None


def _too_long(at: Path, value: Any, document: Any) -> Cure:
    limits = {"description": 100, "title": 100, "name": 200}
    limit = limits.get(str(at[-1]) if at else "", 255)
    return f"it has {len(value)} characters; shorten it by {len(value) - limit} to {limit}", None


def _too_short(at: Path, value: Any, document: Any) -> Cure:
    if (at and at[-1] in ("title", "version") and len(at) != 1) or at == ("title",):
        return "leave it out or write something", _remove(at)
    return "write something", None


def _pattern(at: Path, value: Any, document: Any) -> Cure:
    if at == ("name",):
        return _name(at, value, document)
    plain = value.strip().lower().removeprefix("sha256:") if isinstance(value, str) else ""
    if re.fullmatch(r"[a-f0-9]{64}", plain):
        return "write the 64 hex digits in lower case, without a prefix", _replace(at, plain)
    return "write the file's SHA-256 as 64 lower-case hex digits (sha256sum <file>)", None


def _uri(at: Path, value: Any, document: Any) -> Cure:
    if at == ("repository", "url"):
        return _repository(at, value, document)
    if at[-1:] == ("registryBaseUrl",):
        return _base_url_mismatch(at, value, document)
    return "write a whole address, beginning with https://", None


def _enum(at: Path, value: Any, document: Any) -> Cure:
    _, struct = _struct_of(at)
    words = next((f.enum for f in struct.fields if f.name == at[-1]), ())
    known = {"file_path": "filepath", "file": "filepath", "path": "filepath", "int": "number", "bool": "boolean"}
    close = known.get(str(value).lower(), str(value).lower())
    if close in words:
        return f"write {close}", _replace(at, close)
    return f"use one of {', '.join(words)}", None


# Semantics


def _schema_version(at: Path, value: Any, document: Any) -> Cure:
    version = schemas.version_of(value) if isinstance(value, str) else None
    hint = f"set $schema to {schemas.CURRENT_URL}"
    if version == "2025-07-09":
        return f"{hint} and the keys to camelCase; validate with fix=true does both", None
    if version is None or version in schemas.VERSIONS or version == "draft":
        return hint, _replace(at, schemas.CURRENT_URL) if isinstance(value, str) else _add(at, schemas.CURRENT_URL)
    return f"{hint}: {version} is no date that the registry knows", _replace(at, schemas.CURRENT_URL)


def _name(at: Path, value: Any, document: Any) -> Cure:
    text = value if isinstance(value, str) else ""
    problem = names.name_problem(text)
    namespace, slash, part = text.partition("/")
    if slash and "/" in part:
        return f"use one slash: {namespace}/{part.rpartition('/')[2] or part.strip('/')}", None
    if not slash and text:
        return f"put a namespace that you can prove before it: io.github.<owner>/{text.rpartition('.')[2]}", None
    if problem and names.NAME_PART.match(part):
        tidy = re.sub(r"[^a-zA-Z0-9.-]+", "-", namespace).strip("-.")
        return f"write the namespace as {tidy}" if len(tidy) > 1 else "use a namespace of at least two characters", None
    tidy = re.sub(r"[^a-zA-Z0-9._-]+", "-", part).strip("-._")
    if len(tidy) > 1 and tidy != part:
        return f"write it as {namespace}/{tidy}", None
    return "use namespace/name, each of at least two letters, digits, dots or hyphens", None


def _range(at: Path, value: Any, document: Any) -> Cure:
    text = str(value).strip()
    if re.match(r"v?\d+\.\d+\.\d+-", text):
        return (
            "the registry takes a prerelease with the letter x for a range: "
            f"call it rc or beta, or append build metadata ({text}+1)",
            None,
        )
    exact = re.match(r"(?:[\^~=]|[<>]=?)\s*(v?\d+\.\d+\.\d+\S*)$", text)
    return f"write one exact version{f', for example {exact[1]}' if exact else ', for example 1.2.3'}", None


def _repository(at: Path, value: Any, document: Any) -> Cure:
    url = value if isinstance(value, str) else ""
    source = get(document, ("repository", "source"))
    clean, known, folder = migrate.repository_url(url)
    fixed = {"$schema": "", "name": "", "version": "", "repository": {"url": clean, "source": known}}
    if known and not list(semantics._repository(fixed)):
        operations = [] if clean == url else _replace(at, clean)
        if source != known:
            operations += _add(("repository", "source"), known)
        if folder and not get(document, ("repository", "subfolder")):
            operations += _add(("repository", "subfolder"), folder)
        return f'write "url": "{clean}", "source": "{known}"' + (
            f', "subfolder": "{folder}"' if folder else ""
        ), operations
    return "the registry takes only https://github.com/<owner>/<name> and https://gitlab.com/<group>/<name>", None


def _subfolder(at: Path, value: Any, document: Any) -> Cure:
    tidy = "/".join(part for part in str(value).replace("\\", "/").split("/") if part not in ("", "."))
    if not tidy:
        return "leave it out: the server is at the top of the repository", _remove(at)
    if semantics.is_subfolder(tidy):
        return f"write {tidy}", _replace(at, tidy)
    return "give a plain path relative to the top of the repository, like packages/server", None


def _https(at: Path, value: Any, document: Any) -> Cure:
    text = str(value)
    if text.startswith("http://"):
        return f"use https://{text[7:]}", None
    return "write the whole address, beginning with https://", None


def _named_argument(at: Path, value: Any, document: Any) -> Cure:
    text = str(value)
    flag, _, rest = text.partition(" ")
    argument = get(document, at[:-1]) or {}
    if rest and not re.search(r"[<>$]", text) and not argument.get("value"):
        return (
            f'write "name": "{flag}", "value": "{rest}"',
            _replace(at, flag) + _add((*at[:-1], "value"), rest),
        )
    word = re.sub(r"\W+", "_", rest).strip("_") or "value"
    return f'write only the flag as name ("{flag}") and describe its value with "valueHint": "{word}"', None


def _starts_with_name(at: Path, value: Any, document: Any) -> Cure:
    name = (get(document, at[:-1]) or {}).get("name")
    name = name if isinstance(name, str) else ""
    rest = str(value)[len(name) :].lstrip(" =") if name else ""
    if rest:
        return f'write only the value: "{rest}"', _replace(at, rest)
    return "give the argument a name" if not name else "write only the value, without the flag", None


def _transport_type(at: Path, value: Any, document: Any) -> Cure:
    known = aliases.TRANSPORT_NAMES.get(str(value).lower(), str(value).lower())
    allowed = ("streamable-http", "sse") if at[0] == "remotes" else ("stdio", "streamable-http", "sse")
    if known in allowed:
        return f"write {known}", _replace(at, known)
    return f"use {', '.join(allowed[:-1])} or {allowed[-1]}", None


def _templated(at: Path, value: Any, document: Any) -> Cure:
    url = str(value)
    wanted = semantics.url_variables(url)
    parent = get(document, at[:-1]) or {}
    if at[0] == "remotes":
        known = parent.get("variables") or {}
        missing = [name for name in wanted if name not in known]
        if missing and isinstance(known, dict):
            new = {**known, **{name: {"description": "", "isRequired": True} for name in missing}}
            return f"describe {', '.join(missing)} in variables", _add((*at[:-1], "variables"), new)
        return "begin it with https:// and a host; variables may only stand for parts of it", None
    package = body.bind({"packages": [get(document, at[:2])]})[0].get("packages", [{}])[0]
    missing = [name for name in wanted if name not in semantics.package_variables(package)]
    if missing:
        return f"declare {', '.join(missing)} as an environment variable or argument of this package", None
    return "begin it with http:// or https:// and a host", None


def _remote_url(at: Path, value: Any, document: Any) -> Cure:
    text = str(value)
    if re.match(r"https?://(?:localhost|127\.0\.0\.1|[^/]*\.localhost)", text):
        return "give the public address; a server that people run themselves belongs into packages", None
    return _https(at, value, document)


# Publish time


def _oci(at: Path, value: Any, document: Any) -> Cure:
    package = get(document, at[:2])
    wanted = migrate.oci_identifier(package) if isinstance(package, dict) else ""
    operations: list[Json] = []
    if wanted and wanted != package.get("identifier"):
        operations += _replace((*at[:2], "identifier"), wanted)
    for name in ("registryBaseUrl", "version"):
        if name in (package or {}):
            operations += _remove((*at[:2], name))
    return f'write "identifier": "{wanted}" and leave out registryBaseUrl and version', operations or None


def _oci_host(at: Path, value: Any, document: Any) -> Cure:
    return "push it to docker.io, ghcr.io, quay.io, mcr.microsoft.com, *.azurecr.io or *.pkg.dev", None


def _base_url_mismatch(at: Path, value: Any, document: Any) -> Cure:
    return "leave it out: it can only be the official one", _remove(at)


def _forbidden(at: Path, value: Any, document: Any) -> Cure:
    if get(document, (*at[:2], "registryType")) == "oci":
        return _oci(at, value, document)
    return "leave it out", _remove(at)


def _registry_type(at: Path, value: Any, document: Any) -> Cure:
    known = aliases.TYPE_NAMES.get(str(value).lower(), str(value).lower())
    if known in ("npm", "pypi", "nuget", "cargo", "oci", "mcpb"):
        return f"write {known}", _replace(at, known)
    return "use npm, pypi, nuget, cargo, oci or mcpb", None


def _package_version(at: Path, value: Any, document: Any) -> Cure:
    return f"add the version that is published, for example {_shown(get(document, ('version',)) or '1.0.0')}", None


def _say(text: str) -> Callable[[Path, Any, Any], Cure]:
    return lambda at, value, document: (text, None)


def _take_out(text: str) -> Callable[[Path, Any, Any], Cure]:
    return lambda at, value, document: (text, _remove(at))


def _schema(finding: Finding, document: Any) -> Cure:
    at, value = finding.at, get(document, finding.at)
    keyword = finding.code.removeprefix("schema-")
    if keyword == "anyOf" and at and "Arguments" in str(at[-2:-1]):
        return 'add "value" for a fixed value, or "valueHint" to name what the user gives', None
    if keyword == "required":
        missing = re.findall(r"'((?:[^'\\]|\\.)+)'", finding.message)
        return _missing((*at, missing[0]), None, document) if len(missing) == 1 else (f"add {', '.join(missing)}", None)
    if keyword == "additionalProperties":
        return "remove it, or set $schema to the current version", None
    if keyword == "format":
        return "write a whole address, beginning with https://", None
    if keyword in ("enum", "anyOf") and at and at[-1] == "type":
        return "use one of the types that the schema names", None
    if keyword == "type":
        return _wrong_type(at, value, document)
    if keyword == "pattern" and at and at[-1] == "url":
        return "begin it with http:// or https:// and leave no white space", None
    return None, None


_CURES: dict[str, Callable[[Path, Any, Any], Cure]] = {
    "missing-property": _missing,
    "unexpected-property": _unexpected,
    "wrong-type": _wrong_type,
    "too-long": _too_long,
    "too-short": _too_short,
    "pattern-mismatch": _pattern,
    "not-one-of": _enum,
    "not-a-uri": _uri,
    "schema-field-required": _schema_version,
    "schema-version-extraction-error": _schema_version,
    "schema-version-deprecated": _schema_version,
    "schema-version-not-available": _schema_version,
    "invalid-server-name": _name,
    "reserved-version-string": _say("write the exact version that is published"),
    "version-looks-like-range": _range,
    "invalid-repository-url": _repository,
    "invalid-subfolder-path": _subfolder,
    "invalid-website-url": _https,
    "website-url-must-be-absolute": _https,
    "website-url-invalid-scheme": _https,
    "website-url-invalid-characters": _say("percent-encode it: %20 for a space, %22 for a quote"),
    "title-whitespace-only": _take_out("leave it out or write a title"),
    "icon-src-invalid-url": _https,
    "icon-src-not-absolute": _https,
    "icon-src-invalid-scheme": _say("give an https:// address; data: images are not accepted"),
    "package-name-has-spaces": _say("write the name as its package registry does, without spaces"),
    "named-argument-name-required": _say('add "name" with the flag, or make it "type": "positional"'),
    "invalid-named-argument-name": _named_argument,
    "argument-value-starts-with-name": _starts_with_name,
    "argument-default-starts-with-name": _starts_with_name,
    "stdio-transport-url-not-empty": _take_out("leave url out, or set the type to streamable-http"),
    "streamable-transport-url-required": _say('add "url", for example http://localhost:{PORT}/mcp'),
    "unsupported-transport-type": _transport_type,
    "unsupported-remote-transport-type": _transport_type,
    "remote-transport-url-required": _say('add "url" with the public https address'),
    "invalid-remote-url": _remote_url,
    "invalid-templated-url": _templated,
    "publisher-extension-too-large": _say("make it smaller: link to the rest"),
    "package-identifier-required": _say("add the identifier"),
    "package-version-required": _package_version,
    "package-version-forbidden": _forbidden,
    "registry-base-url-forbidden": _forbidden,
    "registry-base-url-mismatch": _base_url_mismatch,
    "file-sha256-forbidden": _take_out("leave it out: only mcpb packages have one"),
    "file-sha256-required": _say("add the file's SHA-256 as 64 lower-case hex digits (sha256sum <file>)"),
    "invalid-oci-reference": _oci,
    "unsupported-oci-registry": _oci_host,
    "invalid-mcpb-url": _say(
        "use the https address of a GitHub or GitLab release asset with mcp in it, "
        "like https://github.com/<owner>/<repo>/releases/download/<tag>/<file>.mcpb"
    ),
    "unsupported-registry-type": _registry_type,
}
