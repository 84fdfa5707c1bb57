"""Web pages that a browser saved with their pictures in one file (MHTML, RFC 2557), also when it is called .doc."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from codebook.errors import GongkaiError
from codebook.records import Extraction, Reader
from tasks.extraction.html.read_html import html_flow
from tasks.extraction.left_out import nothing_read
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.text import decode
from tasks.extraction.text_flow import Composition, Flow, compose

MEDIA_TYPE = "multipart/related"
_PAGES = ("text/html", "application/xhtml+xml")
_BOM = b"\xef\xbb\xbf"


def read_web_archive(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:
    """Lines and tables of the pages in an archive: the page itself, then its frames.

    Raises GongkaiError: ``file.too_large``, ``file.corrupt`` (no page in it), and as :func:`read_html`.
    """
    composition = compose_web_archive(data, limits)
    if not composition.pages:
        raise nothing_read(composition.left_out, "a page without visible text")
    return Extraction(media_type, composition.pages, left_out=composition.left_out)


def compose_web_archive(data: bytes, limits: ExtractionLimits) -> Composition:
    """The pages of an archive with its pictures. Raises as :func:`read_web_archive`."""
    flow = archive_flow(data, limits)
    if flow is None:
        raise GongkaiError("file.corrupt", "a web archive without a page", "the page saved as HTML")
    return compose(flow, limits, Reader.HTML)


def archive_flow(data: bytes, limits: ExtractionLimits) -> Flow | None:
    """What the pages in an archive show, one after the other; None where it holds none. Raises as :func:`read_html`."""
    if len(data) > limits.max_text_bytes:
        raise GongkaiError("file.too_large", f"{len(data)} bytes", f"at most {limits.max_text_bytes}")
    pages: list[bytes] = []
    pictures: dict[str, bytes] = {}
    for part in message_from_bytes(data, policy=default).walk():
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes) or not content:
            continue
        if part.get_content_type() in _PAGES:
            pages.append(_with_charset(part, content, limits))
        elif part.get_content_maintype() == "image":
            if location := part.get("Content-Location"):
                pictures[location.strip()] = content
            if identity := part.get("Content-ID"):
                pictures["cid:" + identity.strip().strip("<>")] = content
    return [item for page in pages for item in html_flow(page, limits, pictures)] if pages else None


def _with_charset(part: EmailMessage, content: bytes, limits: ExtractionLimits) -> bytes:
    """The HTML of a part. The charset of its header counts before the one that the page declares, as in a browser."""
    charset = part.get_content_charset()
    return _BOM + decode(content, limits, charset).text.encode() if charset else content
