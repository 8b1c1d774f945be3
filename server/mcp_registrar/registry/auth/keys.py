"""Public keys as domains publish them, and signatures made with the private ones.

Ed25519 signs the message itself (64 bytes). P-384 signs its SHA-384 and is sent as r followed by s, each 48 bytes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mcp_registrar.registry.auth.proofs import Refused

RECORD = re.compile(r"v=MCPv1;[\t\n\f\r ]*k=([^;]+);[\t\n\f\r ]*p=([A-Za-z0-9+/=]+)")
"""A key in a TXT record or a well-known file: not anchored, case-sensitive, in this order."""

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


class Mismatch(Exception):
    """A well-formed signature that another key made."""


@dataclass(frozen=True)
class PublicKey:
    """A published key. ``text`` is its base64."""

    algorithm: str
    text: str
    _key: Any

    @property
    def fingerprint(self) -> str:
        """A short name for messages."""
        return f"{self.algorithm}:{self.text[:8]}"

    def verify(self, message: bytes, signature: bytes) -> None:
        """Raises `Mismatch` for another key's signature, `Refused` for what cannot be one."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        try:
            if self.algorithm == "ed25519":
                if len(signature) != 64:
                    raise Refused("invalid signature size for Ed25519")
                self._key.verify(signature, message)
            else:
                if len(signature) != 96:
                    raise Refused("invalid signature size for ECDSA P-384")
                r, s = (int.from_bytes(half, "big") for half in (signature[:48], signature[48:]))
                self._key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA384()))
        except (InvalidSignature, ValueError):
            raise Mismatch from None


def parse(algorithm: str, text: str) -> PublicKey:
    """A published key. Raises `Refused` with the registry's words."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if not _BASE64.fullmatch(text):
        raise Refused("failed to decode public key: illegal base64 data")
    raw = base64.b64decode(text)
    text = base64.b64encode(raw).decode()
    if algorithm == "ed25519":
        if len(raw) != 32:
            raise Refused("invalid Ed25519 public key size")
        return PublicKey(algorithm, text, ed25519.Ed25519PublicKey.from_public_bytes(raw))
    if algorithm == "ecdsap384":
        if len(raw) != 49:
            raise Refused("invalid ECDSA P-384 public key size")
        if raw[0] not in (2, 3):
            raise Refused(
                "invalid ECDSA P-384 public key format (must be compressed, with a leading 0x02 or 0x03 byte)"
            )
        try:
            key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), raw)
        except ValueError:
            raise Refused("failed to decompress ECDSA P-384 public key") from None
        return PublicKey(algorithm, text, key)
    raise Refused(f"unsupported public key algorithm: {algorithm}")


def published(records: Iterable[str], nothing: str) -> list[PublicKey]:
    """The usable keys among records, one from each. Raises `Refused`: ``nothing`` when no record has the form.

    An unusable key is passed over unless it is the only one.
    """
    found = [match.groups() for match in map(RECORD.search, records) if match]
    if not found:
        raise Refused(nothing)
    if len(found) == 1:
        return [parse(*found[0])]
    keys = []
    for algorithm, text in found:
        try:
            keys.append(parse(algorithm, text))
        except Refused:
            continue
    if not keys:
        raise Refused("no valid MCP public key found")
    return keys


def verify(keys: Sequence[PublicKey], message: bytes, signature: bytes) -> None:
    """One of the keys must have made the signature. Raises `Refused`."""
    unusable: Refused | None = None
    for key in keys:
        try:
            key.verify(message, signature)
        except Mismatch:
            continue
        except Refused as refusal:
            unusable = refusal
        else:
            return
    if unusable is not None:
        raise unusable
    tried = ", ".join(key.fingerprint for key in keys)
    if len(keys) == 1:
        raise Refused(
            f"signature verification failed (tried published key {tried}); "
            "if this is not the key you are signing with, the published record may be stale"
        )
    raise Refused(
        f"signature verification failed against all {len(keys)} published keys (tried: {tried}); "
        "if you recently rotated keys, remove any stale records from the apex domain"
    )
