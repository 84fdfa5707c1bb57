"""What a web page shows from elsewhere: pictures, in the page or beside it, frames, and files that it refers to."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from urllib.parse import parse_qs, unquote, unquote_to_bytes, urlsplit

from lxml import etree

from codebook.records import LeftOutKind
from tasks.extraction.embedded_pictures import SMALL, flow_picture, may_be_table
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.text_flow import FlowPicture

FRAMES = {"iframe": "src", "frame": "src", "embed": "src", "object": "data"}
_DOCUMENT = re.compile(r"\.(?:pdf|docx?|wps|wpt|ofd|xlsx?|et|rtf|ceb|zip|rar|7z)$", re.IGNORECASE)
_IN_SCRIPT = re.compile(r"""["']([^"'\s<>]{1,300}+)["']""")
_MOST = 5  # files of scripts that are named
_SPECK = 6  # pixels of what only fills space
_PIXELS = re.compile(r"(\d{1,5})(?:\.\d++)?+\s?(?:px)?", re.IGNORECASE)
_SIZE = re.compile(r"(?:^|;)\s*+(width|height)\s*+:\s*+(\d{1,5})(?:\.\d++)?+px", re.IGNORECASE)
_WRITTEN = re.compile(
    r"""(?:getElementById\(\s{0,9}["']|querySelector\(\s{0,9}["']\#|\$\(\s{0,9}["']\#)([\w-]{1,100})["']\s{0,9}\)\s{0,9}"""
    r"""\.(?:textContent|innerText|innerHTML|outerHTML|value|text|html|val|append|prepend)\b"""
)
_LATER = ("data-src", "data-original", "data-lazy-src", "data-echo")
_FILE_PARAMETERS = ("file", "url", "src", "furl")


def pictured(element: etree._Element, pictures: Mapping[str, bytes], limits: ExtractionLimits) -> FlowPicture | None:
    """The picture that an ``img`` shows, without data where it did not come in; None where it only fills space."""
    source = (element.get("src") or "").strip() or _later(element)
    width, height = _size_of(element)
    is_small = width is not None and height is not None and not may_be_table(width, height)
    if (width is not None and width < _SPECK) or (height is not None and height < _SPECK):
        return None
    if (later := _later(element)) in pictures:  # what a script puts in the place of the first, which only holds it
        source = later
    data = data_in(source) if source[:5].lower() == "data:" else pictures.get(source)
    if data is not None:
        name = _name_of(source) if source[:5].lower() != "data:" else "data:" + source[5:30].partition(",")[0]
        found = flow_picture(name, data, limits)
        if (found is None or found.data is None) and (later := _later(element)):
            return FlowPicture(_name_of(later))
        return SMALL if found is not None and is_small else found
    return SMALL if is_small or not source else FlowPicture(_name_of(source))


def _later(element: etree._Element) -> str:
    """The address of the picture that a script puts in the place of this one, "" where none does."""
    return next((address for name in _LATER if (address := (element.get(name) or "").strip())), "")


def framed(element: etree._Element) -> FlowPicture:
    """The file that a frame shows."""
    return FlowPicture(_name_of(element.get(FRAMES[element.tag]) or ""), kind=LeftOutKind.FILE)


def linked(element: etree._Element) -> FlowPicture | None:
    """The document that a link leads to, None where it leads to a page."""
    name = _name_of(element.get("href") or "")
    return FlowPicture(name, kind=LeftOutKind.FILE) if _DOCUMENT.search(name) else None


def opened_by_itself(root: etree._Element) -> list[FlowPicture]:
    """The documents that a page opens without a link: another address that it goes on to, and files that its scripts name."""
    found: dict[str, None] = {}
    for element in root.iter("meta", "script"):
        if element.tag == "meta":
            is_refresh = (element.get("http-equiv") or "").strip().lower() == "refresh"
            addresses = [(element.get("content") or "").partition("=")[2].strip("'\" ")] if is_refresh else []
        else:
            addresses = _IN_SCRIPT.findall(element.text or "")
        found |= dict.fromkeys(name for one in addresses if _DOCUMENT.search(name := _name_of(one)))
    return [FlowPicture(name, kind=LeftOutKind.FILE) for name in list(found)[:_MOST]]


def writes(script: etree._Element) -> bool:
    """Return whether a script writes into the page where it stands: what it writes is seen, and not known."""
    return "document.write" in (script.text or "")


def written_later(root: etree._Element) -> frozenset[str]:
    """The ids of elements whose text scripts of the page put in place: what these show is not known."""
    return frozenset(match[1] for script in root.iter("script") for match in _WRITTEN.finditer(script.text or ""))


def _size_of(element: etree._Element) -> tuple[float | None, float | None]:
    sizes = {name: match[1] for name in ("width", "height") if (match := _PIXELS.fullmatch((element.get(name) or "").strip()))}
    sizes |= {match[1].lower(): match[2] for match in _SIZE.finditer(element.get("style") or "")}
    return tuple(float(sizes[name]) if name in sizes else None for name in ("width", "height"))  # type: ignore[return-value]


def data_in(address: str) -> bytes:
    """The content of a ``data:`` address, empty where it is damaged."""
    head, _, content = address.partition(",")
    if not head.lower().endswith(";base64"):
        return unquote_to_bytes(content)
    try:
        return base64.b64decode(unquote(content))
    except (binascii.Error, ValueError):
        return b""


def _name_of(address: str) -> str:
    """The file that an address names; a viewer names it in a parameter."""
    if (start := address.lstrip()[:100])[:5].lower() == "data:":
        return start.partition(";")[0].partition(",")[0]
    try:
        parts = urlsplit(address.strip())
        given = parse_qs(parts.query, max_num_fields=50)
    except ValueError:
        return address.strip()
    shown = next((given[name][0] for name in _FILE_PARAMETERS if name in given), None) or parts.path
    return unquote(shown).rstrip("/").rpartition("/")[2] or address.strip()
