"""How fast the embedded registry is: ``python -m benchmarks.registry [--servers N] [--postgres URL] [--peer URL]``.

Fills a store with N generated servers, serves it from a process of its own with one worker, and measures over
loopback HTTP, one connection: publish, get, list page 1 and page 1,000, the official substring search and the ranked
search. ``--peer`` sends the same reads to another registry in the same run.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import anyio

from mcp_registrar.registry.auth.permissions import EVERYTHING
from mcp_registrar.registry.auth.tokens import Tokens
from mcp_registrar.registry.store import Store, open_store
from mcp_registrar.registry.store.rows import Row, serialize
from mcp_registrar.registry.store.writing import insert

SEED = bytes(range(32))
BATCH = 2000
ROUNDS = 400

# Words are drawn so that each, like words do, is either common or rare whatever the number of servers.
COMMON = (
    *("server", "mcp", "api", "tools", "data", "search", "cloud", "file", "code", "agent"),
    *("docs", "web", "sql", "git", "image", "mail", "chat", "test"),
)
SYLLABLES = (
    *("ba", "co", "du", "fe", "gi", "ka", "lo", "mu", "ne", "pi", "ra", "so", "tu", "ve", "wi"),
    *("xa", "yo", "ze", "qua", "tri", "plo", "gno", "sta", "bri"),
)


def word(random_: random.Random, rare: int) -> str:
    """One of ``rare`` made-up words."""
    number = random_.randrange(rare)
    letters = ""
    for _ in range(3):
        number, part = divmod(number, len(SYLLABLES))
        letters += SYLLABLES[part]
    return letters + (str(number) if number else "")


def documents(count: int) -> Iterator[dict[str, Any]]:
    """Servers that look like real ones: about 1 KB, a package or a remote, words in title and description."""
    random_ = random.Random(7)
    rare = max(50, count // 12)
    for number in range(count):
        a, b, c = word(random_, rare), word(random_, rare), random_.choice(COMMON)
        name = f"io.github.{a}{number % 977}/{b}-{c}-{number}"
        document: dict[str, Any] = {
            "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
            "name": name,
            "description": f"{c.title()} {a} for {b}: {random_.choice(COMMON)} and {word(random_, rare)}"[:100],
            "title": f"{b.title()} {c.title()}",
            "version": f"{random_.randrange(3)}.{random_.randrange(20)}.{random_.randrange(10)}",
            "repository": {"url": f"https://github.com/{a}/{b}-{number}", "source": "github"},
        }
        if number % 4:
            document["packages"] = [
                {
                    "registryType": ("npm", "pypi", "oci")[number % 3],
                    "identifier": f"{b}-{c}-{number}",
                    "version": document["version"],
                    "transport": {"type": "stdio"},
                    "environmentVariables": [
                        {"name": "API_KEY", "description": "Key of the service", "isRequired": True, "isSecret": True}
                    ],
                }
            ]
        else:
            document["remotes"] = [{"type": "streamable-http", "url": f"https://{a}{number}.example.com/mcp"}]
        yield document


async def fill(store: Store, count: int) -> float:
    """Write the servers in large transactions; seconds it took."""
    started = time.perf_counter()
    batch: list[dict[str, Any]] = []

    async def flush() -> None:
        todo = list(batch)
        batch.clear()

        def job(session: Any) -> None:
            at = time.time_ns() // 1000
            for document in todo:
                row = Row(document["name"], document["version"], "active", None, at, at, at, 1, serialize(document))
                insert(session, row, document)

        await store.apply(job)

    for document in documents(count):
        batch.append(document)
        if len(batch) == BATCH:
            await flush()
    await flush()
    return time.perf_counter() - started


@contextmanager
def served(address: str) -> Iterator[str]:
    """``mcp-registrar``'s registry in a process of its own; gives its URL."""
    program = (
        "import anyio, sys\nfrom pathlib import Path\n"
        "from mcp_registrar.registry.commands import serve\nfrom mcp_registrar_tools.workbench import Settings\n"
        "url, folder = sys.argv[1:]\n"
        "anyio.run(serve, Settings(data_dir=Path(folder), database_url=url or None, ownership='off'), '127.0.0.1', 0)\n"
    )
    postgres = address.startswith("postgres")
    arguments = [address if postgres else "", "." if postgres else address]
    environment = {**os.environ, "MCP_REGISTRY_JWT_PRIVATE_KEY": SEED.hex()}
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        yield line.split()[1]
    finally:
        process.terminate()
        process.wait(10)


