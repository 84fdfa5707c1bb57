"""The whole flow of a document on one screen, without Celery, queues or database.

The workers carry a document through the same functions in the same order, with a checkpoint after each (``task.py`` of each
package). ``python -m tasks.flow FILE`` prints what each stage made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from codebook.records import Correction, Hints, Record, Verdict
from tasks.extraction.extract import extract
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.ocr_pages import needs_ocr, with_ocr_pages
from tasks.parsing.parse import parse
from tasks.pixels import confirmed, read_pictures
from tasks.validation.validate import validate

if TYPE_CHECKING:
    from tasks.ocr.engines.recognise import LineReader


def read_document(
    data: bytes,
    media_type: str,
    hints: Hints | None = None,
    reader: LineReader | None = None,
    *,
    corrections: Sequence[Correction] = (),
    limits: ExtractionLimits | None = None,
    watch: Callable[[Record], None] = lambda _: None,
) -> Verdict:
    """Return the checked report of a document. ``reader`` reads pages that are pictures (default: RapidOCR), ``corrections`` are
    what people have decided about its cells, ``watch`` is called with what each stage made. Raises GongkaiError.
    """
    extraction = extract(data, media_type, limits or ExtractionLimits())  # bytes -> pages of lines and tables
    watch(extraction := confirmed(extraction, data, media_type))  # numbers of text pages -> seen in the pixels too, or not
    if pictures := [page.number for page in extraction.pages if needs_ocr(page)]:
        read = read_pictures(pictures, data, media_type, reader)
        watch(extraction := with_ocr_pages(extraction, read))  # pictures -> pages of lines and tables, in their places
    watch(report := parse(extraction, hints or Hints()))  # pages -> agency, region, year, numbers with evidence
    return validate(report, corrections)  # report and decisions -> findings, states settled


if __name__ == "__main__":
    from tasks.show_flow import main

    main()
