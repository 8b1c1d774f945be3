"""Image names that a project itself uses: workflows that push, commands in the README, compose files, Makefiles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp_registrar_tools.project.git import Origin
from mcp_registrar_tools.project.walk import Project, line_of

_REFERENCE = re.compile(
    r"(?<![\w./@:-])((?:(?:docker\.io|ghcr\.io|quay\.io|mcr\.microsoft\.com|[\w-]+\.azurecr\.io|[\w.-]+\.pkg\.dev)/)?"
    r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)+)(?::([\w${}.-]+))?(?:@sha256:[0-9a-f]{64})?(?![\w/])",
    re.IGNORECASE,
)
_HOST = re.compile(r"docker\.io|ghcr\.io|quay\.io|mcr\.microsoft\.com|[\w-]+\.azurecr\.io|[\w.-]+\.pkg\.dev")
_COMMAND = re.compile(r"\bdocker\s+(?:image\s+)?(?:run|pull|push|buildx\s+build|build|tag)\b[^\n`]*")
_EXPRESSION = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")
_SHELL = re.compile(r"\$\{?(\w+)\}?")


@dataclass(frozen=True)
class Image:
    """A repository (no tag), as written, and where. ``prefix`` is what stands before the version in its tags."""

    name: str
    where: str
    pushed: bool
    prefix: str = ""


def images(project: Project, origin: Origin | None, hints: set[str]) -> list[Image]:
    """The project's own images, those that a workflow pushes first, then by how often they are named.

    ``hints`` are words that its own images carry (repository and package names, the owner). Foreign images
    (databases, base images) are left out because they carry none.
    """
    counted: dict[str, tuple[int, Image]] = {}
    for image in [*_workflows(project, origin), *_commands(project)]:
        name = image.name.lower()
        if not _own(name, hints):
            continue
        score, first = counted.get(name, (0, image))
        counted[name] = (score + (100 if image.pushed else 1), first if first.pushed or not image.pushed else image)
    with_host = {name.partition("/")[2] for name in counted if "." in name.partition("/")[0]}
    ranked = [pair for name, pair in counted.items() if name not in with_host]
    return [image for _, image in sorted(ranked, key=lambda pair: -pair[0])]


def catalogued(project: Project) -> str:
    """The image of Docker's own catalogue (``mcp/…``) that the READMEs name, "" when there is none."""
    for path in project.named("README.md", "readme.md"):
        text = project.text(path) if path.count("/") == 0 else None
        match = re.search(r"(?<![\w/.-])mcp/[a-z][a-z0-9-]+(?=[:\"\s])", text or "")
        if match and "docker" in (text or "").lower():
            return match[0]
    return ""


def _own(name: str, hints: set[str]) -> bool:
    last = re.sub(r"[^a-z0-9]", "", name.rpartition("/")[2])
    owner = name.split("/")[-2] if "/" in name else ""
    if owner == "mcp" and name.count("/") == 1:
        return False  # Docker's own catalogue, which nobody else can push to
    host = name.partition("/")[0]
    if ("." in host and not _HOST.fullmatch(host)) or re.match(r"(my|your|example|some)", host):
        return False
    for hint in hints:
        bare = re.sub(r"[^a-z0-9]", "", hint.lower())
        if len(bare) > 3 and (bare == last or (len(last) > 5 and (bare in last or last in bare))):
            return True
        if owner and bare and re.sub(r"[^a-z0-9]", "", owner) == bare and "mcp" in last:
            return True
    return False


def _workflow_files(project: Project) -> list[Path]:
    folders = [project.folder / ".github/workflows", project.top / ".github/workflows"]
    files = [path for folder in dict.fromkeys(folders) if folder.is_dir() for path in sorted(folder.iterdir())]
    files += [project.top / ".gitlab-ci.yml", project.top / ".goreleaser.yml", project.top / ".goreleaser.yaml"]
    return [path for path in files if path.suffix in {".yml", ".yaml"} and path.is_file()]


