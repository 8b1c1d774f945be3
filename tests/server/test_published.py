"""What clients are told: every tool's schema is a snapshot, every tool keeps the same rules, all fit the budget."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from mcp_registrar.app import build_server
from mcp_registrar.catalog import TOOLS
from mcp_registrar_tools.workbench import Settings
from tests.conftest import ROOT

pytestmark = pytest.mark.anyio
SNAPSHOTS = ROOT / "tests" / "snapshots"
CARD = {"init_manifest", "validate", "build_image", "publish", "search"}


def tokens(text: str) -> int:
    import bpe_openai

    return len(bpe_openai.get_encoding("o200k_base").encode(text))


@pytest.fixture
async def listed(tmp_path: Path) -> list[dict[str, Any]]:
    async with Client(build_server(Settings(data_dir=tmp_path))) as client:
        tools = (await client.list_tools()).tools
    return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]


async def test_every_tool_is_published(listed: list[dict[str, Any]]) -> None:
    assert [tool["name"] for tool in listed] == [spec.name for spec in TOOLS]
    assert {tool["name"] for tool in listed} >= CARD


async def test_schemas_are_as_the_snapshots_say(listed: list[dict[str, Any]]) -> None:
    """A missing snapshot fails; UPDATE_SNAPSHOTS=1 writes them after a deliberate change."""
    update = os.environ.get("UPDATE_SNAPSHOTS") == "1"
    wrong = []
    for tool in listed:
        path = SNAPSHOTS / f"{tool['name']}.json"
        text = json.dumps(tool, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        if update:
            path.write_text(text, encoding="utf-8")
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            wrong.append(tool["name"])
    assert not wrong, f"changed or without snapshot: {wrong}; look, then UPDATE_SNAPSHOTS=1"
    stale = {path.stem for path in SNAPSHOTS.glob("*.json")} - {tool["name"] for tool in listed}
    assert not stale


async def test_every_tool_keeps_the_rules(listed: list[dict[str, Any]]) -> None:
    for tool in listed:
        assert tool["title"]
        assert tool["description"]
        assert "\n " not in tool["description"], "indentation is noise"
        hints = tool["annotations"]
        assert {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"} <= set(hints)
        assert not (hints["readOnlyHint"] and hints["destructiveHint"])
        schema = tool["inputSchema"]
        assert schema["additionalProperties"] is False
        assert not {"anyOf", "oneOf", "allOf", "$defs"} & set(schema), "some clients refuse the whole list"
        assert tool["outputSchema"]["type"] == "object"
        for name, prop in schema["properties"].items():
            assert prop.get("description") or prop.get("enum"), f"{tool['name']}.{name} says nothing"
            assert not {"password", "token", "secret", "private_key"} & set(name.lower().split()), "never an argument"


async def test_the_list_fits_its_budget(listed: list[dict[str, Any]]) -> None:
    """Counted as the bytes on the wire: compact JSON."""
    card = [tool for tool in listed if tool["name"] in CARD]
    everything = tokens(json.dumps(listed, ensure_ascii=False, separators=(",", ":")))
    of_the_card = tokens(json.dumps(card, ensure_ascii=False, separators=(",", ":")))
    assert of_the_card <= 1800
    assert everything <= 3500
