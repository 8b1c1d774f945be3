"""The embedded registry asks who owns a package, as its settings say: enforce, report, off."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from benchmarks.upstream import Asked, Reply, Upstream, serve

from mcp_registrar.registry import in_process
from mcp_registrar_tools.outbound import Outbound
from mcp_registrar_tools.workbench import Settings

pytestmark = pytest.mark.anyio

NAME = "io.github.acme/widget"
NPM = {"registryType": "npm", "identifier": "a-pkg", "version": "1.0.0", "transport": {"type": "stdio"}}
SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"


def npm(asked: Asked) -> Reply:
    """One package carries the mark, every other belongs to somebody else."""
    return Reply.of({"mcpName": NAME if "/mine/" in asked.url else "com.other/thing"})


@asynccontextmanager
async def registry(folder: Path, mode: Literal["enforce", "report", "off"]) -> AsyncIterator[tuple[Outbound, Upstream]]:
    async with serve(npm) as upstream:
        settings = Settings(data_dir=folder, ownership=mode, npm_url=upstream.url, pypi_url=upstream.url)
        outbound = Outbound(transport=in_process(settings))
        try:
            yield outbound, upstream
        finally:
            await outbound.close()


async def publish(outbound: Outbound, *packages: dict[str, Any]) -> tuple[int, str]:
    """The status, and why it was refused or what was let pass."""
    document = {"$schema": SCHEMA, "name": NAME, "description": "d", "version": "1.0.0", "packages": list(packages)}
    got = await outbound.fetch("POST", "http://registry.test/v0/publish", json=document)
    if got.status == 200:
        return 200, "; ".join(json.loads(got.headers.get("x-registrar-ownership", "[]")))
    return got.status, got.json()["errors"][0]["message"] if got.status == 400 else ""


async def test_enforced_the_first_package_that_fails_is_told_in_the_registrys_words(tmp_path: Path) -> None:
    async with registry(tmp_path, "enforce") as (outbound, _):
        mine, other = {**NPM, "identifier": "mine"}, {**NPM, "identifier": "other"}
        assert await publish(outbound, mine, other, {**NPM, "fileSha256": "0" * 64}) == (
            400,
            "registry validation failed for package 1 (other): NPM package 'other' version '1.0.0' ownership "
            f"validation failed. Expected mcpName '{NAME}', got 'com.other/thing'",
        )
        status, message = await publish(outbound, mine, {**NPM, "registryBaseUrl": "https://npm.example"})
        assert (status, message.partition(": ")[0]) == (400, "registry validation failed for package 1 (a-pkg)")
        assert await publish(outbound, mine) == (200, "")


async def test_reported_it_passes_but_an_impossible_entry_does_not(tmp_path: Path) -> None:
    async with registry(tmp_path, "report") as (outbound, _):
        assert await publish(outbound, {**NPM, "fileSha256": "0" * 64}) == (
            400,
            "registry validation failed for package 0 (a-pkg): NPM packages must not have 'fileSha256' field",
        )
        assert await publish(outbound, NPM) == (
            200,
            "registry validation failed for package 0 (a-pkg): NPM package 'a-pkg' version '1.0.0' ownership "
            f"validation failed. Expected mcpName '{NAME}', got 'com.other/thing'",
        )


async def test_switched_off_nobody_is_asked(tmp_path: Path) -> None:
    async with registry(tmp_path, "off") as (outbound, upstream):
        assert (await publish(outbound, {**NPM, "fileSha256": "0" * 64}))[0] == 200
    assert upstream.asked == []
