"""`init_manifest`: a server.json from what a project's own files say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from mcp_registrar_tools.answer import Answer, clean, quoted
from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.workbench import Workbench

if TYPE_CHECKING:
    from mcp_registrar_tools.manifest.source import Source
    from mcp_registrar_tools.packages.survey import Survey
    from mcp_registrar_tools.project.edits import Edit


_PACKAGE_FILES = ("package.json", "pyproject.toml", "*.csproj", "Cargo.toml", "Dockerfile", "manifest.json")


class ManifestDraft(Answer):
    """What was found and written. ``evidence`` says where each value stands, ``uncertain`` what to ask the user."""

    name: str
    version: str
    path: str = Field(description="of the manifest")
    written: bool
    packages: list[str] = Field(description="registry type and identifier of each")
    evidence: list[str]
    uncertain: list[str]
    diff: str
    changed: list[str] = Field(default_factory=list, description="files written")
    manifest: dict[str, Any] = Field(default_factory=dict, exclude=True)
    """The whole document; for Python callers, the diff and the file hold it for everyone else."""

    def lines(self) -> list[str]:
        done = "Wrote" if self.written and self.changed else "Unchanged" if self.written else "Not written:"
        lines = [f"{done} {self.path}: {self.name} {self.version}"]
        lines += [f"- {line}" for line in self.evidence[:12]]
        if len(self.changed) > 1:
            lines.append(f"Also changed: {', '.join(self.changed[1:])}")
        if self.uncertain:
            lines.append("Ask the user or check:")
            lines += [f"? {line}" for line in self.uncertain[:10]]
            if len(self.uncertain) > 10:
                lines.append(f"? and {len(self.uncertain) - 10} more (uncertain in the structured answer)")
        if self.diff:
            shown = self.diff if len(self.diff) <= 1600 else self.diff[:1600].rpartition("\n")[0] + "\n… (cut)"
            lines.append(shown)
        return lines

    def files(self) -> list[Path]:
        return [Path(path) for path in self.changed] if self.written else []

    def exit_code(self) -> int:
        # A draft that waits for an address is no success; a dry run of a whole manifest is one.
        whole = self.name and "<" not in self.name and "remote_url=" not in self.next
        return 0 if self.written or whole else 1


async def init_manifest(
    bench: Workbench,
    path: Annotated[str, Field(description="project folder")] = ".",
    name: Annotated[str, Field(description="server name, or its last part")] = "",
    description: Annotated[str, Field(description="at most 100 characters")] = "",
    remote_url: Annotated[list[str], Field(description="where it is hosted")] = [],  # noqa: B006
    types: Annotated[list[str], Field(description="only these, e.g. oci")] = [],  # noqa: B006
    markers: Annotated[bool, Field(description="also ownership markers")] = False,
    dockerfile: Annotated[bool, Field(description="also a Dockerfile if none")] = False,
    overwrite: Annotated[bool, Field(description="replace instead of filling")] = False,
    dry_run: Annotated[bool, Field(description="only the diff")] = False,
) -> ManifestDraft:
    """Write server.json from the project's files, or fill an existing one; says what to ask the user."""
    import anyio.to_thread

    return await anyio.to_thread.run_sync(
        _init, path, name.strip(), description.strip(), list(remote_url), list(types), markers, dockerfile, overwrite,
        dry_run,
    )  # fmt: skip


