"""Every command in the guides is a command that works: executed against the embedded registry."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from mcp_registrar.app import build_server
from mcp_registrar.catalog import TOOLS
from mcp_registrar.cli import build_app
from mcp_registrar_tools import guides
from mcp_registrar_tools.workbench import Settings
from tests.calls import calls
from tests.loopback import answering

NAME = "io.github.acme/weather"
PLACEHOLDERS = {"NAME": NAME, "ghcr.io/OWNER": "ghcr.io/acme"}
OUTSIDE = {"build_image", "check_server", "login", "create_key"}
"""Need an engine, a person or a domain: their own tests run them; here their arguments are checked."""


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """With an npm registry in which the release is there, with its marker."""
    release = {"name": "weather-mcp", "mcpName": NAME, "version": "1.0.0"}
    with answering(lambda path: (200, release)) as url:
        yield Settings(data_dir=tmp_path / "data", npm_url=url)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "weather"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / ".git" / "config").write_text('[remote "origin"]\n\turl = https://github.com/acme/weather\n')
    package = {
        "name": "weather-mcp",
        "version": "1.0.0",
        "mcpName": NAME,
        "description": "Weather for any place",
        "bin": "./index.js",
    }
    (folder / "package.json").write_text(json.dumps(package, indent=2))
    monkeypatch.chdir(folder)
    return folder


def blocks(topic: str, kind: str) -> str:
    """The text of a guide's fenced blocks of one kind."""
    return "\n".join(re.findall(rf"```{kind}\n(.*?)```", guides.guide(topic), re.DOTALL))


def tool_calls(text: str) -> list[tuple[str, dict[str, Any]]]:
    for placeholder, value in PLACEHOLDERS.items():
        text = text.replace(f'"{placeholder}"', f'"{value}"')
    return calls(text, {spec.name for spec in TOOLS})


@pytest.mark.anyio
@pytest.mark.parametrize("topic", guides.TOPICS)
async def test_the_calls(topic: str, settings: Settings, project: Path) -> None:
    text = guides.guide(topic)
    found = tool_calls(text)
    assert found, "a guide without a call to make"
    async with Client(build_server(settings)) as client:
        schemas = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
        await client.call_tool("init_manifest", {})
        if "set_status" in dict(found):
            await client.call_tool("publish", {})
        for tool, arguments in found:
            assert set(arguments) <= set(schemas[tool]["properties"]), tool
            if tool in OUTSIDE:
                continue
            if "registry" in arguments:
                arguments["registry"] = "local"
            if arguments.get("login") in {"dns", "token"}:
                continue  # another namespace than this project's; the workflow's own tests run it
            result = await client.call_tool(tool, arguments)
            assert not result.is_error, f"{tool}({arguments}): {result.content}"


@pytest.mark.parametrize("topic", guides.TOPICS)
def test_the_command_lines(topic: str, settings: Settings, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = build_app(settings)
    for line in blocks(topic, "sh").splitlines():
        if line.startswith("export "):
            name = line.split()[1].partition("=")[0]
            assert name.removeprefix("MCP_REGISTRAR_").lower() in Settings.__dataclass_fields__, name
            continue
        if not line.strip():
            continue
        program, command, *rest = shlex.split(line.replace("OWNER", "acme"))
        assert program == "mcp-registrar"
        function, _, _ = app.parse_args([command, *rest], exit_on_error=False, print_error=False)
        assert callable(function)
        if command in {"registry", "build", "login", "check"}:
            continue
        if command != "init":
            app(["init"], exit_on_error=False, result_action="return_value")
        rest = ["local" if word == "official" else word for word in rest]
        assert app([command, *rest], exit_on_error=False, result_action="return_value") == 0, (
            line,
            capsys.readouterr(),
        )


@pytest.mark.parametrize("language", guides.LANGUAGES)
def test_every_setting_named_exists(language: str) -> None:
    named = {
        name
        for topic in guides.TOPICS
        for name in re.findall(r"MCP_REGISTRAR_([A-Z_]+)", guides.guide(topic, language))
    }
    assert named
    assert {name.lower() for name in named} <= set(Settings.__dataclass_fields__)


def test_guides_named_by_guides_exist() -> None:
    for language, words in (("en", r"guides? `([a-z-]+)`"), ("ko", r"`([a-z-]+)` 가이드")):
        named = {name for topic in guides.TOPICS for name in re.findall(words, guides.guide(topic, language))}
        assert named
        assert named <= set(guides.TOPICS)
