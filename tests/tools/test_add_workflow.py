"""The release workflow: valid for GitHub, least in rights, right in its steps, and its last job really publishes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcp_registrar_tools.add_workflow import FILE, write_workflow
from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.workflows.actions import PINNED
from tests.conftest import SHARED
from tests.loopback import answering
from tests.real.components import actionlint, require

SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
STDIO = {"transport": {"type": "stdio"}}
PACKAGES: dict[str, dict[str, Any]] = {
    "npm": {"registryType": "npm", "identifier": "@acme/weather", "version": "1.0.0", **STDIO},
    "pypi": {"registryType": "pypi", "identifier": "acme-weather", "version": "1.0.0", **STDIO},
    "nuget": {"registryType": "nuget", "identifier": "Acme.Weather", "version": "1.0.0", **STDIO},
    "cargo": {"registryType": "cargo", "identifier": "acme-weather", "version": "1.0.0", **STDIO},
    "oci": {"registryType": "oci", "identifier": "ghcr.io/acme/weather:1.0.0", **STDIO},
    "mcpb": {
        "registryType": "mcpb",
        "identifier": "https://github.com/acme/w/releases/download/v1.0.0/w-mcp-1.0.0.mcpb",
        "fileSha256": "0" * 64,
        **STDIO,
    },
}
FILES = {
    "package.json": '{"name": "@acme/weather", "version": "1.0.0", "scripts": {"build": "tsc", "test": "x"}}',
    "package-lock.json": "{}",
    "pyproject.toml": '[project]\nname = "acme-weather"\nversion = "1.0.0"\n',
    "Acme.Weather.csproj": "<Project><PropertyGroup><PackageId>Acme.Weather</PackageId><Version>1.0.0</Version>"
    "<PackAsTool>true</PackAsTool></PropertyGroup></Project>",
    "Cargo.toml": '[package]\nname = "acme-weather"\nversion = "1.0.0"\n',
    "Dockerfile": "FROM scratch\n",
    "manifest.json": '{"manifest_version": "0.2", "name": "w", "version": "1.0.0", "server": {}}',
}


def repository(folder: Path, *kinds: str, name: str = "io.github.acme/weather", inner: str = ".") -> Path:
    project = folder / inner
    project.mkdir(parents=True, exist_ok=True)
    (folder / ".git").mkdir()
    for file, text in FILES.items():
        (project / file).write_text(text)
    document = {"$schema": SCHEMA, "name": name, "description": "Weather", "version": "1.0.0"}
    (project / "server.json").write_text(json.dumps(document | {"packages": [PACKAGES[kind] for kind in kinds]}))
    return project


def workflow(folder: Path) -> Any:
    return yaml.safe_load((folder / FILE).read_text(encoding="utf-8"))


def scripts(job: dict[str, Any]) -> str:
    return "\n".join(step.get("run", "") for step in job["steps"])


@pytest.mark.parametrize("login", ["oidc", "token"])
@pytest.mark.parametrize("kinds", [*[(kind,) for kind in PACKAGES], tuple(PACKAGES), ()], ids="+".join)
def test_github_would_accept_it(kinds: tuple[str, ...], login: str, tmp_path: Path) -> None:
    require(actionlint)
    write_workflow(str(repository(tmp_path, *kinds)), login=login)
    assert actionlint.complaints(tmp_path / FILE) == ""


def test_actionlint_would_have_complained(tmp_path: Path) -> None:
    require(actionlint)
    write_workflow(str(repository(tmp_path, "npm")))
    text = (tmp_path / FILE).read_text(encoding="utf-8")
    (tmp_path / FILE).write_text(text.replace("runs-on", "run-on"), encoding="utf-8")
    assert "run-on" in actionlint.complaints(tmp_path / FILE)


def test_rights_are_least_and_actions_are_pinned(tmp_path: Path) -> None:
    write_workflow(str(repository(tmp_path, *PACKAGES)))
    data = workflow(tmp_path)
    assert data["permissions"] == {}
    assert {name: job["permissions"] for name, job in data["jobs"].items()} == {
        "npm": {"contents": "read", "id-token": "write"},
        "pypi-build": {"contents": "read"},
        "pypi": {"id-token": "write"},
        "nuget": {"contents": "read", "id-token": "write"},
        "cargo": {"contents": "read", "id-token": "write"},
        "image": {"contents": "read", "packages": "write"},
        "mcpb": {"contents": "write"},
        "registry": {"contents": "read", "id-token": "write"},
    }
    assert data["jobs"]["registry"]["needs"] == ["npm", "pypi", "nuget", "cargo", "image", "mcpb"]
    text = (tmp_path / FILE).read_text(encoding="utf-8")
    assert "&id" not in text
    pinned = re.findall(r"uses: ([\w./-]+)@(\S+)(?: # (\S+))?", text)
    assert pinned
    for action, commit, comment in pinned:
        assert (commit, comment) == PINNED[action]
        assert re.fullmatch(r"[0-9a-f]{40}", commit)
    assert set(re.findall(r"secrets\.\w+", text)) == {"secrets.GITHUB_TOKEN"}
    for job in data["jobs"].values():
        assert "${{" not in scripts(job), "what comes from outside reaches a script only through the environment"
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_the_version_comes_from_the_tag_everywhere(tmp_path: Path) -> None:
    write_workflow(str(repository(tmp_path, *PACKAGES)))
    jobs = workflow(tmp_path)["jobs"]
    for name in ("npm", "pypi-build", "nuget", "cargo", "mcpb", "registry"):
        assert 'mcp-registrar set-version "$TAG" --path .' in scripts(jobs[name])
    push = jobs["image"]["steps"][-1]["with"]
    assert push["tags"] == "ghcr.io/acme/weather:${{ steps.version.outputs.version }}"
    assert push["labels"] == "io.modelcontextprotocol.server.name=io.github.acme/weather"
    assert "w-mcp-${TAG#v}.mcpb" in scripts(jobs["mcpb"])
    assert '--bundle "$RUNNER_TEMP/bundle.mcpb"' in scripts(jobs["registry"])
    assert "npm ci\nnpm run build\nnpm run test" in scripts(jobs["npm"])
    assert "--wait 900" in scripts(jobs["registry"])


def test_a_package_of_a_monorepo_is_built_where_it_stands(tmp_path: Path) -> None:
    project = repository(tmp_path, "npm", "oci", inner="packages/weather")
    (project / "package-lock.json").unlink()
    (tmp_path / "pnpm-lock.yaml").write_text("lockfileVersion: 9\n")
    answer = write_workflow(str(project))
    assert answer.file == str(tmp_path / FILE)
    jobs = workflow(tmp_path)["jobs"]
    where = {step.get("name"): step.get("working-directory") for step in jobs["npm"]["steps"] if "run" in step}
    assert where == {
        "Install mcp-registrar": ".",
        "Version from the tag": ".",
        "Install and build": "packages/weather",
        "Publish to npm": "packages/weather",
    }
    assert "pnpm install --frozen-lockfile" in scripts(jobs["npm"])
    assert "pnpm publish --no-git-checks" in scripts(jobs["npm"])
    assert "--path packages/weather" in scripts(jobs["registry"])
    assert jobs["image"]["steps"][-1]["with"]["file"] == "packages/weather/Dockerfile"


def test_other_workflows_stay_and_are_not_repeated(tmp_path: Path) -> None:
    repository(tmp_path, "npm", "pypi")
    other = tmp_path / ".github" / "workflows" / "release.yml"
    other.parent.mkdir(parents=True)
    text = "on:\n  push:\n    tags: ['v*']\njobs:\n  r:\n    runs-on: x\n    steps:\n      - run: npm publish\n"
    other.write_text(text)
    (other.parent / "broken.yml").write_text("on: [")
    (other.parent / "ci.yml").write_text("on: push\njobs: {t: {steps: [{run: uv publish}]}}\n")
    answer = write_workflow(str(tmp_path))
    assert other.read_text() == text
    assert set(workflow(tmp_path)["jobs"]) == {"pypi-build", "pypi", "registry"}
    assert any("release.yml releases the npm package" in note for note in answer.notes)
    assert "--wait 3600" in scripts(workflow(tmp_path)["jobs"]["registry"])


def test_an_edited_workflow_is_replaced_only_when_told(tmp_path: Path) -> None:
    project = str(repository(tmp_path, "npm"))
    assert write_workflow(project).changed
    assert not write_workflow(project).changed
    (tmp_path / FILE).write_text("# mine\n")
    with pytest.raises(InputError) as caught:
        write_workflow(project)
    assert caught.value.code == "workflow-exists"
    assert (tmp_path / FILE).read_text() == "# mine\n"
    assert write_workflow(project, overwrite=True).changed


def test_a_domain_logs_in_with_its_key(tmp_path: Path) -> None:
    project = str(repository(tmp_path, "npm", name="com.example.api/weather"))
    with pytest.raises(InputError) as caught:
        write_workflow(project)
    assert caught.value.code == "login-does-not-fit"
    assert 'login="dns"' in caught.value.hint
    answer = write_workflow(project, login="dns")
    job = workflow(tmp_path)["jobs"]["registry"]
    assert "login official --method dns --domain api.example.com" in scripts(job)
    assert job["permissions"] == {"contents": "read"}
    assert job["steps"][-1]["env"] == {"MCP_PRIVATE_KEY": "${{ secrets.MCP_PRIVATE_KEY }}"}
    assert any("MCP_PRIVATE_KEY" in item for item in answer.setup)


@pytest.mark.parametrize(
    ("url", "note"),
    [
        ("https://github.com/acme/weather", ""),
        ("git@github.com:Acme/weather.git", "may publish io.github.Acme/* only"),
        ("https://gitlab.com/acme/weather", "on gitlab.com, where GitHub Actions does not run"),
    ],
)
def test_what_the_origin_means_is_said(url: str, note: str, tmp_path: Path) -> None:
    project = repository(tmp_path, "npm")
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / ".git" / "config").write_text(f'[remote "origin"]\n\turl = {url}\n')
    notes = write_workflow(str(project)).notes
    assert (note in " ".join(notes)) if note else not notes


def test_an_image_without_a_host_is_at_docker_hub(tmp_path: Path) -> None:
    project = repository(tmp_path, "oci")
    text = (project / "server.json").read_text().replace("ghcr.io/acme/weather:1.0.0", "weather:1.0.0")
    (project / "server.json").write_text(text)
    assert any(line.endswith(" for docker.io") for line in write_workflow(str(project)).setup)


def test_an_expression_in_the_manifest_is_refused(tmp_path: Path) -> None:
    project = repository(tmp_path, "npm")
    text = (project / "server.json").read_text().replace("@acme/weather", "${{ github.token }}")
    (project / "server.json").write_text(text)
    with pytest.raises(InputError) as caught:
        write_workflow(str(project))
    assert caught.value.code == "expression-in-manifest"


def manifests() -> list[Any]:
    files = sorted(SHARED.glob("corpus/**/server.json"))
    return [pytest.param(f, id=str(f.relative_to(SHARED / "corpus"))) for f in files] or [
        pytest.param(None, marks=pytest.mark.skip(reason="shared/corpus is not beside this checkout"))
    ]


@pytest.mark.parametrize("path", manifests())
def test_every_real_project(path: Path, tmp_path: Path) -> None:
    require(actionlint)
    top = SHARED / "corpus" / path.relative_to(SHARED / "corpus").parts[0]
    copy = tmp_path / "project"
    shutil.copytree(top, copy, copy_function=shutil.copyfile)
    for folder in [copy, *copy.rglob("*")]:
        folder.chmod(0o755)
    (copy / ".git").mkdir(exist_ok=True)
    project = (copy / path.relative_to(top)).parent
    project = project.parent if project.name == ".mcp" else project
    document = json.loads(path.read_text("utf-8-sig"))
    if not isinstance(document, dict) or not str(document.get("name", "")).startswith("io.github."):
        with pytest.raises(InputError) as caught:
            write_workflow(str(project), overwrite=True)
        assert caught.value.code in {"login-does-not-fit", "manifest-invalid", "no-server-name"}
        return
    answer = write_workflow(str(project), overwrite=True)
    assert answer.jobs[-1] == "registry"
    assert actionlint.complaints(copy / FILE) == ""


SHIM = """#!{bash}
args=()
for arg in "$@"; do if [ "$arg" = official ]; then args+=(local); else args+=("$arg"); fi; done
exec "{python}" -m mcp_registrar "${{args[@]}}"
"""


@pytest.fixture
def seen() -> list[str]:
    """What the index was asked for."""
    return []


@pytest.fixture
def index(seen: list[str]) -> Iterator[str]:
    """npm's registry and PyPI in one: a release appears at the second look, with its marker."""
    release = {"mcpName": "io.github.acme/weather", "info": {"description": "mcp-name: io.github.acme/weather"}}

    def reply(path: str) -> tuple[int, Any]:
        seen.append(path)
        if "1.4.0" not in path:
            return 200, {}
        return (200, release) if seen.count(path) > 1 else (404, {})

    with answering(reply) as url:
        yield url


