"""What the registry checks only when publishing, as far as it needs no network: R50 and the fields by type."""

from __future__ import annotations

from typing import Any

from mcp_registrar_tools.findings import Finding
from mcp_registrar_tools.manifest.body import Path, dotted
from mcp_registrar_tools.manifest.gotext import byte_length
from mcp_registrar_tools.manifest.schemas import PUBLISHER_PROVIDED
from mcp_registrar_tools.packages import cargo, mcpb, npm, nuget, oci, pypi

EXTENSION_LIMIT = 4096
"""Bytes of compact JSON that ``_meta``'s publisher-provided part may have."""

FIELD_CHECKS = {
    "npm": npm.field_problems,
    "pypi": pypi.field_problems,
    "nuget": nuget.field_problems,
    "cargo": cargo.field_problems,
    "oci": oci.field_problems,
    "mcpb": mcpb.field_problems,
}

# Words of the registry's messages -> our code and the field they speak of; the first that is found counts.
_CODES = (
    ("package identifier is required", "package-identifier-required", "identifier"),
    ("package version is required", "package-version-required", "version"),
    ("must include a fileSha256", "file-sha256-required", "fileSha256"),
    ("must not have 'fileSha256'", "file-sha256-forbidden", "fileSha256"),
    ("must not have 'registryBaseUrl'", "registry-base-url-forbidden", "registryBaseUrl"),
    ("must not have 'version'", "package-version-forbidden", "version"),
    ("registry type and base URL do not match", "registry-base-url-mismatch", "registryBaseUrl"),
    ("invalid OCI reference", "invalid-oci-reference", "identifier"),
    ("unsupported OCI registry", "unsupported-oci-registry", "identifier"),
    ("MCPB", "invalid-mcpb-url", "identifier"),
)


def problems(bound: dict[str, Any]) -> list[Finding]:
    """Every such problem, in the registry's order. It would stop at the first; we do not."""
    found = list(_extension(bound))
    for i, package in enumerate(bound.get("packages", ())):
        kind = package["registryType"]
        check = FIELD_CHECKS.get(kind)
        if check is None:
            message = f"unsupported registry type: {kind}"
            found.append(_found("unsupported-registry-type", ("packages", i, "registryType"), message))
            continue
        for message in check(package):
            code, field = next(((c, f) for words, c, f in _CODES if words in message), ("package-field", ""))
            found.append(_found(code, ("packages", i, field) if field else ("packages", i), message))
    return found


def _found(code: str, at: Path, message: str) -> Finding:
    return Finding(code=code, severity="error", path=dotted(at), message=message, layer="publish-time", at=at)


def _extension(bound: dict[str, Any]) -> list[Finding]:
    extension = bound.get("_meta", {}).get(PUBLISHER_PROVIDED)
    if not extension:
        return []
    size = go_json_size(extension)
    if size <= EXTENSION_LIMIT:
        return []
    message = f"_meta.{PUBLISHER_PROVIDED} extension exceeds 4KB limit ({size} bytes)"
    return [_found("publisher-extension-too-large", ("_meta", PUBLISHER_PROVIDED), message)]


def go_json_size(value: Any) -> int:
    """Bytes of a JSON value as Go's encoder writes it: compact, with ``<``, ``>``, ``&``, U+2028 and U+2029
    escaped, every number as a float64.
    """
    size = 0
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            size += _string_size(item)
        elif isinstance(item, dict):
            size += 2 + max(len(item) - 1, 0) + len(item)
            for key, inner in item.items():
                size += _string_size(key)
                todo.append(inner)
        elif isinstance(item, list):
            size += 2 + max(len(item) - 1, 0)
            todo.extend(item)
        elif item is None or item is True:
            size += 4
        elif item is False:
            size += 5
        else:
            size += len(_number(item))
    return size


def _string_size(text: str) -> int:
    size = 2 + byte_length(text)
    if text.isalnum():
        return size
    for char in text:
        if char in '"\\\n\r\t\b\f':
            size += 1
        elif char in "<>&" or char < " ":
            size += 5
        elif char in "\u2028\u2029":
            size += 3
    return size


def _number(value: float) -> str:
    try:
        number = float(value)
    except OverflowError:
        return str(value) if len(str(value)) < 400 else "1e+309"
    if number == int(number) and abs(number) < 1e21 if abs(number) < float("inf") else False:
        return str(int(number))
    text = repr(number)
    if "e" in text:  # Go writes e-07 as e-7 and keeps the plus sign
        mantissa, _, exponent = text.partition("e")
        return f"{mantissa}e{exponent[0] if exponent[0] in '+-' else '+'}{exponent.lstrip('+-0')}"
    return text
