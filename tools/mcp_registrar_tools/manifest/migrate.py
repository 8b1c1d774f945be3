"""Bringing any ``server.json`` people have written to today's schema.

From every dated version, and from shapes that never were one: snake_case under a camelCase date and the
reverse, ``registry_name``, ``version_detail``, Docker packages as ``docker``, objects where lists are due,
strings where objects are due, numbers and booleans where strings are due. What means the same is kept, in
its order; what the registry refuses and nobody reads is taken out, and each change is told. The recipe for
OCI, MCPB and NuGet is section 1.4 of the reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from mcp_registrar_tools.manifest import body, schemas
from mcp_registrar_tools.manifest.aliases import (
    INPUT_ALIASES,
    PACKAGE_ALIASES,
    RENAMED,
    REPOSITORY_ALIASES,
    TOP_ALIASES,
    TRANSPORT_ALIASES,
    TRANSPORT_NAMES,
    TYPE_NAMES,
)
from mcp_registrar_tools.manifest.body import Path, Struct, dotted
from mcp_registrar_tools.manifest.schemas import OFFICIAL, PUBLISHER_PROVIDED

Json = dict[str, Any]

_REFERENCE_HOST = re.compile(r"(?:[^/]*[.:][^/]*|localhost)/")
_HAS_TAG = re.compile(r"(?::[A-Za-z0-9_.{}$-]+|@sha256:[a-f0-9]{64})\Z")
_SSH = re.compile(r"(?:ssh://)?git@(github\.com|gitlab\.com)[:/](.+?)(?:\.git)?/?\Z")
_TREE = re.compile(r"(https?://(?:www\.)?github\.com/[^/]+/[^/]+)/(?:tree|blob)/[^/]+/?(.*?)/?\Z")
_HTTPS_REPOSITORY = re.compile(r"(?:git\+)?https?://(?:[^/@]*@)?(?:www\.)?(github\.com|gitlab\.com)/([^/?#]+/[^/?#]+)")


def migrate(document: Json) -> tuple[Json, list[str]]:
    """A new document for the current schema, and what was changed, one line each. The given one is left alone."""
    return _Migration().server(json.loads(json.dumps(document)))


def repository_url(url: str) -> tuple[str, str, str]:
    """A repository address as the registry wants it: url, source (``github``, ``gitlab`` or empty), subfolder."""
    text = url.strip()
    ssh = _SSH.match(text)
    if ssh:
        return f"https://{ssh[1]}/{ssh[2]}", ssh[1].partition(".")[0], ""
    short = re.match(r"(github|gitlab):([\w.-]+/[\w.-]+)\Z", text)
    if short:
        return f"https://{short[1]}.com/{short[2]}", short[1], ""
    tree = _TREE.match(text)
    if tree:
        return tree[1].removesuffix(".git"), "github", tree[2]
    plain = _HTTPS_REPOSITORY.match(text)
    if plain:
        host = plain[1]
        rest = text[plain.end() :].partition("?")[0].partition("#")[0].strip("/")
        if not rest:
            return f"https://{host}/{plain[2].removesuffix('.git')}", host.partition(".")[0], ""
        return text, host.partition(".")[0], ""
    return text, "", ""


def oci_identifier(package: Json) -> str:
    """One image reference from ``identifier``, ``registryBaseUrl`` and ``version`` of an OCI package."""
    identifier = str(package.get("identifier") or "")
    identifier = re.sub(r"\A(?:oci|docker|https?)://", "", identifier)
    base = re.sub(r"\A(?:oci|https?)://", "", str(package.get("registryBaseUrl") or "")).strip("/")
    base = {"hub.docker.com": "docker.io", "index.docker.io": "docker.io", "registry.hub.docker.com": "docker.io"}.get(
        base, base
    )
    if identifier and not _REFERENCE_HOST.match(identifier):
        identifier = f"{base or 'docker.io'}/{identifier}"
    version = str(package.get("version") or "")
    if identifier and version and not _HAS_TAG.search(identifier):
        identifier += f"@{version}" if version.startswith("sha256:") else f":{version.replace('+', '_')}"
    return identifier


class _Migration:
    def __init__(self) -> None:
        self._changes: dict[str, None] = {}

    def say(self, text: str) -> None:
        self._changes.setdefault(text)

    # The document
    # ------------------------------------------------------------------------------------------

    def server(self, given: Json) -> tuple[Json, list[str]]:
        found = self.rename(given, body.SERVER, {**TOP_ALIASES, "display_name": "title", "displayName": "title"}, ())
        version = found.get("version")
        if isinstance(version, dict):
            found["version"] = version.get("version", "")
        self.texts(found, body.SERVER, ())
        if "repository" in found:
            self.repository(found)
        for name, item in (("packages", self.package), ("remotes", self.remote), ("icons", self.icon)):
            if name in found:
                found[name] = self.list_of(found[name], (name,), item)
        self.leftovers(found)
        self.meta(found)
        packages = found.get("packages")
        packages = packages if isinstance(packages, list) else []
        if not found.get("version"):
            packaged = [
                p["version"]
                for p in packages
                if isinstance(p, dict) and isinstance(p.get("version"), str) and p["version"]
            ]
            if packaged:
                found["version"] = packaged[0]
                self.say(f"version is {packaged[0]}, like the first package's")
        if found.get("$schema") != schemas.CURRENT_URL:
            self.say(f"$schema is {schemas.CURRENT}")
            if "$schema" in found:
                found["$schema"] = schemas.CURRENT_URL
            else:
                found = {"$schema": schemas.CURRENT_URL, **found}
        for i, package in enumerate(packages):
            if isinstance(package, dict):
                self.by_type(package, ("packages", i))
        return found, list(self._changes)

    def rename(self, given: Json, struct: Struct, aliases: dict[str, str], at: Path) -> Json:
        """The same members under today's keys, in the same order; an exact key is never overwritten."""
        made: Json = {}
        for key, value in given.items():
            name = key
            if key not in struct.names:
                name = RENAMED.get(key) or aliases.get(key) or struct.folded.get(key.casefold(), key)
                if name not in struct.names or name in given:
                    name = key
            if name in made:
                name = key
            if name != key:
                self.say(f"{key} is now called {name}" + (f" (in {at[0]})" if at else ""))
            made[name] = value
        return made

    def texts(self, found: Json, struct: Struct, at: Path) -> None:
        """Numbers and booleans become strings where strings are due, and the reverse for booleans."""
        for spec in struct.fields:
            if spec.name not in found:
                continue
            value = found[spec.name]
            where = dotted((*at, spec.name))
            if value is None and not (spec.required and at == ()):
                del found[spec.name]
                self.say(f"{where} was null and is gone")
            elif spec.kind == "string" and isinstance(value, bool | int | float):
                found[spec.name] = json.dumps(value)
                self.say(f"{where} is a string")
            elif spec.kind == "boolean" and value in ("true", "false", "yes", "no", "True", "False"):
                found[spec.name] = value in ("true", "yes", "True")
                self.say(f"{where} is a boolean")
            elif spec.kind == "strings" and isinstance(value, list):
                made = [json.dumps(v) if isinstance(v, bool | int | float) else v for v in value]
                if any(type(a) is not type(b) for a, b in zip(made, value, strict=True)):
                    found[spec.name] = made
                    self.say(f"{where} holds strings")
            elif spec.kind == "strings" and isinstance(value, str):
                found[spec.name] = [value]
                self.say(f"{where} is a list")

    def list_of(self, value: Any, at: Path, item: Callable[[Any, Path], Any]) -> Any:
        if isinstance(value, dict):
            # One entry without its list, or a map from names to entries.
            value = (
                [value] if not value or not all(isinstance(v, dict) for v in value.values()) else list(value.values())
            )
            self.say(f"{dotted(at)} is a list")
        elif isinstance(value, str) and value:
            value = [value]
            self.say(f"{dotted(at)} is a list")
        if not isinstance(value, list):
            return value
        return [item(entry, (*at, i)) for i, entry in enumerate(value)]

    def drop_unknown(self, found: Json, struct: Struct, at: Path) -> None:
        for key in [key for key in found if key not in struct.names]:
            del found[key]
            self.say(f"{dotted((*at, key))} is gone: the registry refuses it")

    # Its parts
    # ---------------------------------------------------------------------------------------------

    def repository(self, found: Json) -> None:
        repository = found["repository"]
        if isinstance(repository, str):
            repository = {"url": repository}
            self.say("repository is an object")
        if not isinstance(repository, dict):
            return
        repository = self.rename(repository, body.REPOSITORY, REPOSITORY_ALIASES, ("repository",))
        self.texts(repository, body.REPOSITORY, ("repository",))
        url = repository.get("url")
        if isinstance(url, str) and url:
            clean, source, subfolder = repository_url(url)
            if clean != url and not _keeps(url, clean):
                repository["url"] = clean
                self.say(f"repository.url is {clean}")
            if source and repository.get("source") != source:
                repository["source"] = source
                self.say(f"repository.source is {source}")
            if subfolder and not repository.get("subfolder"):
                repository["subfolder"] = subfolder
                self.say(f"repository.subfolder is {subfolder}")
        folder = repository.get("subfolder")
        if isinstance(folder, str) and folder:
            tidy = "/".join(part for part in folder.split("/") if part not in ("", "."))
            if tidy != folder:
                self.say(f"repository.subfolder is {tidy}" if tidy else "repository.subfolder is gone")
                repository["subfolder"] = tidy
            if not tidy:
                del repository["subfolder"]
        self.drop_unknown(repository, body.REPOSITORY, ("repository",))
        found["repository"] = repository

    def icon(self, icon: Any, at: Path) -> Any:
        if isinstance(icon, str):
            self.say(f"{dotted(at)} is an object")
            return {"src": icon}
        if isinstance(icon, dict):
            icon = self.rename(icon, body.ICON, {"url": "src", "href": "src", "type": "mimeType"}, at)
            self.texts(icon, body.ICON, at)
            self.drop_unknown(icon, body.ICON, at)
        return icon

    def package(self, package: Any, at: Path) -> Any:
        if not isinstance(package, dict):
            return package
        if "identifier" in package and "name" in package:
            del package["name"]
            self.say(f"{dotted(at)}.name is gone: identifier says it")
        package = self.rename(package, body.PACKAGE, PACKAGE_ALIASES, at)
        self.texts(package, body.PACKAGE, at)
        for name in ("runtimeArguments", "packageArguments"):
            if name in package:
                package[name] = self.list_of(package[name], (*at, name), self.argument)
        if "environmentVariables" in package:
            package["environmentVariables"] = self.key_values(
                package["environmentVariables"], (*at, "environmentVariables")
            )
        if "transport" in package:
            package["transport"] = self.transport(package["transport"], (*at, "transport"))
        else:
            package["transport"] = {"type": "stdio"}
            self.say(f"{dotted(at)}.transport is stdio")
        self.drop_unknown(package, body.PACKAGE, at)
        return package

    def by_type(self, package: Json, at: Path) -> None:
        kind = package.get("registryType")
        if isinstance(kind, str):
            known = TYPE_NAMES.get(kind.lower(), kind.lower())
            if known != kind and known in ("npm", "pypi", "nuget", "cargo", "oci", "mcpb"):
                package["registryType"] = kind = known
                self.say(f"{dotted(at)}.registryType is {known}")
        if kind == "oci":
            identifier = oci_identifier(package)
            was = str(package.get("identifier") or "")
            if identifier != was and (_differs(identifier, was) or "registryBaseUrl" in package):
                package["identifier"] = identifier
                self.say(f"{dotted(at)}.identifier is {identifier}")
            self.without(package, at, "registryBaseUrl", "version", "fileSha256")
        elif kind == "mcpb":
            self.without(package, at, "registryBaseUrl")
            digest = package.get("fileSha256")
            if isinstance(digest, str):
                plain = digest.strip().lower().removeprefix("sha256:")
                if plain != digest and re.fullmatch(r"[a-f0-9]{64}", plain):
                    package["fileSha256"] = plain
                    self.say(f"{dotted(at)}.fileSha256 is lower-case hex")
        elif kind in ("npm", "pypi", "nuget", "cargo"):
            self.without(package, at, "fileSha256")

    def without(self, package: Json, at: Path, *names: str) -> None:
        for name in names:
            if name in package:
                del package[name]
                self.say(f"{dotted(at)}.{name} is gone: {package.get('registryType')} packages may not have it")

    def transport(self, transport: Any, at: Path) -> Any:
        if isinstance(transport, list) and len(transport) == 1 and isinstance(transport[0], dict | str):
            transport = transport[0]
            self.say(f"{dotted(at)} is an object")
        if isinstance(transport, str):
            transport = {"type": transport}
            self.say(f"{dotted(at)} is an object")
        if not isinstance(transport, dict):
            return transport
        transport = self.rename(transport, body.TRANSPORT, TRANSPORT_ALIASES, at)
        self.texts(transport, body.TRANSPORT, at)
        kind = transport.get("type")
        if isinstance(kind, str):
            known = TRANSPORT_NAMES.get(kind.strip().lower(), kind.strip().lower())
            if known != kind and known in ("stdio", "streamable-http", "sse"):
                transport["type"] = kind = known
                self.say(f"{dotted(at)}.type is {known}")
        if kind == "stdio" and "url" in transport:
            del transport["url"]
            self.say(f"{dotted(at)}.url is gone: stdio has none")
        if "headers" in transport:
            transport["headers"] = self.key_values(transport["headers"], (*at, "headers"))
        if isinstance(transport.get("variables"), dict):
            self.variables(transport, at)
        self.drop_unknown(transport, body.TRANSPORT, at)
        return transport

    def remote(self, remote: Any, at: Path) -> Any:
        if isinstance(remote, str):
            remote = {"type": "streamable-http", "url": remote}
            self.say(f"{dotted(at)} is an object")
        if isinstance(remote, dict) and isinstance(remote.get("transport"), dict):
            inner = remote.pop("transport")
            remote = {**inner, **remote}
            self.say(f"{dotted(at)} holds its transport itself")
        remote = self.transport(remote, at)
        if isinstance(remote, dict) and "type" not in remote and isinstance(remote.get("url"), str):
            sse = remote["url"].rstrip("/").endswith("/sse")
            remote = {"type": "sse" if sse else "streamable-http", **remote}
            self.say(f"{dotted(at)}.type is {remote['type']}")
        return remote

    def argument(self, argument: Any, at: Path) -> Any:
        if isinstance(argument, bool | int | float):
            argument = json.dumps(argument)
        if isinstance(argument, str):
            self.say(f"{dotted(at)} is an object")
            name, equals, value = argument.partition("=")
            if not argument.startswith("-"):
                return {"type": "positional", "value": argument}
            return {"type": "named", "name": name, **({"value": value} if equals else {})}
        if not isinstance(argument, dict):
            return argument
        argument = self.input(argument, body.ARGUMENT, at)
        if "type" not in argument:
            named = isinstance(argument.get("name"), str) and argument["name"].startswith("-")
            argument = {"type": "named" if named else "positional", **argument}
            self.say(f"{dotted(at)}.type is {argument['type']}")
        if argument["type"] == "positional" and not {"value", "valueHint"} & argument.keys():
            hint = argument.pop("name", None)
            argument["valueHint"] = hint if isinstance(hint, str) and hint else "value"
            self.say(f"{dotted(at)}.valueHint is {argument['valueHint']}")
        return argument

    def key_values(self, value: Any, at: Path) -> Any:
        if isinstance(value, dict):
            made: list[Any] = []
            for name, inner in value.items():
                entry = inner if isinstance(inner, dict) else {"value": inner}
                made.append({"name": name, **entry})
            value = made
            self.say(f"{dotted(at)} is a list")
        if not isinstance(value, list):
            return value
        return [self.key_value(entry, (*at, i)) for i, entry in enumerate(value)]

    def key_value(self, entry: Any, at: Path) -> Any:
        if isinstance(entry, str):
            self.say(f"{dotted(at)} is an object")
            name, equals, value = entry.partition("=")
            return {"name": name, **({"value": value} if equals else {})}
        if isinstance(entry, dict):
            if "name" not in entry and isinstance(entry.get("key"), str):
                entry = {("name" if k == "key" else k): v for k, v in entry.items()}
            return self.input(entry, body.KEY_VALUE_INPUT, at)
        return entry

    def input(self, given: Json, struct: Struct, at: Path) -> Json:
        made = self.rename(given, struct, INPUT_ALIASES, at)
        self.texts(made, struct, at)
        if made.get("format") in ("file_path", "file", "path", "directory", "integer", "int", "bool", "text", "url"):
            known = {"integer": "number", "int": "number", "bool": "boolean", "text": "string", "url": "string"}
            made["format"] = known.get(made["format"], "filepath")
            self.say(f"{dotted(at)}.format is {made['format']}")
        if isinstance(made.get("variables"), dict):
            self.variables(made, at)
        self.drop_unknown(made, struct, at)
        return made

    def variables(self, holder: Json, at: Path) -> None:
        holder["variables"] = {
            name: self.input(value, body.INPUT, (*at, "variables", name)) if isinstance(value, dict) else value
            for name, value in holder["variables"].items()
        }

    # What is left over
    # -------------------------------------------------------------------------------------

    def leftovers(self, found: Json) -> None:
        """What the publisher wrote and the registry does not know moves to the place that it keeps for that."""
        extra = {key: found.pop(key) for key in [k for k in found if k not in body.SERVER.names]}
        for key in ("status", "mcpName", "id", "_id", "is_latest", "isLatest", "published_at", "updated_at"):
            if key in extra:
                del extra[key]
                self.say(
                    f"{key} is gone: the registry keeps it, not the publisher"
                    if key != "mcpName"
                    else "mcpName is gone: it belongs into package.json"
                )
        meta = found.get("_meta")
        if not extra or not (meta is None or isinstance(meta, dict)):
            return
        meta = found.setdefault("_meta", {}) if meta is None else meta
        provided = meta.setdefault(PUBLISHER_PROVIDED, {})
        if isinstance(provided, dict):
            for key, value in extra.items():
                provided.setdefault(key, value)
            self.say(f"{', '.join(extra)} moved to _meta's publisher-provided part")

    def meta(self, found: Json) -> None:
        meta = found.get("_meta")
        if not isinstance(meta, dict):
            return
        if OFFICIAL in meta:
            del meta[OFFICIAL]
            self.say("_meta's official part is gone: the registry writes it")
        foreign = [key for key in meta if key != PUBLISHER_PROVIDED]
        if foreign:
            provided = meta.setdefault(PUBLISHER_PROVIDED, {})
            if isinstance(provided, dict):
                for key in foreign:
                    provided.setdefault(key, meta.pop(key))
                self.say(f"{', '.join(foreign)} moved to _meta's publisher-provided part")
        if not meta:
            del found["_meta"]


def _keeps(url: str, clean: str) -> bool:
    """Whether the registry accepts the address as it stands, so that it need not be touched."""
    return url.rstrip("/").removesuffix(".git") == clean and url.startswith("http")


def _differs(identifier: str, was: str) -> bool:
    """Whether more than the silent ``docker.io/`` prefix changed."""
    return identifier != f"docker.io/{was}" or not _HAS_TAG.search(was)
