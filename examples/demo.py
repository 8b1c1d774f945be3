"""Watch an assistant's calls publish a server: ``make demo``, or ``make demo PROJECT=DIR`` on a copy of any project.

Starts ``mcp-registrar serve`` as a child process with a home of its own and drives it with the SDK's client over
standard input and output, as a host would. Nothing outside a temporary folder is touched.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters
from mcp.types import TextContent

EXAMPLE = Path(__file__).resolve().parent / "weather-server"
LEFT_BEHIND = shutil.ignore_patterns("node_modules", ".venv", "venv", "target", "__pycache__", "bin", "obj")


def count_tokens(text: str) -> int:
    """Tokens of a text in o200k_base."""
    import bpe_openai

    return len(bpe_openai.get_encoding("o200k_base").encode(text))


class Demo:
    """Calls tools, prints what went out and what came back, and remembers whether every call succeeded."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.tokens = 0
        self.failed: list[str] = []

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """One call, printed; the structured result, empty after an error."""
        shown = ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in arguments.items())
        print(f"\n\033[1m→ {tool}({shown})\033[0m", flush=True)
        started = time.perf_counter()
        result = await self.client.call_tool(tool, arguments)
        took = (time.perf_counter() - started) * 1000
        text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
        tokens = count_tokens(text)
        self.tokens += tokens
        print("\n".join(f"  {line}" for line in text.splitlines()))
        print(f"\033[2m  {took:.0f} ms, {tokens} tokens{', an error' if result.is_error else ''}\033[0m", flush=True)
        if result.is_error:
            self.failed.append(tool)
        return dict(result.structured_content or {})


async def run(project: Path, home: Path) -> int:
    """The whole flow on ``project``; 0 when the entry was published and found."""
    passed_on = ("PATH", "PYTHONPATH", "DOCKER_HOST", "DOCKER_CONFIG", "MCP_REGISTRAR_")
    environment = {name: value for name, value in os.environ.items() if name.startswith(passed_on)}
    environment |= {"HOME": str(home), "MCP_REGISTRAR_DATA_DIR": str(home / "data")}
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "mcp_registrar", "serve"], env=environment, cwd=str(project)
    )
    async with Client(server) as client:
        tools = (await client.list_tools()).tools
        listed = sum(count_tokens(tool.model_dump_json(by_alias=True, exclude_none=True)) for tool in tools)
        print(f"connected: {len(tools)} tools, listed in {listed} tokens, protocol {client.protocol_version}")
        demo = Demo(client)
        made = await demo.call("init_manifest", path=str(project), markers=True)
        if not made.get("written"):  # nothing tells an owner, or a package: here the demo answers for its user
            name = str(made.get("name") or "<")
            name = f"io.github.example/{project.name}" if "<" in name else name
            made = await demo.call("init_manifest", path=str(project), name=name, markers=True)
        report = await demo.call("validate", path=str(project))
        if not report.get("valid"):
            await demo.call("validate", path=str(project), fix=True)
        await build(demo, project)
        if not await demo.call("publish", path=str(project)):
            print("\n(the manifest of this project is not ready as it stands: in the copy, writing it anew)")
            demo.failed.remove("publish")
            seen = {package.split()[0] for package in made.get("packages", [])}
            again: dict[str, Any] = (
                {"types": sorted(seen - {"mcpb"})} if seen - {"mcpb"} else {}
            )  # a bundle needs a hash
            made = await demo.call(
                "init_manifest", path=str(project), name=made.get("name", ""), overwrite=True, **again
            )
            await demo.call("validate", path=str(project), fix=True)
            await demo.call("publish", path=str(project))
        name = str(made.get("name", ""))
        found = await demo.call("search", words=name.rpartition("/")[2])
        entry = await demo.call("get_server", name=name)
    ok = not demo.failed and bool(found) and bool(entry)
    print(f"\n{demo.tokens} tokens of answers in all" + (f"; failed: {', '.join(demo.failed)}" if demo.failed else ""))
    return 0 if ok else 1


async def build(demo: Demo, project: Path) -> None:
    """The image, when there is a Dockerfile and a Docker Engine; said in one line when not."""
    if not (project / "Dockerfile").exists():
        print("\n(no Dockerfile: going on without an image)")
        return
    import docker

    try:
        docker.from_env(timeout=5).close()
    except docker.errors.DockerException:
        print("\n(no Docker Engine answers: going on with the package alone)")
        return
    await demo.call("build_image", path=str(project))


def paste_lines() -> str:
    """How to add the server to a client, from this checkout."""
    command = str(Path(sys.executable).parent / "mcp-registrar")
    entry = {"command": command, "args": ["serve"]}
    both = json.dumps({"mcpServers": {"registrar": entry}})
    vscode = json.dumps({"servers": {"registrar": {"type": "stdio", **entry}}})
    return "\n".join(
        (
            "To use it from your assistant:",
            f"  Claude Code      claude mcp add registrar -- {command} serve",
            f"  Claude Desktop   claude_desktop_config.json: {both}",
            f"  Cursor           ~/.cursor/mcp.json: {both}",
            f"  VS Code          .vscode/mcp.json: {vscode}",
        )
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", nargs="?", default=str(EXAMPLE), help="a project; a copy of it is used")
    original = Path(parser.parse_args().project).expanduser().resolve()
    if not original.is_dir():
        print(f"{original} is not a folder", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="mcp-registrar-demo-") as folder:
        project = Path(folder) / original.name
        shutil.copytree(original, project, symlinks=True, ignore=LEFT_BEHIND)
        home = Path(folder) / "home"
        home.mkdir()
        code = asyncio.run(run(project, home))
    print("\n" + paste_lines())
    return code


if __name__ == "__main__":
    sys.exit(main())
