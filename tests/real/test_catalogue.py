"""The catalogue page in a real browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from benchmarks.serving import Running, running

from tests.real.components import chromium, docker, require

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

MARKUP = "<img src=x onerror=\"document.title='owned'\"> & <b>bold</b>"
WEATHER = {
    "title": "Weather",
    "description": "Forecasts for anywhere",
    "websiteUrl": "https://weather.example/",
    "repository": {"url": "https://github.com/example/weather", "source": "github"},
    "packages": [
        {
            "registryType": "npm",
            "identifier": "@example/weather",
            "version": "1.2.0",
            "transport": {"type": "stdio"},
            "environmentVariables": [
                {"name": "WEATHER_KEY", "description": "Your key", "isRequired": True, "isSecret": True}
            ],
        }
    ],
}


@asynccontextmanager
async def catalogue(**options: Any) -> AsyncIterator[tuple[Running, Page]]:
    """A registry with servers in it and a browser page that fails the test on any script or policy error."""
    require(chromium)
    async with running() as registry, chromium.start() as browser:
        assert (await registry.publish("com.example/weather", "1.2.0", **WEATHER)).status == 200
        for number in range(60):
            await registry.publish(f"com.example/filler{number:02}", "1.0.0", description="Fills the list")
        await registry.publish(
            "com.example/markup", "1.0.0", title="<script>document.title='owned'</script>", description=MARKUP
        )
        await registry.publish("com.example/old", "0.1.0")
        await registry.store.set_status("com.example/old", "0.1.0", "deprecated", "Use <i>weather</i>")
        await registry.publish("com.example/gone", "0.1.0")
        await registry.store.set_status("com.example/gone", "0.1.0", "deleted", None)
        context = await browser.new_context(**options)
        await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=registry.url)
        page = await context.new_page()
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        page.on(
            "request",
            lambda request: None if request.url.startswith(registry.url) else troubles.append(request.url),
        )
        await page.goto(registry.url)
        yield registry, page
        await context.close()
        assert troubles == []


async def texts(page: Page, selector: str) -> list[str]:
    return [text.strip() for text in await page.locator(selector).all_inner_texts()]


async def rows(page: Page, count: int) -> None:
    """Wait until the table has so many rows."""
    from playwright.async_api import expect

    await expect(page.locator("tbody tr")).to_have_count(count)


async def test_the_servers_view_has_the_columns_and_rows_of_its_time() -> None:
    async with catalogue() as (_, page):
        assert [t.upper() for t in await texts(page, "thead th")] == [
            "NAME", "VERSION", "TYPE", "PUBLISHED", "DEPLOYED", "UPDATED",
        ]  # fmt: skip
        assert await page.locator("tbody tr").count() == 50
        await page.get_by_text("Next page").click()
        await rows(page, 13)
        row = page.locator("tbody tr", has_text="com.example/weather")
        assert [t for t in (await row.inner_text()).split() if t in ("1.2.0", "npm", "active", "False")] == [
            "1.2.0", "npm", "active", "False",
        ]  # fmt: skip
        assert "com.example/gone" not in await page.inner_text("main")
        await page.go_back()
        await rows(page, 50)


async def test_searching_while_typing_forgives_a_slip() -> None:
    async with catalogue() as (_, page):
        await page.locator("input[type=search]").press_sequentially("wether")
        await rows(page, 1)
        assert await texts(page, "tbody th a") == ["com.example/weather"]
        assert "weather for “wether”" in await page.inner_text("#results")
        assert page.url.endswith("/?q=wether")
        assert await page.inner_text("#told") == "1 server shown"
        await page.fill("input[type=search]", "zzzzzz")
        await page.wait_for_selector("text=No servers match.")


async def test_filters_by_type_and_status() -> None:
    async with catalogue() as (_, page):
        await page.select_option("select[name=type]", "npm")
        await rows(page, 1)
        assert await texts(page, "tbody th a") == ["com.example/weather"]
        await page.select_option("select[name=type]", "")
        await page.select_option("select[name=status]", "deleted")
        await rows(page, 1)
        assert await texts(page, "tbody th a") == ["com.example/gone"]
        await page.click("tbody th a")
        assert "Deleted." in await page.inner_text(".banner")
        assert await page.locator("#install").count() == 0


async def test_a_server_is_opened_and_a_snippet_copied() -> None:
    async with catalogue() as (_, page):
        await page.goto(page.url + "?q=weather")
        await page.click("text=com.example/weather")
        assert await page.inner_text("h1") == "Weather"
        assert "WEATHER_KEY" in await page.inner_text("main")
        assert (
            await page.get_by_role("link", name="Repository").get_attribute("href")
            == "https://github.com/example/weather"
        )
        await page.get_by_role("tab", name="Cursor").click()
        panel = page.get_by_role("tabpanel", name="Cursor")
        await panel.get_by_role("button", name="Copy").last.click()
        await page.wait_for_selector("text=Copied")
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert copied == await panel.locator(".code code").last.text_content()
        assert "@example/weather@1.2.0" in copied
        assert "copied" in await page.inner_text("#told")
        await page.click("text=Show the document")
        assert '"identifier": "@example/weather"' in await page.inner_text("details")


async def test_markup_in_an_entry_stays_text() -> None:
    async with catalogue() as (registry, page):
        await page.goto(registry.url + "/?q=bold")
        assert MARKUP in await page.inner_text("tbody")
        await page.goto(registry.url + "/catalogue/com.example%2Fmarkup")
        assert await page.inner_text("h1") == "<script>document.title='owned'</script>"
        assert MARKUP in await page.inner_text(".lead")
        assert await page.title() != "owned"
        assert await page.locator("main img, main script").count() == 0
        await page.goto(registry.url + "/catalogue/com.example%2Fold")
        assert "Use <i>weather</i>" in await page.inner_text(".banner")


async def test_the_policy_forbids_scripts_of_others() -> None:
    async with catalogue() as (registry, _):
        for path in ("/", "/catalogue/com.example%2Fweather", "/catalogue/com.example%2Fnone", "/docs"):
            reply = await registry.ask("GET", path)
            policy = reply.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert not re.search(rb"<script(?![^>]* src=)|\son\w+=[\"']|style=", reply.body.split(b"<main")[0])


async def test_everything_can_be_reached_by_keyboard() -> None:
    async with catalogue() as (registry, page):
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.textContent") == "Skip to content"
        await page.keyboard.press("/")
        assert await page.evaluate("document.activeElement.name") == "q"
        await page.keyboard.type("weather")
        await rows(page, 1)
        for _ in range(3):  # type and status; what was searched for has its own order
            await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("h1:has-text('Weather')")
        await page.locator("[role=tab]").first.focus()
        await page.keyboard.press("ArrowRight")
        assert await page.evaluate("document.activeElement.getAttribute('aria-selected')") == "true"
        assert registry.url in page.url


async def test_names_and_roles_for_a_screen_reader() -> None:
    async with catalogue() as (registry, page):
        assert await page.get_by_role("searchbox", name="Search servers").count() == 1
        assert await page.get_by_role("columnheader").count() == 6
        assert await page.get_by_role("rowheader").count() == 50
        assert await page.get_attribute("html", "lang") == "en"
        await page.goto(registry.url + "/catalogue/com.example%2Fweather")
        assert await page.get_by_role("tab", selected=True).count() == 1
        assert await page.get_by_role("complementary", name="About this server").count() == 1


async def test_without_scripts_the_page_still_works() -> None:
    async with catalogue(java_script_enabled=False) as (registry, page):
        await page.fill("input[type=search]", "weather")
        await page.click("button:has-text('Search')")
        assert await texts(page, "tbody th a") == ["com.example/weather"]
        await page.goto(registry.url + "/catalogue/com.example%2Fweather")
        assert "codex" in (await page.inner_text("main")).lower()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
async def test_it_fits_the_screen_and_text_is_legible(scheme: Any, width: int, tmp_path: Path) -> None:
    async with catalogue(color_scheme=scheme, viewport={"width": width, "height": 800}) as (registry, page):
        for path in ("/", "/catalogue/com.example%2Fweather", "/docs"):
            await page.goto(registry.url + path)
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
            assert await page.evaluate(LOW_CONTRAST) == [], path
        await page.screenshot(path=tmp_path / "page.png")


# Text whose contrast with what is behind it is below WCAG AA (4.5 to 1).
LOW_CONTRAST = """() => {
  const parse = (c) => (c.match(/[\\d.]+/g) || []).map(Number);
  const linear = (v) => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; };
  const light = ([r, g, b]) => .2126 * linear(r) + .7152 * linear(g) + .0722 * linear(b);
  const behind = (el) => { for (; el; el = el.parentElement) { const c = parse(getComputedStyle(el).backgroundColor);
    if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
  const found = [];
  for (const el of document.querySelectorAll('body *')) {
    const own = [...el.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !el.checkVisibility() || el.tagName === 'OPTION') continue;
    const a = light(parse(getComputedStyle(el).color)), b = light(behind(el));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    const what = el.tagName + '.' + el.className + ' ' + ratio.toFixed(2) + ' ' + el.textContent.slice(0, 20);
    if (ratio < 4.5) found.push(what);
  }
  return [...new Set(found)];
}"""


@pytest.mark.docker
async def test_deployed_is_true_while_a_container_of_the_image_runs(engine: docker.Engine) -> None:
    client: Any = engine.client()
    image = "docker.io/example/weather-mcp:1.0.0"
    client.tag("busybox:latest", "example/weather-mcp", "1.0.0")
    container = client.create_container("example/weather-mcp:1.0.0", command=["sleep", "300"])
    package = {"registryType": "oci", "identifier": image, "transport": {"type": "stdio"}}
    try:
        async with running() as registry:
            assert (await registry.publish("com.example/weather", "1.0.0", packages=[package])).status == 200

            async def deployed() -> bytes:
                registry.app._images = (-1e9, set())  # what was seen a moment ago is forgotten
                page = await registry.ask("GET", "/", x_part="rows")
                return re.findall(rb'data-label="Deployed"><span class="\w+">(\w+)<', page.body)[0]

            assert await deployed() == b"False"
            client.start(container)
            assert await deployed() == b"True"
    finally:
        client.remove_container(container, force=True)
