"""The extraction stage: from the bytes of a document to pages of lines and tables."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from codebook import image_package
from codebook.errors import GongkaiError
from codebook.records import Extraction
from codebook.sheets import cells, row_file
from tasks.extraction import web_archive
from tasks.extraction.characters import doubt_unclear
from tasks.extraction.docx import flat_package, word2003
from tasks.extraction.docx.read_docx import compose_docx, read_docx
from tasks.extraction.html.read_html import compose_html, read_html
from tasks.extraction.images import read_picture
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.office import read_office, read_row
from tasks.extraction.second_way import office_documents
from tasks.extraction.text import read_text
from tasks.extraction.text_flow import Composition

PDF = "application/pdf"
OFD = "application/ofd"
_DEFAULT = ExtractionLimits()


def _read_pdf(data: bytes, kind: str, limits: ExtractionLimits) -> Extraction:
    # Its libraries take longer to load than a text takes to be read.
    from tasks.extraction.pdf.read_pdf import read_pdf  # noqa: PLC0415

    return read_pdf(data, kind, limits)


def _read_ofd(data: bytes, kind: str, limits: ExtractionLimits) -> Extraction:
    from tasks.extraction.ofd.read_ofd import read_ofd  # noqa: PLC0415 - as above

    return read_ofd(data, kind, limits)


_READERS: dict[str, Callable[[bytes, str, ExtractionLimits], Extraction]] = {
    "text/plain": read_text,
    "text/html": read_html,
    "application/xhtml+xml": read_html,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": read_docx,
    PDF: _read_pdf,
    image_package.MEDIA_TYPE: read_picture,
    OFD: _read_ofd,
    web_archive.MEDIA_TYPE: web_archive.read_web_archive,
    flat_package.MEDIA_TYPE: flat_package.read_flat_package,
    word2003.MEDIA_TYPE: word2003.read_word2003,
    **dict.fromkeys(read_office.FORMATS, office_documents.read_document),
    **dict.fromkeys(cells.FORMATS, office_documents.read_sheets),
    row_file.MEDIA_TYPE: read_row.read_row,
}

_COMPOSERS: dict[str, Callable[[bytes, ExtractionLimits], Composition]] = {
    web_archive.MEDIA_TYPE: web_archive.compose_web_archive,
    flat_package.MEDIA_TYPE: flat_package.compose_flat_package,
    word2003.MEDIA_TYPE: word2003.compose_word2003,
    **{name: partial(office_documents.compose_document, kind=kind) for name, kind in read_office.FORMATS.items()},
    "text/html": compose_html,
    "application/xhtml+xml": compose_html,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": compose_docx,
}


def extract(data: bytes, media_type: str, limits: ExtractionLimits = _DEFAULT) -> Extraction:
    """Pages of lines and tables with their places; pages that are pictures come without blocks, to be read by OCR.

    ``data`` is the whole file; ``media_type`` what its content was found to be (parameters such as a charset are ignored).
    Raises GongkaiError: ``file.unsupported`` for other media types, else as the reader of the format: ``file.empty``,
    ``file.too_large``, ``file.encrypted``, ``file.corrupt``, ``file.bomb``, ``page.too_large``, ``text.encoding``.
    """
    kind = media_type.partition(";")[0].strip().lower()
    reader = read_picture if kind.startswith("image/") and kind != "image/svg+xml" else _READERS.get(kind)
    if reader is None:
        raise GongkaiError("file.unsupported", f"media type {media_type}", ", ".join(sorted(_READERS)) + ", image/*")
    if not data:
        raise GongkaiError("file.empty", "0 bytes")
    return doubt_unclear(reader(data, kind, limits))


def has_inner_pictures(media_type: str) -> bool:
    """Return whether pages of documents of this type that are pictures are pictures inside of it."""
    return media_type in _COMPOSERS


def inner_picture(data: bytes, media_type: str, number: int, limits: ExtractionLimits = _DEFAULT) -> bytes:
    """The picture that page ``number`` of a web page or Word document is. Raises LookupError where that page is none, else as
    :func:`extract`.
    """
    return _COMPOSERS[media_type](data, limits).pictures[number]
