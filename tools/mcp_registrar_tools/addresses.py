"""Which network addresses and domain names a request on somebody else's word may go to."""

from __future__ import annotations

import re

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")

# Beyond what `ipaddress` calls loopback, link-local, multicast or unspecified. The registry's own list
# (`internal/auth`): private use, carrier-grade NAT, and IPv6 forms that carry an IPv4 address inside.
_BLOCKED = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",  # carrier-grade NAT
    "fc00::/7",  # unique local
    "fec0::/10",  # site-local, deprecated and still routed by some
    "2002::/16",  # 6to4
    "64:ff9b::/96",  # NAT64
    "64:ff9b:1::/48",  # NAT64, local use
)


def blocked(address: str) -> bool:
    """Whether an IP address (text, a zone index allowed) is one that we refuse to connect to.

    Loopback, private, link-local, multicast, unspecified, CGNAT, 6to4, NAT64 and site-local, and the IPv4-mapped
    forms of these. What is no IP address is blocked.
    """
    import ipaddress

    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return True
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        return True
    return any(ip in network for network in map(ipaddress.ip_network, _BLOCKED) if network.version == ip.version)


def is_domain(name: str) -> bool:
    """Whether the registry takes this for a domain that can prove a namespace.

    At most 253 characters, at least one dot, no IP address, labels of letters and digits with hyphens inside.
    """
    import ipaddress

    if not name or len(name) > 253 or "." not in name:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return all(_LABEL.fullmatch(label) for label in name.split("."))
    return False
