"""The GitHub Actions workflow that releases this project and publishes it to the registry."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from mcp_registrar_tools.answer import Answer, clean, quoted
from mcp_registrar_tools.errors import InputError

if TYPE_CHECKING:
    from mcp_registrar_tools.workbench import Workbench

FILE = ".github/workflows/publish-mcp.yml"


class WorkflowAnswer(Answer):
    """What was written. ``setup`` is what the person does once; ``notes`` is what else matters."""

    file: str
    changed: bool
    jobs: list[str]
    setup: list[str]
    notes: list[str]
    tag: str

    def lines(self) -> list[str]:
        done = "written" if self.changed else "is there already, just so"
        lines = [f"{self.file} {done}: on a tag such as {self.tag} it runs {', '.join(self.jobs)}"]
        lines += [f"- {note}" for note in self.notes]
        lines += ["Once, by the person:", *(f"- {item}" for item in self.setup)] if self.setup else []
        return [*lines, f"Then commit it and: git tag {self.tag} && git push origin {self.tag}"]

    def files(self) -> list[Path]:
        return [Path(self.file)] if self.changed else []


async def add_workflow(
    bench: Workbench,
    path: Annotated[str, Field(description="project folder")] = ".",
    login: Annotated[Literal["oidc", "token", "dns"], Field(description="dns for a domain's namespace")] = "oidc",
    overwrite: Annotated[bool, Field(description="replace a workflow that differs")] = False,
) -> WorkflowAnswer:
    """Write the GitHub Actions workflow that releases and publishes on a version tag."""
    import anyio.to_thread

    return await anyio.to_thread.run_sync(lambda: write_workflow(path, login=login, overwrite=overwrite))


def write_workflow(path: str, *, login: str = "oidc", overwrite: bool = False) -> WorkflowAnswer:
    """The work of `add_workflow`; blocking."""
    from mcp_registrar_tools.manifest.files import find, read_text_file, write_atomic
    from mcp_registrar_tools.set_version import read_document

    found = find(path)
    document = read_document(found.path, read_text_file(found.path))
    name = str(document.get("name", ""))
    if "${{" in json.dumps([name, document.get("packages")]):
        raise InputError(
            "expression-in-manifest",
            "server.json holds ${{ … }}, which GitHub would run as an expression",
            f"write plain values; the workflow fills in the version: validate(path={quoted(path)})",
        )
    _login_fits(name, login, path)
    text, jobs, setup, notes = compose(found.root, Path(path), document, login)
    file = found.root / FILE
    before = read_text_file(file) if file.exists() else ""
    if before and before != text and not overwrite:
        raise InputError(
            "workflow-exists",
            f"{file} exists and differs",
            f"add_workflow(path={quoted(path)}, overwrite=true) replaces it",
        )
    if before != text:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                "file-unwritable", f"{file.parent} cannot be made: {error.strerror}", "check the folder's permissions"
            ) from None
        write_atomic(file, text.encode("utf-8"))
    version = str(document.get("version", ""))
    tag = f"v{version}" if re.fullmatch(r"\d+\.\d+\.\d+[-+.0-9A-Za-z]*", version) else "v1.0.0"
    return WorkflowAnswer(
        file=str(file),
        changed=before != text,
        jobs=jobs,
        setup=setup,
        notes=notes,
        tag=tag,
        next=f"validate(path={quoted(path)})",
    )


def _login_fits(name: str, login: str, path: str) -> None:
    namespace = name.partition("/")[0]
    github = namespace.lower().startswith("io.github.")
    if not namespace or "/" not in name:
        raise InputError("no-server-name", "server.json has no name", f"init_manifest(path={quoted(path)})")
    if github == (login == "dns"):
        fitting = "oidc" if github else "dns"
        raise InputError(
            "login-does-not-fit",
            f"{clean(namespace, 100)} cannot be published to with login {login!r}",
            f'add_workflow(path={quoted(path)}, login="{fitting}")',
        )


def compose(
    root: Path, folder: Path, document: dict[str, Any], login: str
) -> tuple[str, list[str], list[str], list[str]]:
    """The workflow's text, its jobs, what the person sets up, and notes."""
    from mcp_registrar_tools.workflows import jobs as kinds
    from mcp_registrar_tools.workflows.text import to_yaml

    folder = (folder if folder.is_dir() else folder.parent).resolve()
    project = _relative(folder, root.resolve())
    others = released_elsewhere(root)
    all_jobs: dict[str, dict[str, Any]] = {}
    shown = quoted(str(folder))
    setup: list[str] = []
    notes: list[str] = []
    needs: list[str] = []
    bundle = ""
    packages = [p for p in document.get("packages") or [] if isinstance(p, dict)]
    for package in packages:
        kind = str(package.get("registryType", ""))
        if kind not in kinds.BY_TYPE:
            notes.append(
                f"{clean(str(package.get('identifier') or package.get('name')), 100)} is of no type that the registry"
                f" knows and is not released: validate(path={shown}, fix=true)"
            )
            continue
        if kind in others:
            if not any(note.startswith(others[kind]) for note in notes):
                notes.append(f"{others[kind]} releases the {kind} package on tags already; this workflow waits for it")
            continue
        where, facts = package_facts(folder, document, package)
        made = kinds.BY_TYPE[kind](kinds.Context(str(document["name"]), project, _join(project, where), package, facts))
        fresh = {job: data for job, data in made.jobs.items() if job not in all_jobs}
        if not fresh:
            notes.append(
                f"only one {kind} package is released by this workflow: add {package.get('identifier')} by hand"
            )
            continue
        notes += facts.get("notes", [])
        all_jobs |= fresh
        needs.append(list(made.jobs)[-1])
        setup += made.setup
        bundle = kinds.bundle_name(package) if kind == "mcpb" else bundle
    notes += _origin_notes(root, str(document["name"]), login)
    last = kinds.registry(
        kinds.Context(str(document["name"]), project, project, {}),
        needs,
        login=login,
        wait=3600 if any(p.get("registryType") in others for p in packages) else 900,
        bundle=bundle,
    )
    workflow: dict[str, Any] = {
        "name": "Publish to the MCP registry",
        "on": {"push": {"tags": ["v[0-9]+.[0-9]+.[0-9]+*"]}},
        "permissions": {},
        "concurrency": {"group": "publish-mcp-${{ github.ref }}", "cancel-in-progress": False},
        "jobs": all_jobs | last.jobs,
    }
    heading = (
        f"Releases {document['name']} on a version tag and publishes it to the MCP registry.\n"
        "Made by mcp-registrar (add_workflow); a run can be repeated."
    )
    return to_yaml(workflow, heading), list(workflow["jobs"]), setup + last.setup, notes


