"""What an assistant reads, in tokens: ``python -m benchmarks.tokens [--corpus DIR] [--format json] [--show]``.

Drives the whole way through the server with the SDK's client and counts every text that reaches a model, in
o200k_base: the list of tools, the instructions, each call and each answer. Three flows:

* ``ready``: projects with a valid server.json: validated and published (at most 5 calls, 2,000 tokens of answers);
* ``new``: the same projects without it: written, validated, published;
* ``mended``: a manifest with six typical mistakes: repaired and published (at most 8 calls).

The driver does what an assistant would do with the answers: it takes the cure that an answer names, and edits
server.json itself where only the author can decide. Beside it the two official guides have 21,300 characters.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import re
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.projects import CORPUS, copy_project

PROJECTS = (
    "GLips__Figma-Context-MCP",
    "AgiMaulana__GooglePlayConsoleMcp",
    "ThunderEagle__context-bridge",
    "Perseus-Computing-LLC__perseus-vault",
    "domdomegg__airtable-mcp-server",
)
"""npm, PyPI, NuGet, Cargo, and one with npm, image and bundle."""

GUIDES_CHARACTERS = 21_300


def count(text: str) -> int:
    """Tokens of a text in o200k_base."""
    import bpe_openai

    return len(bpe_openai.get_encoding("o200k_base").encode_ordinary(text))


@dataclass
class Call:
    tool: str
    arguments: dict[str, Any]
    sent: int
    text: str
    tokens: int
    structured: int
    error: bool
    facts: dict[str, Any]


@dataclass
class Flow:
    """The calls of one project's way to the registry, and whether it arrived."""

    kind: str
    project: str
    calls: list[Call] = field(default_factory=list)
    published: bool = False

    @property
    def answers(self) -> int:
        return sum(call.tokens for call in self.calls)

    def facts(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "project": self.project,
            "calls": [
                {"tool": c.tool, "sent": c.sent, "answer": c.tokens, "structured": c.structured, "error": c.error}
                for c in self.calls
            ],
            "answers": self.answers,
            "published": self.published,
        }


class Driver:
    """Calls tools of a server as a client would, and keeps what was said."""

    def __init__(self, client: Any, flow: Flow) -> None:
        self.client = client
        self.flow = flow

    async def call(self, tool: str, **arguments: Any) -> Call:
        result = await self.client.call_tool(tool, arguments)
        text = "\n".join(block.text for block in result.content if getattr(block, "text", None))
        facts = dict(result.structured_content or {})
        call = Call(
            tool,
            arguments,
            count(f"{tool}({json.dumps(arguments, ensure_ascii=False)})"),
            text,
            count(text),
            count(json.dumps(facts, ensure_ascii=False)) if facts else 0,
            bool(result.is_error),
            facts,
        )
        self.flow.calls.append(call)
        return call

    async def publish(self, path: str) -> None:
        answer = await self.call("publish", path=path)
        self.flow.published = not answer.error and answer.facts.get("outcome") in {"published", "already published"}


async def ready(driver: Driver, folder: Path) -> None:
    path = str(folder)
    await driver.call("validate", path=path, fix=True)
    await driver.publish(path)
    if driver.flow.published:
        await driver.call("get_server", name=driver.flow.calls[-1].facts["name"])


async def new(driver: Driver, folder: Path) -> None:
    path = str(folder)
    await driver.call("init_manifest", path=path)
    answer = await driver.call("validate", path=path, fix=True)
    if answer.facts.get("valid") is False:
        decide(folder / "server.json", answer.facts)
        await driver.call("validate", path=path)
    await driver.publish(path)


MISTAKES = {
    "$schema": "https://static.modelcontextprotocol.io/schemas/2025-07-09/server.schema.json",
    "description": "A server that does very many useful things for everybody who has ever wanted to do them, "
    "and that cannot say it in fewer words",
    "status": "active",
}


def break_manifest(file: Path) -> None:
    """Six typical mistakes: old schema with snake_case keys, a description over 100 characters, a repository URL with
    a path, a version with a range sign, a number as a default, a namespace in the wrong letter case."""
    document = json.loads(file.read_text("utf-8-sig"))
    document |= MISTAKES
    document["name"] = document["name"].replace("io.github.GLips/", "io.github.glips/")
    document["repository"] = {"url": "https://github.com/GLips/Figma-Context-MCP/tree/main", "source": "github"}
    document["version"] = "^" + document["version"].lstrip("^")
    for package in document.get("packages", []):
        package["registry_type"] = package.pop("registryType")
        package.pop("registryBaseUrl", None)
        variables = package.pop("environmentVariables", [])
        package["environment_variables"] = [*variables, {"name": "PORT", "format": "number", "default": 3333}]
    file.write_text(json.dumps(document, indent=2))


