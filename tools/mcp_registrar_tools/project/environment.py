"""Environment variables that a server's user sets: collected from everything that speaks of them, then judged.

A variable that some file mentions is not yet a setting worth publishing. Measured against what maintainers list,
two things tell: that several kinds of evidence name it (a client's configuration, a table, a `docker run`…), and
that it shares its first word with one of the server's own credentials. Variables that only arrange an HTTP server
say nothing to someone who starts the package over standard input and output.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from mcp_registrar_tools.answer import clean
from mcp_registrar_tools.project.walk import Project

NAME = r"[A-Z][A-Z0-9_]{2,}"

NOT_SETTINGS = frozenset(
    """NODE_ENV PATH HOME PWD USER SHELL TMPDIR TEMP TMP LANG LC_ALL TERM CI DEBUG PYTHONPATH PYTHONUNBUFFERED
    PYTHONDONTWRITEBYTECODE UV_COMPILE_BYTECODE UV_LINK_MODE UV_PYTHON UV_CACHE_DIR VIRTUAL_ENV NODE_OPTIONS NODE_PATH
    GOPATH GOOS GOARCH CGO_ENABLED RUST_LOG RUST_BACKTRACE NO_COLOR FORCE_COLOR APPDATA LOCALAPPDATA USERPROFILE
    XDG_CONFIG_HOME XDG_DATA_HOME XDG_CACHE_HOME XDG_STATE_HOME PROGRAMFILES SYSTEMROOT COMSPEC VITEST JEST_WORKER_ID
    GITHUB_ACTIONS GITHUB_REPOSITORY GITHUB_REF GITHUB_SHA GITHUB_OUTPUT GITHUB_WORKSPACE NPM_TOKEN DOTNET_ENVIRONMENT
    ASPNETCORE_ENVIRONMENT ASPNETCORE_URLS HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY VERCEL HOSTNAME EDITOR DISPLAY
    SSL_CERT_FILE TODO NOTE FIXME GET POST PUT PATCH DELETE""".split()  # noqa: SIM905 (reads better)
)
"""Names that the platform, the language or a build sets, and capitals that are no names."""

SECRET = re.compile(
    r"(API|ACCESS|SECRET|PRIVATE|AUTH|ACCOUNT|SIGNING|ENCRYPTION)_?KEY|"
    r"(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|PASS|PAT|CREDENTIALS?|CONNECTION_STRING|COOKIES?|JWT)(_|$)",
    re.IGNORECASE,
)
_CREDENTIAL = re.compile(rf"{SECRET.pattern}|(^|_)(API_ID|API_HASH|CLIENT_ID)(_|$)", re.IGNORECASE)
_SERVING = re.compile(
    r"TRANSPORT|(^|_)(HTTP|SERVER|LISTEN|BIND)_?(HOST|PORT|ADDR|ADDRESS|PATH|URL)\b|^PORT$|^HOST$|CORS|STATELESS|"
    r"ALLOW(ED)?_(HOSTS|ORIGINS)|SESSION_MODE|(^|_)HTTPS?_|OAUTH_ISSUER|^MCP_AUTH|LISTEN_ADDR|^OTEL_|KEYSTORE|(^|_)(TLS|SSL)_(CERT|KEY)"
)
_TUNING = re.compile(
    r"TIMEOUT|RETR(Y|IES)|DELAY|INTERVAL|_MS$|TTL|(^|_)MAX_|LIMIT|CACHE|(^|_)LOGS?(_|$)|DEBUG|TELEMETRY|"
    r"(EN|DIS)ABLED?(_|$)|VERBOS|STORAGE|BATCH|CONCURREN|POOL|_OPTS$"
)
_SPACE = re.compile(r"[A-Z0-9]+_MCP_")
"""`ACME_MCP_…`: names that exist for the MCP server alone."""
_INSTRUCTIONS = frozenset({"first", "client", "run", "bundle", "smithery"})
_COMMON = frozenset(
    """MCP HTTP SERVER LOG API APP NODE CLIENT DB DATABASE ENABLE DISABLE MAX MIN DEFAULT USE SESSION ACCESS SECRET
    AUTH OAUTH PRIVATE PUBLIC""".split()  # noqa: SIM905 (reads better)
)
"""First words that do not tell whose setting it is."""

FACING = frozenset({"client", "run", "smithery", "bundle", "table", "dotenv", "list"})
"""Kinds of evidence that address a user. The others are `first` (the first client configuration of a README, which
counts as `client`), `export`, `image`, `commented` and `code`."""


@dataclass
class Variable:
    """A variable, the kinds of evidence for it, where it was first seen and what is said of it."""

    name: str
    sources: set[str] = field(default_factory=set)
    where: str = ""
    description: str = ""
    default: str = ""
    required: bool | None = None
    secret: bool | None = None
    format: str = ""

    def facing(self) -> int:
        """How many kinds of evidence address a user."""
        return len({"client" if kind == "first" else kind for kind in self.sources} & FACING)

    def entry(self) -> dict[str, Any]:
        """The `environmentVariables[]` element: only what evidence says."""
        element: dict[str, Any] = {"name": self.name}
        if self.description:
            element["description"] = clean(self.description)
        if self.required is not None:
            element["isRequired"] = self.required
        if self.secret if self.secret is not None else SECRET.search(self.name):
            element["isSecret"] = True
        elif self.default:
            element["default"] = self.default
        if self.format:
            element["format"] = self.format
        return element


class Collection:
    """Variables by name, in the order of their first appearance."""

    def __init__(self) -> None:
        self.all: dict[str, Variable] = {}

    def add(self, name: str, source: str, where: str, **facts: Any) -> None:
        """One more piece of evidence. The first fact of each kind stays."""
        if name in NOT_SETTINGS or name.endswith(("_HERE", "__")) or name.startswith(("YOUR_", "GITHUB_ACTION")):
            return
        one = self.all.setdefault(name, Variable(name, where=where))
        one.sources.add(source)
        for key, value in facts.items():
            if value not in (None, "") and getattr(one, key) in (None, ""):
                setattr(one, key, value)


def choose(found: dict[str, Variable], *, own: set[str], http: bool = False) -> list[Variable]:
    """Those worth listing, in the order found.

    ``own`` are names of the project (packages, repository): a credential that only an `.env` example shows counts
    when it carries one of them. ``http`` keeps the settings of an HTTP server.
    """

    def possible(one: Variable) -> bool:
        if one.name.endswith("_FILE") and one.name.removesuffix("_FILE") in found:
            return False
        return http or not _SERVING.search(one.name)

    candidates = [one for one in found.values() if possible(one)]
    strong = [one for one in candidates if _credential(one, own) or _instructed(one)]
    credentials = [one.name for one in strong if _CREDENTIAL.search(one.name)]
    families = {_family(name) for name in credentials} - _COMMON
    spaces = {match[0] for name in credentials if (match := _SPACE.match(name))}
    kept = [one for one in candidates if one in strong or ("_" in one.name and _related(one, families, spaces))]
    if kept:
        return kept
    # Nothing is documented: a credential that the code reads is still needed to start.
    return [one for one in candidates if "code" in one.sources and _CREDENTIAL.search(one.name) and "_" in one.name]


def _credential(one: Variable, own: set[str]) -> bool:
    if "_" not in one.name or not _CREDENTIAL.search(one.name):
        return False
    if one.sources & {"first", "smithery", "bundle", "table"}:
        return True
    family = _family(one.name).lower()
    names = {re.sub(r"[^a-z0-9]", "", name.lower()) for name in own}
    return "dotenv" in one.sources and len(family) > 2 and any(family in name for name in names)


def _instructed(one: Variable) -> bool:
    """Whether users are told to set it, in two ways, or a table tells of it and the code reads it.

    What only tunes the server must stand in a configuration.
    """
    if one.sources >= {"table", "code"} and "_" in one.name and not _TUNING.search(one.name):
        return True
    if one.facing() < 2 or not one.sources & _INSTRUCTIONS:
        return False
    return not _TUNING.search(one.name) or bool(one.sources & {"first", "smithery", "bundle"})


def _related(one: Variable, families: set[str], spaces: set[str]) -> bool:
    """Whether it belongs to the server's own credentials: by its first word, or by the server's own name space."""
    space = _SPACE.match(one.name)
    if space and space[0] in spaces:
        return bool(one.sources & (_INSTRUCTIONS | {"table"}))
    if _family(one.name) not in families:
        return False
    documented = "table" in one.sources or one.facing() >= 2
    return bool(one.sources & _INSTRUCTIONS) or (documented and not _TUNING.search(one.name))


def _family(name: str) -> str:
    return name.partition("_")[0].upper()


def variables(project: Project, folders: set[str]) -> dict[str, Variable]:
    """All evidence in the project. ``folders`` hold the server's packages ("" is the project's own). Blocking."""
    from mcp_registrar_tools.project import evidence

    found = Collection()
    evidence.collect(project, folders, found)
    return found.all
