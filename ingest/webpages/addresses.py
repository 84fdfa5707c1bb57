"""Addresses of pages, written in one way, so that a page is fetched once however it is linked."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from codebook.text.portals import portal_words

LONGEST = 2000  # characters of an address
_DEFAULT_PORTS = {"http": 80, "https": 443}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HOST = re.compile(r"[a-z0-9._-]+")
_PATH = "/%:@!$&'()*+,;=~"
_QUERY = _PATH + "?"
_SESSION_IN_PATH = re.compile(r";[^/;]{0,200}")
_SESSION = re.compile(r"[0-9A-Za-z]{20,}")
_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")


def normal(address: str, base: str | None = None, encoding: str = "utf-8") -> str:
    """Return an address as it is kept: absolute, without fragment, session and default port, in ASCII.

    ``base`` is the page on which it stands, ``encoding`` that of the page (a query is written in it, as browsers do). Raises
    ValueError for what is no address of a page: another scheme, a user's name in it, a host that cannot be, or too long.

    >>> normal("../b/报告.html;jsessionid=1?id=3&PHPSESSID=x#top", "http://Example.cn:80/a/c/")
    'http://example.cn/a/b/%E6%8A%A5%E5%91%8A.html?id=3'
    """
    text = _CONTROL.sub("", address.strip())
    parts = urlsplit(urljoin(base, text.replace("\\", "/")) if base else text)
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError(f"{address[:200]!r} is no http address")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{address[:200]!r} holds a user's name")
    place = _host(parts.hostname or "")
    port = parts.port
    if port is not None and port != _DEFAULT_PORTS[parts.scheme]:
        place = f"{place}:{port}"
    path = _without_session(parts.path) or "/"
    if "/." in path and "//" not in path:
        path = urlsplit(urljoin(f"http://{place}/", path)).path
    path = _escaped(path, _PATH)
    query = _escaped(_without_parameters(parts.query), _QUERY, encoding)
    made = urlunsplit((parts.scheme, place, path, query, ""))
    if len(made) > LONGEST:
        raise ValueError(f"an address of {len(made):,} characters")
    return made


def host_of(address: str) -> str:
    """The host of a normal address, with the port where it is not the usual one: what is asked one request at a time.

    >>> host_of("https://example.cn/a"), host_of("http://example.cn:8080/")
    ('example.cn', 'example.cn:8080')
    """
    return urlsplit(address).netloc


def folder_of(address: str) -> str:
    """The address up to its last slash.

    >>> folder_of("http://example.cn/a/index_2.html?x=/")
    'http://example.cn/a/'
    """
    return urljoin(address, ".")


def _host(name: str) -> str:
    if not name:
        raise ValueError("no host")
    if ":" in name:
        return f"[{name}]"
    made = name.rstrip(".").encode("idna").decode("ascii").lower() if not name.isascii() else name.rstrip(".").lower()
    if not made or len(made) > 253 or not _HOST.fullmatch(made):
        raise ValueError(f"{name[:100]!r} is no host")
    return made


def _without_session(path: str) -> str:
    return _SESSION_IN_PATH.sub(lambda found: "" if _is_session(found[0][1:]) else found[0], path)


def _without_parameters(query: str) -> str:
    return "&".join(one for one in query.split("&") if not _is_session(one))


def _is_session(parameter: str) -> bool:
    """Return whether a parameter names a session. A short value of a name that pages and sites have too does not."""
    name, _, value = parameter.partition("=")
    words = portal_words()
    return name.lower() in words.sessions or (name.lower() in words.sessions_by_value and bool(_SESSION.fullmatch(value)))


def _escaped(text: str, safe: str, encoding: str = "utf-8") -> str:
    """Return a part of an address in ASCII, its escapes in upper case (RFC 3986)."""
    return _ESCAPE.sub(lambda found: found[0].upper(), quote(text, safe=safe, encoding=encoding, errors="replace"))
