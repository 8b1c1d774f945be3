"""Python distributions: pyproject.toml, setup.cfg and setup.py, read and never run."""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp_registrar_tools.project import readme
from mcp_registrar_tools.project.walk import Project, line_of

_ASSIGNED = re.compile(r"""^\s*(?:__version__|VERSION|version)\s*(?::\s*[\w.\[\]]+\s*)?=\s*['"]([^'"]+)['"]""", re.M)


@dataclass(kw_only=True)
class Distribution:
    """What a build backend would call it. ``urls`` has lower-case labels; ``readme`` is the file it ships."""

    name: str
    file: Path
    folder: str
    line: int = 1
    version: str | None = None
    version_where: str = ""
    description: str | None = None
    readme: Path | None = None
    keywords: list[str] = field(default_factory=list)
    classifiers: list[str] = field(default_factory=list)
    dependencies: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    urls: dict[str, str] = field(default_factory=dict)


def distributions(project: Project) -> list[Distribution]:
    """One for each folder that names a distribution; pyproject.toml before setup.cfg before setup.py."""
    results: dict[str, Distribution] = {}
    for name, read in (("pyproject.toml", _pyproject), ("setup.cfg", _setup_cfg), ("setup.py", _setup_py)):
        for path in project.packages(name):
            folder = path.rpartition("/")[0]
            text = project.text(path) if folder not in results else None
            dist = read(project, path, folder, text) if text is not None else None
            if dist is not None:
                results[folder] = dist
    return list(results.values())


def _pyproject(project: Project, path: str, folder: str, text: str) -> Distribution | None:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        project.problems.append(f"{path} is not TOML: {error}")
        return None
    tool = _table(data.get("tool"))
    poetry = _table(tool.get("poetry"))
    table = _table(data.get("project"))
    name = table.get("name") or poetry.get("name")
    if not isinstance(name, str) or not name:
        return None
    table = {**poetry, **table}
    file = project.folder / path
    dist = Distribution(name=name, file=file, folder=folder, line=_line(text, "name", name))
    description = table.get("description")
    dist.description = " ".join(description.split()) if isinstance(description, str) and description.strip() else None
    dist.keywords = _strings(table.get("keywords"))
    dist.classifiers = _strings(table.get("classifiers"))
    needs = table.get("dependencies")
    extras = _table(table.get("optional-dependencies"))
    listed = list(needs) if isinstance(needs, dict) else _strings(needs)
    listed += [need for extra in extras.values() for need in _strings(extra)]
    dist.dependencies = [re.split(r"[\s\[<>=!~;@(]", need, maxsplit=1)[0] for need in listed]
    dist.scripts = list(_table(table.get("scripts")))
    urls: dict[str, Any] = {
        **_table(table.get("urls")),
        **{k: table[k] for k in ("homepage", "repository", "documentation") if k in table},
    }
    dist.urls = {key.lower(): value for key, value in urls.items() if isinstance(value, str)}
    dist.readme = _readme(project, file.parent, table.get("readme"))
    version = table.get("version")
    if isinstance(version, str) and not (version == "0.0.0" and "poetry-dynamic-versioning" in tool):
        dist.version, dist.version_where = version, f"{path}:{_line(text, 'version', version)}"
    else:
        _dynamic(project, dist, data)
    return dist


def _readme(project: Project, folder: Path, value: Any) -> Path | None:
    if isinstance(value, list):  # Poetry allows several
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("file")
    if not isinstance(value, str):
        return None
    path = (folder / value).resolve() if ".." in value else folder / value
    return path if path.is_file() and path.resolve().is_relative_to(project.top.resolve()) else None


def _dynamic(project: Project, dist: Distribution, data: dict[str, Any]) -> None:
    """A version that stands in another file: hatch, setuptools, pdm, flit, or the package's ``__version__``."""
    tool = _table(data.get("tool"))
    places: list[tuple[Path, str | None]] = []
    here = dist.file.parent
    hatch = _table(_table(tool.get("hatch")).get("version"))
    if isinstance(hatch.get("path"), str):
        places.append((here / hatch["path"], hatch.get("pattern")))
    pdm = _table(_table(tool.get("pdm")).get("version"))
    if isinstance(pdm.get("path"), str):
        places.append((here / pdm["path"], None))
    setuptools = _table(_table(_table(tool.get("setuptools")).get("dynamic")).get("version"))
    _setuptools_places(here, setuptools, places)
    from_tags = (
        "setuptools_scm" in tool
        or "setuptools-scm" in tool
        or hatch.get("source") in {"vcs", "uv-dynamic-versioning"}
        or pdm.get("source") == "scm"
        or "poetry-dynamic-versioning" in tool
        or "versioningit" in tool
    )
    if not from_tags:
        module = dist.name.replace("-", "_").replace(".", "/")
        wheel = _table(_table(_table(_table(tool.get("hatch")).get("build")).get("targets")).get("wheel"))
        flit = _table(_table(tool.get("flit")).get("module")).get("name")
        for inner in (f"src/{module}", module, *_strings(wheel.get("packages")), *_strings([flit])):
            for file in ("__init__.py", "_version.py", "__about__.py", "version.py", "__version__.py"):
                places.append((here / inner / file, None))
    for path, pattern in places:
        text = project.text(path) if path.is_file() else None
        found = _version_in(text, pattern, path) if text else None
        if found:
            dist.version = found
            dist.version_where = f"{project.shown(path)}:{line_of(text or '', found)}"
            return


