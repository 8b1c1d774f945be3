"""Where environment variables are spoken of: bundles, smithery.yaml, READMEs, .env examples, Dockerfiles, code."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcp_registrar_tools.project import dockerfile
from mcp_registrar_tools.project.environment import NAME, Collection
from mcp_registrar_tools.project.walk import ASIDE, Project, line_of

CODE_SECONDS = 0.6
"""How long code is scanned at most; documentation is read first and whole."""

_CODE = re.compile(
    rf"""process\.env(?:\.({NAME})\b|\[\s*["']({NAME})["'])"""
    rf"""|(?:environ(?:\.get)?|getenv|env\.get|Getenv|LookupEnv|env::var(?:_os)?|GetEnvironmentVariable)"""
    rf"""\s*[\[(]\s*["']({NAME})["']"""
)
_CODE_FILES = ("*.py", "*.ts", "*.mts", "*.js", "*.mjs", "*.cjs", "*.go", "*.rs", "*.cs", "*.java", "*.kt")
_TESTS = re.compile(r"^test_|_test\.|\.test\.|\.spec\.|conftest|\.config\.|\.d\.ts$|\.min\.js$")
_DOTENV = (
    ".env.example", ".env.sample", ".env.template", ".env.dist", ".env-example", "env.example", "example.env",
    "sample.env",
)  # fmt: skip
_LINE = re.compile(rf"^\s*(#\s*)?(?:export\s+)?({NAME})\s*=\s*(.*)$")
_FIRST_CELL = re.compile(rf"^[*`$\s]*({NAME})[`*]*(?:\s*(?:/|=|\(|,|or\b).*)?$")
_HEADER = re.compile(r"var|env|name|setting|option|param|key|config", re.I)
_RUN = re.compile(rf"""(?:^|\s)(?:-e|--env)[\s=]+["']?({NAME})\b|["'](?:-e|--env)["']\s*,\s*["']({NAME})\b""")
_BLOCK = re.compile(r'"(?:env|environment)"\s*:\s*\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}|\benv\s*=\s*\{([^{}]*)\}')
_PAIR = re.compile(rf'"?({NAME})"?\s*[:=]\s*(?:"(?:[^"\\]|\\.)*"|[\w.]+)')
_ITEM = re.compile(rf"^\s*[-*]\s+(?:\*\*)?`({NAME})(?:=[^`]*)?`(?:\*\*)?\s*(.*)$")
_EXPORT = re.compile(rf"\s*(?:export|set|setx)\s+({NAME})\s*=")


def collect(project: Project, folders: set[str], found: Collection) -> None:
    """Adds all evidence of ``project`` to ``found``; ``folders`` hold the server's packages."""
    for path in project.named("manifest.json"):
        _bundle(project, path, found)
    for path in project.named("smithery.yaml", "smithery.yml"):
        _smithery(project, path, found)
    for file, main in _documents(project, folders):
        _document(project, file, main, found)
    for path in project.named(*_DOTENV):
        if path.rpartition("/")[0] in folders:
            _dotenv(project, path, found)
    for path in project.named("Dockerfile"):
        if path.rpartition("/")[0] in folders:
            for name, (_, line) in dockerfile.parse(project.text(path) or "").env.items():
                if re.fullmatch(NAME, name):
                    found.add(name, "image", f"{path}:{line}")
    _code(project, folders, found)


def _documents(project: Project, folders: set[str]) -> Iterator[tuple[Path, bool]]:
    """READMEs (True) and pages on configuration (False); the README above when the folder has none."""
    readmes = [
        path for path in project.named("*.md", "*.rst", "README*", "readme*")
        if path.rpartition("/")[0] in folders and path.rpartition("/")[2].lower().startswith(("readme", "llms-install"))
    ]  # fmt: skip
    for path in readmes:
        yield project.folder / path, True
    if not readmes:
        for file in list(project.above("README.md"))[:1]:
            yield file, True
    for path in project.named("*.md"):
        folder, _, name = path.rpartition("/")
        if folder.lower() in {"docs", "doc"} and re.search(r"config|env|install|setup", name, re.I):
            yield project.folder / path, False


def _bundle(project: Project, path: str, found: Collection) -> None:
    text = project.text(path) or ""
    try:
        data = json.loads(text)
    except ValueError:
        return
    data = data if isinstance(data, dict) else {}
    server, wanted = _table(data.get("server")), _table(data.get("user_config"))
    for name, value in _table(_table(server.get("mcp_config")).get("env")).items():
        match = re.search(r"\$\{user_config\.([\w.-]+)\}", str(value))
        one = wanted.get(match[1]) if match else None
        if isinstance(one, dict):
            found.add(
                name, "bundle", f"{path}:{line_of(text, json.dumps(name))}", required=one.get("required"),
                description=str(one.get("description") or one.get("title") or ""), default=_text(one.get("default")),
                secret=one.get("sensitive"), format=_format(one.get("type")),
            )  # fmt: skip


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _format(kind: Any) -> str:
    kinds = {"number": "number", "integer": "number", "boolean": "boolean", "file": "filepath", "directory": "filepath"}
    return kinds.get(str(kind), "")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = "" if value is None or isinstance(value, (dict, list)) else str(value)
    return "" if "${" in text else text


def _smithery(project: Project, path: str, found: Collection) -> None:
    import yaml

    text = project.text(path) or ""
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        return
    start = _table(_table(data).get("startCommand"))
    schema = _table(start.get("configSchema"))
    required = schema.get("required")
    pattern = rf"\b({NAME})\b[\"']?\]?\s*[:=]\s*(?:String\(|`\$\{{)?(?:config|c|cfg)\.(\w+)"
    for match in re.finditer(pattern, str(start.get("commandFunction") or "")):
        one = _table(_table(schema.get("properties")).get(match[2]))
        found.add(
            match[1], "smithery", f"{path}:{line_of(text, match[1])}", description=str(one.get("description") or ""),
            default=_text(one.get("default")), required=isinstance(required, list) and match[2] in required,
            format=_format(one.get("type")),
        )  # fmt: skip


def _document(project: Project, file: Path, main: bool, found: Collection) -> None:
    text = project.text(file)
    if not text:
        return
    shown = project.shown(file)

    def at(offset: int) -> str:
        return f"{shown}:{text.count(chr(10), 0, offset) + 1}"

    for number, block in enumerate(_BLOCK.finditer(text)):
        group = 1 if block[1] is not None else 2
        for pair in _PAIR.finditer(block[group]):
            found.add(pair[1], "client" if number or not main else "first", at(block.start(group) + pair.start()))
    for match in _RUN.finditer(text):
        found.add(match[1] or match[2], "run", at(match.start()))
    header: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("|"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
            name = _FIRST_CELL.match(cells[0])
            if not header:
                header = [cell.strip("*` ").lower() for cell in cells]
            elif name and _HEADER.search(header[0]):
                found.add(name[1], "table", f"{shown}:{number}", **_facts(header, cells))
            continue
        header = []
        if item := _ITEM.match(line):
            words = re.sub(r"^\s*[-–—:(]+\s*", "", item[2])
            found.add(item[1], "list", f"{shown}:{number}", description=_plain(words), required=_required(item[2]))
        elif export := _EXPORT.match(line):
            found.add(export[1], "export", f"{shown}:{number}")


def _facts(header: list[str], cells: list[str]) -> dict[str, Any]:
    """What a table row says, by its column's heading."""
    facts: dict[str, Any] = {}
    for title, cell in list(zip(header, cells, strict=False))[1:]:
        bare = cell.strip("`*\"' ")
        nothing = not bare or re.fullmatch(
            r"[-–—]|n/?a|none|null|unset|not set|\(none\)|empty|required|_?none_?", bare, re.I
        )
        if re.search(r"descr|purpose|meaning|note|what|detail|effect", title):
            facts["description"] = _plain(cell)
        elif "requir" in title or "mandatory" in title:
            if re.match(r"(yes|required|true|✅|✓|☑|x$)", bare, re.I):
                facts["required"] = True
            elif re.match(r"(no\b|optional|false|❌|✗|-|–|—)", bare, re.I):
                facts["required"] = False
        elif "default" in title and not nothing and len(bare) < 80 and not re.search(r"\s|[<{(]", bare):
            facts["default"] = bare
    return facts


def _required(text: str) -> bool | None:
    if re.search(r"not required|required (if|when|for|only|unless)", text, re.I):
        return None
    if re.search(r"\brequired\b", text, re.I):
        return True
    return False if re.search(r"\boptional\b", text, re.I) else None


def _plain(text: str) -> str:
    """Words without markup, at most 200 characters, cut at a sentence or word."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = " ".join(re.sub(r"<[^>]+>|[`*]|\\(?=\|)", "", text).split()).strip(" -–—:|")
    if len(text) <= 200:
        return text
    sentence = text[:200].rpartition(". ")[0]
    return f"{sentence}." if len(sentence) > 30 else text[:200].rpartition(" ")[0]


def _dotenv(project: Project, path: str, found: Collection) -> None:
    remarks: list[str] = []
    for number, line in enumerate((project.text(path) or "").splitlines(), 1):
        match = _LINE.match(line)
        if match:
            said = _plain(" ".join(remarks) or match[3].partition(" #")[2])
            source = "commented" if match[1] else "dotenv"
            found.add(match[2], source, f"{path}:{number}", description=said if len(said) > 8 else "")
            remarks = []
        elif line.lstrip().startswith("#") and not re.search(r"[=\-#]{4,}", line):
            remarks.append(line.lstrip("# \t").rstrip())
        else:
            remarks = []


def _code(project: Project, folders: set[str], found: Collection) -> None:
    stop_at = time.monotonic() + CODE_SECONDS
    for path in project.named(*_CODE_FILES):
        parts = path.lower().split("/")
        if any(part in ASIDE or part in {"dist", "build", "out"} for part in parts[:-1]) or _TESTS.search(parts[-1]):
            continue
        if not any(folder == "" or path.startswith(f"{folder}/") for folder in folders):
            continue
        if time.monotonic() > stop_at:
            return
        text = project.text(path) or ""
        for match in _CODE.finditer(text):
            name = next(group for group in match.groups() if group)
            found.add(name, "code", f"{path}:{text.count(chr(10), 0, match.start()) + 1}")