def _init(
    path: str, name: str, description: str, remotes: list[str], types: list[str], markers: bool, dockerfile: bool,
    overwrite: bool, dry_run: bool,
) -> ManifestDraft:  # fmt: skip
    from mcp_registrar_tools.manifest import merge
    from mcp_registrar_tools.manifest.files import read_bytes
    from mcp_registrar_tools.manifest.migrate import migrate
    from mcp_registrar_tools.manifest.names import name_problem
    from mcp_registrar_tools.manifest.schemas import CURRENT, CURRENT_URL, version_of
    from mcp_registrar_tools.manifest.source import dump
    from mcp_registrar_tools.packages import TYPES, draft, identity, survey
    from mcp_registrar_tools.project.edits import Edit

    folder = _folder(path)
    unknown = [one for one in types if one not in TYPES]
    if unknown:
        raise InputError("unknown-type", f"no such package type: {', '.join(unknown)}", f"types are {', '.join(TYPES)}")
    for url in remotes:
        if not url.startswith("https://") or "<" in url:
            raise InputError("remote-not-https", f"{clean(url, 200)} is no https URL", "give the public https URL")
    if "/" in name and (problem := name_problem(name)):
        raise InputError("invalid-server-name", problem, 'for example name="io.github.<login>/<name>"')
    seen = survey.look(folder, types)
    target, source, remarks = _existing(folder, seen, overwrite)
    existing: dict[str, Any] | None = source.document if source else None
    who = identity.identify(seen, _string(existing, "name"), name)
    unsaid = not survey.speaks_of_mcp(seen) and not existing and not (name or remotes)
    if unsaid and not (who.complete and who.repository):
        raise InputError(
            "no-server-found",
            f"nothing in {folder} looks like an MCP server: no package ({', '.join(TYPES)}), no README that says so",
            f'give its folder, or say what it is: init_manifest(path={quoted(path)}, name="io.github.<login>/<name>")',
            details="\n".join(seen.project.problems) or None,
        )
    images = _new_dockerfile(seen, who.name, remarks) if dockerfile and who.complete else []
    made = draft.draft(seen, who, schema=CURRENT_URL, description=description, remotes=remotes, existing=existing)
    unsaid = unsaid and not seen.chosen and not made.document.get("remotes")
    if unsaid:
        made.questions.insert(0, _unsaid(seen))
    document, questions = made.document, [*remarks, *made.questions]
    if source and existing:
        if version_of(_string(existing, "$schema")) not in {None, CURRENT}:
            existing, more = migrate(existing)
            questions += ["Brought to today's schema: " + "; ".join(more)] if more else []
        asked = {"name": who.name} if name else {}
        asked |= {"description": made.document["description"]} if description else {}
        document, more = merge.merge({**existing, **asked}, document, may_add=made.sure | set(types))
        questions += more
        after = source.rewrite(document)
    else:
        after = dump(merge.ordered(document))
    before = read_bytes(target, root=seen.project.top) if target.is_file() else None
    edits = [Edit(target, before, after.encode())] if before != after.encode() else []
    edits += images
    complete = "<" not in str(document.get("name", ""))
    if markers and complete:
        edits += _markers(seen, str(document["name"]), questions)
    questions += [f"Could not read: {problem}" for problem in seen.project.problems]
    if seen.project.truncated:
        questions.append("The folder is too large to see whole: only the first levels were read")
    write = complete and not dry_run and not unsaid
    if write:
        _write(edits)
    shown = {edit.path: seen.project.shown(edit.path) for edit in edits}
    part = str(document.get("name", "")).partition("/")[2]
    again = f'init_manifest(path={quoted(path)}, name="io.github.<login>/{part}")'
    if unsaid:
        again = f'init_manifest(path={quoted(path)}, remote_url=["https://<host>/mcp"])'
    return ManifestDraft(
        name=str(document.get("name", "")),
        version=str(document.get("version", "")),
        path=str(target),
        written=write,
        packages=[f"{one.get('registryType')} {one.get('identifier')}" for one in document.get("packages") or []],
        evidence=made.evidence,
        uncertain=[clean(question, 400) for question in questions],
        diff="\n".join(edit.diff(shown[edit.path]) for edit in edits),
        changed=[str(edit.path) for edit in edits] if write else [],
        manifest=document,
        next=again
        if unsaid or not complete
        else f"validate(path={quoted(path)})"
        if write
        else f"init_manifest(path={quoted(path)})",
    )


def _unsaid(seen: Survey) -> str:
    """What to ask where the repository is known and nothing in the folder is recognizably a server."""
    plain = sorted({one.registry_type for one in seen.found if one.folder == "" and not one.private})
    return (
        "Nothing here names a package of an MCP server, so nothing was written. Hosted: "
        'remote_url=["https://<host>/mcp"]. '
        + (f"Published as a package of this folder: types={json.dumps(plain)}. " if plain else "")
        + "Published from another folder: path of the one that holds its package file"
        + ("" if plain else f" ({', '.join(_PACKAGE_FILES)})")
    )


def _folder(path: str) -> Path:
    given = Path(path).expanduser()
    try:
        if given.is_file():
            given = given.parent
        if given.name == ".mcp":
            given = given.parent
        if not given.is_dir():
            raise InputError("path-not-found", f"{path} does not exist", 'give the project\'s folder ("." is here)')
        return given.resolve()
    except (OSError, ValueError) as error:
        raise InputError("path-not-readable", f"{clean(path, 300)}: {error}", "give a readable folder") from None


