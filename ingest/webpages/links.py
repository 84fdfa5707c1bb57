"""Looking through a page of a portal: what it links to, and whether it is a report, a list, or asks who is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

from lxml import etree

from codebook.records import Record
from codebook.text.decoding import decode_sample
from codebook.text.portals import leads_to_report, link_text, portal_words
from ingest.webpages.addresses import folder_of, host_of, normal

MOST_BYTES = 8 * 1024 * 1024
"""A page that is larger is not looked through."""
_MOST_LINKS = 20_000
_MOST_PAGES = 1000  # of one list
_LONGEST_TEXT = 300
_TAG = re.compile(rb"<(?:!doctype|html|head|body|meta|script|title|table|div|a|frame)\b", re.I)
_MOVES = re.compile(r"""\blocation(?:\.href)?\s{0,5}=\s{0,5}["']([^"'<>\s]{1,500})["']""")
_FRAMES = {"iframe": "src", "frame": "src", "embed": "src", "object": "data"}
_NUMBER = re.compile(r"\d{1,4}")
_ARROWS = "<>«»‹›[]"
_PICTURE_NAMES = ("data-src", "data-original", "data-lazy-src", "data-echo", "src")
_LEAST_PICTURE = {"width": 200, "height": 80}  # pixels of what may be a table
_NO_LETTER = re.compile(r"[^a-z]+")
_FORM_WORDS = 2
_FEW_CHARACTERS = 200  # of a page that only leads on to another
_HARDLY_ANY = 60  # characters of one that a script leads on from, without its title
_TEXTS = "//body//text()[not(parent::script or parent::style or parent::noscript)]"
_SEEN = ("img", "iframe", "frame", "embed", "object", "canvas", "video")
_ON_CONDITION = re.compile(r"\bif\s{0,9}\(|\bswitch\s{0,9}\(|&&|\|\||\?|\bonchange\b", re.I)


class PageLink(Record, frozen=True):
    """A link: where it leads, and its text."""

    address: str
    text: str


class PageView(Record, frozen=True):
    """What was seen in a page. ``is_page`` False: it is no web page, and nothing was seen.

    ``reports`` are links whose words name a report, ``more`` other pages of the same list, ``files`` what belongs to a report,
    ``pictures`` what may be tables of it, with their addresses as they stand in the page for texts, ``moved_to`` the page that it
    leads on to by itself. ``has_form``: it holds a table of a form. ``is_challenge``: it asks
    whether a person is there.
    """

    is_page: bool = False
    has_form: bool = False
    is_challenge: bool = False
    moved_to: str | None = None
    reports: tuple[PageLink, ...] = ()
    more: tuple[str, ...] = ()
    files: tuple[PageLink, ...] = ()
    pictures: tuple[PageLink, ...] = ()


class _Anchor(NamedTuple):
    address: str
    text: str


def look_through(body: bytes, address: str) -> PageView:
    """Look through a page that was fetched from ``address``."""
    if len(body) > MOST_BYTES or not _TAG.search(body[:65536]):
        return PageView()
    text = decode_sample(body)
    if text is None:
        return PageView()
    root = etree.fromstring(text.encode("utf-8", "replace"), etree.HTMLParser(encoding="utf-8", no_network=True))
    if root is None:
        return PageView()
    encoding = _encoding(body)
    base = _base(root, address)
    seen = link_text_of(root)
    words = portal_words()
    has_form = sum(word in seen for word in words.form_words) >= _FORM_WORDS
    anchors = list(_anchors(root, base, encoding))
    few = len(seen) < words.challenge_characters
    return PageView(
        is_page=True,
        has_form=has_form,
        is_challenge=few and any(word in seen for word in words.challenge),
        moved_to=_moved_to(root, base, encoding) if len(seen) < _FEW_CHARACTERS else None,
        reports=_unique(PageLink(one.address, one.text) for one in anchors if leads_to_report(link_text(one.text))),
        more=tuple(dict.fromkeys(one for one in _more(anchors, text, address, base) if one != address)),
        files=_unique([*_files(anchors), *_framed(root, base, encoding)]),
        pictures=tuple(dict.fromkeys(_pictures(root, base, encoding, folder_of(address if has_form else urljoin(address, "/"))))),
    )


def link_text_of(root: etree._Element) -> str:
    """The text that is seen of a page, as texts are compared, without spaces."""
    return "".join(link_text(part) for part in root.xpath(f"{_TEXTS} | //title/text()"))


def is_file(address: str) -> bool:
    """Return whether an address names a file of a report, in its path or in a parameter.

    >>> is_file("http://example.cn/a/P0202.PDF"), is_file("http://example.cn/down?f=%E9%99%84.doc"), is_file("http://a.cn/b.html")
    (True, True, False)
    """
    parts = urlsplit(address)
    ends = portal_words().attachments
    return parts.path.lower().endswith(ends) or any(value.lower().endswith(ends) for _, value in parse_qsl(parts.query[:2000]))


def _encoding(body: bytes) -> str:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def _base(root: etree._Element, address: str) -> str:
    for element in root.iter("base"):
        if element.get("href"):
            try:
                return normal(element.get("href"), address)
            except ValueError:
                break
    return address


def _to(href: str | None, base: str, encoding: str) -> str | None:
    if not href or href.lstrip()[:11].lower().startswith(("javascript:", "mailto:", "#", "data:", "tel:")):
        return None
    try:
        return normal(href, base, encoding)
    except ValueError:
        return None


def _anchors(root: etree._Element, base: str, encoding: str) -> Iterator[_Anchor]:
    for number, element in enumerate(root.iter("a", "area")):
        if number >= _MOST_LINKS:
            return
        address = _to(element.get("href"), base, encoding)
        if address is None:
            continue
        text = "".join(element.itertext())
        title = element.get("title") or ""
        # A list shows the beginning of a long title, and all of it in the link's own title.
        yield _Anchor(address, " ".join((title if len(title) > len(text.strip()) else text).split())[:_LONGEST_TEXT])


def _more(anchors: list[_Anchor], text: str, address: str, base: str) -> Iterator[str]:
    """The other pages of a list: on the same host, by their words, by their number, or as a script makes their links."""
    host, folder = host_of(address), folder_of(address)
    for one in anchors:
        words = link_text(one.text)
        words = words.strip(_ARROWS) or words
        is_next = words in portal_words().next
        is_numbered = _NUMBER.fullmatch(words) is not None and folder_of(one.address) == folder
        if host_of(one.address) == host and (is_next or is_numbered) and not is_file(one.address):
            yield one.address
    for pattern in portal_words().paging:
        for found in pattern.finditer(text):
            for number in range(min(int(found["pages"]), _MOST_PAGES)):
                name = f"{found['name']}{f'_{number}' if number else ''}.{found['end']}"
                yield normal(name, base)


def _files(anchors: list[_Anchor]) -> Iterator[PageLink]:
    for one in anchors:
        if is_file(one.address) or unquote(one.text).lower().endswith(portal_words().attachments):
            yield PageLink(one.address, one.text)


def _framed(root: etree._Element, base: str, encoding: str) -> Iterator[PageLink]:
    """What a page shows in a frame: a viewer names the file in a parameter."""
    for element in root.iter(*_FRAMES):
        address = _to(element.get(_FRAMES[element.tag]), base, encoding)
        if address is None:
            continue
        named = (value for name, value in parse_qsl(urlsplit(address).query[:2000]) if name in ("file", "url", "src", "furl"))
        inner = next((to for value in named if (to := _to(value, base, encoding)) is not None and is_file(to)), None)
        yield PageLink(inner or address, "")


def _pictures(root: etree._Element, base: str, encoding: str, below: str) -> Iterator[PageLink]:
    """The pictures of a page whose addresses begin with ``below``, but for what adorns it. One that a script puts in the place of
    another counts in its place.
    """
    for number, element in enumerate(root.iter("img")):
        if number >= _MOST_LINKS:
            return
        raw = next((text for name in _PICTURE_NAMES if (text := (element.get(name) or "").strip())), "")
        address = _to(raw, base, encoding)
        if address is None or not address.startswith(below) or any(_is_small(element, *size) for size in _LEAST_PICTURE.items()):
            continue
        stem = unquote(urlsplit(address).path).rpartition("/")[2].partition(".")[0].lower()
        if portal_words().decorations.isdisjoint(_NO_LETTER.split(stem)):
            yield PageLink(address, raw)


def _is_small(element: etree._Element, name: str, least: int) -> bool:
    """Return whether an element says that its ``name`` (width, height) is below ``least`` pixels."""
    value = (element.get(name) or "").strip().lower().removesuffix("px")
    return value.isascii() and value.isdecimal() and len(value) < 6 and int(value) < least


def _moved_to(root: etree._Element, base: str, encoding: str) -> str | None:
    """The page that a page without text leads on to. A script is believed where nothing else is seen, and where it leads there
    in any case: it may do so for telephones, or when somebody chooses something.
    """
    for element in root.iter("meta"):
        if (element.get("http-equiv") or "").strip().lower() == "refresh":
            target = _to((element.get("content") or "").partition("=")[2].strip("'\" "), base, encoding)
            if target is not None:
                return target
    if len(link_text("".join(root.xpath(_TEXTS)))) > _HARDLY_ANY or next(root.iter(*_SEEN), None) is not None:
        return None
    for script in root.iter("script"):
        text = "".join(script.itertext())
        found = _MOVES.search(text)
        if found and not _ON_CONDITION.search(text[: found.start()]):
            return _to(found[1], base, encoding)
    return None


def _unique(links: Iterator[PageLink] | list[PageLink]) -> tuple[PageLink, ...]:
    return tuple({one.address: one for one in links}.values())