class Client:
    """One kept-alive connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = kind(parts.netloc)
        self._connection.connect()
        self._connection.sock.setsockopt(6, 1, 1)  # TCP_NODELAY

    def ask(self, method: str, target: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        self._connection.request(method, target, body, headers)
        response = self._connection.getresponse()
        return response.status, response.read()


def measure(action: Callable[[int], None], rounds: int) -> dict[str, float]:
    """Milliseconds: p50, p99; requests a second over one connection."""
    for number in range(min(20, rounds)):
        action(-number - 1)
    took = []
    started = time.perf_counter()
    for number in range(rounds):
        at = time.perf_counter()
        action(number)
        took.append((time.perf_counter() - at) * 1000)
    total = time.perf_counter() - started
    took.sort()
    return {
        "p50": round(statistics.median(took), 3),
        "p99": round(took[int(len(took) * 0.99) - 1], 3),
        "per_second": round(rounds / total),
    }


def reads(url: str, rounds: int) -> dict[str, dict[str, float]]:
    """Measure the reads of a registry that answers at ``url``."""
    client = Client(url)
    random_ = random.Random(3)

    def get_json(target: str) -> Any:
        status, body = client.ask("GET", target)
        if status != 200:
            raise RuntimeError(f"{target}: {status} {body[:200]!r}")
        return json.loads(body)

    names: list[str] = []
    cursor = deep = ""
    number = 0
    while number < 999:  # page 1,000, or with fewer servers the last full page
        page = get_json("/v0/servers?" + urlencode({"limit": 30, **({"cursor": cursor} if cursor else {})}))
        number += 1
        names += [each["server"]["name"] for each in page["servers"]]
        following = page["metadata"].get("nextCursor", "")
        if not following:
            number -= 1
            break
        cursor, deep = following, cursor if number < 999 else following
    words = [name.partition("/")[2].split("-")[0] for name in random_.sample(names, min(200, len(names)))]
    sample = random_.sample(names, min(500, len(names)))

    def exact(number: int) -> None:
        status, _ = client.ask("GET", f"/v0/servers/{quote(sample[number % len(sample)], safe='')}/versions/latest")
        assert status == 200

    def at(target: Callable[[int], str]) -> Callable[[int], None]:
        def action(number: int) -> None:
            status, _ = client.ask("GET", target(number))
            assert status == 200

        return action

    results = {
        "get": measure(exact, rounds),
        "list page 1": measure(at(lambda n: "/v0/servers?limit=30"), rounds),
        "list page 1,000" if number == 999 else "list last page": measure(
            at(lambda n: "/v0/servers?" + urlencode({"limit": 30, "cursor": deep})), rounds
        ),
        "search rare": measure(at(lambda n: f"/v0/servers?limit=10&search={words[n % len(words)]}"), rounds),
        "search common": measure(at(lambda n: f"/v0/servers?limit=10&search={COMMON[n % len(COMMON)]}"), rounds),
    }
    status, _ = client.ask("GET", "/v0/search?q=mcp")
    if status == 200:
        results["ranked rare"] = measure(at(lambda n: f"/v0/search?limit=10&q={words[n % len(words)]}"), rounds)
        results["ranked common"] = measure(
            at(lambda n: f"/v0/search?limit=10&q={COMMON[n % len(COMMON)]}"), max(20, rounds // 10)
        )
    with ThreadPoolExecutor(4) as pool:
        clients = [Client(url) for _ in range(4)]
        started = time.perf_counter()

        def work(client: Client) -> None:
            for number in range(rounds):
                client.ask("GET", f"/v0/servers/{quote(sample[number % len(sample)], safe='')}/versions/latest")

        list(pool.map(work, clients))
        results["get, 4 connections"] = {"per_second": round(4 * rounds / (time.perf_counter() - started))}
    return results


def writes(url: str, rounds: int) -> dict[str, dict[str, float]]:
    """Measure publishing new servers, each durable when it is answered."""
    client = Client(url)
    token, _ = Tokens(SEED).sign("none", "benchmark", EVERYTHING, lifetime=3600)
    run = time.time_ns()

    def publish(number: int) -> None:
        document = {
            "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
            "name": f"com.example/bench-{run}-{number}",
            "description": "Measures how long it takes to publish",
            "version": "1.0.0",
        }
        headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
        status, body = client.ask("POST", "/v0/publish", json.dumps(document).encode(), **headers)
        assert status == 200, body

    return {"publish": measure(publish, rounds)}


def show(title: str, results: dict[str, dict[str, float]]) -> None:
    print(f"\n{title}")
    print(f"  {'request':22}{'p50 ms':>10}{'p99 ms':>10}{'per s':>9}")
    for name, row in results.items():
        print(f"  {name:22}{row.get('p50', ''):>10}{row.get('p99', ''):>10}{row.get('per_second', ''):>9}")


async def prepare(address: str, count: int) -> None:
    store = open_store(address)
    seconds = await fill(store, count)
    await store.close()
    print(f"{count:,} servers written in {seconds:.1f} s")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.registry", description=__doc__)
    parser.add_argument("--servers", type=int, action="append", help="how many servers (may be repeated)")
    parser.add_argument("--postgres", help="an empty PostgreSQL database to measure too")
    parser.add_argument("--peer", help="another registry's URL: the same reads")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--format", choices=["text", "json"], default="text")
    options = parser.parse_args()
    everything: dict[str, Any] = {}
    for count in options.servers or [1000]:
        with tempfile.TemporaryDirectory() as folder:
            anyio.run(prepare, str(Path(folder) / "registry.sqlite3"), count)
            with served(folder) as url:
                results = reads(url, options.rounds) | writes(url, options.rounds)
            everything[f"sqlite, {count:,} servers"] = results
            show(f"sqlite, {count:,} servers", results)
    if options.postgres:
        count = (options.servers or [1000])[-1]
        anyio.run(prepare, options.postgres, count)
        with served(options.postgres) as url:
            results = reads(url, options.rounds) | writes(url, options.rounds)
        everything[f"postgres, {count:,} servers"] = results
        show(f"postgres, {count:,} servers", results)
    if options.peer:
        everything[options.peer] = reads(options.peer, options.rounds)
        show(options.peer, everything[options.peer])
    if options.format == "json":
        print(json.dumps(everything, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
