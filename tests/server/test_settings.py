"""Settings come from the environment, are typed, and say which variable is wrong."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from mcp_registrar import settings
from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.workbench import Settings


def test_every_field_has_a_variable_and_a_help_text() -> None:
    rows = settings.describe()
    assert [row[0] for row in rows] == [f"MCP_REGISTRAR_{field.name.upper()}" for field in fields(Settings)]
    assert all(row[2] for row in rows)


def test_values_are_typed(tmp_path: Path) -> None:
    loaded = settings.load(
        {
            "MCP_REGISTRAR_REGISTRIES": "team=https://a.example, other=http://127.0.0.1:1",
            "MCP_REGISTRAR_TRUSTED_ORIGINS": "http://127.0.0.1:1,https://b.example",
            "MCP_REGISTRAR_OWNERSHIP": "enforce",
            "MCP_REGISTRAR_DATA_DIR": str(tmp_path),
            "MCP_REGISTRAR_CA_FILE": "",
        }
    )
    assert loaded.registries == {"team": "https://a.example", "other": "http://127.0.0.1:1"}
    assert loaded.trusted_origins == ("http://127.0.0.1:1", "https://b.example")
    assert loaded.ownership == "enforce"
    assert loaded.data_dir == tmp_path
    assert loaded.ca_file is None
    assert loaded.registry == "local"


def test_options_win_over_the_environment(tmp_path: Path) -> None:
    loaded = settings.load({"MCP_REGISTRAR_DATA_DIR": "/elsewhere"}, data_dir=tmp_path, log_level=None)
    assert loaded.data_dir == tmp_path
    assert loaded.log_level == "WARNING"


@pytest.mark.parametrize(
    ("variable", "value"), [("MCP_REGISTRAR_OWNERSHIP", "maybe"), ("MCP_REGISTRAR_REGISTRIES", "https://a.example")]
)
def test_a_wrong_value_names_its_variable(variable: str, value: str) -> None:
    with pytest.raises(InputError, match=variable):
        settings.load({variable: value})


def test_the_data_directory_is_the_users_own(own_home: Path) -> None:
    assert settings.load({}).data_dir.is_relative_to(own_home)
