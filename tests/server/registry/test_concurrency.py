"""Two processes on one database: one wins, nothing is lost, exactly one version is the latest."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import Any

import pytest

from mcp_registrar.registry.store import Store, open_store

pytestmark = pytest.mark.anyio

# A process that publishes what it is told, as many at once as there are, and says what became of each.
WORKER = """
import json, sys, anyio
from mcp_registrar.registry.store import StoreError, open_store

async def main():
    store = open_store(sys.argv[1])
    documents = json.loads(sys.stdin.readline())
    print("ready", flush=True)
    sys.stdin.readline()
    results = []

    async def publish(document):
        try:
            await store.publish(document)
            results.append("published")
        except StoreError as error:
            results.append(str(error))

    async with anyio.create_task_group() as group:
        for document in documents:
            group.start_soon(publish, document)
    print(json.dumps(results), flush=True)
    await store.close()

anyio.run(main)
"""

# A process that publishes without end and prints each version once it was acknowledged.
STREAM = """
import sys, anyio
from mcp_registrar.registry.store import open_store

async def main():
    store = open_store(sys.argv[1])
    run, number = sys.argv[2], 0
    while True:
        number += 1
        name = f"com.example/s{number % 7}"
        version = f"{run}.{number}.0"
        remotes = [{"type": "sse", "url": f"https://{version}.{number % 7}.example/mcp"}]
        await store.publish({"name": name, "description": "x" * 2000, "version": version, "remotes": remotes})
        sys.stdout.write(f"{name} {version}\\n")
        sys.stdout.flush()

anyio.run(main)
"""


def document(name: str, version: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "description": "At once", "version": version, **more}


def at_once(address: str, *shares: list[dict[str, Any]]) -> Counter[str]:
    """Publish each share in a process of its own, all starting together; how often each result came."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in shares
    ]
    for process, share in zip(processes, shares, strict=True):
        assert process.stdin
        process.stdin.write(json.dumps(share) + "\n")
        process.stdin.flush()
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    results: Counter[str] = Counter()
    for process in processes:
        assert process.stdout
        results.update(json.loads(process.stdout.readline()))
        assert process.wait(30) == 0
    return results


async def test_of_fifty_publishes_of_one_version_one_succeeds(address: str) -> None:
    store = open_store(address)
    share = [document("com.example/same", "1.0.0")] * 25
    results = at_once(address, share, share)
    duplicate = "invalid version: cannot publish duplicate version: com.example/same@1.0.0 already exists"
    assert results == {"published": 1, duplicate: 49}
    assert len(await store.versions("com.example/same")) == 1
    await store.close()


async def test_of_two_hundred_versions_the_highest_is_the_only_latest(address: str) -> None:
    store = open_store(address)
    versions = [f"{n // 100}.{n // 10 % 10}.{n % 10}" for n in range(200)]
    random.Random(1).shuffle(versions)
    documents = [document("com.example/many", version) for version in versions]
    assert at_once(address, documents[:100], documents[100:]) == {"published": 200}
    rows = await store.versions("com.example/many")
    assert len(rows) == 200
    assert [row.version for row in rows if row.is_latest] == ["1.9.9"]
    latest = await store.get("com.example/many")
    assert latest is not None
    assert latest.version == "1.9.9"
    await store.close()


async def test_of_many_servers_with_one_remote_url_one_gets_it(address: str) -> None:
    store = open_store(address)
    remotes = [{"type": "sse", "url": "https://wanted.example/mcp"}]
    documents = [document(f"com.example/r{n:02}", "1.0.0", remotes=remotes) for n in range(40)]
    results = at_once(address, documents[:20], documents[20:])
    assert results["published"] == 1
    assert sum(results.values()) == 40
    await store.close()


async def test_processes_that_open_a_new_store_together_both_can(address: str) -> None:
    documents = [document(f"com.example/n{n}", "1.0.0") for n in range(4)]
    assert at_once(address, documents[:2], documents[2:]) == {"published": 4}


async def killed(address: str, run: int, lines: int) -> list[tuple[str, str]]:
    """Start a stream of publishes, kill it in the middle, and return what it had acknowledged."""
    process = subprocess.Popen([sys.executable, "-c", STREAM, address, str(run)], stdout=subprocess.PIPE, text=True)
    acknowledged: list[tuple[str, str]] = []
    assert process.stdout
    try:
        for line in process.stdout:
            name, version = line.split()
            acknowledged.append((name, version))
            if len(acknowledged) == lines:
                # Not on the beat of an acknowledgement, but somewhere in what follows.
                threading.Timer(random.random() * 0.02, os.kill, (process.pid, signal.SIGKILL)).start()
        # What was printed but not whole does not count.
    finally:
        process.wait(30)
    return acknowledged


async def check_whole(store: Store, acknowledged: list[tuple[str, str]]) -> None:
    """Everything acknowledged is there; of everything there, all parts are; each server has one latest."""
    for name in {name for name, _ in acknowledged}:
        rows = await store.versions(name, include_deleted=True)
        there = {row.version for row in rows}
        assert {version for each, version in acknowledged if each == name} <= there
        assert sum(row.is_latest for row in rows) == 1
        remotes = await store.apply(
            lambda session, name=name: session.run("SELECT version FROM remotes WHERE server_name = ?", name)
        )
        assert {version for (version,) in remotes} == there
        assert all(json.loads(row.document)["version"] == row.version for row in rows)


async def test_a_killed_process_loses_nothing_it_acknowledged(address: str) -> None:
    open_store(address)
    acknowledged = []
    for run in range(3):
        acknowledged += await killed(address, run, 10)
    store = open_store(address)
    await check_whole(store, acknowledged)
    await store.close()


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_fifty_kills(address: str) -> None:
    open_store(address)
    acknowledged: list[tuple[str, str]] = []
    started = time.monotonic()
    for run in range(50):
        acknowledged += await killed(address, run, random.randrange(1, 60))
    store = open_store(address)
    await check_whole(store, acknowledged)
    if store.dialect == "sqlite":
        assert await store.apply(lambda session: session.run("SELECT count(*) FROM versions")) >= [(len(acknowledged),)]
        check = await store._database.read(lambda session: session.run("PRAGMA integrity_check"))
        assert check == [("ok",)]
        words = await store.apply(lambda session: session.run("INSERT INTO words(words) VALUES ('integrity-check')"))
        assert words == []
    print(f"{store.dialect}: 50 kills, {len(acknowledged)} acknowledged, {time.monotonic() - started:.0f} s")
    await store.close()
