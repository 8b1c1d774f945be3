"""Secrets do not reach a log, wherever in a record they stand."""

from __future__ import annotations

import logging

import pytest

from mcp_registrar import logs

PLANTED = [
    "ghp_" + "a1" * 18,
    "github_pat_" + "A" * 22,
    "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl",
    "ab" * 32,
    "0F" * 48,
    "npm_" + "x" * 36,
    "pypi-" + "y" * 60,
]


@pytest.mark.parametrize("secret", PLANTED)
def test_a_secret_is_taken_out(secret: str) -> None:
    assert logs.redact(f"before {secret} after") == "before [secret] after"


def test_bearer_basic_and_url_passwords() -> None:
    assert logs.redact("Authorization: Bearer abcdefgh12345") == "Authorization: Bearer [secret]"
    assert logs.redact("authorization: basic dXNlcjpwYXNz") == "authorization: basic [secret]"
    assert logs.redact("postgresql://me:hunter2@db/x") == "postgresql://[secret]@db/x"


def test_ordinary_text_stays() -> None:
    text = "published io.github.acme/weather 1.0.0 at https://registry.example/v0/servers in 12 ms"
    assert logs.redact(text) == text


def test_tracebacks_are_redacted_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    try:
        raise RuntimeError(PLANTED[0])
    except RuntimeError:
        logging.getLogger("x").exception("failed with %s", PLANTED[2])
    written = capsys.readouterr().err
    assert "RuntimeError" in written
    assert not [secret for secret in PLANTED if secret in written]
