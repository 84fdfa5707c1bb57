"""How much a document may hold before it is refused: every reader stays within these, whatever the file says of itself."""

from __future__ import annotations

from codebook.records import Record


class ExtractionLimits(Record, frozen=True):
    """Upper limits of one document; beyond them the readers raise ``file.too_large`` or ``file.bomb``.

    ``max_text_bytes``: size of a text or HTML source. ``max_style_characters``: of the style sheets in a page;
    ``max_style_steps``: selectors and elements that are looked at to match them, together. ``max_lines``: lines (paragraphs)
    of a document. ``max_cells``: cells of all its tables. ``max_columns``: columns of one table. ``max_pages``: pages of a
    PDF or frames of a picture. ``max_docx_bytes``: unpacked size of a DOCX; ``max_docx_part_bytes``: of the parts that are
    read; ``max_docx_chunks``: documents inside of it; ``max_docx_entries``: files in it; ``max_ratio``: unpacked to packed
    size of any of them above 1 MB. ``max_page_objects``: characters, lines and rectangles on one PDF page;
    ``max_document_objects``: on all its pages together (they may share one large content); ``max_rulings``: lines among them,
    joined. ``max_page_area``: of a PDF page in square points (an A4 page has half a million): a larger one is drawn too small to
    be judged. ``max_pixels``: of one picture frame. ``office_seconds``: what LibreOffice, where it is installed, may take for an
    office document that our own reader cannot read; 0: it is not asked.
    """

    max_text_bytes: int = 50 * 1024 * 1024
    max_style_characters: int = 4 * 1024 * 1024
    max_style_steps: int = 10_000_000
    max_lines: int = 500_000
    max_cells: int = 200_000
    max_columns: int = 2_000
    max_pages: int = 2_000
    max_docx_bytes: int = 500 * 1024 * 1024
    max_docx_part_bytes: int = 50 * 1024 * 1024
    max_docx_entries: int = 10_000
    max_docx_chunks: int = 200
    max_ratio: int = 200
    max_page_objects: int = 200_000
    max_document_objects: int = 1_000_000
    max_rulings: int = 5_000
    max_page_area: int = 20_000_000
    max_pixels: int = 400_000_000
    office_seconds: int = 0