def test_the_registry_job_publishes(index: str, seen: list[str], tmp_path: Path) -> None:
    """Its steps run here as they stand, `official` led to the embedded registry, which enforces ownership."""
    project = repository(tmp_path / "repo", "npm", "pypi")
    write_workflow(str(project))
    programs = tmp_path / "bin"
    programs.mkdir()
    bash = str(shutil.which("bash"))
    shims = {
        "mcp-registrar": SHIM.format(bash=bash, python=sys.executable),
        "pipx": f'#!{bash}\n[ "$1 $2" = "install mcp-registrar==$({sys.executable} -c '
        "'from mcp_registrar_tools.version import VERSION; print(VERSION)')\" ]\n",
        "gh": f'#!{bash}\necho bundle > "${{@: -1}}"\n',
    }
    for name, text in shims.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    environment = os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "MCP_REGISTRAR_DATA_DIR": str(tmp_path / "data"),
        "MCP_REGISTRAR_OWNERSHIP": "enforce",
        "MCP_REGISTRAR_NPM_URL": index,
        "MCP_REGISTRAR_PYPI_URL": index,
    }

    steps = [step for step in workflow(tmp_path / "repo")["jobs"]["registry"]["steps"] if "run" in step]

    def run(*steps: dict[str, Any]) -> str:
        output = ""
        for step in steps:
            own = {key: value.replace("${{ github.ref_name }}", "v1.4.0") for key, value in step.get("env", {}).items()}
            done = subprocess.run(
                [bash, "-e", "-o", "pipefail", "-c", step["run"]],
                cwd=tmp_path / "repo",
                env=environment | own,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, f"{step.get('name')}: {done.stdout}{done.stderr}"
            output = done.stdout
        return output

    assert "io.github.acme/weather 1.4.0" in run(*steps)
    assert len(seen) >= 4, "it looked again until both releases were there"
    assert "same content" in run(steps[-1]), "a run can be repeated"
    entry = json.loads(
        subprocess.run(
            [str(programs / "mcp-registrar"), "show", "io.github.acme/weather", "--detail", "full", "--format", "json"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
    )
    assert entry["version"] == "1.4.0"
    for package in entry["document"]["packages"]:
        assert "1.4.0" in (package.get("version") or package["identifier"])
