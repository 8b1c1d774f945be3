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
from mcp_registrar_tools import guides
from mcp_registrar_tools.workbench import Settings
from tests.calls import calls

pytestmark = pytest.mark.anyio

PROMPTS = {"publish_server", "publish_image", "automate_publishing", "fix_manifest"}


@pytest.fixture(params=["auto", "legacy"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Client]:
    async with Client(build_server(Settings(data_dir=tmp_path)), mode=request.param) as connected:
        yield connected


def tokens(text: str) -> int:
    return len(bpe_openai.get_encoding("o200k_base").encode_ordinary(text))


async def read(client: Client, uri: str) -> str:
    return str((await client.read_resource(uri)).contents[0].text)  # type: ignore[union-attr]


async def complete(client: Client, uri: str, variable: str, value: str, /, **known: str) -> list[str]:
    result = await client.complete(
        ResourceTemplateReference(uri=uri), {"name": variable, "value": value}, context_arguments=known or None
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


async def test_clients_that_list_only_plain_resources_see_the_guides(client: Client) -> None:
    listed = (await client.list_resources()).resources
    assert {str(r.uri) for r in listed} == {
        "registrar://schemas/server.json/latest",
        *(f"registrar://examples/{kind}" for kind in guides.KINDS),
        *(f"registrar://guides/{language}/{topic}" for language in guides.LANGUAGES for topic in guides.TOPICS),
    }
    assert all(r.title and r.mime_type for r in listed)
    for resource in listed:
        assert await read(client, str(resource.uri))


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
    report = (await client.call_tool("validate", {"document": document})).structured_content
    assert report is not None
    assert report["valid"]
    assert not [f for f in report["findings"] if f["severity"] != "info"], "an example is an example"


@pytest.mark.parametrize("kind", guides.KINDS)
async def test_every_example_is_accepted_by_the_registry(kind: str, tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text(guides.example(kind), encoding="utf-8")
    async with Client(build_server(Settings(data_dir=tmp_path / "data", ownership="off"))) as client:
        result = await client.call_tool("publish", {"path": str(tmp_path)})
        assert not result.is_error, result.content


@pytest.fixture
async def filled(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Client]:
    """A server whose registry holds two versions of one example and another server."""
    async with Client(build_server(Settings(data_dir=tmp_path / "data", ownership="off"))) as connected:
        for kind, version in (("npm", "1.2.0"), ("npm", "1.3.0"), ("remote", "2.0.0")):
            document = json.loads(guides.example(kind)) | {"version": version}
            (tmp_path / "server.json").write_text(json.dumps(document), encoding="utf-8")
            assert not (await connected.call_tool("publish", {"path": str(tmp_path)})).is_error
        yield connected


async def test_registry_entries_are_resources(filled: Client) -> None:
    for version, expected in (("latest", "1.3.0"), ("1.2.0", "1.2.0")):
        encoded = json.loads(await read(filled, f"registrar://servers/io.github.acme%2Fweather/{version}"))
        plain = json.loads(await read(filled, f"registrar://servers/io.github.acme/weather/{version}"))
        assert encoded == plain
        assert encoded["version"] == expected
    with pytest.raises(MCPError) as caught:
        await read(filled, "registrar://servers/io.github.acme/weather/9.9.9")
    assert "1.3.0" in str(caught.value), "it says which versions there are"


async def test_names_and_versions_complete_from_the_registry(filled: Client) -> None:
    uri = "registrar://servers/{name}/{version}"
    assert await complete(filled, uri, "name", "io.g") == ["io.github.acme/weather"]
    assert set(await complete(filled, uri, "name", "weath")) == {"io.github.acme/weather", "com.example/weather"}
    versions = await complete(filled, uri, "version", "", name="io.github.acme/weather")
    assert versions[0] == "latest"
    assert set(versions) == {"latest", "1.2.0", "1.3.0"}
    plain = "registrar://servers/{namespace}/{part}/{version}"
    assert await complete(filled, plain, "namespace", "com") == ["com.example"]
    assert await complete(filled, plain, "part", "w", namespace="com.example") == ["weather"]
    assert "2.0.0" in await complete(filled, plain, "version", "2", namespace="com.example", part="weather")
    assert await complete(filled, uri, "name", "nothing-like-this") == []


async def test_a_server_is_shown_with_its_configuration(filled: Client) -> None:
    result = await filled.call_tool("get_server", {"name": "io.github.acme/weather", "client": "claude-code"})
    text = result.content[0].text  # type: ignore[union-attr]
    assert '"@acme/weather@1.2.0"' in text
    assert "Set in the environment: WEATHER_API_KEY" in text
    assert "claude mcp add-json weather" in text
    facts = result.structured_content
    assert facts is not None
    assert (facts["version"], facts["is_latest"], facts["versions"]) == ("1.3.0", True, ["1.3.0", "1.2.0"])
    older = await filled.call_tool(
        "get_server", {"name": "io.github.acme/weather", "version": "1.2.0", "detail": "full"}
    )
    assert older.structured_content is not None
    assert older.structured_content["document"]["version"] == "1.2.0"
    wrong = await filled.call_tool("get_server", {"name": "io.github.acme/weather", "use": "oci", "client": "zed"})
    assert wrong.is_error
    assert "use one of npm" in wrong.content[0].text  # type: ignore[union-attr]


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
    assert await complete(client, "registrar://examples/{kind}", "kind", "n") == ["npm", "nuget"]
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
        for tool, arguments in calls(text, set(known)):
            assert set(arguments) <= set(known[tool]["properties"]), tool
        assert "validate(" in text.split("End with")[1]


@pytest.mark.parametrize("name", sorted(PROMPTS))
async def test_prompts_take_a_path_and_a_language(client: Client, name: str) -> None:
    result: Any = await client.get_prompt(name, {"path": 'a "b"', "language": "ko"})
    text = result.messages[0].content.text
    assert r'path="a \"b\""' in text
    assert text.endswith("한국어로 답해 주세요.")


def test_instructions_fit_their_budget() -> None:
    assert tokens(prompts.INSTRUCTIONS) < 250
