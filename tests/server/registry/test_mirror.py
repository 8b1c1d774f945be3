"""Copying another registry: whole, then only changes, restartable, never over one's own."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.serving import document, running
from benchmarks.upstreams import json_server, serving

from mcp_registrar.registry import mirror as mirror_module
from mcp_registrar.registry.mirror import mirror
from mcp_registrar.registry.store import Store, open_store
from mcp_registrar.registry.store.reading import Filter
from mcp_registrar_tools.errors import RegistrarError, RegistryError
from mcp_registrar_tools.outbound import Outbound

pytestmark = pytest.mark.anyio


def way(url: str) -> Outbound:
    return Outbound(trusted_origins=[url])


async def everything(store: Store) -> list[str]:
    """All rows but for the flag's order of arrival."""
    return [row.json() for row in await store.page(Filter(include_deleted=True), limit=1000)]


async def filled(store: Store, count: int = 250) -> None:
    for number in range(count):
        await store.publish(document(f"com.example/s{number:03}", "1.0.0"))
    await store.publish(document("com.example/s001", "2.0.0", title="Newer"))
    await store.set_status("com.example/s002", "1.0.0", "deprecated", "old")
    await store.set_status("com.example/s003", "1.0.0", "deleted", None)


async def test_a_mirror_is_the_same_registry(store: Store) -> None:
    async with running() as origin:
        await filled(origin.store)
        counts = await mirror(store, way(origin.url), origin.url)
        assert (counts.seen, counts.added, counts.unusable) == (251, 251, 0)
        assert await everything(store) == await everything(origin.store)
        found, _ = await store.ranked("newer", Filter())
        assert [row.version for row in found] == ["2.0.0"]


async def test_the_next_run_takes_only_what_changed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    async with running() as origin:
        await filled(origin.store, 150)
        await mirror(store, way(origin.url), origin.url)
        # The moment kept is the origin's clock in whole seconds, some time before; here: nothing older than now.
        await store.apply(lambda s: s.run("UPDATE mirrors SET since = ?", mirror_module.rfc3339(mirror_module.now())))
        monkeypatch.setattr(mirror_module, "OVERLAP", timedelta(0))
        await origin.store.publish(document("com.example/s000", "3.0.0"))
        await origin.store.set_status("com.example/s001", "2.0.0", "deleted", "withdrawn")
        await origin.store.edit("com.example/s004", "1.0.0", document("com.example/s004", "1.0.0", title="Edited"))
        counts = await mirror(store, way(origin.url), origin.url)
        assert (counts.seen, counts.added, counts.changed) == (3, 1, 2)
        assert await everything(store) == await everything(origin.store)
        assert (await mirror(store, way(origin.url), origin.url, again=True)).changed == 0


async def test_an_interrupted_run_goes_on_where_it_was(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as origin:
        await filled(origin.store)

        async def stop(done: int, name: str) -> None:
            if done == 200:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await mirror(store, way(origin.url), origin.url, report=stop)
        assert len(await everything(store)) == 200
        counts = await mirror(store, way(origin.url), origin.url)
        assert counts.seen == 51
        assert await everything(store) == await everything(origin.store)


async def test_what_was_published_here_is_kept(store: Store) -> None:
    mine = await store.publish(document("com.example/s000", "1.0.0", title="Ours"))
    async with running() as origin:
        await filled(origin.store, 5)
        counts = await mirror(store, way(origin.url), origin.url)
    assert counts.kept == 1
    assert await store.get("com.example/s000") == mine


async def test_entries_that_cannot_be_kept_are_counted_not_fatal(store: Store) -> None:
    meta = {"io.modelcontextprotocol.registry/official": {"status": "strange"}}
    entries: list[Any] = [
        {"server": {"name": "no slash", "version": "1"}},
        {"server": {"name": "com.example/a1", "version": ""}},
        {"server": {"name": "com.example/a2", "version": "1.0.0"}, "_meta": meta},
        {"server": {"name": "com.example/a3", "version": 1}},
        {"server": {"name": "com.example/good", "version": "1.0.0", "unheard_of": True}},
        "text",
    ]
    path = "/v0/servers?limit=100&include_deleted=true"
    async with json_server({path: {"servers": entries, "metadata": {"count": 6}}}) as url:
        counts = await mirror(store, way(url), url)
    assert (counts.seen, counts.added, counts.unusable) == (5, 1, 4)
    assert '"unheard_of":true' in (await everything(store))[0]


async def test_an_address_that_is_no_registry_is_said_to_be_none(store: Store) -> None:
    async with json_server({"/v0/servers?limit=100&include_deleted=true": {"hello": 1}}) as url:
        with pytest.raises(RegistryError, match="something else than a list"):
            await mirror(store, way(url), url)
    async with json_server({}) as url:
        with pytest.raises(RegistryError, match="answered 404"):
            await mirror(store, way(url), url)


async def test_a_busy_registry_is_asked_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def respond(path: str) -> tuple[int, bytes, bool]:
        nonlocal asked
        asked += 1
        return (503, b"", False) if asked < 3 else (200, b'{"servers":[],"metadata":{"count":0}}', False)

    async def at_once(seconds: float) -> None:
        return None

    import anyio

    monkeypatch.setattr(anyio, "sleep", at_once)
    async with serving(respond) as url:
        assert (await mirror(store, way(url), url)).seen == 0
    assert asked == 3


async def test_two_mirrors_do_not_touch_each_other(store: Store) -> None:
    async with running() as one, running() as two:
        await one.store.publish(document("com.example/one", "1.0.0"))
        await two.store.publish(document("com.example/two", "1.0.0"))
        await mirror(store, way(one.url), one.url)
        await mirror(store, way(two.url), two.url)
        assert len(await everything(store)) == 2
        await two.store.publish(document("com.example/one", "1.0.0", title="Pretender"))
        assert (await mirror(store, way(two.url), two.url, again=True)).kept == 1


async def test_a_silent_address_is_an_error_with_a_next_step(tmp_path: Any) -> None:
    store = open_store(tmp_path / "registry.sqlite3")
    with pytest.raises(RegistrarError) as caught:
        await mirror(store, way("http://127.0.0.1:1"), "ftp://127.0.0.1:1")
    assert caught.value.hint
    await store.close()
