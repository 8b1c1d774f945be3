"""Platforms as Docker writes them: ``os/architecture[/variant]``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp_registrar_tools.errors import InputError

_ARCHITECTURES = {
    "linux": {"386", "amd64", "arm", "arm64", "loong64", "mips64le", "ppc64le", "riscv64", "s390x"},
    "windows": {"amd64", "arm64"},
    "darwin": {"amd64", "arm64"},
    "freebsd": {"amd64", "arm64"},
}
_OTHER_NAMES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "armhf": "arm", "i386": "386", "x86": "386"}


def normalise(platform: str) -> str:
    """``linux/x86_64`` -> ``linux/amd64``, ``arm64`` -> ``linux/arm64``, ``linux/arm64/v8`` -> ``linux/arm64``.

    Raises `InputError` (``platform-unknown``) for what no image can be built for.
    """
    parts = platform.strip().lower().split("/")
    if len(parts) == 1:
        parts = ["linux", *parts]
    system, architecture, *variant = parts
    architecture = _OTHER_NAMES.get(architecture, architecture)
    if len(variant) > 1 or architecture not in _ARCHITECTURES.get(system, ()):
        raise InputError(
            "platform-unknown",
            f"no such platform: {platform}",
            'write it as os/architecture, for example platform="linux/amd64" or "linux/amd64,linux/arm64"',
        )
    if variant and (architecture, variant[0]) not in {("arm64", "v8"), ("amd64", "v1"), ("arm", "v7")}:
        return f"{system}/{architecture}/{variant[0]}"
    return f"{system}/{architecture}"


def of_image(facts: Mapping[str, Any]) -> str:
    """The platform of an image, from its configuration or from what the engine says of it."""

    def value(key: str) -> str:
        return str(facts.get(key) or facts.get(key.lower()) or "")

    parts = (value("Os") or "linux", value("Architecture"), value("Variant"))
    written = "/".join(part for part in parts if part)
    try:
        return normalise(written)
    except InputError:
        return written
