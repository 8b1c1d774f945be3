"""Dockerfiles: read as far as publishing needs, label the last stage, write one for a project that has none."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from typing import Any

from mcp_registrar_tools.project.edits import newline


@dataclass
class Stage:
    """One ``FROM``: its image, its name, and the last line (from 1) of the instruction."""

    image: str
    name: str
    line: int
    end: int


@dataclass
class Dockerfile:
    """What the last stage ends up with (labels and variables of stages it is built on included)."""

    stages: list[Stage] = field(default_factory=list)
    labels: dict[str, tuple[str, int]] = field(default_factory=dict)
    env: dict[str, tuple[str, int]] = field(default_factory=dict)
    ports: list[int] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    """ENTRYPOINT followed by CMD, split into words."""


def instructions(text: str) -> list[tuple[str, str, int, int]]:
    """Keyword (upper case), arguments with continuations joined, first and last line (from 1)."""
    escape = "`" if re.match(r"\s*#\s*escape\s*=\s*`", text, re.I) else "\\"
    results: list[tuple[str, str, int, int]] = []
    lines = text.splitlines()
    index = 0
    while index < len(lines):
        start = index
        line = lines[index]
        if not line.strip() or line.lstrip().startswith("#"):
            index += 1
            continue
        whole = ""
        while True:
            bare = lines[index].rstrip() if index < len(lines) else ""
            if bare.lstrip().startswith("#"):  # a comment inside a continuation
                bare = escape
            if bare.endswith(escape):
                whole += bare[: -len(escape)] + " "
                index += 1
                if index >= len(lines):
                    break
            else:
                whole += bare
                index += 1
                break
        keyword, _, rest = whole.strip().partition(" ")
        here = re.search(r"<<-?\s*[\"']?(\w+)[\"']?", rest) if keyword.upper() in {"RUN", "COPY", "ADD"} else None
        if here:
            while index < len(lines) and lines[index].strip() != here[1]:
                index += 1
            index += 1
        results.append((keyword.upper(), rest.strip(), start + 1, min(index, len(lines))))
    return results


def parse(text: str) -> Dockerfile:
    """Reads a Dockerfile. Never fails: what is not understood is left out."""
    result = Dockerfile()
    arguments: dict[str, str] = {}
    states: dict[str, Dockerfile] = {}
    entry: list[str] = []
    command: list[str] = []
    for keyword, rest, line, end in instructions(text):
        if keyword == "FROM":
            words = [word for word in rest.split() if not word.startswith("--")]
            image = _fill(words[0], arguments) if words else ""
            name = words[2].lower() if len(words) > 2 and words[1].upper() == "AS" else str(len(result.stages))
            base = states.get(image.lower())
            kept = (
                Dockerfile(labels=dict(base.labels), env=dict(base.env), ports=list(base.ports))
                if base
                else Dockerfile()
            )
            kept.stages = [*result.stages, Stage(image, name, line, end)]
            result, entry, command = kept, [], []
            states[name] = result
        elif keyword == "ARG":
            key, _, value = rest.partition("=")
            if value:
                arguments[key.strip()] = value.strip().strip("\"'")
        elif keyword == "LABEL":
            result.labels |= {key: (_fill(value, arguments), line) for key, value in _pairs(rest)}
        elif keyword == "ENV":
            result.env |= {key: (_fill(value, arguments), line) for key, value in _pairs(rest)}
        elif keyword == "EXPOSE":
            result.ports += [
                int(port) for word in rest.split() if (port := _fill(word, arguments).partition("/")[0]).isdigit()
            ]
        elif keyword == "ENTRYPOINT":
            entry, command = _words(rest), []
        elif keyword == "CMD":
            command = _words(rest)
    result.command = entry + command
    return result


def set_label(text: str, key: str, value: str) -> str:
    """``text`` with ``LABEL key="value"`` in force at its end: replaced where it stands, or put below the last FROM.

    Raises ValueError for a file that is not whole (a continuation without its next line).
    """
    labelled = _labelled(text, key, value)
    if parse(labelled).labels.get(key, ("", 0))[0] != value:
        raise ValueError("the Dockerfile is not whole, so no label can be put into it")
    return labelled


def _labelled(text: str, key: str, value: str) -> str:
    last_from = 0
    found: tuple[int, int] | None = None
    for keyword, rest, line, end in instructions(text):
        if keyword == "FROM":
            last_from, found = end, None
        elif keyword == "LABEL" and key in {name for name, _ in _pairs(rest)}:
            found = (line, end)
    lines = text.splitlines(keepends=True)
    if found:
        block = "".join(lines[found[0] - 1 : found[1]])
        pattern = rf"""(["']?{re.escape(key)}["']?\s*[=\s]\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s\\]+)"""
        block = re.sub(pattern, lambda match: f'{match[1]}"{value}"', block, count=1)
        return "".join([*lines[: found[0] - 1], block, *lines[found[1] :]])
    end_of_line = newline(text)
    if last_from and not lines[last_from - 1].endswith(("\n", "\r")):
        return f'{text}{end_of_line}LABEL {key}="{value}"'
    return "".join([*lines[:last_from], f'LABEL {key}="{value}"{end_of_line}', *lines[last_from:]])


def transport(parsed: Dockerfile) -> dict[str, Any] | None:
    """The transport that the image speaks when started as it is, None for standard input and output.

    Only its own command and variables count: an exposed port alone says that HTTP is possible, not that it is
    the default.
    """
    words = [word.lower() for word in parsed.command]
    env = {key.upper(): value.lower() for key, (value, _) in parsed.env.items()}
    mode = ""
    for index, word in enumerate(words):
        name, _, value = word.partition("=")
        if name.lstrip("-") in {"transport", "t", "mode"} and word.startswith("-"):
            mode = value or (words[index + 1] if index + 1 < len(words) else "")
    mode = mode or next(
        (value for key, value in env.items() if re.search(r"(^|_)TRANSPORT(_TYPE|_MODE|S)?$|^MCP_MODE$", key)), ""
    )
    if "stdio" in words or "--stdio" in words or mode.startswith("stdio"):
        return None
    port = _port(words, env) or (parsed.ports[0] if parsed.ports else 0)
    kind = ""
    if mode.startswith("sse"):
        kind = "sse"
    elif (
        "http" in mode
        or mode == "stream"
        or any(re.match(r"--?(streamable-?)?http$", word) for word in words)
        or (parsed.ports and any(word.partition("=")[0] == "--port" for word in words))
    ):
        kind = "streamable-http"
    if not kind or not port:
        return None
    path = _path(words, env) or ("/sse" if kind == "sse" else "/mcp")
    return {"type": kind, "url": f"http://localhost:{port}{path}"}


def _port(words: list[str], env: dict[str, str]) -> int:
    for index, word in enumerate(words):
        name, _, value = word.partition("=")
        if name in {"--port", "-p", "--http-port", "--http-addr", "--address", "--addr", "--listen", "--bind"}:
            value = value or (words[index + 1] if index + 1 < len(words) else "")
            tail = value.rpartition(":")[2]
            if tail.isdigit():
                return int(tail)
    for key, value in env.items():
        if re.search(r"(^|_)PORT$", key) and value.isdigit():
            return int(value)
    return 0


def _path(words: list[str], env: dict[str, str]) -> str:
    for index, word in enumerate(words):
        name, _, value = word.partition("=")
        if name in {"--path", "--http-path", "--endpoint-path", "--mcp-path"}:
            value = value or (words[index + 1] if index + 1 < len(words) else "")
            return value if value.startswith("/") else ""
    return next(
        (value for key, value in env.items() if re.search(r"(MCP|HTTP)\w*_PATH$", key) and value[:1] == "/"), ""
    )


def _pairs(rest: str) -> list[tuple[str, str]]:
    try:
        words = shlex.split(rest, posix=True)
    except ValueError:
        words = rest.replace('"', "").split()
    if words and "=" not in words[0]:
        return [(words[0], " ".join(words[1:]))] if len(words) > 1 else []
    return [(key, value) for key, equals, value in (word.partition("=") for word in words) if equals]


def _words(rest: str) -> list[str]:
    if rest.startswith("["):
        try:
            value = json.loads(rest)
            return [word for word in value if isinstance(word, str)]
        except ValueError:
            return []
    try:
        return shlex.split(rest)
    except ValueError:
        return rest.split()


def _fill(value: str, arguments: dict[str, str]) -> str:
    def one(match: re.Match[str]) -> str:
        return arguments.get(match[1] or match[3], match[2] or match[0])

    return re.sub(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))", one, value)
