"""The jobs of a release: one for each package type, and the registry's.

Sources: the documentation of trusted publishing of npm, PyPI, NuGet and crates.io, and GitHub's on OIDC. A job that
runs foreign build code gets a token only where the package index leaves no other way (npm, NuGet, crates.io).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mcp_registrar_tools.version import VERSION
from mcp_registrar_tools.workflows.actions import uses

Step = dict[str, Any]
TAG = {"TAG": "${{ github.ref_name }}"}
READ = {"contents": "read"}
OIDC = {"contents": "read", "id-token": "write"}
INSTALL: Step = {"name": "Install mcp-registrar", "run": f"pipx install 'mcp-registrar=={VERSION}'"}


@dataclass
class Context:
    """What the jobs need to know.

    ``project`` is the manifest's project, relative to the repository ("." for its root), ``folder`` the package's own.
    ``package`` is the manifest's entry, ``facts`` what was seen in the folder (``lockfile``, ``scripts``, ``dynamic``,
    ``dockerfile``).
    """

    server_name: str
    project: str
    folder: str
    package: dict[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Job:
    """Jobs to add by id, and what the person sets up once."""

    jobs: dict[str, dict[str, Any]]
    setup: list[str]


def checkout(*, history: bool = False) -> Step:
    return {
        "uses": uses("actions/checkout"),
        "with": {"persist-credentials": False} | ({"fetch-depth": 0} if history else {}),
    }


def set_version(context: Context) -> Step:
    """Our own command writes the tag's version into every file that holds one."""
    return {
        "name": "Version from the tag",
        "run": f'mcp-registrar set-version "$TAG" --path {shlex.quote(context.project)}',
        "env": dict(TAG),
    }


def job(steps: list[Step], *, permissions: dict[str, str], folder: str = ".", **rest: Any) -> dict[str, Any]:
    head: dict[str, Any] = {"runs-on": "ubuntu-latest", "timeout-minutes": 30} | {"permissions": dict(permissions)}
    if folder != ".":
        for step in steps:
            if "run" in step and "working-directory" not in step:
                step["working-directory"] = folder
    return head | rest | {"steps": steps}


def at_root(step: Step) -> Step:
    """A step that runs in the repository's root, also in a job of a subfolder."""
    return step | {"working-directory": "."} if "run" in step else step


def _prepare(context: Context, *, history: bool = False) -> list[Step]:
    steps = [checkout(history=history), INSTALL, set_version(context)]
    return [at_root(dict(step)) if context.folder != "." else dict(step) for step in steps]


def npm(context: Context) -> Job:
    from mcp_registrar_tools.packages.npm import BASE_URL

    identifier = str(context.package["identifier"])
    lock, scripts = context.facts.get("lockfile"), context.facts.get("scripts", [])
    install, runner = {
        "pnpm-lock.yaml": ("corepack enable\npnpm install --frozen-lockfile", "pnpm"),
        "yarn.lock": ("corepack enable\nyarn install", "yarn"),
        "bun.lock": ("npx -y bun install --frozen-lockfile", "npx -y bun"),
        "bun.lockb": ("npx -y bun install --frozen-lockfile", "npx -y bun"),
        "package-lock.json": ("npm ci", "npm"),
        "npm-shrinkwrap.json": ("npm ci", "npm"),
    }.get(str(lock), ("npm install", "npm"))
    # npm does not understand pnpm's `workspace:` dependencies
    publish = "pnpm publish --no-git-checks" if runner == "pnpm" else "npm publish"
    wanted = [f"{runner} run {script}" for script in ("build", "test") if script in scripts]
    # With trusted publishing npm itself adds provenance; npm 11.5.1 or newer is needed, Node.js 24 brings it.
    steps: list[Step] = [
        *_prepare(context),
        {
            "uses": uses("actions/setup-node"),
            "with": {"node-version": "24", "registry-url": BASE_URL, "package-manager-cache": False},
        },
        {"name": "Install and build", "run": "\n".join([install, *wanted])},
        {
            "name": "Publish to npm",
            "run": 'if npm view "$PACKAGE@${TAG#v}" version >/dev/null 2>&1; then\n'
            "  echo 'this version is on npm already'\nelse\n"
            f'  {publish} --access public --tag "$(case $TAG in *-*) echo next ;; *) echo latest ;; esac)"\nfi',
            "env": TAG | {"PACKAGE": identifier},
        },
    ]
    setup = (
        f"npm: make the first release by hand, then add this workflow as trusted publisher in {identifier}'s settings"
    )
    return Job({"npm": job(steps, permissions=OIDC, folder=context.folder)}, [setup])


