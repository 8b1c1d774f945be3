"""Who publishes a server and what it is called, from evidence; a guess is said to be one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mcp_registrar_tools.packages.survey import Survey
from mcp_registrar_tools.project import readme
from mcp_registrar_tools.project.git import Origin, parse_remote

PLACEHOLDER = "<your-username>"
"""Stands for an owner that nothing in the project tells; such a name is never written to a file."""

_GENERIC = frozenset(
    """mcp mcp-server server mcpserver src app apps lib packages package python node typescript ts js go rust dotnet
    registry main core cli service services backend npm pypi docker""".split()  # noqa: SIM905 (reads better)
)


@dataclass
class Identity:
    """``name`` with where it was read; ``questions`` for the user when it rests on a guess."""

    name: str
    where: str
    repository: Origin | None = None
    subfolder: str = ""
    questions: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """False while the owner is unknown."""
        return PLACEHOLDER not in self.name


def identify(survey: Survey, existing: str = "", wanted: str = "") -> Identity:
    """The server's name: what the user says, an ownership marker, an existing manifest, the git origin, metadata.

    ``wanted`` may be a full name or only its second part. ``existing`` is the name in a manifest that is there.
    """
    origin = survey.git.origin if survey.git else None
    stated = _stated(survey)
    result = Identity("", "", repository=_repository(origin, stated))
    if survey.git and survey.git.top != survey.project.folder:
        result.subfolder = survey.project.folder.relative_to(survey.git.top).as_posix()
    markers = _markers(survey)
    part = wanted if wanted and "/" not in wanted else ""
    if "/" in wanted:
        result.name, result.where = wanted, "name argument"
    elif markers and not part:
        result.name, result.where = markers[0]
    elif existing and not part:
        result.name, result.where = existing, "the existing manifest"
    elif not part and survey.readme and (listed := readme.listed_as(survey.project, survey.readme)):
        result.name, result.where = listed[0], f"{survey.project.shown(survey.readme)}:{listed[1]}"
    else:
        owner = _owner(survey, origin, stated, result)
        result.name = f"io.github.{owner}/{part or _part(survey, origin or stated)}"
    others = {name: where for name, where in markers if name != result.name}
    for name, where in others.items():
        result.questions.append(
            f'{where} says {name}, this says {result.name}: which is right? (name="…" with markers=true)'
        )
    _compare_owner(result, origin, stated, survey)
    return result


def _markers(survey: Survey) -> list[tuple[str, str]]:
    found = [(one.server_name, one.server_name_where) for one in survey.chosen if one.server_name]
    if not found:
        found = [
            (one.server_name, one.server_name_where)
            for one in survey.found
            if one.server_name and one.folder == "" and one.registry_type != "oci"
        ]
    if not found and survey.readme and (token := readme.token_in(survey.project, survey.readme)):
        found = [(token[0], f"{survey.project.shown(survey.readme)}:{token[1]}")]
    counted = [name for name, _ in found]
    unique = {name: where for name, where in reversed(found)}
    names = [(name, where) for name, where in unique.items() if name]
    return sorted(names, key=lambda pair: (-counted.count(pair[0]), counted.index(pair[0])))


def _stated(survey: Survey) -> Origin | None:
    """The repository that the packages' metadata name."""
    for one in [*survey.chosen, *survey.found]:
        if one.repository and one.folder in {"", *(chosen.folder for chosen in survey.chosen)}:
            origin = parse_remote(one.repository, f"{survey.project.shown(one.file)}")
            if origin:
                return origin
    return None


def _repository(origin: Origin | None, stated: Origin | None) -> Origin | None:
    return next((one for one in (origin, stated) if one and one.source), None)


def _owner(survey: Survey, origin: Origin | None, stated: Origin | None, result: Identity) -> str:
    if origin and origin.host == "github.com":
        result.where = origin.where
        return origin.owner
    if stated and stated.host == "github.com":
        result.where = stated.where
        result.questions.append(
            f"The owner {stated.owner} comes from the repository in {stated.where}, not from a git origin: is it yours?"
        )
        return stated.owner
    scoped = next((one for one in survey.chosen if one.identifier.startswith("@") and "/" in one.identifier), None)
    if scoped:
        scope = scoped.identifier[1:].partition("/")[0]
        result.where = f"{survey.project.shown(scoped.file)}:{scoped.line}"
        result.questions.append(f"The owner {scope} is only the npm scope: is it also your GitHub login?")
        return scope
    result.where = "nothing found"
    host = origin.host if origin else stated.host if stated else ""
    result.questions.append(
        "Who publishes it? No GitHub origin was found"
        + (f" ({host} has no namespace at the registry)" if host else "")
        + ': name="io.github.<login>/…", or a domain you own as in name="com.example/…"'
    )
    return PLACEHOLDER


def _part(survey: Survey, origin: Origin | None) -> str:
    folder = survey.project.folder.name
    inner = survey.git is not None and survey.git.top != survey.project.folder
    label = next((_label(one.extra["dockerfile"].labels) for one in survey.chosen if "dockerfile" in one.extra), "")
    package = next((one.identifier.rpartition("/")[2] for one in survey.chosen if one.registry_type != "oci"), "")
    candidates = [label]
    if inner:
        candidates += [folder if folder.lower() not in _GENERIC else "", package]
    candidates += [origin.name if origin else "", package, folder]
    for candidate in candidates:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", candidate).strip("-._")
        if len(name) >= 2 and (name.lower() not in _GENERIC or candidate != package):
            return name
    return "mcp-server"


def _label(labels: dict[str, tuple[str, int]]) -> str:
    value = labels.get("io.modelcontextprotocol.server.name", ("", 0))[0]
    return "" if "/" in value or "$" in value else value


def _compare_owner(result: Identity, origin: Origin | None, stated: Origin | None, survey: Survey) -> None:
    namespace = result.name.partition("/")[0]
    owner = namespace.removeprefix("io.github.")
    if origin and origin.host == "github.com" and namespace.startswith("io.github.") and result.complete:
        if owner != origin.owner and owner.lower() == origin.owner.lower():
            result.questions.append(
                f"{namespace} and the git origin ({origin.owner}) differ in letter case: "
                "the registry wants the GitHub login exactly"
            )
        elif owner != origin.owner:
            result.questions.append(
                f"The name is {owner}'s, the git origin {origin.owner}'s: a fork, or do you publish as {owner}?"
            )
    upstream = survey.git.upstream if survey.git else None
    if origin and upstream and upstream.owner.lower() != origin.owner.lower() and namespace.startswith("io.github."):
        result.questions.append(
            f"git remote upstream is {upstream.owner}/{upstream.name}: does {owner} publish, or upstream?"
        )
    elif origin and stated and origin.host == stated.host and origin.owner.lower() != stated.owner.lower():
        result.questions.append(
            f"This looks like a fork: the git origin is {origin.owner}/{origin.name}, {stated.where} names "
            f"{stated.owner}/{stated.name}. Who publishes it?"
        )
    if (origin or stated) and result.repository is None:
        shown = origin.url if origin else stated.url if stated else ""
        result.questions.append(
            f"repository is left out: the registry takes github.com and gitlab.com without subgroups, not {shown}"
        )
