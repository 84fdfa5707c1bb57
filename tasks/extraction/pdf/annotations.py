"""What a viewer shows on top of a PDF page: form fields, typed notes and stamps become part of the page's own content."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pypdfium2
import pypdfium2.raw as pdfium

# Kinds that put text on a page, cover it, or strike it through. Marks beside the text (highlights, links, sticky notes) would
# hide what they mark.
_SHOWN = frozenset(
    (
        pdfium.FPDF_ANNOT_WIDGET,
        pdfium.FPDF_ANNOT_FREETEXT,
        pdfium.FPDF_ANNOT_STAMP,
        pdfium.FPDF_ANNOT_SQUARE,
        pdfium.FPDF_ANNOT_CIRCLE,
        pdfium.FPDF_ANNOT_POLYGON,
        pdfium.FPDF_ANNOT_STRIKEOUT,
        pdfium.FPDF_ANNOT_LINE,
        pdfium.FPDF_ANNOT_REDACT,
        pdfium.FPDF_ANNOT_WATERMARK,
    )
)
_HIDING = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW


@contextmanager
def shown_page(document: pypdfium2.PdfDocument, index: int) -> Iterator[pypdfium2.PdfPage]:
    """Page ``index`` (from 0) with what its form fields and annotations show as part of its content.

    Raises pypdfium2.PdfiumError when the page cannot be loaded.
    """
    page = document[index]
    try:
        if _only_shown(page) and pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY) == pdfium.FLATTEN_SUCCESS:
            page.close()
            page = document[index]
        yield page
    finally:
        page.close()  # with what was opened of it


def _only_shown(page: pypdfium2.PdfPage) -> bool:
    """Hide the annotations that are not part of what is read. Return whether any is left."""
    left = False
    for index in range(pdfium.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        try:
            flags = pdfium.FPDFAnnot_GetFlags(annotation)
            if pdfium.FPDFAnnot_GetSubtype(annotation) in _SHOWN and not flags & _HIDING:
                left = True
            else:
                pdfium.FPDFAnnot_SetFlags(annotation, flags | pdfium.FPDF_ANNOT_FLAG_HIDDEN)
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
    return left