def _origin_notes(root: Path, name: str, login: str) -> list[str]:
    """Where the repository is hosted decides whether this workflow runs, and what its token may publish."""
    from mcp_registrar_tools.project.git import find_git

    git = find_git(root.absolute())
    origin = git.origin if git else None
    if origin is None:
        return []
    host, holder = clean(origin.host, 80), clean(origin.owner, 80)
    if origin.host != "github.com":
        return [f"the repository is on {host}, where GitHub Actions does not run: take the last job's steps to its CI"]
    if login == "oidc" and origin.owner != name.partition("/")[0].removeprefix("io.github."):
        return [
            f"a run of {holder}/{clean(origin.name, 80)} may publish io.github.{holder}/* only, and the name is "
            f"{clean(name, 200)}: exact letter case counts"
        ]
    return []


def package_facts(folder: Path, document: dict[str, Any], package: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The package's folder relative to the project, and what its build needs to know."""
    from mcp_registrar_tools.set_version import own_packages

    kind = package.get("registryType")
    found = next(
        (
            one
            for one in own_packages(folder, document | {"packages": [package]})
            if one.registry_type == kind
            and (kind in {"oci", "mcpb"} or one.identifier.lower() == str(package.get("identifier", "")).lower())
        ),
        None,
    )
    where = found.folder if found else ""
    here = folder / where
    facts: dict[str, Any] = {"notes": []}
    if found is None:
        facts["notes"].append(f"no {kind} package {package.get('identifier')} was found in the project: check its job")
    locks = ("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb")
    for place in (here, *here.parents):
        lock = next((name for name in locks if (place / name).is_file()), None)
        if lock or (place / ".git").exists():
            facts["lockfile"] = lock
            break
    try:
        scripts = json.loads((here / "package.json").read_text("utf-8-sig")).get("scripts", {})
        facts["scripts"] = [name for name in scripts if isinstance(scripts, dict)]
    except (OSError, ValueError, AttributeError):
        facts["scripts"] = []
    facts["dynamic"] = bool(found and not found.version)
    if kind == "oci" and found is not None:
        facts["dockerfile"] = found.file.name
    return where, facts


_RELEASES = {
    "npm": r"\b(npm|pnpm|yarn npm|bun) publish\b|JS-DevTools/npm-publish@",
    "pypi": r"pypa/gh-action-pypi-publish@|\buv publish\b|\btwine upload\b|\bpoetry publish\b",
    "nuget": r"\bdotnet nuget push\b|\bnuget push\b",
    "cargo": r"\bcargo publish\b",
}


def released_elsewhere(root: Path) -> dict[str, str]:
    """Package types that another workflow of the repository releases on tags: type -> that file's name."""
    import yaml

    found: dict[str, str] = {}
    folder = root / ".github" / "workflows"
    for file in sorted(folder.glob("*.y*ml")) if folder.is_dir() else ():
        if file.name == Path(FILE).name:
            continue
        try:
            text = file.read_text("utf-8-sig")
            data = yaml.safe_load(text)
        except (OSError, ValueError, yaml.YAMLError):
            continue
        trigger = data.get("on", data.get(True)) if isinstance(data, dict) else None
        push = trigger.get("push") if isinstance(trigger, dict) else None
        released = isinstance(trigger, dict) and "release" in trigger
        if released or (isinstance(push, dict) and push.get("tags")):
            for kind, pattern in _RELEASES.items():
                if re.search(pattern, text):
                    found.setdefault(kind, file.name)
    return found


def _relative(folder: Path, root: Path) -> str:
    try:
        return folder.relative_to(root).as_posix() or "."
    except ValueError:
        return "."


def _join(project: str, folder: str) -> str:
    return "/".join(part for part in (project, folder) if part not in ("", ".")) or "."
