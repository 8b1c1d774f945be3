"""Publishing and logging in through an MCP client, in both protocol eras."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import ElicitRequestURLParams, ElicitResult

from mcp_registrar.app import build_server
from mcp_registrar_tools.registries import names
from mcp_registrar_tools.workbench import Settings
from tests.tools.registries.serving import GitHub, document, embedded, project, serve

pytestmark = pytest.mark.anyio

TOKEN = "gho_0123456789abcdefABCDEF0123456789abcd"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_device_login_then_publish_asks_once_each(
    mode: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the stateless era each call is repeated with the answer: the code and the question must be the same."""
    monkeypatch.setattr(names, "is_private", lambda url: False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    github = GitHub({TOKEN: ("octocat", [])})
    github.device_token = TOKEN
    asked: list[str] = []

    async def answer(context: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        if isinstance(params, ElicitRequestURLParams):
            assert params.url == "https://github.com/login/device"
            return ElicitResult(action="accept")
        return ElicitResult(action="accept", content={"yes": True})

    with ExitStack() as stack:
        address = stack.enter_context(serve(github))
        url = stack.enter_context(
            embedded(tmp_path, github_api_url=address, github_client_id="Iv1.test", trusted_origins=address)
        )
        settings = Settings(data_dir=tmp_path / "data", github_url=address)
        async with Client(build_server(settings), mode=mode, elicitation_callback=answer) as client:
            login = await client.call_tool("login", {"registry": url})
            assert not login.is_error, login.content
            assert login.structured_content is not None
            assert login.structured_content["may_publish"] == ["io.github.octocat/*"]
            folder = project(tmp_path / "p", document())
            done = await client.call_tool("publish", {"path": str(folder), "registry": url})
            assert not done.is_error, done.content
            assert done.structured_content is not None
            assert done.structured_content["outcome"] == "published"
    assert len(asked) == 2
    assert asked[0] == "GitHub asks for the code WDJB-MJHT"
    assert asked[1].startswith(f"Publish io.github.octocat/weather 1.0.0 to {url}?")
    assert [kind for kind, _ in github.asked] == ["start", "poll"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_that_cannot_ask_shows_the_code(
    mode: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    github = GitHub({TOKEN: ("octocat", [])})
    github.device_token = TOKEN
    with ExitStack() as stack:
        address = stack.enter_context(serve(github))
        url = stack.enter_context(
            embedded(tmp_path, github_api_url=address, github_client_id="Iv1.test", trusted_origins=address)
        )
        settings = Settings(data_dir=tmp_path / "data", github_url=address)
        async with Client(build_server(settings), mode=mode) as client:
            first = await client.call_tool("login", {"registry": url})
            text = first.content[0].text  # type: ignore[union-attr]
            assert "WDJB-MJHT" in text
            assert f'login(registry="{url}", method="github-device")' in text
            second = await client.call_tool("login", {"registry": url, "method": "github-device"})
            assert second.structured_content is not None
            assert second.structured_content["may_publish"] == ["io.github.octocat/*"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_no_is_no(mode: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "is_private", lambda url: False)

    async def decline(context: Any, params: Any) -> ElicitResult:
        return ElicitResult(action="decline")

    with embedded(tmp_path, enable_anonymous_auth=True) as url:
        settings = Settings(data_dir=tmp_path / "data")
        async with Client(build_server(settings), mode=mode, elicitation_callback=decline) as client:
            await client.call_tool("login", {"registry": url, "method": "none"})
            content = document("io.modelcontextprotocol.anonymous/weather")
            folder = project(tmp_path / "p", content)
            refused = await client.call_tool("publish", {"path": str(folder), "registry": url})
            assert refused.is_error
            assert "[declined]" in refused.content[0].text  # type: ignore[union-attr]
            found = await client.call_tool("search", {"registry": url})
            assert found.structured_content is not None
            assert found.structured_content["servers"] == []
