"""Logging to standard error, with everything that looks like a secret taken out first."""

from __future__ import annotations

import logging
import re
import sys

_SECRETS = re.compile(
    r"gh[pousr]_[A-Za-z0-9]{16,}"  # GitHub tokens
    r"|github_pat_[A-Za-z0-9_]{20,}"
    r"|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{30,}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"  # JSON web tokens
    r"|(?<![A-Za-z0-9])(?:[0-9a-fA-F]{96}|[0-9a-fA-F]{64})(?![A-Za-z0-9])"  # private keys (and, harmlessly, digests)
    r"|(?i:(?<=bearer )[A-Za-z0-9._~+/-]{8,}=*|(?<=basic )[A-Za-z0-9+/]{8,}=*)"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # user:password in a URL
)


def redact(text: str) -> str:
    """The text with tokens, keys and passwords replaced."""
    return _SECRETS.sub("[secret]", text)


class _Redacting(logging.Formatter):
    """Formats, then redacts: tracebacks and arguments included."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def configure(level: str) -> None:
    """Log to standard error at this level; an unknown level counts as WARNING. Standard output is the protocol's."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    known = logging.getLevelNamesMapping()
    logging.basicConfig(level=known.get(level.upper(), logging.WARNING), handlers=[handler], force=True)
