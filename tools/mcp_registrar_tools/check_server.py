"""Start (or reach) what an entry declares, as a client would, and see whether it is an MCP server."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mcp_registrar_tools.answer import Answer, quoted
from mcp_registrar_tools.images.check import Check
from mcp_registrar_tools.workbench import Workbench


class CheckResult(Answer):
    """The verdict, see `Check`."""

    check: Check

    def lines(self) -> list[str]:
        return self.check.lines()

    def exit_code(self) -> int:
        return 0 if self.check.ok else 1


async def check_server(
    bench: Workbench,
    path: Annotated[str, Field(description="project folder or server.json")] = ".",
    target: Annotated[str, Field(description="image, URL or package type; npm and pypi run on this machine")] = "",
    env: Annotated[list[str], Field(description="variable names to pass on")] = [],  # noqa: B006
    seconds: Annotated[int, Field(ge=1, le=600, description="time limit")] = 60,
) -> CheckResult:
    """Start the server as a client would (image, remote, or the package that target names) and list its tools."""
    from mcp_registrar_tools.images import trial

    plan = await trial.plan(path, target, env)
    check = await trial.run(bench, plan, float(seconds))
    if check.ok:
        return CheckResult(check=check, next=f"publish(path={quoted(path)})")
    again = f', target="{target}"' if target else ""
    return CheckResult(check=check, next=f"after the cure, check_server(path={quoted(path)}{again})")
