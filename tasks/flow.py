"""The whole flow of a document on one screen, without Celery, queues or database.

The workers carry a document through the same functions in the same order, with a checkpoint after each (see ``task.py`` in each
room); this is what they do, and what tests and benchmarks call when they want the result alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from codebook.records import Correction, Hints, Verdict
from tasks.extraction.extract import extract
from tasks.ocr.engines.recognise import LineReader, rapid_reader
from tasks.ocr.merge import merged, wanted
from tasks.ocr.read_page import read_picture
from tasks.ocr.render import render
from tasks.parsing.parse import parse
from tasks.validation.validate import validate


def read_document(
    data: bytes,
    media_type: str,
    hints: Hints | None = None,
    reader: LineReader | None = None,
    corrections: Sequence[Correction] = (),
) -> Verdict:
    """From the bytes of a document to its checked report. ``reader`` reads pages that are pictures (default: RapidOCR);
    ``corrections`` are what people have decided about its cells.

    Raises GongkaiError with a code of the closed list when the document cannot be read.
    """
    extraction = extract(data, media_type)  # bytes -> pages of lines and tables
    if pictures := [page.number for page in extraction.pages if wanted(page)]:
        reader = reader or rapid_reader()
        images = {number: render(data, media_type, number) for number in pictures}
        read = {n: read_picture(image.pixels, n, reader, points_per_pixel=image.scale) for n, image in images.items()}
        extraction = merged(extraction, read)  # pictures -> pages of lines and tables, in their places
    report = parse(extraction, hints or Hints())  # pages -> agency, region, year, numbers with evidence
    return validate(report, corrections)  # report and decisions -> findings, states settled
