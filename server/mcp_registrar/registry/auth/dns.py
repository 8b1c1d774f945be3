"""TXT records of a domain."""

from __future__ import annotations


async def txt(name: str, seconds: float, server: str = "") -> list[str]:
    """The TXT records of a name, each joined from its parts. ``server`` is ``address:port`` instead of the system's.

    Raises OSError with the reason when the name has none or nobody answers.
    """
    import dns.asyncresolver
    import dns.exception
    import dns.name

    resolver = dns.asyncresolver.Resolver(configure=not server)
    if server:
        address, _, port = server.rpartition(":")
        resolver.nameservers = [(address or server).strip("[]")]
        resolver.port = int(port) if address else 53
    try:
        # A trailing dot: search domains of this machine have no say.
        answer = await resolver.resolve(dns.name.from_text(name + "."), "TXT", lifetime=seconds, search=False)
    except (dns.exception.DNSException, OSError, ValueError) as error:
        raise OSError(f"lookup {name}: {error}") from None
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
