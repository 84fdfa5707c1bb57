"""Files that are attached to a PDF (ISO 32000-1, 7.11.4), as a portfolio has them, or to a place on one of its pages by an
annotation (12.5.6.15): each comes in as a document.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, BinaryIO, NamedTuple

from ingest.archives.limits import Limits

_MOST = 1_000  # attached files that are looked at
_MOST_PAGES = 200  # pages on which annotations are looked for
_NO_NAME = "\0 ./\\\ufeff"  # characters that alone are no name
_COVER_PAGES = 1
_COVER_TEXT = 600  # characters of a page that only says where the report is, at most


class AttachedFile(NamedTuple):
    """An attached file: its name, and its content; None where that is larger than a document may be, or damaged."""

    name: str
    content: bytes | None


class Portfolio(NamedTuple):
    """The files attached to a PDF. ``is_cover``: its own page says no more than that they are there, and these are all."""

    files: tuple[AttachedFile, ...]
    is_cover: bool


def may_have_files(file: BinaryIO) -> bool:
    """Return whether a PDF may have attached files, so that it is worth to be opened: most have none."""
    file.seek(0)
    data = file.read()
    file.seek(0)
    return b"/EmbeddedFile" in data or b"/FileAttachment" in data or b"/ObjStm" in data


def portfolio_of(file: BinaryIO, limits: Limits) -> Portfolio:
    """The files attached to a PDF. A PDF that cannot be opened has none: its reader says why."""
    import pypdfium2  # noqa: PLC0415 (takes a third of a second to load)

    file.seek(0)
    try:
        document = pypdfium2.PdfDocument(file.read())
    except pypdfium2.PdfiumError:
        return Portfolio((), False)
    finally:
        file.seek(0)
    with document:
        attached = document.count_attachments()
        count = min(attached, _MOST)
        files = tuple(islice(_files(document, count, limits), _MOST))
        return Portfolio(files, bool(files) and count == attached and _is_cover(document))


def _files(document: Any, count: int, limits: Limits) -> Iterator[AttachedFile]:
    import pypdfium2.raw as pdfium  # noqa: PLC0415 (as above)

    left = limits.archive_bytes
    for attachment in chain(map(document.get_attachment, range(count)), _annotated(document)):
        size = ctypes.c_ulong()
        is_whole = pdfium.FPDFAttachment_GetFile(attachment, None, 0, size) and 0 < size.value <= min(limits.file_bytes, left)
        content = bytes(attachment.get_data()) if is_whole else None
        left -= len(content or b"")
        name = attachment.get_name()
        yield AttachedFile(name if name.strip(_NO_NAME) else "attached", content)


def _annotated(document: Any) -> Iterator[Any]:
    """The files that annotations of pages hold."""
    import pypdfium2  # noqa: PLC0415 (as above)
    import pypdfium2.raw as pdfium  # noqa: PLC0415 (as above)

    for number in range(min(len(document), _MOST_PAGES)):
        try:
            page = document[number]
        except pypdfium2.PdfiumError:
            continue  # its reader says so
        for at in range(min(pdfium.FPDFPage_GetAnnotCount(page), _MOST)):
            annotation = pdfium.FPDFPage_GetAnnot(page, at)
            if not annotation:
                continue
            if pdfium.FPDFAnnot_GetSubtype(annotation) == pdfium.FPDF_ANNOT_FILEATTACHMENT:
                attachment = pdfium.FPDFAnnot_GetFileAttachment(annotation)
                if attachment:
                    yield pypdfium2.PdfAttachment(attachment, document)
            pdfium.FPDFPage_CloseAnnot(annotation)
        page.close()


def _is_cover(document: Any) -> bool:
    """Return whether a PDF has one page with a few words, and no picture that could be a report."""
    import pypdfium2.raw as pdfium  # noqa: PLC0415 (as above)

    if len(document) > _COVER_PAGES:
        return False
    page = document[0]
    text = page.get_textpage().get_text_bounded()
    has_picture = any(item.type == pdfium.FPDF_PAGEOBJ_IMAGE for item in page.get_objects(max_depth=3))
    return 0 < len(text.strip()) < _COVER_TEXT and not has_picture
