"""Documents inside a DOCX (``altChunk``): Word puts them in its place when it opens the file, and so they are read there."""

from __future__ import annotations

import msgspec

from tasks.extraction.html.read_html import html_flow
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.office.read_office import office_flow
from tasks.extraction.text import decode
from tasks.extraction.text_flow import Flow
from tasks.extraction.web_archive import archive_flow

_HEAD = 1024
_OLE = b"\xd0\xcf\x11\xe0"
_STYLE_SHARE = 20  # of the steps of matching styles that a page may take, one part for each chunk


def is_document(data: bytes) -> bool:
    """Return whether a chunk is a Word document."""
    return data.startswith(b"PK")


def chunk_flow(data: bytes, name: str, limits: ExtractionLimits) -> Flow | None:
    """What is in a chunk that is a web page, a saved web page (MHT), RTF, Word 97 or a plain text; None for other kinds.

    Raises GongkaiError as the readers of these formats do.
    """
    limits = msgspec.structs.replace(limits, max_style_steps=limits.max_style_steps // _STYLE_SHARE)
    head = data[:_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    suffix = name.rpartition(".")[2].lower()
    if suffix in ("mht", "mhtml") or head.startswith((b"mime-version:", b"from:")):
        return archive_flow(data, limits)
    if suffix in ("html", "htm", "xhtml") or b"<html" in head or head.startswith((b"<!doctype html", b"<table", b"<p", b"<div")):
        return html_flow(data, limits)
    if head.startswith(b"{\\rtf"):
        return office_flow(data, limits, "rtf")
    if head.startswith(_OLE):
        return office_flow(data, limits, "doc")
    is_other = suffix in ("rtf", "xml", "bin", "doc") or head.startswith(b"<?xml")
    if suffix == "txt" or not is_other:
        return [line for line in decode(data, limits, None).text.splitlines() if line.strip()]
    return None
