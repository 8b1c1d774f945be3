"""Text as Go sees it, for messages that have to equal the registry's to the letter."""

from __future__ import annotations

GO_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What `strings.TrimSpace` removes. Python's `str.strip` would also take U+001C to U+001F."""

_ESCAPES = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 92: "\\\\"}


def quote(text: str) -> str:
    """`%q` of a string."""
    return '"' + "".join('\\"' if c == '"' else _escape(c) for c in text) + '"'


def quote_rune(char: str) -> str:
    """`%q` of one character."""
    return "'" + ("\\'" if char == "'" else _escape(char)) + "'"


def _escape(char: str) -> str:
    code = ord(char)
    if code in _ESCAPES:
        return _ESCAPES[code]
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"  # Go cannot hold half a surrogate pair: its decoder has replaced it
    if char == " " or char.isprintable():
        return char
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def byte_length(text: str) -> int:
    """Length in UTF-8, as Go counts; half a surrogate pair counts as U+FFFD, which is three bytes too."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