def decide(file: Path, report: dict[str, Any]) -> None:
    """What only an author decides, where an answer asks for it: shorter words, an exact version, the right name."""
    document = json.loads(file.read_text("utf-8-sig"))
    document["description"] = str(document.get("description", ""))[:100].rsplit(" ", 1)[0] or "An MCP server"
    document["version"] = str(document.get("version", "1.0.0")).lstrip("^~>=v ")
    without_unbuilt_bundles(document)
    named = [word for f in report.get("findings", []) for word in str(f).split("'") if word.startswith("io.github.")]
    owners = {word.split("/")[0] for word in named} - {str(document["name"]).split("/")[0]}
    if len(owners) == 1:
        document["name"] = f"{owners.pop()}/{str(document['name']).partition('/')[2]}"
    file.write_text(json.dumps(document, indent=2))


async def mended(driver: Driver, folder: Path) -> None:
    path = str(folder)
    answer = await driver.call("validate", path=path, fix=True)
    for _ in range(3):
        if answer.facts.get("valid"):
            break
        decide(folder / "server.json", answer.facts)
        answer = await driver.call("validate", path=path)
    await driver.publish(path)


async def measure(corpus: Path) -> dict[str, Any]:
    """All flows, and what every session costs before the first call."""
    from mcp import Client

    from mcp_registrar import prompts
    from mcp_registrar.app import build_server
    from mcp_registrar_tools.workbench import Settings

    flows: list[Flow] = []
    listed: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as home:
        plans = [("ready", ready, name) for name in PROJECTS] + [("new", new, name) for name in PROJECTS]
        plans.append(("mended", mended, PROJECTS[0]))
        for number, (kind, way, name) in enumerate(plans):
            place = Path(home) / str(number)
            folder = copy_project(corpus / name, place / name, manifest=kind != "new")
            if kind == "ready":
                make_ready(folder)
            if kind == "mended":
                break_manifest(folder / "server.json")
            settings = Settings(data_dir=place / "data", ownership="off", log_level="CRITICAL")
            async with Client(build_server(settings)) as client:
                if not listed:
                    tools = (await client.list_tools()).tools
                    whole = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]
                    listed = {tool["name"]: count(json.dumps(tool, ensure_ascii=False)) for tool in whole}
                    total = count(json.dumps(whole, ensure_ascii=False))
                flow = Flow(kind, name)
                flows.append(flow)
                await way(Driver(client, flow), folder)
    return {
        "tools/list": total,
        "tools": listed,
        "instructions": count(prompts.INSTRUCTIONS),
        "flows": flows,
        "guides_characters": GUIDES_CHARACTERS,
    }


def without_unbuilt_bundles(document: dict[str, Any]) -> None:
    """An author who has not built the bundle cannot know its hash, and leaves it out."""
    document["packages"] = [
        package
        for package in document.get("packages", [])
        if package.get("registryType") != "mcpb" or re.fullmatch(r"[a-f0-9]{64}", str(package.get("fileSha256")))
    ]


def make_ready(folder: Path) -> None:
    """A manifest as a release leaves it: templates filled in, one version everywhere."""
    from mcp_registrar_tools.set_version import write_version

    for file in (folder / "server.json", folder / ".mcp" / "server.json"):
        if not file.exists():
            continue
        document = json.loads(file.read_text("utf-8-sig"))
        version = str(document.get("version", ""))
        without_unbuilt_bundles(document)
        file.write_text(json.dumps(document, indent=2))
        if not version[:1].isdigit() or version.startswith("0.0.0"):
            write_version("1.0.0", str(folder))


def show(result: dict[str, Any], *, texts: bool) -> None:
    print(f"tools/list: {result['tools/list']} tokens")
    for name, tokens in result["tools"].items():
        print(f"  {name:<16}{tokens:>6}")
    print(f"instructions: {result['instructions']} tokens")
    for flow in result["flows"]:
        state = "published" if flow.published else "NOT PUBLISHED"
        print(f"\n{flow.kind}: {flow.project}: {len(flow.calls)} calls, {flow.answers} tokens of answers, {state}")
        for call in flow.calls:
            error = "  error" if call.error else ""
            sizes = f"sent {call.sent:>4}  answer {call.tokens:>5}  structured {call.structured:>5}"
            print(f"  {call.tool:<16} {sizes}{error}")
            if texts or call.error:
                print("\n".join(f"      | {line}" for line in call.text.splitlines()))
    print(f"\nthe two official guides: {result['guides_characters']} characters, about 5,300 tokens")


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of projects")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    parser.add_argument("--show", action="store_true", help="print every answer")
    options = parser.parse_args()
    if not options.corpus.is_dir():
        print(f"{options.corpus} is not there: give --corpus DIR", file=sys.stderr)
        return 2
    logging.disable(logging.CRITICAL)
    result = asyncio.run(measure(options.corpus))
    if options.format == "json":
        print(json.dumps(result | {"flows": [flow.facts() for flow in result["flows"]]}, indent=2))
    else:
        show(result, texts=options.show)
    return 0 if all(flow.published for flow in result["flows"]) else 1


if __name__ == "__main__":
    sys.exit(main())