def _setuptools_places(here: Path, table: dict[str, Any], places: list[tuple[Path, str | None]]) -> None:
    attr, files = table.get("attr"), table.get("file")
    for file in [files] if isinstance(files, str) else _strings(files):
        places.append((here / file, r"\s*(?P<version>\S+)"))
    if isinstance(attr, str):
        module = attr.rpartition(".")[0].replace(".", "/")
        for root in ("src/", ""):
            places += [(here / f"{root}{module}.py", None), (here / root / module / "__init__.py", None)]


def _version_in(text: str, pattern: str | None, path: Path) -> str | None:
    if pattern:
        try:
            match = re.search(pattern, text, re.M)
            return match["version"] if match and "version" in match.groupdict() else None
        except re.error:
            return None
    if path.suffix == ".py":
        match = _ASSIGNED.search(text)
        return match[1] if match else None
    return text.strip().splitlines()[0].strip() if text.strip() else None


def _setup_cfg(project: Project, path: str, folder: str, text: str) -> Distribution | None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        project.problems.append(f"{path} cannot be read: {str(error).splitlines()[0]}")
        return None
    if not parser.has_option("metadata", "name"):
        return None
    get = parser["metadata"].get
    file = project.folder / path
    dist = Distribution(
        name=get("name", "").strip(), file=file, folder=folder, line=_line(text, "name", get("name", ""))
    )
    dist.description = get("description") or get("summary")
    dist.keywords = re.split(r"[,\s]+", get("keywords") or "")
    if parser.has_section("options"):
        needs = parser["options"].get("install_requires", "")
        dist.dependencies = [re.split(r"[\s\[<>=!~;@(]", need.strip(), maxsplit=1)[0] for need in needs.splitlines()]
    if get("url"):
        dist.urls["homepage"] = get("url", "")
    for line in (get("project_urls") or "").splitlines():
        label, equals, url = line.partition("=")
        if equals:
            dist.urls[label.strip().lower()] = url.strip()
    long = get("long_description") or ""
    if long.startswith("file:"):
        dist.readme = _readme(project, file.parent, long.removeprefix("file:").split(",")[0].strip())
    if parser.has_section("options.entry_points"):
        scripts = parser["options.entry_points"].get("console_scripts", "")
        dist.scripts = [line.partition("=")[0].strip() for line in scripts.splitlines() if "=" in line]
    version = get("version") or ""
    if version.startswith("attr:") or version.startswith("file:"):
        kind, _, value = version.partition(":")
        _dynamic(project, dist, {"tool": {"setuptools": {"dynamic": {"version": {kind: value.strip()}}}}})
    elif version:
        dist.version, dist.version_where = version, f"{path}:{_line(text, 'version', version)}"
    else:
        _dynamic(project, dist, {})
    return dist


def _setup_py(project: Project, path: str, folder: str, text: str) -> Distribution | None:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        project.problems.append(f"{path} is not Python: {error}")
        return None
    known: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            known[node.targets[0].id] = _literal(node.value, known)
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"setup", "setuptools.setup", "distutils.core.setup"}
    ]
    for call in calls:
        values = {word.arg: (word, _literal(word.value, known)) for word in call.keywords if word.arg}
        name = values.get("name", (None, None))
        if not isinstance(name[1], str) or name[0] is None:
            continue
        dist = Distribution(name=name[1], file=project.folder / path, folder=folder, line=name[0].value.lineno)
        word, version = values.get("version", (None, None))
        if isinstance(version, str) and word is not None:
            dist.version, dist.version_where = version, f"{path}:{word.value.lineno}"
        else:
            _dynamic(project, dist, {})
        description = values.get("description", (None, None))[1]
        dist.description = description if isinstance(description, str) else None
        url = values.get("url", (None, None))[1]
        if isinstance(url, str):
            dist.urls["homepage"] = url
        needs = values.get("install_requires", (None, None))[1]
        dist.dependencies = [re.split(r"[\s\[<>=!~;@(]", need, maxsplit=1)[0] for need in _strings(needs)]
        scripts = _table(values.get("entry_points", (None, None))[1]).get("console_scripts")
        dist.scripts = [one.partition("=")[0].strip() for one in _strings(scripts)]
        if "long_description" in values:
            for candidate in readme.NAMES:
                if candidate in text and (dist.file.parent / candidate).is_file():
                    dist.readme = dist.file.parent / candidate
                    break
        return dist
    if not calls:
        return None
    project.problems.append(f"{path} computes its name; it is not run, so give name= in pyproject.toml")
    return None


def _literal(node: ast.expr, known: dict[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return known.get(node.id)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return None


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _strings(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, (list, tuple)) else []


def _line(text: str, key: str, value: str) -> int:
    match = re.search(rf"""^\s*{key}\s*=\s*['"]?{re.escape(value)}""", text, re.M)
    return text.count("\n", 0, match.end()) + 1 if match else line_of(text, value)
