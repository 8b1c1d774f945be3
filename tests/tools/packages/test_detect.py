"""What each package type sees in a project, how its entry reads and how a client starts it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from mcp_registrar_tools.packages import TYPES, mcpb
from mcp_registrar_tools.packages.found import Found
from mcp_registrar_tools.project.walk import Project, walk


def project(folder: Path, files: dict[str, str]) -> Project:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return walk(folder, folder)


def one(folder: Path, kind: str, files: dict[str, str]) -> Found:
    found = TYPES[kind].detect(project(folder, files))
    assert len(found) == 1, found
    return found[0]


def test_the_table_holds_the_six_types_and_nothing_else() -> None:
    assert list(TYPES) == ["npm", "pypi", "nuget", "cargo", "oci", "mcpb"]
    with pytest.raises(KeyError):
        TYPES["docker"]
    for kind in TYPES.values():
        for name in ("detect", "entry", "marker", "write_marker", "launch"):
            assert callable(getattr(kind, name))


def test_npm(tmp_path: Path) -> None:
    text = json.dumps(
        {
            "name": "@acme/weather", "version": "1.2.3", "mcpName": "io.github.acme/weather", "description": "Weather",
            "repository": {"type": "git", "url": "git+https://github.com/acme/weather.git"},
            "bin": {"weather": "a.js", "tool": "b.js"}, "dependencies": {"@modelcontextprotocol/sdk": "^1"},
        },
        indent=2,
    )  # fmt: skip
    found = one(
        tmp_path, "npm", {"package.json": text, "tests/package.json": "{}", "node_modules/x/package.json": text}
    )
    assert (found.identifier, found.version, found.server_name) == ("@acme/weather", "1.2.3", "io.github.acme/weather")
    assert (found.line, found.version_where, found.server_name_where) == (2, "package.json:3", "package.json:4")
    assert not found.questions
    entry = TYPES["npm"].entry(found, None)
    assert entry == {
        "registryType": "npm", "identifier": "@acme/weather", "version": "1.2.3", "runtimeHint": "npx",
        "transport": {"type": "stdio"},
    }  # fmt: skip
    line, first = TYPES["npm"].launch(entry, [], [], env=[], port=None)
    assert (line, first) == ([("npx",), ("-y",), ("@acme/weather@1.2.3",)], "")


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"publishConfig": {"registry": "https://npm.pkg.github.com"}}, "publishes to https://npm.pkg.github.com"),
        ({"bin": {"a": "1.js", "b": "2.js"}}, "npx cannot choose between the bins a, b"),
    ],
)
def test_npm_asks_about_what_will_not_work(tmp_path: Path, extra: dict[str, Any], words: str) -> None:
    found = one(tmp_path, "npm", {"package.json": json.dumps({"name": "w-mcp", "version": "1.0.0", **extra})})
    assert any(words in question for question in found.questions)


def test_npm_private_and_workspace_roots_are_not_published(tmp_path: Path) -> None:
    seen = TYPES["npm"].detect(
        project(
            tmp_path,
            {
                "package.json": '{"name": "root", "workspaces": ["packages/*"]}',
                "packages/a/package.json": '{"name": "a-mcp", "private": true}',
                "packages/b/package.json": '{"name": "b-mcp", "version": "1.0.0"}',
            },
        )
    )
    assert [(one.identifier, one.private) for one in seen] == [("root", True), ("a-mcp", True), ("b-mcp", False)]


@pytest.mark.parametrize(
    ("files", "version", "where"),
    [
        ({"pyproject.toml": '[project]\nname = "w"\nversion = "1.0"\n'}, "1.0", "pyproject.toml:3"),
        ({"pyproject.toml": '[tool.poetry]\nname = "w"\nversion = "2.0"\n'}, "2.0", "pyproject.toml:3"),
        (
            {
                "pyproject.toml": '[project]\nname = "w"\ndynamic = ["version"]\n'
                '[tool.hatch.version]\npath = "src/w/about.py"\n',
                "src/w/about.py": '"""x"""\n__version__ = "3.1"\n',
            },
            "3.1",
            "src/w/about.py:2",
        ),
        (
            {
                "pyproject.toml": '[project]\nname = "w"\ndynamic = ["version"]\n'
                '[tool.setuptools.dynamic]\nversion = {attr = "w.v.VERSION"}\n',
                "w/v.py": "VERSION = '4.0'\n",
            },
            "4.0",
            "w/v.py:1",
        ),
        (
            {
                "pyproject.toml": '[project]\nname = "w"\ndynamic = ["version"]\n'
                '[tool.setuptools.dynamic]\nversion = {file = "VERSION"}\n',
                "VERSION": "5.0\n",
            },
            "5.0",
            "VERSION:1",
        ),
        (
            {
                "pyproject.toml": '[project]\nname = "w"\n[tool.setuptools_scm]\n',
                "w/__init__.py": "__version__ = '9'\n",
            },
            None,
            "",
        ),
        (
            {"pyproject.toml": '[tool.poetry]\nname = "w"\nversion = "0.0.0"\n[tool.poetry-dynamic-versioning]\n'},
            None,
            "",
        ),
        ({"setup.cfg": "[metadata]\nname = w\nversion = 6.0\n"}, "6.0", "setup.cfg:3"),
        (
            {
                "setup.cfg": "[metadata]\nname = w\nversion = attr: w.__version__\n",
                "w/__init__.py": "__version__ = '6.1'\n",
            },
            "6.1",
            "w/__init__.py:1",
        ),
        (
            {"setup.py": "from setuptools import setup\nV = '7.0'\nsetup(name='w',\n      version=V)\n"},
            "7.0",
            "setup.py:4",
        ),
        (
            {
                "setup.py": "import setuptools\nsetuptools.setup(name='w')\n",
                "w/__init__.py": "__version__: str = '7.1'\n",
            },
            "7.1",
            "w/__init__.py:1",
        ),
    ],
)
def test_pypi_finds_the_version_where_it_stands(
    tmp_path: Path, files: dict[str, str], version: str | None, where: str
) -> None:
    found = one(tmp_path, "pypi", files)
    assert (found.identifier, found.version, found.version_where) == ("w", version, where)


def test_pypi_never_runs_setup_py(tmp_path: Path) -> None:
    seen = project(
        tmp_path, {"setup.py": "import os\nos.mkdir('ran')\nfrom setuptools import setup\nsetup(name=os.sep)\n"}
    )
    assert TYPES["pypi"].detect(seen) == []
    assert not (tmp_path / "ran").exists()
    assert "computes its name" in seen.problems[0]


def test_pypi_reads_the_readme_it_ships(tmp_path: Path) -> None:
    found = one(
        tmp_path,
        "pypi",
        {
            "pyproject.toml": '[project]\nname = "w-mcp"\nversion = "1"\nreadme = {file = "docs/PYPI.md"}\n'
            '[project.scripts]\nserve = "w:main"\n[project.urls]\nRepository = "https://github.com/a/w"\n',
            "docs/PYPI.md": "# W\n\nmcp-name: io.github.a/w-mcp\n",
            "README.md": "mcp-name: io.github.other/name\n",
        },
    )
    assert (found.server_name, found.server_name_where) == ("io.github.a/w-mcp", "docs/PYPI.md:3")
    assert found.repository == "https://github.com/a/w"
    assert "the scripts are serve" in found.questions[0]


def test_pypi_without_a_shipped_readme_has_nowhere_for_its_marker(tmp_path: Path) -> None:
    seen = project(tmp_path, {"pyproject.toml": '[project]\nname = "w"\nversion = "1"\n', "README.md": "# W\n"})
    mark = TYPES["pypi"].marker(seen, TYPES["pypi"].detect(seen)[0], "io.github.a/w")
    assert mark.state == "nowhere"
    assert "readme" in mark.note


def test_nuget(tmp_path: Path) -> None:
    files = {
        "Directory.Build.props": "<Project><PropertyGroup><VersionPrefix>2.0.0</VersionPrefix>"
        "<RepositoryUrl>https://github.com/a/w</RepositoryUrl></PropertyGroup></Project>",
        "src/W/W.csproj": '<Project Sdk="Microsoft.NET.Sdk">\n<PropertyGroup>\n<PackageType>McpServer</PackageType>\n'
        "<!-- <PackageId>Old</PackageId> -->\n<PackageId>Acme.$(MSBuildProjectName)</PackageId>\n"
        "<PackageReadmeFile>README.md</PackageReadmeFile></PropertyGroup>\n"
        '<ItemGroup><None Include="..\\..\\README.md" Pack="true" PackagePath="\\" /></ItemGroup></Project>',
        "src/W.Tests/W.Tests.csproj": "<Project><PropertyGroup><PackageId>T</PackageId></PropertyGroup></Project>",
        "src/Core/Core.csproj": "<Project></Project>",
        "README.md": "# W\n<!-- mcp-name: io.github.a/wx -->\n",
    }
    found = one(tmp_path, "nuget", files)
    assert (found.identifier, found.version, found.server_name) == ("Acme.W", "2.0.0", "io.github.a/wx")
    assert (found.version_where, found.repository) == ("Directory.Build.props:1", "https://github.com/a/w")
    assert TYPES["nuget"].entry(found, None)["runtimeHint"] == "dnx"


def test_nuget_says_when_the_build_sets_the_version(tmp_path: Path) -> None:
    found = one(
        tmp_path,
        "nuget",
        {"A.csproj": "<Project><PropertyGroup><PackAsTool>true</PackAsTool><PackageId>A.Mcp</PackageId>"
         "<PackageVersion>$(GitVersion)</PackageVersion></PropertyGroup></Project>"},
    )  # fmt: skip
    assert found.version is None
    assert "gets its version from its build" in found.questions[0]


def test_cargo_inherits_from_its_workspace(tmp_path: Path) -> None:
    files = {
        "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\n[workspace.package]\nversion = "3.1.4"\n'
        'repository = "https://github.com/a/w"\n',
        "crates/w-mcp/Cargo.toml": '[package]\nname = "w-mcp"\nversion.workspace = true\nrepository.workspace = true\n'
        '[dependencies]\nrmcp = "1"\n',
        "crates/w-mcp/src/main.rs": "fn main() {}\n",
        "crates/lib/Cargo.toml": '[package]\nname = "lib"\nversion = "1.0.0"\n',
        "crates/lib/src/lib.rs": "",
    }
    found = one(tmp_path, "cargo", files)
    assert (found.identifier, found.version, found.version_where) == ("w-mcp", "3.1.4", "Cargo.toml:4")
    assert found.repository == "https://github.com/a/w"
    assert found.mcp == "depends on rmcp"


def test_cargo_wants_its_token_visible(tmp_path: Path) -> None:
    files = {
        "Cargo.toml": '[package]\nname = "w"\nversion = "1.0.0"\n',
        "README.md": "<!-- mcp-name: io.github.a/wx -->\n",
    }
    seen = project(tmp_path, files)
    found = TYPES["cargo"].detect(seen)[0]
    assert not found.extra["visible"]
    mark = TYPES["cargo"].marker(seen, found, "io.github.a/wx")
    assert (mark.state, "crates.io strips" in mark.note) == ("missing", True)


@pytest.mark.parametrize(
    ("text", "transport"),
    [
        ('FROM a\nENTRYPOINT ["x"]\n', "stdio"),
        ('FROM a\nEXPOSE 8080\nENTRYPOINT ["x"]\n', "stdio"),
        ('FROM a\nEXPOSE 8082\nENTRYPOINT ["x"]\nCMD ["stdio"]\n', "stdio"),
        ('FROM a\nEXPOSE 8080\nENTRYPOINT ["x"]\nCMD ["--port", "8080"]\n', "http://localhost:8080/mcp"),
        (
            'FROM a\nENTRYPOINT ["x", "--transport", "streamable-http", "--port=9000", "--path", "/api"]\n',
            "http://localhost:9000/api",
        ),
        ("FROM a\nENV MCP_TRANSPORT=http PORT=3001\nCMD node x.js\n", "http://localhost:3001/mcp"),
        ('FROM a\nEXPOSE 8000\nENTRYPOINT ["x", "-t", "sse"]\n', "http://localhost:8000/sse"),
        ("FROM a AS b\nENV MCP_TRANSPORT=http\nEXPOSE 1\nFROM b\nCMD x\n", "http://localhost:1/mcp"),
        ("FROM a AS b\nENV MCP_TRANSPORT=http\nEXPOSE 1\nFROM c\nCMD x\n", "stdio"),
    ],
)
def test_oci_speaks_what_its_own_command_says(tmp_path: Path, text: str, transport: str) -> None:
    found = one(tmp_path, "oci", {"Dockerfile": text})
    entry = TYPES["oci"].entry(found, "1.0.0")
    assert entry["transport"].get("url", entry["transport"]["type"]) == transport
    assert "version" not in entry


def test_mcpb_takes_the_bundle_that_is_built(tmp_path: Path) -> None:
    manifest = {"manifest_version": "0.3", "name": "w-mcp", "version": "{{VERSION}}", "server": {"type": "node"}}
    found = one(tmp_path, "mcpb", {"manifest.json": json.dumps(manifest)})
    assert (found.extra["built"], found.version) == (None, None)
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "w-mcp.mcpb").write_bytes(b"bundle")
    built = TYPES["mcpb"].detect(walk(tmp_path, tmp_path))[0]
    assert (
        mcpb.asset_url(built, "https://github.com/a/w", "1.0.0")
        == "https://github.com/a/w/releases/download/v1.0.0/w-mcp.mcpb"
    )
    assert mcpb.sha256(walk(tmp_path, tmp_path), built) == hashlib.sha256(b"bundle").hexdigest()


def test_a_web_manifest_is_no_bundle(tmp_path: Path) -> None:
    assert TYPES["mcpb"].detect(project(tmp_path, {"manifest.json": '{"name": "app", "icons": []}'})) == []


@pytest.mark.parametrize(
    ("kind", "name", "text", "words"),
    [
        ("npm", "package.json", '{"name": ', "package.json is not JSON"),
        ("pypi", "pyproject.toml", "[project\n", "pyproject.toml is not TOML"),
        ("cargo", "Cargo.toml", "[package]\nname = \n", "Cargo.toml is not TOML"),
        ("pypi", "setup.py", "def (:\n", "setup.py is not Python"),
        ("nuget", "a.csproj", "not xml", "a.csproj is not a project file"),
        ("mcpb", "manifest.json", '{"manifest_version": 1,', "manifest.json is not JSON"),
    ],
)
def test_broken_files_are_told(tmp_path: Path, kind: str, name: str, text: str, words: str) -> None:
    seen = project(tmp_path, {name: text})
    assert TYPES[kind].detect(seen) == []
    assert any(words in problem for problem in seen.problems)


def test_a_package_that_only_the_readme_starts(tmp_path: Path) -> None:
    from mcp_registrar_tools.packages.spoken import spoken
    from mcp_registrar_tools.project.git import Origin

    text = """Install: `npx -y weather-mcp@latest`, or `uvx weather-mcp`. Try `npx @modelcontextprotocol/inspector`.
An unrelated package has the name too, do not use `dnx weather-mcp`.
{"command": "npx", "args": ["-y", "@acme/forecast-mcp"]}
"""
    seen = project(tmp_path, {"README.md": text})
    found = list(spoken(seen, tmp_path / "README.md", {"weathermcp"}, Origin("github.com", "Acme", "weather-mcp")))
    assert [(one.registry_type, one.identifier, one.line) for one in found] == [
        ("npm", "weather-mcp", 1), ("pypi", "weather-mcp", 1), ("npm", "@acme/forecast-mcp", 3),
    ]  # fmt: skip
    assert TYPES["npm"].marker(seen, found[0], "io.github.acme/weather").state == "nowhere"
