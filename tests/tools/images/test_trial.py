"""What a check starts: chosen from a manifest, with its inputs filled in."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.images import trial

OCI: dict[str, Any] = {"registryType": "oci", "identifier": "ghcr.io/acme/w:1", "transport": {"type": "stdio"}}
NPM: dict[str, Any] = {
    "registryType": "npm",
    "identifier": "@acme/w",
    "version": "1.0.0",
    "transport": {"type": "stdio"},
}
REMOTE = {"type": "streamable-http", "url": "https://w.example.com/mcp"}


def choose(target: str = "", given: dict[str, str] | None = None, **document: Any) -> trial.Plan:
    return trial.choose(document, target, given or {})


def test_the_image_before_the_remote_before_nothing() -> None:
    assert choose(packages=[NPM, OCI], remotes=[REMOTE]).image == "ghcr.io/acme/w:1"
    assert choose(packages=[NPM], remotes=[REMOTE]).url == "https://w.example.com/mcp"
    with pytest.raises(InputError) as caught:
        choose(packages=[NPM])
    assert caught.value.code == "check-needs-asking"
    assert "npx -y @acme/w@1.0.0" in caught.value.message
    with pytest.raises(InputError) as caught:
        choose()
    assert caught.value.code == "check-nothing-declared"


def test_named_ones() -> None:
    assert list(choose("npm", packages=[OCI, NPM]).command) == ["npx", "-y", "@acme/w@1.0.0"]
    assert list(choose("@acme/w", packages=[OCI, NPM]).command) == ["npx", "-y", "@acme/w@1.0.0"]
    assert choose("docker.io/other/image:2").image == "docker.io/other/image:2"
    with pytest.raises(InputError) as caught:
        choose("pypi", packages=[OCI, NPM])
    assert caught.value.code == "check-not-declared"


def test_docker_options_as_far_as_a_check_grants_them() -> None:
    package = OCI | {
        "transport": {"type": "streamable-http", "url": "http://localhost:9000/mcp/v1"},
        "runtimeArguments": [
            {"type": "named", "name": "-p", "value": "9000:8080"},
            {"type": "named", "name": "-e", "value": "MODE=http"},
            {"type": "named", "name": "--mount", "value": "type=bind,src=/etc,dst=/x"},
        ],
        "packageArguments": [{"type": "positional", "value": "serve"}],
        "environmentVariables": [
            {"name": "KEY", "isRequired": True, "isSecret": True},
            {"name": "UNITS", "default": "c"},
        ],
    }
    plan = choose(packages=[package])
    assert plan.launch.port == 8080
    assert plan.endpoint == "/mcp/v1"
    assert list(plan.launch.arguments) == ["serve"]
    assert plan.launch.environment == {"MODE": "http", "KEY": "placeholder", "UNITS": "c"}
    notes = " ".join(plan.notes)
    assert "KEY made up" in notes
    assert "/etc" in notes, "a mount is left out, and that is told"
    assert choose(packages=[package], given={"KEY": "real"}).launch.environment["KEY"] == "real"


def test_what_cannot_be_started_here() -> None:
    for package in (
        {"registryType": "mcpb", "identifier": "https://github.com/a/b/releases/download/1/w.mcpb"},
        NPM | {"transport": {"type": "streamable-http", "url": "http://localhost:3000/mcp"}},
    ):
        with pytest.raises(InputError) as caught:
            choose(package["registryType"], packages=[package])
        assert caught.value.code == "check-not-possible"
