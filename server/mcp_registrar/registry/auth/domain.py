"""Proving a domain: a signed timestamp, checked with the key in DNS or in a well-known file."""

from __future__ import annotations

import binascii
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mcp_registrar.registry.auth.keys import RECORD, published, verify
from mcp_registrar.registry.auth.permissions import Permission
from mcp_registrar.registry.auth.proofs import Grant, Refused
from mcp_registrar_tools.errors import OutboundError

if TYPE_CHECKING:
    from mcp_registrar.registry.app import RegistryApp

FIELDS = ("domain", "timestamp", "signed_timestamp")
WINDOW = 15
"""Seconds that the signer's clock may differ from ours."""
SELECTORS = ("_mcp-auth.", "_mcp-registry.")
WELL_KNOWN = "/.well-known/mcp-registry-auth"
KEY_LIMIT = 4096
"""Bytes of a well-known file."""


async def by_dns(app: RegistryApp, body: Mapping[str, str]) -> Grant:
    """The key is in a TXT record of the domain: grants its namespace and those below."""
    domain, signature = check(body["domain"], body["timestamp"], body["signed_timestamp"])
    records = await _txt_records(app, domain)
    keys = published(records, "no MCP public key found in DNS TXT records")
    verify(keys, body["timestamp"].encode(), signature)
    return Grant(domain, dns_permissions(domain))


async def by_http(app: RegistryApp, body: Mapping[str, str]) -> Grant:
    """The key is in a file on the domain's web server: grants its own namespace only."""
    domain, signature = check(body["domain"], body["timestamp"], body["signed_timestamp"])
    text = await _well_known(app, domain)
    keys = published([text], "no MCP public key found in HTTP response")
    verify(keys, body["timestamp"].encode(), signature)
    return Grant(domain, http_permissions(domain))


def check(domain: str, timestamp: str, signed: str, *, at: datetime | None = None) -> tuple[str, bytes]:
    """Domain and signature, when they have the form and the timestamp is of now. Raises `Refused`."""
    from mcp_registrar.registry.store.rows import micros
    from mcp_registrar_tools.addresses import is_domain

    if not is_domain(domain):
        raise Refused("invalid domain format")
    try:
        moment = micros(timestamp) / 1e6
    except ValueError as error:
        raise Refused(f"invalid timestamp format: {error}") from None
    if abs(moment - (at or datetime.now(UTC)).timestamp()) > WINDOW:
        raise Refused(f"timestamp outside valid window (±{WINDOW} seconds)")
    try:
        return domain, binascii.unhexlify(signed)
    except (binascii.Error, ValueError) as error:
        raise Refused(f"invalid signature format, must be hex: {error}") from None


def namespace(domain: str) -> str:
    """``api.example.com`` is ``com.example.api``; letter case stays."""
    return ".".join(reversed(domain.split(".")))


def dns_permissions(domain: str) -> list[Permission]:
    return [Permission("publish", f"{namespace(domain)}/*"), Permission("publish", f"{namespace(domain)}.*")]


def http_permissions(domain: str) -> list[Permission]:
    return [Permission("publish", f"{namespace(domain)}/*")]


async def _txt_records(app: RegistryApp, domain: str) -> list[str]:
    try:
        records = await app.txt(domain, 5.0)
    except OSError as error:
        raise Refused(f"failed to lookup DNS TXT records: {error}") from None
    if not any(RECORD.search(record) for record in records):
        for selector in SELECTORS:
            try:
                others: Sequence[str] = await app.txt(selector + domain, 2.0)
            except OSError:
                continue
            if any(RECORD.search(record) for record in others):
                raise Refused(
                    f'no MCPv1 TXT record at "{domain}", but one was found at "{selector}{domain}" — '
                    "MCP DNS auth requires the record at the apex domain, not under a selector"
                )
    return records


async def _well_known(app: RegistryApp, domain: str) -> str:
    url = f"https://{domain}{WELL_KNOWN}"
    origin = app.config.http_auth_origin.rstrip("/")
    headers = {"accept": "text/plain", "user-agent": "mcp-registry/1.0"}
    if origin:
        headers["host"] = domain
    try:
        answer = await app.outbound().fetch(
            "GET", origin + WELL_KNOWN if origin else url, headers=headers, timeout=10, limit=KEY_LIMIT
        )
    except OutboundError as error:
        if error.code == "outbound-too-large":
            raise Refused("HTTP auth key response too large") from None
        if error.code == "outbound-private":
            raise Refused(
                f"failed to fetch key: dial {domain}: refusing to connect to private or loopback address"
            ) from None
        # The answer began and did not end: that is a fault of reading, not of reaching.
        reading = "incomplete" in error.message or "complete message body" in error.message
        what = "failed to read response body" if reading else "failed to fetch key"
        raise Refused(f"{what}: {error.message}") from None
    if answer.status != 200:
        raise Refused(f"HTTP {answer.status}: failed to fetch key from {url}")
    return answer.body.decode("utf-8", "replace").strip()
