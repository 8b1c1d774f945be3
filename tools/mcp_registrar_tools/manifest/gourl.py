"""URLs as Go's ``net/url`` reads them, with its error texts: what it accepts is what the registry accepts.

Written after the documented behaviour of ``url.Parse`` (RFC 3986 with the deviations that its documentation
names).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mcp_registrar_tools.manifest.gotext import quote

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*(?=:)")
_PORT = re.compile(r"(?::[0-9]*)?\Z")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_USERINFO = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*\Z")
# What may not stand in a host unescaped, among ASCII; a percent sign starts an escape.
_HOST_REFUSED = re.compile(r"[ #%/?@\\^`{|}]")
_PLAIN = re.compile(r"(https?)://([A-Za-z0-9.\-]+)(?::[0-9]*)?(?:/[A-Za-z0-9\-._~/+=&;,!$'()*@:]*)?\Z")


class GoURLError(ValueError):
    """What ``url.Parse`` answers; the text is Go's."""


@dataclass(frozen=True, slots=True)
class GoURL:
    """The parts the registry looks at. ``host`` includes the port, ``path`` is decoded."""

    scheme: str
    host: str
    path: str

    @property
    def hostname(self) -> str:
        """The host without port and brackets."""
        if self.host.startswith("["):
            return self.host[1:].partition("]")[0]
        return self.host.rpartition(":")[0] if ":" in self.host else self.host


def parse(raw: str) -> GoURL:
    """Read a URL; raises `GoURLError` whose text starts ``parse "…": ``."""
    plain = _PLAIN.match(raw)
    if plain:  # nearly every URL there is, without a look at its characters one by one
        rest = raw[len(plain[1]) + 3 :]
        host, slash, path = rest.partition("/")
        return GoURL(plain[1], host, slash + path)
    url, hash_, fragment = raw.partition("#")
    try:
        result = _parse(url)
    except GoURLError as error:
        raise GoURLError(f"parse {quote(url)}: {error}") from None
    if hash_:
        try:
            _unescape(fragment)
        except GoURLError as error:
            raise GoURLError(f"parse {quote(raw)}: {error}") from None
    return result


def _parse(raw: str) -> GoURL:
    if _CONTROL.search(raw):
        raise GoURLError("net/url: invalid control character in URL")
    if raw == "*":
        return GoURL("", "", "*")
    if raw.startswith(":"):
        raise GoURLError("missing protocol scheme")
    found = _SCHEME.match(raw)
    scheme = found[0].lower() if found else ""
    rest = (raw[found.end() + 1 :] if found else raw).partition("?")[0]
    if not rest.startswith("/"):
        if scheme:
            return GoURL(scheme, "", "")
        if ":" in rest.partition("/")[0]:
            raise GoURLError("first path segment in URL cannot contain colon")
    host = ""
    if (scheme or not rest.startswith("///")) and rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        host = _authority(authority)
        rest = slash + path
    return GoURL(scheme, host, _unescape(rest))


def _authority(authority: str) -> str:
    userinfo, at, host = authority.rpartition("@")
    host = _host(host)
    if at:
        if not _USERINFO.match(userinfo):
            raise GoURLError("net/url: invalid userinfo")
        _unescape(userinfo)
    return host


def _host(host: str) -> str:
    if host.startswith("["):
        end = host.rfind("]")
        if end < 0:
            raise GoURLError("missing ']' in host")
        port = host[end + 1 :]
        if not _PORT.match(port):
            raise GoURLError(f"invalid port {quote(port)} after host")
        zone = host.find("%25", 0, end)
        if zone >= 0:
            return _unescape_host(host[:zone]) + _unescape(host[zone:end]) + _unescape_host(host[end:])
    elif ":" in host:
        port = host[host.rindex(":") :]
        if not _PORT.match(port):
            raise GoURLError(f"invalid port {quote(port)} after host")
    return _unescape_host(host)


def _unescape_host(host: str) -> str:
    for match in _HOST_REFUSED.finditer(host):
        at = match.start()
        if match[0] != "%":
            raise GoURLError(f"invalid character {quote(match[0])} in host name")
        escape = host[at : at + 3]
        # Only bytes outside ASCII may be escaped in a host (and %25, for zones).
        if _ESCAPE.match(host, at) or (escape[1] in "01234567" and escape != "%25"):
            raise GoURLError(f"invalid URL escape {quote(escape)}")
    return _decode(host)


def _unescape(text: str) -> str:
    if "%" not in text:
        return text
    wrong = _ESCAPE.search(text)
    if wrong:
        raise GoURLError(f"invalid URL escape {quote(text[wrong.start() : wrong.start() + 3])}")
    return _decode(text)


def _decode(text: str) -> str:
    if "%" not in text:
        return text
    from urllib.parse import unquote

    return unquote(text)


def is_absolute(raw: str) -> bool:
    """JSON Schema's ``uri`` format as the registry's library tests it: it parses, has a scheme, and an IPv6
    host is a real one in brackets.
    """
    try:
        url = parse(raw)
    except GoURLError:
        return False
    if not url.scheme:
        return False
    if ":" in url.hostname:
        if not (url.host.startswith("[") and "]" in url.host):
            return False
        import ipaddress

        try:
            ipaddress.IPv6Address(url.hostname)
        except ValueError:
            return False
    return True
