"""Which environment variables are worth listing, and what evidence says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mcp_registrar_tools.project import environment
from mcp_registrar_tools.project.walk import walk


def listed(folder: Path, files: dict[str, str], *, http: bool = False) -> dict[str, dict[str, Any]]:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    found = environment.variables(walk(folder, folder), {""})
    return {one.name: one.entry() for one in environment.choose(found, own={"acme-mcp"}, http=http)}


CONFIG = """```json
{"mcpServers": {"w": {"command": "npx", "env": {"WEATHER_API_KEY": "your-key", "WEATHER_UNITS": "metric"}}}}
```
"""
TABLE = """| Variable | Description | Required | Default |
|---|---|---|---|
| `WEATHER_API_KEY` | Key of your [account](https://x) | Yes | - |
| `WEATHER_UNITS` / `--units` | Units to answer in | No | `metric` |
| `TRANSPORT` | stdio or http | No | stdio |
| `HTTP_PORT` | Port of the HTTP server | No | 3000 |
"""


def test_a_readme_with_configuration_and_table(tmp_path: Path) -> None:
    assert listed(tmp_path, {"README.md": CONFIG + TABLE}) == {
        "WEATHER_API_KEY": {
            "name": "WEATHER_API_KEY", "description": "Key of your account", "isRequired": True, "isSecret": True,
        },
        "WEATHER_UNITS": {
            "name": "WEATHER_UNITS", "description": "Units to answer in", "isRequired": False, "default": "metric",
        },
    }  # fmt: skip


def test_settings_of_an_http_server_are_kept_for_one(tmp_path: Path) -> None:
    run = "docker run -e TRANSPORT=http -e HTTP_PORT=3000 -e WEATHER_API_KEY w\n"
    assert set(listed(tmp_path, {"README.md": TABLE + run})) == {"WEATHER_API_KEY", "WEATHER_UNITS"}
    assert set(listed(tmp_path, {}, http=True)) == {"WEATHER_API_KEY", "WEATHER_UNITS", "TRANSPORT", "HTTP_PORT"}


def test_a_bundle_says_most(tmp_path: Path) -> None:
    manifest = {
        "manifest_version": "0.3",
        "server": {
            "mcp_config": {
                "env": {"W_TOKEN": "${user_config.token}", "W_DIR": "${user_config.dir}", "NODE_ENV": "production"}
            }
        },
        "user_config": {
            "token": {"type": "string", "title": "Token", "sensitive": True, "required": True},
            "dir": {"type": "directory", "description": "Where", "default": "${HOME}/w", "required": False},
        },
    }
    assert listed(tmp_path, {"manifest.json": json.dumps(manifest)}) == {
        "W_TOKEN": {"name": "W_TOKEN", "description": "Token", "isRequired": True, "isSecret": True},
        "W_DIR": {"name": "W_DIR", "description": "Where", "isRequired": False, "format": "filepath"},
    }


def test_smithery_maps_its_configuration(tmp_path: Path) -> None:
    text = """startCommand:
  type: stdio
  configSchema:
    type: object
    required: [apiKey]
    properties:
      apiKey: {type: string, description: The key}
      limit: {type: number, description: How many, default: 5}
  commandFunction: |-
    (config) => ({ command: 'node', env: { ACME_API_KEY: config.apiKey, ACME_LIMIT: String(config.limit) } })
"""
    assert listed(tmp_path, {"smithery.yaml": text}) == {
        "ACME_API_KEY": {"name": "ACME_API_KEY", "description": "The key", "isRequired": True, "isSecret": True},
        "ACME_LIMIT": {
            "name": "ACME_LIMIT", "description": "How many", "isRequired": False, "default": "5", "format": "number",
        },
    }  # fmt: skip


def test_a_name_that_only_code_knows_is_listed_when_nothing_is_documented(tmp_path: Path) -> None:
    code = 'import os\nkey = os.environ["WEATHER_API_KEY"]\nlevel = os.getenv("LOG_LEVEL")\n'
    assert set(listed(tmp_path, {"server.py": code})) == {"WEATHER_API_KEY"}
    # Once something is documented, that is what counts.
    assert set(listed(tmp_path, {"README.md": CONFIG.replace("WEATHER", "OTHER"), "server.py": code})) == {
        "OTHER_API_KEY", "OTHER_UNITS",
    }  # fmt: skip


def test_tests_examples_and_platform_names_do_not_count(tmp_path: Path) -> None:
    files = {
        "tests/test_x.py": 'import os\nos.environ["TEST_API_KEY"]\n',
        "examples/a.ts": "process.env.DEMO_TOKEN\n",
        "src/a.test.ts": "process.env.FAKE_TOKEN\n",
        "src/a.ts": "process.env.NODE_ENV; process.env.GITHUB_WORKSPACE; process.env.REAL_TOKEN\n",
    }
    assert set(listed(tmp_path, files)) == {"REAL_TOKEN"}


def test_a_dotenv_example_and_its_remarks(tmp_path: Path) -> None:
    text = "# ----\n# Key from your account page\nACME_API_KEY=\nUNRELATED=1\n#ACME_DEBUG=1\n"
    assert listed(tmp_path, {".env.example": text}) == {
        "ACME_API_KEY": {"name": "ACME_API_KEY", "description": "Key from your account page", "isSecret": True},
    }


def test_values_of_secrets_are_never_defaults(tmp_path: Path) -> None:
    table = "| Env | Description | Default |\n|---|---|---|\n| `ACME_TOKEN` | The token to use | abc123 |\n"
    assert listed(tmp_path, {"README.md": table})["ACME_TOKEN"] == {
        "name": "ACME_TOKEN", "description": "The token to use", "isSecret": True,
    }  # fmt: skip


def test_a_documented_setting_that_the_code_reads_needs_no_credential_beside_it(tmp_path: Path) -> None:
    rows = "| `BASE_DIR` | Where |\n| `CACHE_TTL` | How long |\n| `UNREAD_ONE` | x |\n"
    table = "| Variable | Description |\n|---|---|\n" + rows
    code = 'process.env.BASE_DIR; process.env.CACHE_TTL; process.env["OTHER_DIR"]\n'
    assert set(listed(tmp_path, {"README.md": table, "src/index.ts": code})) == {"BASE_DIR"}