def pypi(context: Context) -> Job:
    identifier = str(context.package["identifier"])
    dist = "dist" if context.folder == "." else f"{context.folder}/dist"
    build = job(
        [
            *_prepare(context, history=bool(context.facts.get("dynamic"))),
            {"uses": uses("actions/setup-python"), "with": {"python-version": "3.x"}},
            {"name": "Build", "run": "pipx run build"},
            {
                "uses": uses("actions/upload-artifact"),
                "with": {"name": "pypi-dist", "path": f"{dist}/", "if-no-files-found": "error"},
            },
        ],
        permissions=READ,
        folder=context.folder,
    )
    # Apart from the build, so that no build dependency can ask for a token.
    publish = job(
        [
            {"uses": uses("actions/download-artifact"), "with": {"name": "pypi-dist", "path": "dist/"}},
            {"uses": uses("pypa/gh-action-pypi-publish"), "with": {"skip-existing": True}},
        ],
        permissions={"id-token": "write"},
        needs=["pypi-build"],
    )
    from mcp_registrar_tools.packages.pypi import BASE_URL

    setup = (
        f"PyPI: add this workflow as trusted publisher of {identifier} at {BASE_URL}/manage/account/publishing/ "
        "(a pending one before the first release; no environment)"
    )
    return Job({"pypi-build": build, "pypi": publish}, [setup])


def nuget(context: Context) -> Job:
    steps: list[Step] = [
        *_prepare(context),
        {"uses": uses("actions/setup-dotnet"), "with": {"dotnet-version": "10.0.x"}},
        {
            "name": "Pack",
            "run": 'dotnet pack --configuration Release --output "$RUNNER_TEMP/nuget" "/p:Version=${TAG#v}"',
            "env": dict(TAG),
        },
        {"uses": uses("NuGet/login"), "id": "nuget", "with": {"user": "${{ vars.NUGET_USER }}"}},
        {
            "name": "Publish to NuGet",
            "run": 'dotnet nuget push "$RUNNER_TEMP"/nuget/*.nupkg --skip-duplicate '
            '--source https://api.nuget.org/v3/index.json --api-key "$NUGET_API_KEY"',
            "env": {"NUGET_API_KEY": "${{ steps.nuget.outputs.NUGET_API_KEY }}"},
        },
    ]
    setup = [
        "NuGet: add this workflow under Trusted Publishing at https://www.nuget.org/account/trustedpublishing",
        "GitHub: set the repository variable NUGET_USER to your NuGet profile name",
    ]
    return Job({"nuget": job(steps, permissions=OIDC, folder=context.folder)}, setup)


def cargo(context: Context) -> Job:
    identifier = str(context.package["identifier"])
    steps: list[Step] = [
        *_prepare(context),
        {"uses": uses("rust-lang/crates-io-auth-action"), "id": "crates"},
        {
            "name": "Publish to crates.io",
            # the version step changed Cargo.toml, hence --allow-dirty
            "run": 'if curl -fsS -A mcp-registrar -o /dev/null "https://crates.io/api/v1/crates/$CRATE/${TAG#v}"\nthen\n'
            "  echo 'this version is on crates.io already'\nelse\n"
            "  cargo publish --allow-dirty\nfi",
            "env": TAG | {"CRATE": identifier, "CARGO_REGISTRY_TOKEN": "${{ steps.crates.outputs.token }}"},
        },
    ]
    setup = (
        "crates.io: make the first release by hand, then add this workflow as trusted publisher at "
        f"https://crates.io/crates/{identifier}/settings"
    )
    return Job({"cargo": job(steps, permissions=OIDC, folder=context.folder)}, [setup])


def oci(context: Context) -> Job:
    from mcp_registrar_tools.set_version import tagged

    identifier = str(context.package["identifier"])
    host, slash, _ = identifier.partition("/")
    host = host if slash and ("." in host or ":" in host) else "docker.io"
    if host == "ghcr.io":
        login: Step = {
            "registry": "ghcr.io",
            "username": "${{ github.actor }}",
            "password": "${{ secrets.GITHUB_TOKEN }}",
        }
        setup = ["ghcr.io: after the first push make the package public (package settings, Change visibility)"]
        permissions = READ | {"packages": "write"}
    else:
        login = {
            "registry": host,
            "username": "${{ secrets.REGISTRY_USERNAME }}",
            "password": "${{ secrets.REGISTRY_PASSWORD }}",
        }
        setup = [f"GitHub: add the secrets REGISTRY_USERNAME and REGISTRY_PASSWORD for {host}"]
        permissions = dict(READ)
    template = tagged(identifier, "", "${{ steps.version.outputs.version }}")
    file = context.facts.get("dockerfile", "Dockerfile")
    where = context.folder
    steps: list[Step] = [
        checkout(),
        {
            "id": "version",
            "name": "Version from the tag",
            "run": 'echo "version=${TAG#v}" >> "$GITHUB_OUTPUT"',
            "env": dict(TAG),
        },
        {"uses": uses("docker/setup-qemu-action")},
        {"uses": uses("docker/setup-buildx-action")},
        {"uses": uses("docker/login-action"), "with": login},
        {
            "uses": uses("docker/build-push-action"),
            "with": {
                "context": where,
                "file": f"{where}/{file}" if where != "." else file,
                "platforms": "linux/amd64,linux/arm64",
                "push": True,
                "tags": template,
                "labels": f"io.modelcontextprotocol.server.name={context.server_name}",
            },
        },
    ]
    return Job({"image": job(steps, permissions=permissions)}, setup)


