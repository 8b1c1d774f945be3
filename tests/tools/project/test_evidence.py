"""Image names, hosted addresses and new Dockerfiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_registrar_tools.project import dockerfile, new_dockerfile
from mcp_registrar_tools.project.git import Origin
from mcp_registrar_tools.project.hosted import hosted
from mcp_registrar_tools.project.images import catalogued, images
from mcp_registrar_tools.project.walk import Project, walk

ORIGIN = Origin("github.com", "Acme", "Weather-MCP")


def project(folder: Path, files: dict[str, str]) -> Project:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return walk(folder, folder)


def names(seen: Project) -> list[tuple[str, str]]:
    return [(one.name, one.prefix) for one in images(seen, ORIGIN, {"Acme", "Weather-MCP"})]


WORKFLOW = """on: push
env:
  REGISTRY: ghcr.io
  IMAGE_NAME: ${{ github.repository }}
jobs:
  build:
    steps:
      - uses: docker/metadata-action@v5
        with:
          images: ${{ env.REGISTRY }}/${{ env.IMAGE_NAME }}
          tags: type=semver,pattern=%s
      - uses: docker/build-push-action@v6
        with: {push: true}
"""


@pytest.mark.parametrize(("pattern", "prefix"), [("{{version}}", ""), ("v{{version}}", "v")])
def test_a_workflow_names_the_image(tmp_path: Path, pattern: str, prefix: str) -> None:
    seen = project(tmp_path, {".github/workflows/release.yml": WORKFLOW.replace("%s", pattern)})
    assert names(seen) == [("ghcr.io/acme/weather-mcp", prefix)]


def test_a_script_that_pushes_and_a_secret_owner(tmp_path: Path) -> None:
    text = """jobs:
  x:
    env: {OWNER: acme}
    steps:
      - run: |
          docker build -t docker.io/$OWNER/weather-mcp:${GITHUB_REF#refs/tags/v} \\
            .
          docker push docker.io/$OWNER/weather-mcp:1.0.0
      - run: docker push ${{ secrets.DOCKERHUB_USERNAME }}/weather-mcp:latest
"""
    assert names(project(tmp_path, {".github/workflows/a.yml": text})) == [("docker.io/acme/weather-mcp", "")]


def test_the_readme_names_it_over_several_lines_and_foreign_images_do_not_count(tmp_path: Path) -> None:
    text = """Start the database: `docker run postgres/postgres:16` and `docker run library/redis`

```sh
docker run -i --rm \\
  -e KEY=x \\
  acme/weather-mcp:v1.2.0
```

```json
{"command": "docker", "args": ["run", "-i",
   "ghcr.io/acme/weather-mcp:latest"
]}
```
See https://github.com/acme/weather-mcp and docs/acme/weather-mcp.
"""
    assert names(project(tmp_path, {"README.md": text})) == [("ghcr.io/acme/weather-mcp", "")]


def test_docker_s_own_catalogue_is_not_the_project_s(tmp_path: Path) -> None:
    seen = project(tmp_path, {"README.md": "docker run -i mcp/weather-mcp:latest\n"})
    assert names(seen) == []
    assert catalogued(seen) == "mcp/weather-mcp"


def test_a_broken_workflow_is_told(tmp_path: Path) -> None:
    seen = project(tmp_path, {".github/workflows/a.yml": "docker: [\n"})
    assert names(seen) == []
    assert "not YAML" in seen.problems[0]


def test_hosted_addresses(tmp_path: Path) -> None:
    text = """
{"mcpServers": {"w": {"url": "https://mcp.acme.dev/mcp"}}}
claude mcp add --transport http w https://mcp.acme.dev/mcp
claude mcp add --transport sse w https://mcp.acme.dev/sse?key=1
{"args": ["-y", "mcp-remote", "https://eu.acme.dev/mcp"]}
{"url": "http://localhost:3000/mcp"} {"url": "https://your-host.example/mcp"} {"url": "https://${HOST}/mcp"}
"url": "https://github.com/acme/mcp" "url": "https://mcp/x"
"""
    seen = project(tmp_path, {"README.md": text})
    assert hosted(seen, tmp_path / "README.md") == [
        ("https://mcp.acme.dev/mcp", "README.md:2"),
        ("https://mcp.acme.dev/sse", "README.md:4"),
        ("https://eu.acme.dev/mcp", "README.md:5"),
    ]


LABEL = 'LABEL io.modelcontextprotocol.server.name="io.github.acme/weather"'


@pytest.mark.parametrize(
    ("files", "image", "command"),
    [
        (
            {"pyproject.toml": '[project]\nname = "w"\nrequires-python = ">=3.11"\n[project.scripts]\nw = "w:main"\n'},
            "python:3.12-slim",
            ["w"],
        ),
        (
            {
                "pyproject.toml": '[project]\nname = "w"\nrequires-python = ">=3.13"\n'
                '[project.scripts]\nserve = "w:main"\n'
            },
            "python:3.13-slim",
            ["serve"],
        ),
        (
            {
                "pyproject.toml": '[project]\nname = "w"\nrequires-python = ">=3.9,<3.12"\n'
                '[project.scripts]\nw = "w:main"\n'
            },
            "python:3.11-slim",
            ["w"],
        ),
        ({"requirements.txt": "mcp\n", "server.py": ""}, "python:3.12-slim", ["python", "server.py"]),
        (
            {
                "package.json": '{"name": "w", "bin": {"w": "./dist/i.js"}, "scripts": {"build": "tsc"}}',
                "package-lock.json": "{}",
            },
            "node:22-slim",
            ["node", "dist/i.js"],
        ),
        ({"package.json": '{"main": "i.js", "engines": {"node": ">=23"}}'}, "node:24-slim", ["node", "i.js"]),
        (
            {"go.mod": "module github.com/a/w\n\ngo 1.25.5\n", "cmd/w/main.go": ""},
            "gcr.io/distroless/static-debian12:nonroot",
            ["/server"],
        ),
    ],
)
def test_a_new_dockerfile_has_two_stages_a_label_and_no_root(
    tmp_path: Path, files: dict[str, str], image: str, command: list[str]
) -> None:
    edits, why = new_dockerfile.write(project(tmp_path, files), LABEL)
    assert why == ""
    assert [edit.path.name for edit in edits] == ["Dockerfile", ".dockerignore"]
    text = edits[0].after.decode()
    parsed = dockerfile.parse(text)
    assert len(parsed.stages) == 2
    assert parsed.stages[-1].image == image
    assert parsed.command == command
    assert parsed.labels["io.modelcontextprotocol.server.name"][0] == "io.github.acme/weather"
    users = [
        rest
        for keyword, rest, line, _ in dockerfile.instructions(text)
        if keyword == "USER" and line > parsed.stages[-1].line
    ]
    assert users
    assert "root" not in users[-1].replace("nonroot", "")
    assert b".env\n" in edits[1].after


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"Dockerfile": "FROM x\n"}, "already"),
        ({"README.md": "x"}, "only Python"),
        ({"pyproject.toml": '[project]\nname = "w"\n'}, "scripts"),
        ({"package.json": "{}"}, "no bin"),
        ({"package.json": "{"}, "not JSON"),
        ({"go.mod": "module x\n"}, "main.go"),
        ({"requirements.txt": "mcp\n"}, "to start"),
    ],
)
def test_why_none_is_written(tmp_path: Path, files: dict[str, str], words: str) -> None:
    edits, why = new_dockerfile.write(project(tmp_path, files), LABEL)
    assert edits == []
    assert words in why
