"""Web pages that a browser saved as one file (MHTML, RFC 2557), also when it is called .doc."""

from __future__ import annotations

import email
from email.message import EmailMessage
from email.policy import default

import msgspec

from codebook.errors import GongkaiError
from codebook.records import Extraction, Page
from tasks.extraction.html.read_html import read_html
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.ocr_pages import renumbered
from tasks.extraction.text import decode

MEDIA_TYPE = "multipart/related"
_BOM = b"\xef\xbb\xbf"


def read_web_archive(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:
    """The extraction of an archive: a page for each of its HTML parts (the page itself, then its frames).

    Raises GongkaiError: ``file.too_large``, ``file.corrupt`` (no HTML part), and as :func:`read_html`.
    """
    if len(data) > limits.max_text_bytes:
        raise GongkaiError("file.too_large", f"{len(data)} bytes", f"at most {limits.max_text_bytes}")
    message = email.message_from_bytes(data, policy=default)
    found = [part for part in message.walk() if part.get_content_type() in ("text/html", "application/xhtml+xml")]
    if not found:
        raise GongkaiError("file.corrupt", "a web archive without a page", "the page saved as HTML")
    read: list[Extraction] = []
    for part in found:
        try:
            read.append(read_html(_content(part, limits), "text/html", limits))
        except GongkaiError as error:
            if error.code != "file.empty":
                raise
    if not read:
        raise GongkaiError("file.empty", "a web archive whose pages hold no text", "the page saved as HTML")
    pages = [page for extraction in read for page in extraction.pages]
    return msgspec.structs.replace(read[0], media_type=media_type, pages=_numbered(pages))


def _content(part: EmailMessage, limits: ExtractionLimits) -> bytes:
    """The HTML of a part. The charset of its header counts before the one that the page declares, as in a browser."""
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    charset = part.get_content_charset()
    return _BOM + decode(content, limits, charset).text.encode() if charset and content else content


def _numbered(pages: list[Page]) -> tuple[Page, ...]:
    return tuple(renumbered(page, number) for number, page in enumerate(pages, 1))
