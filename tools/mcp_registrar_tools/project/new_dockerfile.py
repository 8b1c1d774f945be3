"""A Dockerfile for a Python, Node or Go project that has none: two stages, a user without rights, labelled."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from mcp_registrar_tools.project import python
from mcp_registrar_tools.project.edits import Edit
from mcp_registrar_tools.project.walk import Project

IGNORED = ".git\n.env\n.env.*\n!.env.example\nnode_modules\n.venv\nvenv\n__pycache__\n*.pem\n*.key\n"
"""A ``.dockerignore`` that keeps secrets and what is built again out of the image."""


def write(project: Project, label: str) -> tuple[list[Edit], str]:
    """The new files (Dockerfile and, when there is none, .dockerignore) and "", or none and why not.

    ``label`` is the ``LABEL`` instruction that proves ownership.
    """
    files = {path for path in project.files if "/" not in path}
    if files & {"Dockerfile", "Containerfile"}:
        return [], "there is a Dockerfile already"
    text, why = "", "only Python (pyproject.toml, requirements.txt), Node (package.json) and Go (go.mod) are understood"
    for name, make in (
        ("pyproject.toml", _python),
        ("package.json", _node),
        ("go.mod", _go),
        ("requirements.txt", _script),
    ):
        if name in files:
            text, why = make(project, files, label)
            break
    if not text:
        return [], why
    edits = [Edit(project.folder / "Dockerfile", None, text.encode())]
    if ".dockerignore" not in files:
        edits.append(Edit(project.folder / ".dockerignore", None, IGNORED.encode()))
    return edits, ""


def _python(project: Project, files: set[str], label: str) -> tuple[str, str]:
    dist = next((one for one in python.distributions(project) if one.folder == ""), None)
    if dist is None:
        return "", "pyproject.toml names no project"
    if not dist.scripts:
        return "", "pyproject.toml has no [project.scripts] to start; add one"
    script = dist.name if dist.name in dist.scripts else dist.scripts[0]
    image = f"python:{_python_version(project.text('pyproject.toml') or '')}-slim"
    return (
        f"FROM {image} AS build\n"
        "WORKDIR /src\n"
        "RUN python -m venv /venv\n"
        "COPY . .\n"
        "RUN /venv/bin/pip install --no-cache-dir .\n"
        "\n"
        f"FROM {image}\n"
        f"{label}\n"
        "RUN useradd --system --create-home --uid 10001 server\n"
        "COPY --from=build /venv /venv\n"
        "ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1\n"
        "USER server\n"
        "WORKDIR /home/server\n"
        f"ENTRYPOINT {json.dumps([script])}\n"
    ), ""


def _python_version(text: str) -> str:
    """The newest minor version that ``requires-python`` allows, of those with long-proven images."""
    try:
        project = tomllib.loads(text).get("project", {})
    except tomllib.TOMLDecodeError:
        return "3.12"
    bounds = str(project.get("requires-python", "")) if isinstance(project, dict) else ""
    lowest = max((int(minor) for minor in re.findall(r">=\s*3\.(\d+)", bounds)), default=12)
    below = min((int(minor) for minor in re.findall(r"<\s*3\.(\d+)", bounds)), default=99)
    return f"3.{min(max(lowest, 12), below - 1)}"


def _script(project: Project, files: set[str], label: str) -> tuple[str, str]:
    start = next((name for name in ("server.py", "main.py", "app.py", "mcp_server.py") if name in files), "")
    start = start or next((f"src/{name}" for name in ("server.py", "main.py") if f"src/{name}" in project.files), "")
    if not start:
        return "", "no server.py or main.py to start beside requirements.txt"
    return (
        "FROM python:3.12-slim AS build\n"
        "RUN python -m venv /venv\n"
        "COPY requirements.txt .\n"
        "RUN /venv/bin/pip install --no-cache-dir -r requirements.txt\n"
        "\n"
        "FROM python:3.12-slim\n"
        f"{label}\n"
        "RUN useradd --system --create-home --uid 10001 server\n"
        "COPY --from=build /venv /venv\n"
        "ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1\n"
        "WORKDIR /app\n"
        "COPY . .\n"
        "USER server\n"
        f"ENTRYPOINT {json.dumps(['python', start])}\n"
    ), ""


def _node(project: Project, files: set[str], label: str) -> tuple[str, str]:
    try:
        data = json.loads(project.text("package.json") or "")
    except ValueError:
        return "", "package.json is not JSON"
    data = data if isinstance(data, dict) else {}
    starts = data.get("bin")
    start = starts if isinstance(starts, str) else next(iter(starts.values()), "") if isinstance(starts, dict) else ""
    start = start or data.get("main") or ("index.js" if "index.js" in files else "")
    if not isinstance(start, str) or not start:
        return "", "package.json has no bin and no main to start"
    scripts = data.get("scripts")
    builds = isinstance(scripts, dict) and "build" in scripts
    install, build, prune = "npm install", "npm run build", "npm prune --omit=dev"
    if "pnpm-lock.yaml" in files:
        install, build, prune = (
            "corepack enable && pnpm install --frozen-lockfile",
            "pnpm run build",
            "pnpm prune --prod",
        )
    elif "yarn.lock" in files:
        install, build, prune = "corepack enable && yarn install", "yarn run build", "true"
    elif files & {"package-lock.json", "npm-shrinkwrap.json"}:
        install = "npm ci"
    steps = [install, *([build] if builds else []), *([prune] if prune != "true" else [])]
    major = _node_major(data)
    return (
        f"FROM node:{major}-slim AS build\n"
        "WORKDIR /app\n"
        "COPY . .\n"
        f"RUN {' && '.join(steps)}\n"
        "\n"
        f"FROM node:{major}-slim\n"
        f"{label}\n"
        "ENV NODE_ENV=production\n"
        "WORKDIR /app\n"
        "COPY --from=build /app ./\n"
        "USER node\n"
        f"ENTRYPOINT {json.dumps(['node', start.removeprefix('./')])}\n"
    ), ""


def _node_major(data: dict[str, object]) -> int:
    engines = data.get("engines")
    wanted = str(engines.get("node", "")) if isinstance(engines, dict) else ""
    lowest = max((int(major) for major in re.findall(r">=?\s*v?(\d+)", wanted)), default=22)
    return max(22, lowest + lowest % 2)


def _go(project: Project, files: set[str], label: str) -> tuple[str, str]:
    text = project.text("go.mod") or ""
    version = re.search(r"^go\s+(\d+\.\d+)", text, re.M)
    module = re.search(r"^module\s+(\S+)", text, re.M)
    mains = sorted(
        str(Path(path).parent) for path in project.files
        if re.fullmatch(r"(cmd/[^/]+/)?main\.go", path)
    )  # fmt: skip
    last = re.sub(r"^v\d+$", "", module[1].rpartition("/")[2]) if module else ""
    package = (
        "." if "." in mains else next((one for one in mains if one.endswith(f"/{last}")), mains[0] if mains else "")
    )
    if not package:
        return "", "no main.go at the top or in cmd/"
    return (
        f"FROM golang:{version[1] if version else '1.24'} AS build\n"
        "WORKDIR /src\n"
        f"COPY {'go.mod go.sum' if 'go.sum' in files else 'go.mod'} ./\n"
        "RUN go mod download\n"
        "COPY . .\n"
        f'RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /server {package}\n'
        "\n"
        "FROM gcr.io/distroless/static-debian12:nonroot\n"
        f"{label}\n"
        "COPY --from=build /server /server\n"
        "USER nonroot\n"
        'ENTRYPOINT ["/server"]\n'
    ), ""
