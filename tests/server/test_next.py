"""An assistant that knows nothing but the list of tools: it does what each answer's `Next:` says, and arrives."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from benchmarks.projects import CORPUS, copy_project
from benchmarks.tokens import decide, make_ready
from mcp import Client

from mcp_registrar.app import build_server
from mcp_registrar.catalog import TOOLS
from mcp_registrar_tools.workbench import Settings
from tests.calls import calls
from tests.conftest import shared

pytestmark = pytest.mark.anyio

PROJECTS = (
    "GLips__Figma-Context-MCP",
    "AgiMaulana__GooglePlayConsoleMcp",
    "ThunderEagle__context-bridge",
    "Perseus-Computing-LLC__perseus-vault",
    "domdomegg__airtable-mcp-server",
    "GeiserX__genieacs-mcp",
    "Wolfe-Jam__mcp-better",
    "firecrawl__firecrawl-mcp-server",
    "keboola__mcp-server",
    "SuperJMN__ShaderMcp",
)
ALL = {spec.name for spec in TOOLS}
PERSON = {"login", "create_key"}
"""Here the person comes in: the walk has arrived when the rehearsal says that this comes next."""


def next_line(text: str) -> str:
    found = re.search(r"^Next: (.*)$", text, re.MULTILINE)
    return found[1] if found else ""


@pytest.mark.parametrize("kept", [False, True], ids=["without manifest", "with its manifest"])
@pytest.mark.parametrize("name", PROJECTS)
async def test_following_next_arrives(name: str, kept: bool, tmp_path: Path) -> None:
    folder = copy_project(shared("corpus", name), tmp_path / name, manifest=kept)
    manifest = folder / ".mcp" / "server.json" if (folder / ".mcp" / "server.json").exists() else folder / "server.json"
    if kept:
        make_ready(folder)
    settings = Settings(data_dir=tmp_path / "data", ownership="off")
    async with Client(build_server(settings)) as client:
        schemas = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
        todo: list[tuple[str, dict[str, Any]]] = [("validate" if kept else "init_manifest", {"path": str(folder)})]
        log: list[str] = []
        for _ in range(8):
            tool, arguments = todo[0]
            assert set(arguments) <= set(schemas[tool]["properties"]), f"{tool} has no such arguments: {arguments}"
            result = await client.call_tool(tool, arguments)
            text = result.content[0].text  # type: ignore[union-attr]
            log.append(f"{tool}({json.dumps(arguments)})\n{text}")
            assert "[invalid-arguments]" not in text, "\n\n".join(log)
            step = next_line(text)
            assert step, f"no next step after\n{text}"
            todo = calls(step, set(schemas))
            assert todo, f"no call in: {step}"
            if tool == "publish" and not result.is_error:
                assert todo[0][0] in PERSON
                break
            if re.match(r"(correct|fill in)", step):
                decide(manifest, dict(result.structured_content or {}))
        else:
            pytest.fail("did not arrive:\n" + "\n\n".join(log))
        assert (await client.call_tool("search", {"words": "mcp"})).structured_content


async def test_a_folder_with_quotes_in_its_name(tmp_path: Path) -> None:
    folder = copy_project(shared("corpus", PROJECTS[0]), tmp_path / 'my "own" \\ folder', manifest=False)
    async with Client(build_server(Settings(data_dir=tmp_path / "data", ownership="off"))) as client:
        tool, arguments = "init_manifest", {"path": str(folder)}
        for _ in range(3):
            result = await client.call_tool(tool, arguments)
            assert not result.is_error, result.content
            tool, arguments = calls(next_line(result.content[0].text), ALL)[0]  # type: ignore[union-attr]
        assert tool == "login"


async def test_what_a_migration_repairs_is_offered_as_a_call(tmp_path: Path) -> None:
    document = {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": "io.github.acme/weather",
        "description": "Weather",
        "version": "1.0.0",
        "homepage": "https://acme.example",
    }
    (tmp_path / "server.json").write_text(json.dumps(document, indent=2))
    async with Client(build_server(Settings(data_dir=tmp_path / "data", ownership="off"))) as client:
        found = (await client.call_tool("validate", {"path": str(tmp_path)})).structured_content
        assert found is not None
        assert not found["valid"]
        assert found["next"].endswith("fix=true)")
        mended = (await client.call_tool("validate", {"path": str(tmp_path), "fix": True})).structured_content
        assert mended is not None
        assert mended["valid"]
        assert mended["next"].startswith("publish(")


async def test_every_error_names_a_step_that_exists(tmp_path: Path) -> None:
    """What a beginner calls first, in an empty folder and with things that are not there."""
    settings = Settings(data_dir=tmp_path / "data", ownership="off")
    empty = tmp_path / "empty"
    empty.mkdir()
    first: list[tuple[str, dict[str, Any]]] = [
        ("validate", {"path": str(empty)}),
        ("publish", {"path": str(empty)}),
        ("add_workflow", {"path": str(empty)}),
        ("get_server", {"name": "io.github.acme/nothing"}),
        ("set_status", {"name": "io.github.acme/nothing", "status": "deleted", "version": "1.0.0"}),
        ("init_manifest", {"path": str(tmp_path / "nowhere")}),
        ("build_image", {"path": str(empty)}),
        ("check_server", {"path": str(empty)}),
    ]
    async with Client(build_server(settings)) as client:
        schemas = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
        for tool, arguments in first:
            result = await client.call_tool(tool, arguments)
            text = result.content[0].text  # type: ignore[union-attr]
            assert result.is_error, f"{tool}: {text}"
            assert next_line(text), f"{tool}: {text}"
            for named, given in calls(text, set(schemas)):
                assert set(given) <= set(schemas[named]["properties"]), f"{tool} -> {named}({given})"


def test_the_projects_are_there() -> None:
    if not CORPUS.is_dir():
        pytest.skip("shared/corpus is not beside this checkout")
    assert all((CORPUS / name).is_dir() for name in PROJECTS)
