"""Settings from the environment: each field of `Settings` is ``MCP_REGISTRAR_<FIELD>``."""

from __future__ import annotations

import os
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Literal

from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.workbench import Settings

PREFIX = "MCP_REGISTRAR_"


def load(environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """The settings of this process. ``overrides`` (from the command line) win; None means not given.

    Raises `InputError` for a value that cannot be one, naming the variable.
    """
    environment = os.environ if environment is None else environment
    hints = typing.get_type_hints(Settings)
    values: dict[str, Any] = {}
    for field in fields(Settings):
        variable = variable_of(field.name)
        if environment.get(variable):
            values[field.name] = _parse(variable, environment[variable], hints[field.name])
    values |= {name: value for name, value in overrides.items() if value is not None}
    values.setdefault("data_dir", default_data_dir())
    return Settings(**values)


def absolute_path(text: str) -> Path:
    """A path given on the command line, made absolute; it need not exist yet."""
    return Path(text).expanduser().absolute()


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def default_data_dir() -> Path:
    """The user's data directory for this program, as the operating system has it; it is not created here."""
    import platformdirs

    return Path(platformdirs.user_data_dir("mcp-registrar", appauthor=False))


def describe() -> list[tuple[str, str, str]]:
    """(variable, default, help) of every setting, for the documentation."""
    rows = []
    for field in fields(Settings):
        default = "" if field.default is MISSING or field.default in (None, ()) else str(field.default)
        if field.name == "data_dir":
            default = "the user's data directory"
        rows.append((variable_of(field.name), default, str(field.metadata.get("help", ""))))
    return rows


def _parse(variable: str, text: str, hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        hint = next(option for option in typing.get_args(hint) if option is not type(None))
    if hint is Path:
        return absolute_path(text)
    origin = typing.get_origin(hint)
    if origin is Literal:
        if text not in typing.get_args(hint):
            choices = ", ".join(typing.get_args(hint))
            raise InputError("invalid-setting", f"{variable} is not one of {choices}", f"set {variable} to one of them")
        return text
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if origin is tuple:
        return tuple(parts)
    if origin is not None and issubclass(origin, Mapping):
        if not all("=" in part for part in parts):
            raise InputError(
                "invalid-setting", f"{variable} has a part without '='", f"write {variable}=name=URL,name=URL"
            )
        return {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in parts)}
    return text
