"""Keys and signatures: the official vectors, and the padding that one signature in 128 needs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mcp_registrar_tools.errors import InputError
from mcp_registrar_tools.registries import domain, github, signing
from tests.conftest import cases


@pytest.mark.parametrize("case", cases("signature"))
def test_the_official_vectors(case: Any) -> None:
    given, expected = case["input"], case["expected"]
    private = given.get("private_seed_hex") or given.get("private_key_hex")
    if private is None:
        pytest.skip("a case of the registry's side: it holds no private key")
    key = signing.parse(private, "the case")
    assert key.algorithm == given["algorithm"]
    assert key.record == expected["proof_record"]
    assert key.public == given.get("public_key", key.public)
    assert key.secret_hex() == private
    ours = key.sign(given["timestamp"].encode())
    if key.algorithm == "ed25519":
        assert ours == expected["signed_timestamp"]
        assert key.fingerprint == expected["fingerprint"]
    assert verifies(key, given["timestamp"].encode(), ours)


@pytest.mark.parametrize("case", cases("oidc_audience"))
def test_the_audience_of_an_actions_token(case: Any) -> None:
    assert github.audience(case["input"]) == case["expected"]["audience"]


@pytest.mark.parametrize("case", cases("domain"))
def test_domains(case: Any) -> None:
    try:
        domain.check_domain(case["input"])
        valid = True
    except InputError:
        valid = False
    assert valid == case["expected"]["valid"]


@pytest.mark.parametrize("case", cases("dns_txt"))
def test_proof_records_are_read_as_the_registry_reads_them(case: Any) -> None:
    expected = case["expected"]
    found = domain.fingerprints(case["input"])
    assert bool(found) == expected["matches"]
    if found:
        assert found[0] == (expected["algorithm"], expected["public_key"])


def verifies(key: signing.SigningKey, message: bytes, signature: str) -> bool:
    """The registry's own check of a signature."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    raw = bytes.fromhex(signature)
    public: Any = key._key.public_key()
    try:
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(raw, message)
        else:
            if len(raw) != 96:
                return False
            r, s = int.from_bytes(raw[:48], "big"), int.from_bytes(raw[48:], "big")
            public.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA384()))
    except InvalidSignature:
        return False
    return True


def p384(count: int) -> tuple[int, int]:
    """Signatures accepted, and those among them with a half that needed padding."""
    key = signing.generate("ecdsap384")
    accepted = padded = 0
    for number in range(count):
        message = f"2026-01-01T00:00:00Z {number}".encode()
        signature = key.sign(message)
        accepted += verifies(key, message, signature)
        padded += signature.startswith("00") or signature[96:].startswith("00")
    return accepted, padded


def test_p384_signatures_are_padded() -> None:
    accepted, padded = p384(1000)
    assert accepted == 1000
    assert padded  # 1 in 128: with 1000 the chance of seeing none is below 0.0005


@pytest.mark.soak
def test_ten_thousand_p384_signatures() -> None:
    accepted, padded = p384(10_000)
    print(f"accepted {accepted} of 10000, {padded} with a half that needed padding")
    assert accepted == 10_000
    assert 30 < padded < 140


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsap384"])
def test_keys_are_read_from_hex_and_pem(algorithm: signing.Algorithm, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = signing.generate(algorithm)
    pem = key._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for text in (key.secret_hex(), key.secret_hex().upper() + "\n", pem.decode()):
        path = tmp_path / "key"
        path.write_text(text, encoding="ascii")
        assert signing.read_key(path).record == key.record


@pytest.mark.parametrize(
    "text", ["", "zz", "00" * 31, "00" * 48, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"]
)
def test_what_is_no_key_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(InputError) as refused:
        signing.parse(text, "the file")
    assert refused.value.code == "key-unusable"
    assert len(text) < 10 or text not in refused.value.text()


def test_a_key_does_not_show_itself() -> None:
    key = signing.generate("ed25519")
    assert key.secret_hex() not in f"{key!r} {key}"
    assert key.fingerprint in repr(key)


def test_the_signed_time_is_rfc_3339_in_whole_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "now", lambda: datetime(2026, 1, 1, 0, 0, 0, 999_999, tzinfo=UTC))
    key = signing.generate("ed25519")
    body = domain.proof("example.com", key)
    assert body == {
        "domain": "example.com",
        "timestamp": "2026-01-01T00:00:00Z",
        "signed_timestamp": key.sign(b"2026-01-01T00:00:00Z"),
    }
