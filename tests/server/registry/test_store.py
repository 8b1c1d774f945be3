"""The store's promises, the same on both databases."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mcp_registrar.registry.store import (
    DuplicateVersionError,
    MissingError,
    Store,
    StoreError,
    TooManyVersionsError,
    open_store,
)
from mcp_registrar.registry.store.database import Session
from mcp_registrar.registry.store.migrations import STEPS
from mcp_registrar.registry.store.reading import Filter
from mcp_registrar.registry.store.rows import Row, micros, rfc3339, serialize
from mcp_registrar.registry.store.sqlite import RANKED
from mcp_registrar.registry.store.writing import insert
from mcp_registrar_tools.errors import InputError

pytestmark = pytest.mark.anyio


def document(name: str = "com.example/weather", version: str = "1.0.0", **more: Any) -> dict[str, Any]:
    return {"name": name, "description": "Forecasts for anywhere", "version": version, **more}


def remote(url: str) -> list[dict[str, str]]:
    return [{"type": "sse", "url": url}]


async def names(store: Store, **filter: Any) -> list[str]:
    return [f"{row.server_name}@{row.version}" for row in await store.page(Filter(**filter), limit=100)]


async def test_a_published_document_comes_back_byte_for_byte(store: Store) -> None:
    given = document(title="Grüße, 世界 \u2028 <b>&", _meta={"x": [1.5, None, True, {"z": "a", "a": "z"}]})
    published = await store.publish(given)
    got = await store.get("com.example/weather")
    assert got is not None
    assert got == published
    assert got.document == serialize(given)
    answer = json.loads(got.json())
    assert answer["server"] == given
    assert answer["_meta"]["io.modelcontextprotocol.registry/official"] == got.meta()


async def test_the_three_times_of_a_new_version_are_one_instant(store: Store) -> None:
    row = await store.publish(document())
    assert row.status_changed_at == row.published_at == row.updated_at
    assert micros(rfc3339(row.published_at)) == row.published_at


async def test_a_version_is_published_once_even_when_deleted(store: Store) -> None:
    await store.publish(document())
    await store.set_status("com.example/weather", "1.0.0", "deleted", None)
    with pytest.raises(DuplicateVersionError):
        await store.publish(document())
    await store.publish(document(version="1.0.0+build"))


async def test_the_number_of_versions_is_limited(store: Store) -> None:
    for number in range(3):
        await store.publish(document(version=f"1.0.{number}"), version_limit=3)
    with pytest.raises(TooManyVersionsError, match=r"maximum number of versions for this server reached \(3\)"):
        await store.publish(document(version="1.0.9"), version_limit=3)


async def test_a_remote_url_belongs_to_one_server(store: Store) -> None:
    await store.publish(document("com.example/aa", remotes=remote("https://a.example/mcp")))
    with pytest.raises(
        StoreError, match=r"remote URL https://a\.example/mcp is already used by server com\.example/aa"
    ):
        await store.publish(document("com.example/bb", remotes=remote("https://a.example/mcp")))
    await store.publish(document("com.example/aa", "2.0.0", remotes=remote("https://a.example/mcp")))
    await store.set_all_status("com.example/aa", "deleted", None)
    await store.publish(document("com.example/bb", remotes=remote("https://a.example/mcp")))
    with pytest.raises(StoreError, match="already used by server"):
        await store.set_status("com.example/aa", "1.0.0", "active", None)


async def test_a_refused_publish_leaves_nothing(store: Store) -> None:
    await store.publish(document("com.example/aa", remotes=remote("https://a.example/mcp")))
    with pytest.raises(StoreError):
        await store.publish(document("com.example/bb", remotes=remote("https://a.example/mcp")))
    assert await store.versions("com.example/bb", include_deleted=True) == []
    assert await store.page(Filter(search="bb")) == []


async def test_an_edit_keeps_status_and_publication_and_moves_the_update(store: Store) -> None:
    before = await store.publish(document())
    await store.set_status("com.example/weather", "1.0.0", "deprecated", "old")
    after = await store.edit("com.example/weather", "1.0.0", document(description="Other words"))
    assert (after.status, after.status_message) == ("deprecated", "old")
    assert after.published_at == before.published_at
    assert after.updated_at > before.updated_at
    found, _ = await store.ranked("other", Filter())
    assert [row.version for row in found] == ["1.0.0"]
    with pytest.raises(MissingError):
        await store.edit("com.example/weather", "9.9.9", document(version="9.9.9"))


async def test_a_status_change_moves_its_time_only_when_the_status_moves(store: Store) -> None:
    await store.publish(document())
    first = await store.set_status("com.example/weather", "1.0.0", "deprecated", "a")
    second = await store.set_status("com.example/weather", "1.0.0", "deprecated", "b")
    assert second.status_changed_at == first.status_changed_at
    assert second.updated_at > first.updated_at
    with pytest.raises(StoreError, match="No changes to apply: status and message"):
        await store.set_status("com.example/weather", "1.0.0", "deprecated", "b")
    cleared = await store.set_status("com.example/weather", "1.0.0", "deprecated", None)
    assert cleared.status_message is None
    with pytest.raises(StoreError, match="status_message cannot be provided"):
        await store.set_status("com.example/weather", "1.0.0", "active", "x")


async def test_all_versions_change_together_or_not_at_all(store: Store) -> None:
    for version in ("1.0.0", "2.0.0"):
        await store.publish(document(version=version, remotes=remote(f"https://{version[0]}.example/mcp")))
    await store.set_all_status("com.example/weather", "deleted", "gone")
    await store.publish(document("com.example/thief", remotes=remote("https://2.example/mcp")))
    with pytest.raises(StoreError, match="already used by server"):
        await store.set_all_status("com.example/weather", "active", None)
    rows = await store.versions("com.example/weather", include_deleted=True)
    assert {row.status for row in rows} == {"deleted"}


async def test_pages_follow_each_other_by_name_and_version_as_text(store: Store) -> None:
    for name, version in (("com.example/bb", "1.9.0"), ("com.example/bb", "1.10.0"), ("com.example/B1", "1.0.0")):
        await store.publish(document(name, version))
    everything = await names(store)
    assert everything == ["com.example/B1@1.0.0", "com.example/bb@1.10.0", "com.example/bb@1.9.0"]
    collected, after = [], None
    while rows := await store.page(Filter(), after=after, limit=1):
        collected.append(f"{rows[0].server_name}@{rows[0].version}")
        after = (rows[0].server_name, rows[0].version)
    assert collected == everything


async def test_filters(store: Store) -> None:
    first = await store.publish(document("com.example/aa", "1.0.0"))
    await store.publish(document("com.example/aa", "2.0.0"))
    await store.publish(document("com.example/bb", "1.0.0"))
    await store.set_status("com.example/bb", "1.0.0", "deleted", None)
    assert await names(store, version="latest") == ["com.example/aa@2.0.0"]
    assert await names(store, version="1.0.0") == ["com.example/aa@1.0.0"]
    assert await names(store, include_deleted=True, version="1.0.0") == ["com.example/aa@1.0.0", "com.example/bb@1.0.0"]
    assert await names(store, updated_since=first.updated_at, include_deleted=True) == [
        "com.example/aa@2.0.0",
        "com.example/bb@1.0.0",
    ]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("WEATHER", ["com.example/weather-now"]),
        ("er-n", ["com.example/weather-now"]),
        ("we", ["com.example/weather-now"]),
        ("a_b", ["com.example/a_b"]),
        ("%", []),
        ("_b", ["com.example/a_b"]),
        ("\\", []),
        ('"', []),
        ("' OR 1=1 --", []),
        ("com.example/", ["com.example/a-b", "com.example/a_b", "com.example/weather-now"]),
        ("weather com", []),
    ],
)
async def test_search_is_a_substring_of_the_name_and_nothing_else(store: Store, search: str, found: list[str]) -> None:
    for name in ("com.example/weather-now", "com.example/a_b", "com.example/a-b"):
        await store.publish(document(name))
    assert [row.server_name for row in await store.page(Filter(search=search))] == found


async def test_a_search_is_paged_like_a_list(store: Store) -> None:
    for number in range(7):
        for version in ("1.0.0", "1.1.0"):
            await store.publish(document(f"com.example/thing{number}", version))
        await store.publish(document(f"com.example/other{number}"))
    expected = [f"com.example/thing{n}@{v}" for n in range(7) for v in ("1.0.0", "1.1.0")]
    collected, after = [], None
    while rows := await store.page(Filter(search="thing"), after=after, limit=3):
        collected += [f"{row.server_name}@{row.version}" for row in rows]
        after = (rows[-1].server_name, rows[-1].version)
    assert collected == expected


@pytest.mark.parametrize(
    ("words", "first", "corrected"),
    [
        ("weather", "com.example/weather", {}),
        ("wea", "com.example/weather", {}),
        ("wether", "com.example/weather", {"wether": "weather"}),
        ("waether", "com.example/weather", {"waether": "weather"}),
        ("eather", "com.example/weather", {"eather": "weather"}),
        ("forecasts anywhere", "com.example/weather", {}),
        ("anywhere FORECAST", "com.example/weather", {}),
        ("postgress", "com.example/db", {"postgress": "postgres"}),
        ("play console", "com.example/GooglePlayConsole", {}),
        ("example/note", "com.example/notes", {}),
        ("com.example/db", "com.example/db", {}),
        ("notes", "com.example/notes", {}),
        ("uber", "com.example/ueber", {}),
        ("数据", "com.example/shuju", {}),
    ],
)
async def test_ranked_search_finds_what_was_meant(
    store: Store, words: str, first: str, corrected: dict[str, str]
) -> None:
    await store.publish(document())
    await store.publish(document("com.example/db", description="Ask a Postgres database", title="Postgres"))
    await store.publish(document("com.example/notes", description="Notes about weather and other things"))
    await store.publish(document("com.example/GooglePlayConsole", description="Publish apps"))
    await store.publish(document("com.example/ueber", description="Über alles mögliche"))
    await store.publish(document("com.example/shuju", description="数据库工具"))
    rows, meant = await store.ranked(words, Filter())
    assert [row.server_name for row in rows][:1] == [first]
    assert meant == corrected


@pytest.mark.parametrize(
    "words", ["", "   ", '"', "AND OR NOT", "zz:b NEAR(", "'; DROP TABLE words; --", "\0", "*", "🙂"]
)
async def test_ranked_search_survives_any_text(store: Store, words: str) -> None:
    await store.publish(document())
    rows, _ = await store.ranked(words, Filter())
    assert rows == []


async def test_ranked_search_sees_only_what_is_latest_and_not_deleted(store: Store) -> None:
    await store.publish(document(version="1.0.0", description="Rain"))
    await store.publish(document(version="2.0.0", description="Sunshine"))
    assert (await store.ranked("rain", Filter()))[0] == []
    assert [row.version for row in (await store.ranked("sunshine", Filter()))[0]] == ["2.0.0"]
    await store.set_status("com.example/weather", "2.0.0", "deleted", None)
    assert [row.version for row in (await store.ranked("rain", Filter()))[0]] == ["1.0.0"]
    await store.set_status("com.example/weather", "1.0.0", "deleted", None)
    assert (await store.ranked("weather", Filter()))[0] == []
    assert len((await store.ranked("weather", Filter(include_deleted=True)))[0]) == 1


async def test_types_and_counts(store: Store) -> None:
    package = {"registryType": "npm", "identifier": "x", "transport": {"type": "stdio"}}
    await store.publish(document("com.example/aa", packages=[package], remotes=remote("https://a.example/mcp")))
    await store.publish(document("com.example/bb", remotes=remote("https://b.example/mcp")))
    await store.publish(document("com.example/cc"))
    assert await store.kinds() == [("", 1), ("npm", 1), ("sse", 1)]
    assert await store.count() == 3
    assert [row.server_name for row in await store.page(Filter(kind="sse"))] == ["com.example/bb"]


async def test_what_is_stored_is_there_after_reopening(address: str) -> None:
    first = open_store(address)
    row, seed = await first.publish(document()), await first.jwt_seed()
    await first.close()
    second = open_store(address)
    assert await second.get("com.example/weather") == row
    assert await second.jwt_seed() == seed
    assert len(seed) == 32
    await second.close()


async def test_a_store_of_a_newer_version_is_left_alone(address: str) -> None:
    store = open_store(address)
    if store.dialect == "sqlite":
        import sqlite3

        connection = sqlite3.connect(address)
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
        connection.close()
    else:
        await store.apply(lambda session: session.run("INSERT INTO registrar_schema VALUES (?)", len(STEPS) + 1))
    await store.close()
    with pytest.raises(InputError, match="newer version"):
        open_store(address)


async def test_a_version_with_a_null_byte_or_only_spaces_is_refused(store: Store) -> None:
    for version in ("1\0", "  "):
        with pytest.raises(StoreError, match="invalid version"):
            await store.publish(document(version=version))


async def crowded(store: Store) -> None:
    """More servers with a word than a ranked search weighs, those that matter most written last."""

    def job(session: Session) -> None:
        for number in range(RANKED + 100):
            add(session, f"com.example/thing{number:03}", description="Search the data of a thing")
        for number in range(RANKED + 50):
            add(session, f"com.example/data-tool-{number:03}", description="A tool")
        package = {"registryType": "oci", "identifier": "docker.io/a/b:1", "transport": {"type": "stdio"}}
        add(session, "com.example/contained", description="Data in a container", packages=[package])
        add(session, "org.other/data", description="The thing itself")

    def add(session: Session, name: str, **more: Any) -> None:
        body = document(name, **more)
        insert(session, Row(name, "1.0.0", "active", None, 1, 1, 1, 1, serialize(body)), body)

    await store.apply(job)


async def test_a_word_that_very_many_have_still_finds_the_best_first_and_pages_without_repeats(store: Store) -> None:
    await crowded(store)
    seen: list[str] = []
    while rows := (await store.ranked("data", Filter(), offset=len(seen), limit=30))[0]:
        seen += [row.server_name for row in rows]
    assert seen[0] == "org.other/data"
    assert len(seen) == len(set(seen)) >= RANKED
    # Names come before descriptions.
    assert all(name.startswith("com.example/data-tool") for name in seen[1:RANKED])
    for text in ("dat", "data tool", "data nothing"):
        rows, _ = await store.ranked(text, Filter(), limit=30)
        assert len(rows) == 30, text
    assert [row.server_name for row in (await store.ranked("search data", Filter(), limit=2))[0]] == [
        "com.example/thing000", "com.example/thing001",
    ]  # fmt: skip


async def test_a_filter_reaches_beyond_the_matches_that_are_weighed(store: Store) -> None:
    await crowded(store)
    rows, _ = await store.ranked("data", Filter(kind="oci"))
    assert [row.server_name for row in rows] == ["com.example/contained"]
    assert await store.ranked("data", Filter(kind="npm")) == ([], {})


@pytest.mark.parametrize("text", ["gamma", "amma-d", "a-d", "ma", "mma-delta1", "GAMMA-DELTA", "delta150", "100%", '"'])
async def test_substrings_of_any_length_among_many_similar_names(store: Store, text: str) -> None:
    """Groups of three letters that occur apart in a name do not make it a match."""
    names = [f"com.example/gamma-delta{n:03}" for n in range(160)]
    names += [f"com.example/gammx-amm-delt{n:03}-mma-lta1" for n in range(310)]

    def job(session: Session) -> None:
        for name in names:
            session.add_server(name)
            session.run(
                "INSERT INTO versions (server_name, version, status, status_changed_at, published_at, updated_at, "
                "is_latest, document, kind) VALUES (?, '1.0.0', 'active', 1, 1, 1, 1, '{}', '')",
                name,
            )

    await store.apply(job)
    found: list[str] = []
    after = None
    while rows := await store.page(Filter(search=text), after=after, limit=100):
        found += [row.server_name for row in rows]
        after = (rows[-1].server_name, rows[-1].version)
    assert found == sorted(name for name in names if text.lower() in name)
