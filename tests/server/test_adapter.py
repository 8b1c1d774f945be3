"""One annotated function, two doors: what a model and a shell meet."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from mcp import Client, MCPError
from mcp.types import ElicitRequestURLParams, ElicitResult
from pydantic import Field

from mcp_registrar.adapter import RegistrarServer
from mcp_registrar.bench import make_bench
from mcp_registrar.catalog import ToolFunction, ToolSpec
from mcp_registrar_tools.answer import Answer
from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.workbench import Settings, Workbench

pytestmark = pytest.mark.anyio
SECRET = "ghp_" + "A" * 36


class Report(Answer):
    path: str
    count: int = 0
    said: str | None = None
    items: list[dict[str, Any]] = []

    def lines(self) -> list[str]:
        return [f"{self.path}: {self.count}"]

    def files(self) -> list[Path]:
        return [Path(self.path)] if self.count else []


async def look(
    bench: Workbench,
    path: Annotated[str, Field(description="file or folder")] = ".",
    detail: Annotated[Literal["concise", "full"], Field(description="how much")] = "concise",
    count: Annotated[int, Field(ge=0)] = 0,
) -> Report:
    """Look at something.

    Second paragraph.
    """
    await bench.progress(1, 2, "looking")
    return Report(path=path, count=count, next="look(path='b')")


async def refuse(bench: Workbench, path: str = ".") -> Report:
    """Refuse."""
    raise InputError("no-such-path", f"{path} does not exist", "name a folder that is there")


async def crash(bench: Workbench) -> Report:
    """Crash."""
    raise RuntimeError(f"token={SECRET}")


async def ask(bench: Workbench, path: str = ".") -> Report:
    """Ask twice."""
    first = await bench.ask.confirm("Really?")
    second = await bench.ask.confirm("Really really?") if first else None
    third = await bench.ask.visit("Enter the code AB-12.", "https://example.com/device")
    return Report(path=path, said=f"{first} {second} {third}")


@dataclass(frozen=True, kw_only=True)
class LocalSpec(ToolSpec):
    target: Callable[..., Any]

    def function(self) -> ToolFunction:
        return self.target


def make_server(tmp_path: Path) -> RegistrarServer:
    bench, _ = make_bench(Settings(data_dir=tmp_path))
    specs = [
        LocalSpec(
            name=f.__name__,
            title=f.__name__.title(),
            command=f.__name__,
            read_only=True,
            destructive=False,
            idempotent=True,
            open_world=False,
            target=f,
        )
        for f in (look, refuse, crash, ask)
    ]
    return RegistrarServer("test", specs, bench)


@pytest.fixture(params=["auto", "legacy"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Client]:
    async with Client(make_server(tmp_path), mode=request.param) as connected:
        yield connected


def text(result: Any) -> str:
    return str(result.content[0].text)


async def test_published_schema_is_strict_and_quiet(client: Client) -> None:
    tool = next(t for t in (await client.list_tools()).tools if t.name == "look")
    assert tool.description == "Look at something.\n\nSecond paragraph."
    assert tool.input_schema["additionalProperties"] is False
    assert tool.input_schema["properties"]["path"] == {
        "type": "string",
        "default": ".",
        "description": "file or folder",
    }
    assert "title" not in tool.input_schema
    assert tool.input_schema["properties"]["count"] == {"type": "integer"}
    assert tool.output_schema == {"type": "object", "properties": {"path": {}, "count": {}, "said": {}, "items": {}}}
    hints = tool.annotations
    assert hints is not None
    assert (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint) == (
        True,
        False,
        True,
        False,
    )


async def test_answer_is_text_facts_and_links(client: Client) -> None:
    seen: list[Any] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        seen.append((done, total, message))

    result = await client.call_tool("look", {"path": "/tmp/a", "count": 3}, progress_callback=progress)
    assert text(result) == "/tmp/a: 3\nNext: look(path='b')"
    assert result.structured_content == {
        "next": "look(path='b')",
        "path": "/tmp/a",
        "count": 3,
        "said": None,
        "items": [],
    }
    assert [block.type for block in result.content] == ["text", "resource_link"]
    assert seen == [(1, 2, "looking")]


async def test_unknown_argument_is_refused_with_a_guess(client: Client) -> None:
    result = await client.call_tool("look", {"pth": "x"})
    assert result.is_error
    assert "- pth: no such argument, did you mean path?" in text(result)
    assert "[invalid-arguments]" in text(result)


async def test_rejected_values_are_not_echoed(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for arguments in ({"path": [SECRET]}, {"detail": SECRET}, {"count": SECRET}, {SECRET[:3]: SECRET}):
        result = await client.call_tool("look", arguments)
        assert result.is_error
        assert SECRET not in text(result)
    assert SECRET not in "".join(r.getMessage() for r in caplog.records if r.name.startswith(("mcp.server", "mcp_reg")))


async def test_known_failure_says_what_next_and_code(client: Client) -> None:
    result = await client.call_tool("refuse", {"path": "/nowhere"})
    assert result.is_error
    assert text(result) == "/nowhere does not exist\nNext: name a folder that is there [no-such-path]"
    assert result.structured_content is None


async def test_crash_is_bare_for_the_model_and_whole_in_the_log(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    result = await client.call_tool("crash", {})
    assert result.is_error
    assert text(result) == "Error executing tool crash"
    assert any(record.exc_info for record in caplog.records)


async def test_unknown_tool_names_the_tools(client: Client) -> None:
    result = await client.call_tool("lok", {})
    assert result.is_error
    assert "look, refuse, crash, ask" in text(result)


async def test_unknown_prompt_is_a_protocol_error(client: Client) -> None:
    with pytest.raises(MCPError, match="There is no prompt 'nope'"):
        await client.get_prompt("nope", {})


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_questions_reach_the_person_in_both_eras(mode: Any, tmp_path: Path) -> None:
    asked: list[str] = []

    async def answer(context: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        if isinstance(params, ElicitRequestURLParams):
            assert params.url == "https://example.com/device"
            return ElicitResult(action="accept")
        return ElicitResult(action="accept", content={"yes": len(asked) == 1})

    async with Client(make_server(tmp_path), mode=mode, elicitation_callback=answer) as client:
        result = await client.call_tool("ask", {"path": "x"})
    assert result.structured_content is not None
    assert result.structured_content["said"] == "True False True"
    assert asked == ["Really?", "Really really?", "Enter the code AB-12."]


async def test_client_that_cannot_ask_is_not_asked(client: Client) -> None:
    result = await client.call_tool("ask", {})
    assert result.structured_content is not None
    assert result.structured_content["said"] == "None None None"
