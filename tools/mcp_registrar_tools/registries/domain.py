"""Proving that a domain is ours: the signed timestamp, and what the world sees of the key."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mcp_registrar_tools.addresses import is_domain
from mcp_registrar_tools.errors import InputError, OutboundError
from mcp_registrar_tools.registries.signing import RECORD, SigningKey

if TYPE_CHECKING:
    from mcp_registrar_tools.workbench import Settings, Workbench

SELECTORS = ("_mcp-auth", "_mcp-registry")
"""Where people put the record by mistake; the registry reads the domain itself only."""
WELL_KNOWN = "/.well-known/mcp-registry-auth"
WELL_KNOWN_LIMIT = 4096


def check_domain(domain: str) -> str:
    """The domain as given. Raises `InputError` for what the registry refuses."""
    if not is_domain(domain):
        raise InputError(
            "invalid-domain",
            f"{domain[:80]!r} is no domain name",
            'write it like domain="example.com", without scheme and path',
        )
    return domain


def namespace(domain: str) -> str:
    """``api.example.com`` -> ``com.example.api``."""
    return ".".join(reversed(domain.split(".")))


def key_path(settings: Settings, domain: str) -> Path:
    """Where a domain's private key is kept unless a call names another file."""
    return settings.data_dir / "keys" / f"{domain.lower()}.key"


def private_path(path: str) -> Path:
    """A file named by the user, absolute."""
    return Path(path).expanduser().absolute()


def now() -> datetime:
    """The time that is signed."""
    return datetime.now(UTC)


def proof(domain: str, key: SigningKey) -> dict[str, str]:
    """The login body for dns and http: the timestamp (RFC 3339, whole seconds) and its signature."""
    timestamp = now().strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"domain": domain, "timestamp": timestamp, "signed_timestamp": key.sign(timestamp.encode())}


@dataclass(frozen=True)
class Sight:
    """What the world sees of a domain's keys.

    ``keys`` are fingerprints (``ed25519:`` and 8 characters) in the order found; ``matches`` says if ours is among
    those the registry would try; ``problem`` and ``remedy`` are empty when all is well.
    """

    keys: list[str] = field(default_factory=list)
    matches: bool = False
    problem: str = ""
    remedy: str = ""


def fingerprints(text: str) -> list[tuple[str, str]]:
    """Algorithm and public key of each proof record in a text."""
    return [(match[1], match[2]) for match in RECORD.finditer(text)]


async def look(bench: Workbench, domain: str, method: Literal["dns", "http"], key: SigningKey) -> Sight:
    """What a registry would find for this key, by the registry's own rules."""
    return await (_look_dns if method == "dns" else _look_http)(bench, domain, key)


async def _look_dns(bench: Workbench, domain: str, key: SigningKey) -> Sight:
    add = f"add the TXT record {key.record!r} at {domain} itself"
    try:
        records = await txt(bench.settings, domain)
    except OutboundError as error:
        return Sight(problem=error.message, remedy=error.hint)
    found = [pair for record in records for pair in fingerprints(record)[:1]]
    names = [f"{algorithm}:{public[:8]}" for algorithm, public in found]
    if (key.algorithm, key.public) in found:
        stale = len(found) - 1
        advice = f"{stale} other key{'s' if stale > 1 else ''} in DNS: remove those not in use" if stale else ""
        return Sight(keys=names, matches=True, remedy=advice)
    if found:
        return Sight(
            keys=names,
            problem=f"{domain} publishes {', '.join(names)}, not this key ({key.fingerprint})",
            remedy=f"{add}, and remove the stale one" if len(found) == 1 else f"{add}, and remove the stale ones",
        )
    for selector in SELECTORS:
        try:
            misplaced = any(map(fingerprints, await txt(bench.settings, f"{selector}.{domain}", patience=2)))
        except OutboundError:
            continue
        if misplaced:
            return Sight(
                problem=f"the record is at {selector}.{domain}; the registry reads {domain} itself",
                remedy="move the TXT record to the domain itself (host name @)",
            )
    near = [record for record in records if "mcpv1" in record.lower()]
    if near:
        return Sight(
            problem=f"{domain} has a TXT record that is almost right and does not match the registry's pattern",
            remedy=f"write it exactly as {key.record!r}",
        )
    return Sight(problem=f"no proof record at {domain} yet", remedy=f"{add}; DNS may take minutes to show it")


async def _look_http(bench: Workbench, domain: str, key: SigningKey) -> Sight:
    url = f"https://{domain}{WELL_KNOWN}"
    serve = f"serve {key.record!r} as plain text at {url}"
    try:
        answer = await bench.outbound.fetch("GET", url, headers={"accept": "text/plain"}, limit=WELL_KNOWN_LIMIT)
    except OutboundError as error:
        return Sight(problem=error.message, remedy=serve)
    if answer.status != 200:
        moved = " (the registry follows no redirect)" if 300 <= answer.status < 400 else ""
        return Sight(problem=f"{url} answers HTTP {answer.status}{moved}", remedy=serve)
    found = fingerprints(answer.body.decode("utf-8", "replace"))
    names = [f"{algorithm}:{public[:8]}" for algorithm, public in found]
    if not found:
        return Sight(problem=f"{url} holds no proof record", remedy=serve)
    if found[0] == (key.algorithm, key.public):
        return Sight(keys=names, matches=True)
    if (key.algorithm, key.public) in found:
        return Sight(
            keys=names,
            problem="the registry reads the first record only, and this key is a later one",
            remedy="move this key's record to the top of the file",
        )
    return Sight(
        keys=names, problem=f"{url} publishes {', '.join(names)}, not this key ({key.fingerprint})", remedy=serve
    )


async def txt(settings: Settings, name: str, *, patience: float = 5.0) -> list[str]:
    """The TXT records of a name, strings of one record joined; empty when the name or the type is not there.

    Asks `Settings.dns_server` when set, else the system's servers. Raises `OutboundError` when nobody answers.
    """
    import dns.asyncresolver
    import dns.exception
    import dns.resolver

    failed = f"TXT records of {name} could not be looked up"
    try:
        if settings.dns_server:
            host, _, port = settings.dns_server.rpartition(":")
            resolver = dns.asyncresolver.Resolver(configure=False)
            resolver.nameservers, resolver.port = [host.strip("[]")], int(port)
        else:
            resolver = dns.asyncresolver.Resolver()
        answer = await resolver.resolve(name, "TXT", search=False, lifetime=patience)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError, ValueError) as error:
        raise OutboundError(
            "dns-failed", f"{failed}: {type(error).__name__}", "check the domain and the network", transient=True
        ) from None
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
