"""Resources, completions, prompts and instructions, as a client meets them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import bpe_openai
import pytest
from mcp import Client, MCPError
from mcp.types import PromptReference, ResourceTemplateReference

from mcp_registrar import prompts
from mcp_registrar.app import build_server
from mcp_registrar.catalog import _ALL
from mcp_registrar_tools import guides
from mcp_registrar_tools.workbench import Settings
from tests.calls import calls

pytestmark = pytest.mark.anyio

ALL_TOOLS = [spec.name for spec in _ALL]
PROMPTS = {"publish_server", "publish_image", "automate_publishing", "fix_manifest"}


@pytest.fixture(params=["auto", "legacy"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Client]:
    async with Client(build_server(Settings(data_dir=tmp_path)), mode=request.param) as connected:
        yield connected


def tokens(text: str) -> int:
    return len(bpe_openai.get_encoding("o200k_base").encode_ordinary(text))


async def read(client: Client, uri: str) -> str:
    return str((await client.read_resource(uri)).contents[0].text)  # type: ignore[union-attr]


async def complete(client: Client, uri: str, name: str, value: str, **known: str) -> list[str]:
    result = await client.complete(
        ResourceTemplateReference(uri=uri), {"name": name, "value": value}, context_arguments=known or None
    )
    return list(result.completion.values)


async def test_templates_are_those_of_the_documentation(client: Client) -> None:
    templates = (await client.list_resource_templates()).resource_templates
    assert {t.uri_template for t in templates} == {
        "registrar://schemas/server.json/{version}",
        "registrar://guides/{language}/{topic}",
        "registrar://examples/{kind}",
        "registrar://servers/{name}/{version}",
        "registrar://servers/{namespace}/{part}/{version}",
    }
    assert all(t.title and t.description and t.mime_type for t in templates)


@pytest.mark.parametrize("language", guides.LANGUAGES)
@pytest.mark.parametrize("topic", guides.TOPICS)
async def test_every_guide_is_there_twice_and_short(client: Client, language: str, topic: str) -> None:
    text = await read(client, f"registrar://guides/{language}/{topic}")
    assert text.startswith("# ")
    assert tokens(text) <= 700
    result = await client.call_tool("read_guide", {"topic": topic, "language": language})
    assert result.content[0].text == text.rstrip()  # type: ignore[union-attr]
    hangul = sum("가" <= letter <= "힣" for letter in text)
    assert (hangul > 200) == (language == "ko")


@pytest.mark.parametrize("topic", guides.TOPICS)
def test_both_languages_have_the_same_commands(topic: str) -> None:
    def code(text: str) -> list[str]:
        return [block.partition("\n")[2] for block in text.split("```")[1::2] if not block.startswith("json")]

    assert code(guides.guide(topic, "en")) == code(guides.guide(topic, "ko"))


@pytest.mark.parametrize("kind", guides.KINDS)
async def test_every_example_is_there(client: Client, kind: str) -> None:
    document = json.loads(await read(client, f"registrar://examples/{kind}"))
    types = {package["registryType"] for package in document.get("packages", [])}
    assert kind in types or kind in {"remote", "hybrid"}
    assert bool(document.get("remotes")) == (kind in {"remote", "hybrid"})


@pytest.mark.parametrize(
    "uri",
    [
        "registrar://schemas/server.json/2024-01-01",
        "registrar://guides/de/publishing",
        "registrar://guides/en/..%2f..%2fpyproject",
        "registrar://examples/docker",
        "registrar://servers/io.github.nobody%2Fnothing/latest",
        "registrar://servers/io.github.nobody/nothing/latest",
    ],
)
async def test_what_is_not_there_is_refused(client: Client, uri: str) -> None:
    with pytest.raises(MCPError) as caught:
        await client.read_resource(uri)
    assert caught.value.error.code == -32602


@pytest.mark.parametrize(
    "version", ["latest", "2025-07-09", "2025-09-16", "2025-09-29", "2025-10-11", "2025-10-17", "2025-12-11"]
)
async def test_schemas_by_date(client: Client, version: str) -> None:
    schema = json.loads(await read(client, f"registrar://schemas/server.json/{version}"))
    dated = "2025-12-11" if version == "latest" else version
    assert schema["$id"].endswith(f"/schemas/{dated}/server.schema.json")


async def test_completions(client: Client) -> None:
    assert (await complete(client, "registrar://schemas/server.json/{version}", "version", "2025-1"))[0] == "2025-12-11"
    assert await complete(client, "registrar://guides/{language}/{topic}", "language", "") == ["en", "ko"]
    assert await complete(client, "registrar://guides/{language}/{topic}", "topic", "pack") == ["package-types"]
    assert await complete(client, "registrar://guides/{language}/{topic}", "topic", "login") == ["namespaces-and-login"]
    assert await complete(client, "registrar://examples/{kind}", "kind", "n") == ["npm", "nuget"] + ["remote"] * 0
    result = await client.complete(PromptReference(name="publish_server"), {"name": "registry", "value": "o"})
    assert "official" in result.completion.values


async def test_prompts_work_without_arguments(client: Client) -> None:
    listed = (await client.list_prompts()).prompts
    assert {prompt.name for prompt in listed} == PROMPTS
    known = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
    for prompt in listed:
        assert prompt.title
        assert prompt.description
        assert all(not a.required and a.description for a in prompt.arguments or [])
        text = (await client.get_prompt(prompt.name)).messages[0].content.text  # type: ignore[union-attr]
        assert tokens(text) <= 400
        assert text.rstrip().splitlines()[-1]
        for tool, arguments in calls(text, set(ALL_TOOLS)):
            schema = known.get(tool)
            assert schema is None or set(arguments) <= set(schema["properties"]), tool
        assert "validate(" in text.split("End with")[1]


@pytest.mark.parametrize("name", sorted(PROMPTS))
async def test_prompts_take_a_path_and_a_language(client: Client, name: str) -> None:
    result: Any = await client.get_prompt(name, {"path": 'a "b"', "language": "ko"})
    text = result.messages[0].content.text
    assert r'path="a \"b\""' in text
    assert text.endswith("한국어로 답해 주세요.")


def test_instructions_fit_their_budget() -> None:
    assert tokens(prompts.INSTRUCTIONS) < 250
