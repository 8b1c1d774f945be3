"""URLs as Go reads them, texts of its errors included (documented behaviour of net/url)."""

from __future__ import annotations

import pytest

from mcp_registrar_tools.manifest.gotext import byte_length, quote, quote_rune
from mcp_registrar_tools.manifest.gourl import GoURLError, is_absolute, parse


@pytest.mark.parametrize(
    ("url", "scheme", "host", "path"),
    [
        ("https://example.com/a/b", "https", "example.com", "/a/b"),
        ("HTTPS://Example.com:443/%41", "https", "Example.com:443", "/A"),
        ("https://u:p@example.com?q=1#f", "https", "example.com", ""),
        ("https://", "https", "", ""),
        ("https:///x", "https", "", "/x"),
        ("mailto:a@b", "mailto", "", ""),
        ("//example.com/x", "", "example.com", "/x"),
        ("/x:y", "", "", "/x:y"),
        ("", "", "", ""),
        ("*", "", "", "*"),
        ("a.b:80", "a.b", "", ""),
        ("https://[::1]:8080/x", "https", "[::1]:8080", "/x"),
        ("https://[fe80::1%25en0]/", "https", "[fe80::1%en0]", "/"),
        ("https://example.com:/x", "https", "example.com:", "/x"),
        ("https://h\u00e4user.de/\u00fc", "https", "h\u00e4user.de", "/\u00fc"),
        ("https://a/b c", "https", "a", "/b c"),
        ("https://a<b>/", "https", "a<b>", "/"),
        ("1http", "", "", "1http"),
    ],
)
def test_reads(url: str, scheme: str, host: str, path: str) -> None:
    parsed = parse(url)
    assert (parsed.scheme, parsed.host, parsed.path) == (scheme, host, path)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("ht tp://e.com", 'parse "ht tp://e.com": first path segment in URL cannot contain colon'),
        ("1http://e.com", 'parse "1http://e.com": first path segment in URL cannot contain colon'),
        ("://e.com", 'parse "://e.com": missing protocol scheme'),
        (":", 'parse ":": missing protocol scheme'),
        ("https://e.com/\n", 'parse "https://e.com/\\n": net/url: invalid control character in URL'),
        ("https://e.com/\x7f", 'parse "https://e.com/\\x7f": net/url: invalid control character in URL'),
        ("https://e.com/%zz", 'parse "https://e.com/%zz": invalid URL escape "%zz"'),
        ("https://e.com/%2", 'parse "https://e.com/%2": invalid URL escape "%2"'),
        ("https://e.com/%", 'parse "https://e.com/%": invalid URL escape "%"'),
        ("https://e.com/#%zz", 'parse "https://e.com/#%zz": invalid URL escape "%zz"'),
        ("https://%41.com/", 'parse "https://%41.com/": invalid URL escape "%41"'),
        ("https://e .com/", 'parse "https://e .com/": invalid character " " in host name'),
        ("https://{x}/", 'parse "https://{x}/": invalid character "{" in host name'),
        ('https://e\\x.com/"', 'parse "https://e\\\\x.com/\\"": invalid character "\\\\" in host name'),
        ("https://e.com:x/", 'parse "https://e.com:x/": invalid port ":x" after host'),
        ("https://[::1", "parse \"https://[::1\": missing ']' in host"),
        ("https://[::1]x/", 'parse "https://[::1]x/": invalid port "x" after host'),
        ("https://u[@e.com/", 'parse "https://u[@e.com/": net/url: invalid userinfo'),
    ],
)
def test_refuses_in_go_s_words(url: str, text: str) -> None:
    with pytest.raises(GoURLError) as caught:
        parse(url)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("url", "absolute"),
    [
        ("https://e.com", True),
        ("mailto:x", True),
        ("e.com", False),
        ("//e.com", False),
        ("https://%zz", False),
        ("https://[::1]/", True),
        ("https://[::g]/", False),
        ("urn:a:b", True),
        ("", False),
        ("data:image/png;base64,AA", True),
    ],
)
def test_format_uri(url: str, absolute: bool) -> None:
    assert is_absolute(url) is absolute


def test_quoting() -> None:
    assert quote('a"\\\n\x00\x7f\u00e9\u200b\U0001f600\ud800') == '"a\\"\\\\\\n\\x00\\x7fé\\u200b😀\ufffd"'
    assert [quote_rune(char) for char in ["'", '"', " ", "\t"]] == ["'\\''", "'\"'", "' '", "'\\t'"]
    assert byte_length("aé😀\ud800") == 1 + 2 + 4 + 3
