"""Keys that prove a domain: Ed25519 and ECDSA P-384, signatures as the registry reads them.

Ed25519 signs the message itself (64 bytes). P-384 signs its SHA-384 and is sent as r followed by s, each padded to
48 bytes; without the padding one signature in 128 is a byte short and refused.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mcp_registrar_tools.errors import InputError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Algorithm = Literal["ed25519", "ecdsap384"]
HALF = 48
"""Bytes of a P-384 scalar."""
RECORD = re.compile(r"v=MCPv1;\s*k=([^;]+);\s*p=([A-Za-z0-9+/=]+)")
"""The registry's own pattern for a proof record: not anchored, case-sensitive, this order."""


@dataclass(frozen=True, repr=False)
class SigningKey:
    """A private key. It has no ``repr`` that shows it."""

    algorithm: Algorithm
    _key: Ed25519PrivateKey | EllipticCurvePrivateKey

    def __repr__(self) -> str:
        return f"<SigningKey {self.fingerprint}>"

    def sign(self, message: bytes) -> str:
        """The signature in hex: 64 bytes for Ed25519, 96 for P-384."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(message).hex()
        r, s = decode_dss_signature(self._key.sign(message, ec.ECDSA(hashes.SHA384())))
        return (r.to_bytes(HALF, "big") + s.to_bytes(HALF, "big")).hex()

    @property
    def public(self) -> str:
        """The public key in base64: 32 bytes, or the compressed point of 49."""
        from cryptography.hazmat.primitives.asymmetric import ed25519
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        public = self._key.public_key()
        if isinstance(public, ed25519.Ed25519PublicKey):
            raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        else:
            raw = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        return base64.b64encode(raw).decode()

    @property
    def record(self) -> str:
        """What the world must see in DNS or in the well-known file."""
        return f"v=MCPv1; k={self.algorithm}; p={self.public}"

    @property
    def fingerprint(self) -> str:
        """The short form in which the registry names a key."""
        return f"{self.algorithm}:{self.public[:8]}"

    def secret_hex(self) -> str:
        """The private key as `mcp-publisher` reads it: 64 or 96 hex digits."""
        from cryptography.hazmat.primitives.asymmetric import ed25519

        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.private_bytes_raw().hex()
        return self._key.private_numbers().private_value.to_bytes(HALF, "big").hex()


def generate(algorithm: Algorithm) -> SigningKey:
    """A new key."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if algorithm == "ed25519":
        return SigningKey(algorithm, ed25519.Ed25519PrivateKey.generate())
    return SigningKey(algorithm, ec.generate_private_key(ec.SECP384R1()))


def parse(text: str, where: str) -> SigningKey:
    """A key from hex digits (64: Ed25519, 96: P-384) or PEM. ``where`` names it in errors, which never show it."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    text = text.strip()
    hint = 'create_key(domain="…") makes a usable key; hex or unencrypted PEM, Ed25519 or P-384'
    try:
        if text.startswith("-----BEGIN"):
            key = load_pem_private_key(text.encode(), password=None)
            if isinstance(key, ed25519.Ed25519PrivateKey):
                return SigningKey("ed25519", key)
            if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP384R1):
                return SigningKey("ecdsap384", key)
            raise InputError("key-unusable", f"{where} holds a key of another kind than Ed25519 or P-384", hint)
        raw = binascii.unhexlify(text)
        if len(raw) == 32:
            return SigningKey("ed25519", ed25519.Ed25519PrivateKey.from_private_bytes(raw))
        if len(raw) == HALF:
            return SigningKey("ecdsap384", ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP384R1()))
    except InputError:
        raise
    except (ValueError, TypeError, binascii.Error):
        pass
    raise InputError("key-unusable", f"{where} holds no private key that can be read", hint)


def read_key(path: Path) -> SigningKey:
    """The key in a file. Raises `InputError` when there is none."""
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise InputError(
            "key-file",
            f"{path}: {error.strerror or 'cannot be read'}",
            f'create_key(domain="…", key_file="{path}") makes it',
        ) from None
    if len(text) > 16_384:
        raise InputError("key-file", f"{path} is too large for a key", "name the file that holds the private key alone")
    return parse(text, str(path))