def mcpb(context: Context) -> Job:
    name = bundle_name(context.package)
    steps: list[Step] = [
        *_prepare(context),
        {"uses": uses("actions/setup-node"), "with": {"node-version": "24", "package-manager-cache": False}},
        *([{"name": "Install", "run": "npm ci"}] if context.facts.get("lockfile") == "package-lock.json" else []),
        {"name": "Pack", "run": f'npx -y @anthropic-ai/mcpb@2 pack . "$RUNNER_TEMP/{name}"', "env": dict(TAG)},
        {
            "name": "Release asset",
            # An asset that is there stays: its hash may be published already.
            "run": 'gh release view "$TAG" >/dev/null 2>&1 || gh release create "$TAG" --verify-tag --generate-notes\n'
            f'gh release view "$TAG" --json assets --jq ".assets[].name" | grep -Fxq "{name}" ||\n'
            f'  gh release upload "$TAG" "$RUNNER_TEMP/{name}"',
            "env": TAG | {"GH_TOKEN": "${{ github.token }}", "GH_REPO": "${{ github.repository }}"},
        },
    ]
    return Job({"mcpb": job(steps, permissions={"contents": "write"}, folder=context.folder)}, [])


def bundle_name(package: dict[str, Any]) -> str:
    """The asset's file name; versions in it come from the tag."""
    import re

    file = str(package.get("identifier", "")).rpartition("/")[2] or "server-mcp.mcpb"
    return re.sub(r"\d+\.\d+\.\d+(-[0-9A-Za-z.]+?)?(?=\.mcpb|-|_|$)", "${TAG#v}", file)


BY_TYPE: dict[str, Callable[[Context], Job]] = {
    "npm": npm,
    "pypi": pypi,
    "nuget": nuget,
    "cargo": cargo,
    "oci": oci,
    "mcpb": mcpb,
}
"""In the order of the official documents; the job ids' last ones are what the registry's job waits for."""


def registry(context: Context, needs: list[str], *, login: str, wait: int = 900, bundle: str = "") -> Job:
    """The job that publishes to the registry when all packages are out."""
    where = shlex.quote(context.project)
    steps: list[Step] = [checkout(), dict(INSTALL)]
    if bundle:
        steps.append(
            {
                "name": "Fetch the bundle",
                "run": f'gh release download "$TAG" --pattern "{bundle}" --output "$RUNNER_TEMP/bundle.mcpb"',
                "env": TAG | {"GH_TOKEN": "${{ github.token }}", "GH_REPO": "${{ github.repository }}"},
            }
        )
    version = set_version(context)
    if bundle:
        version["run"] += ' --bundle "$RUNNER_TEMP/bundle.mcpb"'
    steps.append(version)
    namespace = context.server_name.partition("/")[0]
    secrets: dict[str, str] = {}
    setup: list[str] = []
    if login == "oidc":
        arguments = "--method github-oidc"
    elif login == "token":
        arguments = "--method github"
        secrets = {"MCP_GITHUB_TOKEN": "${{ secrets.MCP_GITHUB_TOKEN }}"}
        setup = ["GitHub: add a token with read:org and read:user as repository secret MCP_GITHUB_TOKEN"]
    else:
        domain = ".".join(reversed(namespace.split(".")))
        arguments = f"--method dns --domain {shlex.quote(domain)}"
        secrets = {"MCP_PRIVATE_KEY": "${{ secrets.MCP_PRIVATE_KEY }}"}
        setup = [
            f"key: create_key(domain={json.dumps(domain)}), its record into DNS, and the key file's content as "
            "repository secret MCP_PRIVATE_KEY"
        ]
    env = {"env": secrets} if secrets else {}
    steps += [
        {"name": "Validate", "run": f"mcp-registrar validate --path {where}"},
        {"name": "Log in", "run": f"mcp-registrar login official {arguments}"} | env,
        {"name": "Publish", "run": f"mcp-registrar publish --path {where} --registry official --wait {wait}"} | env,
    ]
    permissions = OIDC if login == "oidc" else READ
    rest: dict[str, Any] = {"timeout-minutes": wait // 60 + 15} | ({"needs": needs} if needs else {})
    return Job({"registry": job(steps, permissions=permissions, **rest)}, setup)
