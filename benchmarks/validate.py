"""How fast `validate` is, against a bare compiled `jsonschema` pass over the same document in the same run.

``python -m benchmarks.validate`` measures, warm: an inline document, a file in a project, the bare pass; memory over
10,000 calls; the cost of documents up to 10 MB; hostile documents.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from mcp_registrar_tools.errors import RegistrarError
from mcp_registrar_tools.manifest import schemas
from mcp_registrar_tools.outbound import Outbound
from mcp_registrar_tools.validate import validate
from mcp_registrar_tools.workbench import Settings, Workbench


def typical() -> dict[str, Any]:
    """A manifest of the usual size: one npm package with settings and arguments, one remote."""
    variables = [
        {"name": f"SETTING_{i}", "description": "What it sets", "isRequired": i < 2, "format": "string"}
        for i in range(5)
    ]
    return {
        "$schema": schemas.CURRENT_URL,
        "name": "io.github.example/weather-server",
        "title": "Weather",
        "description": "Forecasts and alerts from the national weather service",
        "repository": {"url": "https://github.com/example/weather-server", "source": "github"},
        "version": "1.4.2",
        "packages": [
            {
                "registryType": "npm",
                "identifier": "@example/weather-server",
                "version": "1.4.2",
                "runtimeHint": "npx",
                "transport": {"type": "stdio"},
                "packageArguments": [
                    {"type": "named", "name": "--units", "default": "metric", "description": "Units"},
                    {"type": "positional", "valueHint": "region", "description": "Region"},
                ],
                "environmentVariables": [
                    *variables,
                    {"name": "API_KEY", "description": "Key", "isRequired": True, "isSecret": True},
                ],
            }
        ],
        "remotes": [{"type": "streamable-http", "url": "https://weather.example.com/mcp"}],
    }


def bench() -> Workbench:
    async def none() -> Outbound:
        raise RuntimeError("nothing here needs a registry")

    return Workbench(settings=Settings(), outbound=Outbound(), local_registry=none)


async def median(call: Callable[[], Awaitable[object]], times: int) -> float:
    """Milliseconds, after a warm-up."""
    for _ in range(min(20, times)):
        await call()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        await call()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1000


def resident() -> float:
    """Resident memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1048576


def project(folder: Path) -> Path:
    """A project around the typical manifest."""
    document = typical()
    (folder / ".git").mkdir()
    (folder / ".git/config").write_text('[remote "origin"]\n\turl = git@github.com:example/weather-server.git\n')
    package = {"name": "@example/weather-server", "version": "1.4.2", "mcpName": document["name"], "bin": "index.js"}
    (folder / "package.json").write_text(json.dumps(package, indent=2))
    (folder / "README.md").write_text("# Weather\n")
    (folder / "server.json").write_text(json.dumps(document, indent=2))
    return folder


