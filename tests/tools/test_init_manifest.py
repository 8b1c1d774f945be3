"""`init_manifest` over small projects on disk."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.init_manifest import ManifestDraft, init_manifest
from mcp_registrar_tools.outbound import Outbound
from mcp_registrar_tools.workbench import Settings, Workbench

pytestmark = pytest.mark.anyio


async def _none() -> Outbound:
    raise AssertionError("init_manifest needs no registry")


BENCH = Workbench(settings=Settings(), outbound=Outbound(), local_registry=_none)


def put(folder: Path, files: dict[str, str | dict[str, Any]], remote: str = "") -> Path:
    """A project of these files, with a git origin when ``remote`` is given."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2) + "\n", "utf-8")
    if remote:
        (folder / ".git").mkdir(exist_ok=True)
        (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
        (folder / ".git" / "config").write_text(f'[remote "origin"]\n\turl = {remote}\n')
    return folder


async def init(folder: Path, **arguments: Any) -> ManifestDraft:
    return await init_manifest(BENCH, str(folder), **arguments)


async def test_an_npm_project_becomes_a_manifest(tmp_path: Path) -> None:
    put(
        tmp_path,
        {"package.json": {"name": "@acme/weather", "version": "2.1.0", "description": "Weather over MCP"}},
        "git@github.com:Acme/weather-mcp.git",
    )
    answer = await init(tmp_path)
    document = json.loads((tmp_path / "server.json").read_text())
    assert document == answer.manifest
    assert document["name"] == "io.github.Acme/weather-mcp"
    assert document["repository"] == {"url": "https://github.com/Acme/weather-mcp", "source": "github"}
    assert document["packages"] == [
        {
            "registryType": "npm",
            "identifier": "@acme/weather",
            "version": "2.1.0",
            "runtimeHint": "npx",
            "transport": {"type": "stdio"},
        }
    ]
    assert answer.next == f'validate(path="{tmp_path}")'
    assert "version 2.1.0 (package.json:3)" in answer.evidence


async def test_nothing_is_written_where_nothing_is_a_server(tmp_path: Path) -> None:
    put(tmp_path, {"README.md": "# left-pad\n\nPads.\n", "package.json": {"name": "left-pad", "version": "1.0.0"}})
    with pytest.raises(InputError) as caught:
        await init(tmp_path)
    assert caught.value.code == "no-server-found"
    assert not (tmp_path / "server.json").exists()


async def test_an_unknown_owner_is_asked_for_and_nothing_is_written(tmp_path: Path) -> None:
    put(tmp_path, {"package.json": {"name": "weather-mcp", "version": "1.0.0"}})
    answer = await init(tmp_path)
    assert not answer.written
    assert not (tmp_path / "server.json").exists()
    assert any("Who publishes it?" in question for question in answer.uncertain)
    assert answer.next.startswith("init_manifest(")
    assert "io.github.<login>/weather-mcp" in answer.next


async def test_a_manifest_that_is_there_keeps_what_a_person_wrote(tmp_path: Path) -> None:
    mine = '{\n    "name": "com.acme/weather",\n    "description": "Mine", "custom": [1, 2],\n    "version": "3.0.0"\n}'
    put(
        tmp_path,
        {"package.json": {"name": "weather-mcp", "version": "1.0.0"}, "server.json": mine},
        "https://github.com/a-b/w.git",
    )
    answer = await init(tmp_path)
    text = (tmp_path / "server.json").read_text()
    assert '"description": "Mine", "custom": [1, 2],' in text
    document = json.loads(text)
    assert document["name"] == "com.acme/weather"
    assert document["version"] == "3.0.0"
    assert document["packages"][0]["identifier"] == "weather-mcp"
    assert any("version stays 3.0.0" in question for question in answer.uncertain)
    again = await init(tmp_path)
    assert again.diff == ""
    assert (tmp_path / "server.json").read_text() == text


NPM = {"name": "weather-mcp", "version": "1.0.0", "description": "Weather"}
ORIGIN = "https://github.com/Acme/weather.git"


async def test_several_packages_and_a_remote_are_one_manifest(tmp_path: Path) -> None:
    files = {
        "package.json": {**NPM, "mcpName": "io.github.Acme/weather"},
        "python/pyproject.toml": '[project]\nname = "weather-mcp"\nversion = "1.0.0"\nreadme = "README.md"\n',
        "python/README.md": "# W\n",
        "Dockerfile": 'FROM x\nLABEL io.modelcontextprotocol.server.name="io.github.Acme/weather"\n',
    }
    answer = await init(
        put(tmp_path, files, ORIGIN), remote_url=["https://mcp.acme.dev/mcp", "https://mcp.acme.dev/sse"]
    )
    assert answer.packages == [
        "npm weather-mcp", "pypi weather-mcp", "oci ghcr.io/acme/weather:1.0.0",
    ]  # fmt: skip
    assert answer.manifest["remotes"] == [
        {"type": "streamable-http", "url": "https://mcp.acme.dev/mcp"},
        {"type": "sse", "url": "https://mcp.acme.dev/sse"},
    ]
    assert any("is assumed" in question for question in answer.uncertain)


async def test_a_client_configuration_is_left_alone(tmp_path: Path) -> None:
    configuration = {"mcpServers": {"x": {"command": "npx"}}}
    put(tmp_path, {"package.json": NPM, ".mcp/server.json": configuration}, ORIGIN)
    answer = await init(tmp_path)
    assert answer.path == str(tmp_path / "server.json")
    assert any("client's configuration" in question for question in answer.uncertain)
    assert json.loads((tmp_path / ".mcp/server.json").read_text()) == configuration


async def test_a_configuration_in_the_manifest_s_place_is_not_overwritten(tmp_path: Path) -> None:
    put(tmp_path, {"package.json": NPM, "server.json": {"mcpServers": {}}}, ORIGIN)
    with pytest.raises(InputError) as caught:
        await init(tmp_path)
    assert caught.value.code == "manifest-is-configuration"
    assert (await init(tmp_path, overwrite=True)).name == "io.github.Acme/weather"


async def test_twelve_servers_are_listed_and_none_is_chosen(tmp_path: Path) -> None:
    files: dict[str, str | dict[str, Any]] = {
        "package.json": {"name": "all", "private": True, "workspaces": ["packages/*"]}
    }
    for number in range(12):
        files[f"packages/s{number:02}/package.json"] = {"name": f"@acme/s{number:02}-mcp", "version": "1.0.0"}
    put(tmp_path, files, ORIGIN)
    with pytest.raises(InputError) as caught:
        await init(tmp_path)
    assert caught.value.code == "several-servers"
    assert "12 MCP servers" in caught.value.message
    assert "packages/s11: npm @acme/s11-mcp" in (caught.value.details or "")
    assert f'init_manifest(path="{tmp_path}/packages/s00")' in caught.value.hint
    one = await init(tmp_path / "packages" / "s07")
    assert one.name == "io.github.Acme/s07"
    assert one.manifest["repository"]["subfolder"] == "packages/s07"


async def test_a_monorepo_with_one_server_finds_it(tmp_path: Path) -> None:
    files: dict[str, str | dict[str, Any]] = {
        "package.json": {"name": "root", "private": True, "workspaces": ["packages/*"]},
        "packages/core/package.json": {"name": "@acme/core", "version": "2.0.0"},
        "packages/server/package.json": {
            "name": "@acme/weather", "version": "3.0.0", "dependencies": {"@modelcontextprotocol/sdk": "1"},
        },
    }  # fmt: skip
    assert (await init(put(tmp_path, files, ORIGIN))).packages == ["npm @acme/weather"]


async def test_a_fork_is_asked_about(tmp_path: Path) -> None:
    package = {**NPM, "repository": "github:Upstream/weather"}
    answer = await init(put(tmp_path, {"package.json": package}, "git@github.com:Me/weather.git"))
    assert answer.name == "io.github.Me/weather"
    assert any("fork" in question and "Upstream/weather" in question for question in answer.uncertain)


async def test_a_marker_outranks_the_origin_and_letter_case_is_asked_about(tmp_path: Path) -> None:
    package = {**NPM, "mcpName": "io.github.acme/weather"}
    answer = await init(put(tmp_path, {"package.json": package}, ORIGIN))
    assert answer.name == "io.github.acme/weather"
    assert any("letter case" in question for question in answer.uncertain)


@pytest.mark.parametrize("remote", ["https://gitlab.com/a/sub/w.git", "https://bitbucket.org/a/w.git"])
async def test_a_repository_the_registry_refuses_is_left_out_and_told(tmp_path: Path, remote: str) -> None:
    answer = await init(put(tmp_path, {"package.json": NPM}, remote), name="com.acme/weather")
    assert "repository" not in answer.manifest
    assert any("repository is left out" in question for question in answer.uncertain)
    assert answer.written


async def test_a_gitlab_repository_is_taken_and_its_owner_is_not(tmp_path: Path) -> None:
    answer = await init(put(tmp_path, {"package.json": NPM}, "https://gitlab.com/acme/weather.git"))
    assert answer.manifest["repository"] == {"url": "https://gitlab.com/acme/weather", "source": "gitlab"}
    assert not answer.written
    assert any("no namespace at the registry" in question for question in answer.uncertain)


async def test_a_name_part_keeps_the_owner(tmp_path: Path) -> None:
    answer = await init(put(tmp_path, {"package.json": NPM}, ORIGIN), name="forecast", description="Say it")
    assert (answer.name, answer.manifest["description"]) == ("io.github.Acme/forecast", "Say it")


async def test_a_long_description_is_cut_at_a_word_and_told(tmp_path: Path) -> None:
    text = "Weather " * 30
    answer = await init(put(tmp_path, {"package.json": {**NPM, "description": text}}, ORIGIN))
    assert len(answer.manifest["description"]) <= 100
    assert answer.manifest["description"].endswith("Weather")
    assert any("was cut from 239 to" in question for question in answer.uncertain)


async def test_broken_and_binary_files_are_told_and_the_rest_is_used(tmp_path: Path) -> None:
    put(tmp_path, {"package.json": NPM, "pyproject.toml": "[project\n"}, ORIGIN)
    (tmp_path / "README.md").write_bytes(b"\x00\x01")
    answer = await init(tmp_path)
    assert answer.packages == ["npm weather-mcp"]
    told = " ".join(answer.uncertain)
    assert "pyproject.toml is not TOML" in told
    assert "README.md is binary" in told


@pytest.mark.parametrize(
    ("text", "code"),
    [("{", "manifest-not-json"), ("[]", "manifest-not-json"), ('{"name": "a/b",}', "manifest-not-json")],
)
async def test_a_broken_manifest_is_not_touched(tmp_path: Path, text: str, code: str) -> None:
    put(tmp_path, {"package.json": NPM, "server.json": text}, ORIGIN)
    with pytest.raises(InputError) as caught:
        await init(tmp_path)
    assert caught.value.code == code
    assert (tmp_path / "server.json").read_text() == text
    assert (await init(tmp_path, overwrite=True)).written


async def test_an_old_manifest_is_brought_up_to_date_while_filling(tmp_path: Path) -> None:
    old = {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-07-09/server.schema.json",
        "name": "io.github.Acme/weather", "description": "Mine", "version": "1.0.0",
        "packages": [{"registry_type": "npm", "identifier": "weather-mcp", "version": "1.0.0"}],
    }  # fmt: skip
    answer = await init(put(tmp_path, {"package.json": NPM, "server.json": old}, ORIGIN))
    package = answer.manifest["packages"][0]
    assert package["registryType"] == "npm"
    assert package["transport"] == {"type": "stdio"}
    assert answer.manifest["description"] == "Mine"
    assert "2025-12-11" in answer.manifest["$schema"]


async def test_placeholders_of_the_official_init_are_replaced(tmp_path: Path) -> None:
    draft = {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": "io.github.<your-username>/weather-mcp", "version": "1.0.0",
        "description": "An MCP server that provides [describe what your server does]",
        "packages": [
            {
                "registryType": "npm", "identifier": "@your-org/your-package", "version": "1.0.0",
                "transport": {"type": "stdio"},
                "environmentVariables": [{"name": "YOUR_API_KEY", "isRequired": True, "isSecret": True}],
            }
        ],
    }  # fmt: skip
    answer = await init(put(tmp_path, {"package.json": NPM, "server.json": draft}, ORIGIN))
    assert answer.name == "io.github.Acme/weather"
    assert answer.manifest["description"] == "Weather"
    assert answer.manifest["packages"][0]["identifier"] == "weather-mcp"
    assert "environmentVariables" not in answer.manifest["packages"][0]


async def test_markers_are_written_once(tmp_path: Path) -> None:
    files = {
        "package.json": NPM,
        "pyproject.toml": '[project]\nname = "weather-mcp"\nversion = "1.0.0"\nreadme = "README.md"\n',
        "README.md": "# Weather\n",
        "Dockerfile": "FROM x\n",
    }
    put(tmp_path, files, ORIGIN)
    answer = await init(tmp_path, markers=True, types=["npm", "pypi", "oci"])
    assert {Path(path).name for path in answer.changed} == {"server.json", "package.json", "README.md", "Dockerfile"}
    assert json.loads((tmp_path / "package.json").read_text())["mcpName"] == "io.github.Acme/weather"
    assert "<!-- mcp-name: io.github.Acme/weather -->" in (tmp_path / "README.md").read_text()
    assert 'server.name="io.github.Acme/weather"' in (tmp_path / "Dockerfile").read_text()
    again = await init(tmp_path, markers=True)
    assert (again.changed, again.diff) == ([], "")


async def test_a_dockerfile_is_written_where_there_is_none(tmp_path: Path) -> None:
    put(
        tmp_path,
        {"go.mod": "module github.com/Acme/weather\n\ngo 1.25\n", "main.go": "", "README.md": "# Weather MCP\n"},
        ORIGIN,
    )
    answer = await init(tmp_path, dockerfile=True)
    assert answer.packages == ["oci ghcr.io/acme/weather:1.0.0"]
    assert 'server.name="io.github.Acme/weather"' in (tmp_path / "Dockerfile").read_text()


async def test_an_agentregistry_project_is_an_image(tmp_path: Path) -> None:
    files = {
        "mcp.yaml": "name: weather\nframework: fastmcp-python\nversion: 0.3.0\n",
        "pyproject.toml": '[project]\nname = "weather"\nversion = "0.1.0"\ndependencies = ["fastmcp"]\n',
        "Dockerfile": 'FROM python\nEXPOSE 8080\nCMD ["python", "src/main.py"]\n',
    }
    answer = await init(put(tmp_path, files, ORIGIN))
    assert answer.packages[0].startswith("oci ghcr.io/acme/weather:")
    assert any("mcp.yaml builds an image" in question for question in answer.uncertain)


async def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    answer = await init(put(tmp_path, {"package.json": NPM}, ORIGIN), dry_run=True, markers=True)
    assert not answer.written
    assert '+  "mcpName"' in answer.diff
    assert sorted(path.name for path in tmp_path.iterdir()) == [".git", "package.json"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"remote_url": ["http://mcp.acme.dev"]}, "remote-not-https"),
        ({"types": ["docker"]}, "unknown-type"),
    ],
)
async def test_arguments_that_cannot_be(tmp_path: Path, arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as caught:
        await init(put(tmp_path, {"package.json": NPM}, ORIGIN), **arguments)
    assert caught.value.code == code


@pytest.mark.parametrize("path", ["nowhere", "nowhere\0", "a" * 5000])
async def test_a_path_that_is_not_there(path: str) -> None:
    with pytest.raises(InputError):
        await init_manifest(BENCH, path)


async def test_the_answer_is_short_and_names_the_next_call(tmp_path: Path) -> None:
    answer = await init(put(tmp_path, {"package.json": NPM, "README.md": "# Weather MCP\n" + "word " * 5000}, ORIGIN))
    assert len(answer.text()) < 4096
    assert answer.text().endswith(f'Next: validate(path="{tmp_path}")')


async def test_the_declarative_mcp_yaml_names_image_server_and_transport(tmp_path: Path) -> None:
    resource = """apiVersion: ar.dev/v1alpha1
kind: MCPServer
metadata: {name: weather}
spec:
  title: Weather
  description: Forecasts for everyone
  source:
    repository: {url: https://github.com/Acme/weather}
    package:
      origin:
        type: oci
        identifier: ghcr.io/acme/weather-image:1.4.0
        oci: {serverName: io.github.Acme/weather-server}
      transport: {type: http, port: 3000, path: /mcp}
"""
    answer = await init(put(tmp_path, {"mcp.yaml": resource, "Dockerfile": "FROM x\n", "VERSION": "1.4.0\n"}, ORIGIN))
    assert answer.name == "io.github.Acme/weather-server"
    assert answer.packages == ["oci ghcr.io/acme/weather-image:1.4.0"]
    package = answer.manifest["packages"][0]
    assert package["transport"] == {"type": "streamable-http", "url": "http://localhost:3000/mcp"}
    assert package["runtimeArguments"][0]["value"] == "3000:3000"
    assert (answer.manifest["title"], answer.manifest["description"]) == ("Weather", "Forecasts for everyone")


async def test_what_the_caller_says_outranks_what_is_there(tmp_path: Path) -> None:
    there = {"name": "io.github.Acme/old", "description": "Old", "version": "1.0.0"}
    put(tmp_path, {"package.json": NPM, "server.json": there}, ORIGIN)
    answer = await init(tmp_path, name="com.acme/new", description="New")
    assert (answer.name, answer.manifest["description"]) == ("com.acme/new", "New")


async def test_a_client_configuration_survives_overwrite(tmp_path: Path) -> None:
    configuration = {"mcpServers": {}}
    put(tmp_path, {"package.json": NPM, ".mcp/server.json": configuration}, ORIGIN)
    answer = await init(tmp_path, overwrite=True)
    assert answer.path == str(tmp_path / "server.json")
    assert json.loads((tmp_path / ".mcp/server.json").read_text()) == configuration


async def test_a_name_that_the_registry_refuses_is_refused_here(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        await init(put(tmp_path, {"package.json": NPM}, ORIGIN), name="io.github.acme/two words")
    assert caught.value.code == "invalid-server-name"


async def test_invisible_characters_do_not_reach_the_manifest(tmp_path: Path) -> None:
    hidden = "Weather\u200b for\u202e all\U000e0041"
    answer = await init(put(tmp_path, {"package.json": {**NPM, "description": hidden}}, ORIGIN))
    assert answer.manifest["description"] == "Weather for all"


async def test_an_upstream_remote_is_asked_about(tmp_path: Path) -> None:
    put(tmp_path, {"package.json": NPM}, "https://github.com/Me/weather.git")
    with (tmp_path / ".git" / "config").open("a") as config:
        config.write('[remote "upstream"]\n\turl = https://github.com/Acme/weather.git\n')
    answer = await init(tmp_path)
    assert answer.name == "io.github.Me/weather"
    assert any("upstream is Acme/weather" in question for question in answer.uncertain)


async def test_one_readme_serves_two_types(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[project]\nname = "weather-mcp"\nversion = "1.0.0"\nreadme = "README.md"\n',
        "Cargo.toml": '[package]\nname = "weather-mcp"\nversion = "1.0.0"\n',
        "README.md": "# Weather\n\ncargo install weather-mcp\n",
    }
    put(tmp_path, files, ORIGIN)
    await init(tmp_path, markers=True, types=["pypi", "cargo"])
    assert (tmp_path / "README.md").read_text() == (
        "# Weather\n\nmcp-name: io.github.Acme/weather\n\ncargo install weather-mcp\n"
    )
    assert (await init(tmp_path, markers=True)).changed == []


@pytest.mark.parametrize("inner", ["package.json", ".mcp", ".mcp/server.json", "server.json"])
async def test_a_file_of_the_project_names_the_project(tmp_path: Path, inner: str) -> None:
    there = {"name": "io.github.Acme/weather", "description": "W", "version": "1.0.0"}
    put(tmp_path, {"package.json": NPM, ".mcp/server.json": there, "server.json": there}, ORIGIN)
    answer = await init(tmp_path / inner, dry_run=True)
    assert answer.path == str(tmp_path / "server.json")
    assert answer.packages == ["npm weather-mcp"]


async def test_a_place_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    project = (
        "<Project><PropertyGroup><PackageType>McpServer</PackageType></PropertyGroup>\n"
        '<ItemGroup><None Include=".mcp\\server.json" Pack="true" /></ItemGroup></Project>'
    )
    put(tmp_path, {"Weather.csproj": project, ".mcp": "a file, not a folder"}, ORIGIN)
    with pytest.raises(InputError) as caught:
        await init(tmp_path)
    assert caught.value.code == "file-not-writable"


async def test_a_dotnet_project_gets_its_manifest_where_it_packs_it(tmp_path: Path) -> None:
    project = (
        "<Project><PropertyGroup><PackageType>McpServer</PackageType><Version>1.2.0</Version></PropertyGroup>\n"
        '<ItemGroup><None Include=".mcp\\server.json" Pack="true" /></ItemGroup></Project>'
    )
    answer = await init(put(tmp_path, {"Weather.csproj": project}, ORIGIN))
    assert answer.path == str(tmp_path / ".mcp" / "server.json")
    assert answer.packages == ["nuget Weather"]


async def test_a_repository_that_names_no_package_is_drafted_and_asked_about(tmp_path: Path) -> None:
    put(tmp_path, {"README.md": "# Synapse\n\nFinds what you wrote on your own machine.\n"}, ORIGIN)
    answer = await init(tmp_path)
    assert not answer.written
    assert list(tmp_path.glob("*.json")) == []
    assert answer.manifest == {
        "$schema": answer.manifest["$schema"],
        "name": "io.github.Acme/weather",
        "description": "Finds what you wrote on your own machine.",
        "version": "1.0.0",
        "repository": {"url": "https://github.com/Acme/weather", "source": "github"},
    }
    assert all(word in answer.uncertain[0] for word in ("names a package", "remote_url=", "path"))
    assert answer.next == f'init_manifest(path="{tmp_path}", remote_url=["https://<host>/mcp"])'
    assert answer.exit_code() == 1
    with pytest.raises(InputError) as caught:  # the next call as it stands is not yet an address
        await init(tmp_path, remote_url=["https://<host>/mcp"])
    assert caught.value.code == "remote-not-https"
    hosted = await init(tmp_path, remote_url=["https://mcp.acme.dev/mcp"])
    assert hosted.written
    written = json.loads((tmp_path / "server.json").read_text())
    assert written["remotes"] == [{"type": "streamable-http", "url": "https://mcp.acme.dev/mcp"}]
    assert hosted.exit_code() == 0


async def test_types_say_that_a_package_which_does_not_speak_of_mcp_is_the_server(tmp_path: Path) -> None:
    package = {"name": "left-pad", "version": "1.0.0", "repository": "github:Acme/left-pad"}
    put(tmp_path, {"README.md": "# left-pad\n\nPads.\n", "package.json": package})
    answer = await init(tmp_path)
    assert not answer.written
    assert 'types=["npm"]' in answer.uncertain[0]
    told = await init(tmp_path, types=["npm"])
    assert told.written
    assert told.packages == ["npm left-pad"]


BUNDLE = {"manifest_version": "0.3", "name": "weather-mcp", "version": "1.0.0", "server": {"type": "node"}}


async def test_a_bundle_is_listed_with_its_hash_or_not_at_all(tmp_path: Path) -> None:
    from mcp_registrar_tools import rules

    packs = {**NPM, "scripts": {"build:mcpb": "mcpb pack"}}
    put(tmp_path, {"package.json": packs, "manifest.json": {**BUNDLE, "version": "{{VERSION}}"}}, ORIGIN)
    answer = await init(tmp_path, overwrite=True)
    assert answer.packages == ["npm weather-mcp"]
    assert any("fileSha256" in question and "build it" in question for question in answer.uncertain)
    assert [found for found in rules.check(answer.manifest) if found.severity == "error"] == []
    asked = await init(tmp_path, types=["npm", "mcpb"], dry_run=True)
    assert len(asked.packages) == 2
    assert "fileSha256" not in asked.manifest["packages"][1]
    (tmp_path / "weather-mcp.mcpb").write_bytes(b"bundle")
    built = await init(tmp_path)  # the manifest of the first call is there and gains the bundle
    assert [one.get("fileSha256") for one in built.manifest["packages"]] == [
        None,
        hashlib.sha256(b"bundle").hexdigest(),
    ]


async def test_a_bundle_that_a_person_listed_without_a_hash_stays(tmp_path: Path) -> None:
    url = "https://github.com/Acme/weather/releases/download/v1.0.0/weather-mcp.mcpb"
    mine = {
        "name": "io.github.Acme/weather",
        "description": "Weather",
        "version": "1.0.0",
        "packages": [{"registryType": "mcpb", "identifier": url, "transport": {"type": "stdio"}}],
    }
    put(tmp_path, {"package.json": NPM, "manifest.json": BUNDLE, "server.json": mine}, ORIGIN)
    answer = await init(tmp_path)
    assert answer.manifest["packages"][0] == mine["packages"][0]  # type: ignore[index]


async def test_an_image_of_one_server_among_several_is_not_named_after_the_repository(tmp_path: Path) -> None:
    for name in ("alpha", "beta"):
        put(
            tmp_path,
            {
                f"servers/{name}/pyproject.toml": f'[project]\nname = "mcp-{name}"\nversion = "1.0.0"\n'
                'readme = "README.md"\n',
                f"servers/{name}/README.md": f"# {name}\n\nmcp-name: io.github.Acme/mcp-{name}\n",
                f"servers/{name}/Dockerfile": "FROM x\nLABEL "
                f'io.modelcontextprotocol.server.name="io.github.Acme/mcp-{name}"\n',
            },
            ORIGIN,
        )
    folder = tmp_path / "servers" / "beta"
    answer = await init(folder, dry_run=True)
    assert answer.packages == ["pypi mcp-beta"]
    assert [question for question in answer.uncertain if question.startswith("oci (Dockerfile): ../alpha/Dockerfile")]
    asked = await init(folder, types=["pypi", "oci"], dry_run=True)
    assert [one.partition(" ")[0] for one in asked.packages] == ["pypi", "oci"]
    put(folder, {"README.md": "# beta\n\nmcp-name: io.github.Acme/mcp-beta\n\n`docker run ghcr.io/acme/mcp-beta`\n"})
    assert "oci ghcr.io/acme/mcp-beta:1.0.0" in (await init(folder, dry_run=True)).packages
    (tmp_path / "servers" / "alpha" / "Dockerfile").unlink()  # the only image of the repository
    put(folder, {"README.md": "# beta\n\nmcp-name: io.github.Acme/mcp-beta\n"})
    assert [one.partition(" ")[0] for one in (await init(folder, dry_run=True)).packages] == ["pypi", "oci"]


async def test_a_dotnet_server_that_names_its_packages_of_other_indexes(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "Directory.Build.props": "<Project><PropertyGroup><IsPackable>false</IsPackable></PropertyGroup></Project>",
            "src/Weather.csproj": """<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <Version>2.0.0</Version>
    <Brand>weather</Brand>
    <NuGetPackageId>Acme.Weather</NuGetPackageId>
    <NpmPackageName>@acme/$(Brand)-mcp</NpmPackageName>
    <!-- <PypiPackageName>old</PypiPackageName> -->
    <OutputType>Exe</OutputType>
  </PropertyGroup>
  <ItemGroup><PackageReference Include="ModelContextProtocol" /></ItemGroup>
</Project>
""",
        },
        ORIGIN,
    )
    answer = await init(tmp_path)
    assert answer.packages == ["npm @acme/weather-mcp", "nuget Acme.Weather"]
    assert {one["version"] for one in answer.manifest["packages"]} == {"2.0.0"}
    assert "npm @acme/weather-mcp (src/Weather.csproj:6)" in answer.evidence
    assert any("src/Weather.csproj:6: is it published" in question for question in answer.uncertain)


async def test_what_a_person_wrote_stays_byte_for_byte_when_a_manifest_is_filled(tmp_path: Path) -> None:
    """The published manifest of a real project, its arrays written in one line."""
    import shutil

    from tests.conftest import shared

    folder = tmp_path / "mcp-server-motherduck"
    shutil.copytree(shared("corpus", "motherduckdb__mcp-server-motherduck"), folder)
    before = (folder / "server.json").read_bytes()
    assert b'"choices": ["stdio", "http", ' in before
    put(folder, {}, "https://github.com/motherduckdb/mcp-server-motherduck.git")
    answer = await init(folder, remote_url=["https://mcp.acme.dev/mcp"])
    after = (folder / "server.json").read_bytes()
    assert answer.written
    assert b'"runtimeHint": "uvx"' in after
    lines = after.splitlines()
    gone = [line for line in before.splitlines() if line not in lines and line + b"," not in lines]
    assert gone == []
    assert len(lines) - len(before.splitlines()) == len(
        ["title", "runtimeHint", "}", "],", '"remotes": [', "{", "type", "url"]
    )


async def test_an_empty_list_and_a_value_that_a_release_fills_in_stay(tmp_path: Path) -> None:
    mine = """{
  "name": "io.github.Acme/weather",
  "description": "Weather",
  "version": "<<Version>>",
  "packages": [
    { "registryType": "npm", "identifier": "<<Name>>", "version": "<<Version>>", "runtimeHint": "npx",
      "transport": { "type": "stdio" }, "environmentVariables": [] }
  ]
}
"""
    put(tmp_path, {"package.json": NPM, "server.json": mine}, ORIGIN)
    answer = await init(tmp_path)
    text = (tmp_path / "server.json").read_text()
    assert mine[mine.index('  "packages"') : mine.rindex("  ]")] in text
    assert '"version": "<<Version>>",' in text
    assert answer.manifest["packages"][0]["environmentVariables"] == []


async def test_what_the_manifest_says_already_is_neither_assumed_nor_asked(tmp_path: Path) -> None:
    manifest = {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": "io.github.Acme/weather",
        "description": "Weather of a few cities",
        "version": "2.8.0",
        "remotes": [{"type": "streamable-http", "url": "https://weather.example.com/mcp"}],
    }
    put(tmp_path, {"server.json": manifest, "README.md": "# Weather MCP\n"})
    answer = await init(tmp_path)
    assert answer.version == "2.8.0"
    assert answer.uncertain == []
    assert not any(line.startswith("description") for line in answer.evidence)


async def test_a_manifest_of_a_package_below_is_named(tmp_path: Path) -> None:
    inner = {"name": "io.github.Acme/weather", "description": "Weather", "version": "1.0.0"}
    put(
        tmp_path,
        {"mcp/server.json": inner, "mcp/package.json": {"name": "weather-mcp", "version": "1.0.0"}},
        "https://github.com/Acme/weather",
    )
    answer = await init(tmp_path)
    assert any(f'init_manifest(path="{tmp_path}/mcp")' in question for question in answer.uncertain)


async def test_a_migration_is_one_remark(tmp_path: Path) -> None:
    old = {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-07-09/server.schema.json",
        "name": "io.github.Acme/weather",
        "description": "Weather of a few cities",
        "status": "active",
        "version": "1.0.0",
        "packages": [
            {"registry_type": "npm", "identifier": "weather", "version": "1.0.0", "environment_variables": ["A", "B"]}
        ],
    }
    put(tmp_path, {"server.json": old, "package.json": {"name": "weather", "version": "1.0.0"}})
    answer = await init(tmp_path)
    told = [question for question in answer.uncertain if question.startswith("Brought to today's schema: ")]
    assert len(told) == 1
    assert "environmentVariables[1] is an object" in told[0]
    assert sum("is an object" in question for question in answer.uncertain) == 1
