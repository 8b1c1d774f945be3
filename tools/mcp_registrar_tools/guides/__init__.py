"""Short guides and example manifests, shipped as data: read by the tool `read_guide` and by the MCP resources."""

from __future__ import annotations

from importlib.resources import files
from typing import Literal, get_args

Topic = Literal[
    "publishing",
    "package-types",
    "remotes",
    "namespaces-and-login",
    "github-actions",
    "private-registries",
    "troubleshooting",
    "server-json",
]
Language = Literal["en", "ko"]
Kind = Literal["npm", "pypi", "nuget", "cargo", "oci", "mcpb", "remote", "hybrid"]

TOPICS: tuple[Topic, ...] = get_args(Topic)
LANGUAGES: tuple[Language, ...] = get_args(Language)
KINDS: tuple[Kind, ...] = get_args(Kind)


def guide(topic: str, language: str = "en") -> str:
    """A guide as Markdown; raises KeyError for a topic or language that is not there."""
    if topic not in TOPICS or language not in LANGUAGES:
        raise KeyError(f"{language}/{topic}")
    return files(__name__).joinpath(language, f"{topic}.md").read_text(encoding="utf-8")


def example(kind: str) -> str:
    """A valid server.json of this kind as JSON text; raises KeyError for a kind that is not there."""
    if kind not in KINDS:
        raise KeyError(kind)
    return files(__name__).joinpath("examples", f"{kind}.json").read_text(encoding="utf-8")