def large(size: int) -> dict[str, Any]:
    """A valid document of about this many bytes, nearly all of it packages."""
    document = typical()
    one = len(json.dumps(document["packages"][0]))
    document["packages"] = [
        {**document["packages"][0], "identifier": f"@example/server-{i}"} for i in range(max(1, size // one))
    ]
    return document


def hostile() -> dict[str, dict[str, Any]]:
    """Documents made to hurt: in every string field what makes careless patterns back up, and odd shapes."""
    bombs = {
        "a" * 200_000: "letters", "a." * 100_000: "dots", "-" * 200_000: "hyphens", "1." * 100_000 + "x": "digits",
        "{" * 100_000: "braces", "{a}" * 60_000: "variables", "https://" + "a/" * 100_000: "path",
        "git@github.com:" + "a/" * 100_000: "ssh", "$" * 200_000: "dollars", " " * 200_000: "spaces",
        "\0" * 1000: "nul", "eyJ" * 60_000: "tokens", "%" * 200_000: "percent", "[" * 100_000: "brackets",
        "<" * 100_000: "angles", "\u202e\u200b" * 50_000: "invisible", "@" * 100_000: "at", "_" * 100_000: "underscore",
    }  # fmt: skip

    def filled(value: Any, text: str) -> Any:
        if isinstance(value, dict):
            return {key: filled(inner, text) for key, inner in value.items()}
        if isinstance(value, list):
            return [filled(inner, text) for inner in value]
        return text if isinstance(value, str) else value

    made: dict[str, dict[str, Any]] = {}
    for text, name in bombs.items():
        short = text[: max(20_000, len(text) // 10)]
        made[f"{name} everywhere"] = filled(typical(), short)
        made[f"{name} as name"] = {**typical(), "name": text + "/" + text}
        made[f"{name} as version"] = {**typical(), "version": text}
    deep: Any = {}
    for _ in range(10_000):
        deep = {"a": deep}
    made["10,000 levels"] = {**typical(), "_meta": deep}
    made["huge numbers"] = {**typical(), "version": 10**4000, "packages": [10**308, 1e308]}
    made["surrogates"] = filled(typical(), "\ud800\udfff\ud800")
    made["odd keys"] = {
        **typical(),
        "__proto__": {},
        "constructor": {"prototype": {}},
        "": "",
        "\0": 1,
        "a" * 100_000: 1,
    }
    made["many keys"] = {**typical(), **{f"key{i}": i for i in range(20_000)}}
    made["many packages"] = {**typical(), "packages": [{} for _ in range(20_000)]}
    return made


async def run(calls: int, sizes: list[int]) -> dict[str, Any]:
    import jsonschema

    here = bench()
    document = typical()
    validator = jsonschema.Draft7Validator(
        schemas.schema(schemas.CURRENT), format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER
    )

    async def bare() -> object:
        return list(validator.iter_errors(document))

    async def inline() -> object:
        return await validate(here, document=document)

    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = str(project(Path(folder)))

        async def file() -> object:
            return await validate(here, path)

        result["bare_jsonschema_ms"] = await median(bare, 300)
        result["inline_ms"] = await median(inline, 300)
        result["file_ms"] = await median(file, 300)
        result["inline_over_bare"] = result["inline_ms"] / result["bare_jsonschema_ms"]
        gc.collect()
        before = resident()
        for i in range(calls):
            await (inline() if i % 2 else file())
        gc.collect()
        result["memory"] = {"calls": calls, "before_mib": before, "after_mib": resident()}
    result["sizes"] = []
    for size in sizes:
        big = large(size)
        start = time.perf_counter()
        answer: object
        try:
            answer = (await validate(here, document=big)).valid
        except RegistrarError as error:
            answer = error.code
        seconds = time.perf_counter() - start
        result["sizes"].append({"bytes": len(json.dumps(big)), "seconds": seconds, "answer": answer})
    slowest = ("", 0.0)
    for name, bad in hostile().items():
        for fix in (False, True):
            start = time.perf_counter()
            with contextlib.suppress(RegistrarError):
                (await validate(here, document=bad, fix=fix)).text().encode()
            seconds = time.perf_counter() - start
            slowest = max(slowest, (f"{name}{', fix' if fix else ''}", seconds), key=lambda pair: pair[1])
    result["hostile"] = {"documents": len(hostile()), "slowest": slowest[0], "seconds": slowest[1]}
    return result


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.validate", description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000, help="calls of the memory test")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    options = parser.parse_args()
    sizes = [100_000, 1_000_000, 4_000_000, 9_500_000, 11_000_000]
    result = asyncio.run(run(options.calls, sizes))
    if options.format == "json":
        print(json.dumps(result, indent=2))
    else:
        print(f"bare jsonschema  {result['bare_jsonschema_ms']:.3f} ms")
        print(f"validate inline  {result['inline_ms']:.3f} ms ({result['inline_over_bare']:.2f} times the bare pass)")
        print(f"validate a file  {result['file_ms']:.3f} ms")
        memory = result["memory"]
        print(f"memory over {memory['calls']} calls: {memory['before_mib']:.1f} -> {memory['after_mib']:.1f} MiB")
        for row in result["sizes"]:
            print(f"{row['bytes']:>10} bytes: {row['seconds']:.3f} s, {row['answer']}")
        print(f"{result['hostile']['documents']} hostile documents, slowest {result['hostile']['slowest']}: "
              f"{result['hostile']['seconds']:.3f} s")  # fmt: skip
    good = result["inline_over_bare"] <= 3 and result["file_ms"] < 3 and result["hostile"]["seconds"] < 1
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