def _workflows(project: Project, origin: Origin | None) -> list[Image]:
    import yaml

    results: list[Image] = []
    for path in _workflow_files(project):
        text = project.text(path)
        if not text or "docker" not in text.lower():
            continue
        shown = project.shown(path)
        try:
            loaded = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 (safe loaders)
        except (yaml.YAMLError, ValueError, RecursionError):
            project.problems.append(f"{shown} is not YAML and was not read")
            continue
        variables = _variables(loaded, origin)
        prefix = "v" if _v_tags(text) else ""
        pushes = bool(re.search(r"push:\s*(true|\$)|docker(/|\s+|\s+image\s+)push|dockers(_v2)?:", text))
        for value in _image_texts(loaded):
            filled = _fill(value, variables)
            for match in _REFERENCE.finditer(filled.replace(",", "\n")):
                if "$" not in match[1] and (pushes or "." in match[1].partition("/")[0]):
                    tag = match[2] or ""
                    tagged = "v" if re.match(r"v(\$|\{|\d)", tag) else prefix
                    results.append(
                        Image(match[1], f"{shown}:{line_of(text, value.splitlines()[0].strip())}", pushes, tagged)
                    )
    return results


def _v_tags(text: str) -> bool:
    """Whether version tags carry the git tag's ``v``."""
    plain = re.search(r"pattern=\{\{\s*version\s*\}\}|#v\}|\.Version\s*\}\}|replace\(.*'v'", text)
    return not plain and bool(re.search(r"type=ref,event=tag|pattern=v\{\{|\{\{\s*\.Tag\s*\}\}|github\.ref_name", text))


def _image_texts(node: Any, key: str = "") -> list[str]:
    """Values under keys that name images, and scripts that run docker."""
    if isinstance(node, dict):
        return [text for name, value in node.items() for text in _image_texts(value, str(name).lower())]
    if isinstance(node, list):
        return [text for value in node for text in _image_texts(value, key)]
    if not isinstance(node, str):
        return []
    if key in {"images", "tags", "image", "image_templates"}:
        return [node]
    if key == "run":
        return [match[0] for match in _COMMAND.finditer(re.sub(r"\\\n\s*", " ", node))]
    return []


def _variables(node: Any, origin: Origin | None) -> dict[str, str]:
    values: dict[str, str] = {}
    if origin:
        owner = origin.owner.lower()
        values = {
            "github.repository": f"{owner}/{origin.name.lower()}",
            "github.repository_owner": owner,
            "github.actor": owner,
            "github.event.repository.name": origin.name.lower(),
        }

    def visit(item: Any) -> None:
        if isinstance(item, dict):
            for name, value in item.items():
                if name == "env" and isinstance(value, dict):
                    values.update({f"env.{key}": str(text) for key, text in value.items()})
                visit(value)
        elif isinstance(item, list):
            for value in item:
                visit(value)

    visit(node)
    return values


def _fill(text: str, variables: dict[str, str]) -> str:
    for _ in range(4):
        text = _EXPRESSION.sub(lambda match: variables.get(match[1], "$"), text)
        text = _SHELL.sub(lambda match: variables.get(f"env.{match[1]}", match[0]), text)
    return text


def _commands(project: Project) -> list[Image]:
    results: list[Image] = []
    names = (
        "README*",
        "readme*",
        "Makefile",
        "justfile",
        "Taskfile.yml",
        "compose*.y*ml",
        "docker-compose*.y*ml",
        "package.json",
    )
    files = [project.folder / path for path in project.named(*names) if path.count("/") < 2]
    for path in dict.fromkeys([*files, *project.above("README.md")]):
        text = project.text(path)
        if not text:
            continue
        shown = project.shown(path)
        docker = False
        for number, line in enumerate(text.splitlines(), 1):
            lower = line.lower()
            # A command goes on behind a backslash, a client's `args` until their bracket closes.
            docker = bool(re.search(r"\bdocker\b|image:", lower)) or (docker and not re.search(r"^\s*(```|\]|$)", line))
            if not (docker or "ghcr.io/" in lower):
                continue
            for match in _REFERENCE.finditer(re.sub(r"https?://\S+", " ", line)):
                if "." in match[1].split("/")[0] or docker:
                    prefix = "v" if (match[2] or "").startswith("v") else ""
                    results.append(Image(match[1].lower(), f"{shown}:{number}", False, prefix))
    return results
