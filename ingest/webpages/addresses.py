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
    path = quote(path, safe=_PATH)
    query = quote(_without_parameters(parts.query), safe=_QUERY, encoding=encoding, errors="replace")
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
    sessions = portal_words().sessions
    return _SESSION_IN_PATH.sub(lambda m: "" if m[0][1:].partition("=")[0].lower() in sessions else m[0], path)


def _without_parameters(query: str) -> str:
    sessions = portal_words().sessions
    return "&".join(one for one in query.split("&") if one.partition("=")[0].lower() not in sessions)
