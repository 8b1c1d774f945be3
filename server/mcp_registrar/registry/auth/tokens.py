"""The registry's own tokens: Ed25519 JWTs of five minutes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mcp_registrar.registry.auth.permissions import Permission, permissions_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LIFETIME = 300
"""Seconds."""
ISSUER = "mcp-registry"


class InvalidToken(Exception):
    """A token is not ours, not whole or too old; the text says which."""


class Tokens:
    """Signs and checks tokens with one key."""

    def __init__(self, seed: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._key: Ed25519PrivateKey = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = self._key.public_key()

    def sign(
        self, method: str, subject: str, permissions: Sequence[Permission], *, lifetime: int = LIFETIME
    ) -> tuple[str, int]:
        """A token and when it expires (seconds since 1970)."""
        import jwt

        at = int(time.time())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "iat": at,
            "nbf": at,
            "exp": at + lifetime,
            "auth_method": method,
            "auth_method_sub": subject,
            "permissions": [each.json() for each in permissions],
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA"), at + lifetime

    def check(self, token: str) -> list[Permission]:
        """What the bearer may do. Raises `InvalidToken`. Only EdDSA is accepted, and only with an expiry."""
        import jwt

        try:
            claims = jwt.decode(
                token, self._public, algorithms=["EdDSA"], options={"require": ["exp"], "verify_aud": False}
            )
        except jwt.InvalidTokenError as error:
            raise InvalidToken(f"failed to parse token: {error}") from None
        return permissions_of(claims.get("permissions"))
