"""The token in a README, beyond the registry's own cases."""

from __future__ import annotations

import pytest

from mcp_registrar_tools.packages.mcp_name import declared, declares, glued_to

NAME = "io.github.acme/widget"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"mcp-name: {NAME}", True),
        (f"xmcp-name: {NAME}\r\n", True),
        (f"mcp-name: {NAME}--", False),
        (f"mcp-name: {NAME}--->", False),
        (f"mcp-name:  {NAME}", False),
        (f"MCP-Name: {NAME}", False),
        (f"mcp-name: {NAME}.\nmcp-name: {NAME}", True),
        (f"mcp-name: mcp-name: {NAME}", True),
        ("", False),
    ],
)
def test_declares(text: str, found: bool) -> None:
    assert declares(text, NAME) is found


def test_what_it_is_glued_to() -> None:
    assert glued_to(f"mcp-name: {NAME}.", NAME) == "."
    assert glued_to(f"mcp-name: {NAME}", NAME) is None
    assert glued_to("nothing", NAME) is None


def test_names_that_a_readme_claims() -> None:
    text = "MCP-NAME:io.github.Acme/Widget. mcp-name: a.b/c--> `mcp-name: a.b/c` mcp-name: none <!--mcp-name: x.y/z-->"
    assert declared(text) == ["io.github.Acme/Widget", "a.b/c", "x.y/z"]
