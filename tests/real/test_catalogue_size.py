"""The catalogue with 50,000 servers in it, in a real browser."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from benchmarks.registry import fill
from benchmarks.serving import running

from mcp_registrar.registry.store import open_store
from tests.real.components import chromium, require

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

SERVERS = 50_000
STEP = 2.0
"""Seconds that a step may take on a busy machine; alone it takes a tenth of that."""


@contextmanager
def within(what: str, seconds: float = STEP) -> Iterator[None]:
    started = time.perf_counter()
    yield
    took = time.perf_counter() - started
    assert took < seconds, f"{what} took {took:.2f} s"


async def test_every_step_stays_quick_with_50_000_servers(tmp_path: Path) -> None:
    from playwright.async_api import expect

    require(chromium)
    store = open_store(tmp_path / "registry.sqlite3")
    await fill(store, SERVERS)
    async with running(store=store) as registry, chromium.start() as browser:
        page = await browser.new_page()
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        names = page.locator("tbody th a")

        with within("the first page", 3 * STEP):
            await page.goto(registry.url)
            await expect(names).to_have_count(50)
        assert re.search(r"50.?000", await page.inner_text("main"))
        seen = await names.all_inner_texts()
        assert seen == sorted(seen)

        for number in range(3):
            with within(f"page {number + 2}"):
                last = seen[-1]
                await page.get_by_role("link", name="Next page").click()
                await expect(names.filter(has_text=re.compile(f"^{re.escape(last)}$"))).to_have_count(0)
                await expect(names).to_have_count(50)
            following = await names.all_inner_texts()
            assert following[0] > last
            seen += following

        wanted = seen[77]
        part = wanted.partition("/")[2]
        with within("searching as it is typed", 2 * STEP):
            await page.locator("input[type=search]").press_sequentially(part)
            await expect(names.first).to_have_text(wanted)

        await page.fill("input[type=search]", "")
        await expect(names).to_have_count(50)
        with within("a word that thousands have"):
            await page.fill("input[type=search]", "cloud")
            await expect(names.first).to_contain_text("cloud")
        found = await names.all_inner_texts()
        with within("the next page of a search"):
            await page.get_by_role("link", name="Next page").click()
            await expect(names.filter(has_text=re.compile(f"^{re.escape(found[0])}$"))).to_have_count(0)
        assert not set(found) & set(await names.all_inner_texts())

        assert await page.locator("select[name=sort]").is_disabled()
        with within("a filter"):
            await page.select_option("select[name=type]", "pypi")
            await expect(page.locator("tbody tr", has_text="npm")).to_have_count(0)
            await expect(page.locator("tbody tr", has_text="pypi")).to_have_count(50)

        with within("a server's page"):
            await names.first.click()
            await expect(page.locator("h1")).to_be_visible()
        assert "pypi" in await page.inner_text("main")
        with within("and back"):
            await page.go_back()
            await expect(names).to_have_count(50)
        assert troubles == []
    await store.close()
