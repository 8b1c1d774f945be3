"""Addresses that are refused and domains that are accepted, beyond the registry's own cases."""

from __future__ import annotations

import pytest

from mcp_registrar_tools.addresses import blocked, is_domain


@pytest.mark.parametrize(
    "address",
    ["127.9.9.9", "169.254.169.254", "fe80::1%eth0", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "ff02::1", "224.0.0.1",
     "172.31.255.255", "192.168.0.1", "100.64.0.0", "fdff::1", "64:ff9b::7f00:1", "no address", ""],
)  # fmt: skip
def test_blocked(address: str) -> None:
    assert blocked(address)


@pytest.mark.parametrize(
    "address",
    ["172.32.0.1", "192.169.0.1", "9.255.255.255", "11.0.0.1", "2001:db8::1", "64:ff9b:2::1", "::ffff:8.8.8.8"],
)
def test_not_blocked(address: str) -> None:
    assert not blocked(address)


@pytest.mark.parametrize(
    "name", ["a.b", "a-b.example.com", "x" * 300 + ".com", "exa_mple.com", "a..b", ".a.b", "ä.com"]
)
def test_domains(name: str) -> None:
    assert is_domain(name) is (name in ("a.b", "a-b.example.com"))
