"""NuGet packages: project files and the ``Directory.Build.props`` above them, as far as MSBuild's common rules go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mcp_registrar_tools.project.walk import Project, line_of

_PROPERTY = re.compile(r"<([A-Za-z_][\w.]*)(\s[^<>]*)?>([^<]*)</\1\s{0,9}>")
_REFERENCE = re.compile(r'<PackageReference\b[^>]*\bInclude\s*=\s*"([^"]+)"', re.I)
_PACKED = re.compile(r'<(?:None|Content)\b[^>]*?\b(?:Include|Update)\s*=\s*"([^"]+)"[^>]*?>', re.I)
_INDEXED = re.compile(r"(npm|pypi|nuget|dnx)_?package_?(?:name|id)")
_VALUE = re.compile(r"\$\(([\w.]+)\)")


@dataclass(kw_only=True)
class DotnetProject:
    """``packs``: it makes a package of an MCP server, ``mcp`` says why. No ``version``: the build sets it.

    ``also`` holds packages of other indexes that its properties name (``NpmPackageName``): type to name and line.
    """

    file: Path
    folder: str
    package_id: str
    line: int
    version: str | None
    version_where: str
    packs: bool
    mcp: str
    readme: Path | None
    properties: dict[str, str] = field(default_factory=dict)
    also: dict[str, tuple[str, int]] = field(default_factory=dict)


def projects(project: Project) -> Iterator[DotnetProject]:
    """Every csproj, fsproj and vbproj that is not a test."""
    for path in project.packages("*.csproj", "*.fsproj", "*.vbproj"):
        if re.search(r"(^|[./])(unit)?tests?\.\w+proj$", path, re.I):
            continue
        text = project.text(path)
        if text is None:
            continue
        if "<Project" not in text:
            project.problems.append(f"{path} is not a project file")
            continue
        yield _one(project, path, text)


def _one(project: Project, path: str, text: str) -> DotnetProject:
    file = project.folder / path
    values: dict[str, tuple[str, str]] = {
        "msbuildprojectname": (file.stem, path),
        "msbuildthisfiledirectory": ("", path),
    }
    own = {name.lower() for name, _, _ in _properties(text)}
    for props in reversed(list(_props(project, file))):
        _collect(values, project.text(props) or "", project.shown(props))
    _collect(values, text, path)
    properties = {key: _expand(value, values) for key, (value, _) in values.items()}
    also = _indexed(text, values)
    told, told_line = also.pop("nuget", ("", 0))  # a release script packs it under this name
    package_id = properties.get("packageid") or told or properties.get("assemblyname") or file.stem
    if "$(" in package_id:
        package_id = file.stem
    types = re.split(r"[;,\s]+", properties.get("packagetype", "").lower())
    references = {name.lower() for name in _REFERENCE.findall(text)}
    server = "mcpserver" in types
    sdk = next(
        (name for name in sorted(references) if name.startswith("modelcontextprotocol") or name == "mcpdotnet"), ""
    )
    tool = properties.get("packastool", "").lower() == "true"
    named = re.search(r"MCP|Mcp|(^|[.\-_ ])mcp", package_id)
    mcp = "is of type McpServer" if server else f"depends on {sdk}" if sdk else "is named so" if named else ""
    packable = properties.get("ispackable", "true").lower() != "false"
    packs = server or (packable and bool(mcp) and (tool or "packageid" in own)) or bool(sdk and told)
    version, where = _version(properties, values)
    at = "PackageId" if "packageid" in own else "AssemblyName" if "assemblyname" in own else "<Project"
    return DotnetProject(
        file=file,
        folder=path.rpartition("/")[0],
        package_id=package_id,
        line=told_line if told and "packageid" not in own else line_of(text, at),
        version=version,
        version_where=where,
        packs=packs,
        mcp=mcp,
        readme=_readme(project, file, text, properties),
        properties=properties,
        also=also,
    )


def _indexed(text: str, values: dict[str, tuple[str, str]]) -> dict[str, tuple[str, int]]:
    """Packages that the file's own properties name for an index, e.g. ``<PypiPackageName>``."""
    found: dict[str, tuple[str, int]] = {}
    for name, written, offset in _properties(text):
        match = _INDEXED.fullmatch(name.lower())
        value = _expand(written, values)
        if match and value and "$(" not in value:
            kind = match[1].replace("dnx", "nuget")
            found[kind] = (value, text.count("\n", 0, offset) + 1)
    return found


def _version(properties: dict[str, str], values: dict[str, tuple[str, str]]) -> tuple[str | None, str]:
    for key in ("packageversion", "version", "versionprefix"):
        value = properties.get(key)
        if value and "$(" not in value:
            suffix = properties.get("versionsuffix", "")
            if key == "versionprefix" and suffix and "$(" not in suffix:
                value = f"{value}-{suffix}"
            return value, values[key][1]
    return None, ""


def _readme(project: Project, file: Path, text: str, properties: dict[str, str]) -> Path | None:
    wanted = properties.get("packagereadmefile", "")
    if not wanted:
        return None
    name = re.split(r"[\\/]", wanted)[-1]
    for packed in _PACKED.findall(text):
        if re.split(r"[\\/]", packed)[-1].lower() == name.lower():
            path = file.parent / packed.replace("\\", "/").replace("$(MSBuildThisFileDirectory)", "")
            path = Path(str(path).replace("$(RepoRoot)", str(project.top)))
            if path.is_file() and path.resolve().is_relative_to(project.top.resolve()):
                return path.resolve() if ".." in path.parts else path
    beside = file.parent / name
    return beside if beside.is_file() else None


def _props(project: Project, file: Path) -> Iterator[Path]:
    """``Directory.Build.props`` that MSBuild imports: the nearest, and those above as files usually chain."""
    here = file.parent
    while True:
        if (here / "Directory.Build.props").is_file():
            yield here / "Directory.Build.props"
        if here in (project.top, here.parent):
            return
        here = here.parent


def _properties(text: str) -> Iterator[tuple[str, str, int]]:
    """Name, value and offset of each unconditional property outside comments. Linear in the text's length."""
    bare = _blanked(text)
    lower = bare.lower()
    at = 0
    while (begin := lower.find("<propertygroup", at)) >= 0:
        opened, closed = lower.find(">", begin), lower.find("</propertygroup", begin)
        if opened < 0 or closed < 0:
            return
        at = closed + 1
        if "condition" in lower[begin:opened]:
            continue
        for match in _PROPERTY.finditer(bare, opened, closed):
            if "condition" not in (match[2] or "").lower():
                yield match[1], match[3].strip(), match.start()


def _blanked(text: str) -> str:
    """The text with comments as blanks, so that offsets and lines stay."""
    kept: list[str] = []
    at = 0
    while (begin := text.find("<!--", at)) >= 0:
        close = text.find("-->", begin)
        end = close + 3 if close >= 0 else len(text)
        kept += [text[at:begin], re.sub(r"[^\n]", " ", text[begin:end])]
        at = end
    return "".join([*kept, text[at:]])


def _collect(values: dict[str, tuple[str, str]], text: str, shown: str) -> None:
    for name, value, offset in _properties(text):
        if value:
            values[name.lower()] = (value, f"{shown}:{text.count(chr(10), 0, offset) + 1}")


def _expand(value: str, values: dict[str, tuple[str, str]], depth: int = 0) -> str:
    def one(match: re.Match[str]) -> str:
        inner = values.get(match[1].lower())
        return _expand(inner[0], values, depth + 1) if inner and depth < 6 else match[0]

    return _VALUE.sub(one, value)