def _existing(folder: Path, seen: Survey, overwrite: bool) -> tuple[Path, Source | None, list[str]]:
    """Where the manifest goes, the one that is there (None when new or to be replaced), and remarks."""
    from mcp_registrar_tools.manifest.files import PLACES, read_text_file
    from mcp_registrar_tools.manifest.source import Source

    remarks: list[str] = []
    for place in PLACES:
        target = folder / place
        if not target.is_file():
            continue
        if overwrite and place == PLACES[0]:
            return target, None, remarks
        source = Source(read_text_file(target, root=seen.project.top))
        fatal = next((problem for problem in source.problems if problem.fatal), None)
        if fatal:
            raise InputError(
                "manifest-not-json",
                f"{target}, line {fatal.line}, column {fatal.column}: {fatal.message}",
                f"{fatal.hint}; or overwrite=true writes it anew",
            )
        if _client_configuration(source.document):
            if place == PLACES[0]:
                raise InputError(
                    "manifest-is-configuration",
                    f"{target} is a client's configuration, not a registry manifest",
                    "move it away, or overwrite=true replaces it",
                )
            remarks.append(f"{place} is a client's configuration and was left alone")
            continue
        if overwrite:
            return target, None, remarks
        return target, source, remarks
    return _place(folder, seen), None, remarks + _elsewhere(folder)


def _elsewhere(folder: Path) -> list[str]:
    """Manifests of packages below: `validate` and `publish` take them as long as the folder has none of its own."""
    from mcp_registrar_tools.manifest.files import find

    try:
        found = find(folder)
    except InputError:
        return []
    more = f" (and {len(found.others)} more below)" if found.others else ""
    below = found.path.parent
    return [f"There is {found.path}{more}: init_manifest(path={quoted(str(below))}) fills that one instead"]


def _client_configuration(document: dict[str, Any]) -> bool:
    keys = set(document)
    return bool(keys & {"mcpServers", "servers", "command", "inputs"}) and not keys & {"$schema", "packages", "remotes"}


def _place(folder: Path, seen: Survey) -> Path:
    """``server.json``, unless a .NET project packs it from another place."""
    import re

    for found in seen.chosen:
        if found.registry_type == "nuget":
            packed = re.search(r'Include\s*=\s*"([^"]*server\.json)"', seen.project.text(found.file) or "")
            if packed:
                inner = packed[1].replace("\\", "/").replace("$(MSBuildThisFileDirectory)", "")
                target = (found.file.parent / inner).resolve()
                if target.is_relative_to(folder):
                    return target
    return folder / "server.json"


def _new_dockerfile(seen: Survey, server_name: str, remarks: list[str]) -> list[Edit]:
    """A Dockerfile where there is none; the image then belongs to the server's packages."""
    from mcp_registrar_tools.packages import oci
    from mcp_registrar_tools.project import new_dockerfile

    edits, why = new_dockerfile.write(seen.project, f'LABEL {oci.LABEL}="{server_name}"')
    if why:
        remarks.append(f"No Dockerfile was written: {why}")
        return []
    seen.chosen.append(oci.found_in(seen.project, edits[0].path, edits[0].after.decode()))
    return edits


def _markers(seen: Survey, server_name: str, questions: list[str]) -> list[Edit]:
    from mcp_registrar_tools.packages import TYPES

    edits: dict[Path, Edit] = {}
    # Cargo first: its visible token also serves the types that take a comment in the same README.
    for found in sorted(seen.chosen, key=lambda one: one.registry_type != "cargo"):
        kind = TYPES[found.registry_type]
        mark = kind.marker(seen.project, found, server_name)
        if mark.state == "nowhere":
            questions.append(f"No ownership marker for {found.registry_type}: {mark.note}")
            continue
        try:
            edit = kind.write_marker(mark, server_name)
        except (OSError, ValueError) as error:  # UnicodeDecodeError is a ValueError
            questions.append(f"{seen.project.shown(found.file)}: the marker could not be written: {error}")
            continue
        if edit and edit.path not in edits:
            edits[edit.path] = edit
    return list(edits.values())


def _write(edits: list[Edit]) -> None:
    from mcp_registrar_tools.manifest.files import write_atomic

    for edit in edits:
        try:
            edit.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                "file-not-writable", f"{edit.path.parent}: {error.strerror or error}", "make the folder writable"
            ) from None
        write_atomic(edit.path, edit.after)


def _string(document: dict[str, Any] | None, key: str) -> str:
    value = (document or {}).get(key)
    return value if isinstance(value, str) and "<" not in value else ""
