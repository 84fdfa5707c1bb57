"""Office documents by two ways: our own readers, and where they fail LibreOffice, whose DOCX or XLSX our own readers read.

The first way refuses a document in which characters are hidden, since it cannot say which; as DOCX it says so of each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anydoc
import msgspec

from codebook.errors import GongkaiError
from codebook.records import Extraction
from tasks.extraction.docx.read_docx import compose_docx, read_docx
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.office.read_office import FORMATS, compose_office, read_office
from tasks.extraction.office.read_workbook import read_workbook
from tasks.extraction.second_way.libreoffice import can_convert, converted
from tasks.extraction.text_flow import Composition

_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_CODES = ("file.corrupt", "file.unsupported")
Read = TypeVar("Read")


def read_document(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:
    """The extraction of a word processor document. Raises as :func:`read_office`, of the first way."""
    return _by_two_ways(
        lambda: read_office(data, media_type, limits),
        lambda made: _named(read_docx(made, _DOCX, limits), media_type),
        (data, media_type, limits),
    )


def compose_document(data: bytes, limits: ExtractionLimits, kind: anydoc.Format) -> Composition:
    """The pages of a word processor document with its pictures. Raises as :func:`read_office`, of the first way."""
    media_type = next(name for name, each in FORMATS.items() if each == kind)
    return _by_two_ways(
        lambda: compose_office(data, limits, kind), lambda made: compose_docx(made, limits), (data, media_type, limits)
    )


def read_sheets(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:
    """The extraction of a workbook. Raises as :func:`read_workbook`, of the first way."""
    return _by_two_ways(
        lambda: read_workbook(data, media_type, limits),
        lambda made: _named(read_workbook(made, _XLSX, limits), media_type),
        (data, media_type, limits),
    )


def _by_two_ways(
    first: Callable[[], Read], second: Callable[[bytes], Read], document: tuple[bytes, str, ExtractionLimits]
) -> Read:
    """What the first way makes, else the second one of what LibreOffice writes. Raises what the first way raised."""
    data, media_type, limits = document
    try:
        return first()
    except GongkaiError as error:
        if error.code not in _CODES or not limits.office_seconds or not can_convert(media_type):
            raise
        try:
            return second(converted(data, media_type, limits.office_seconds))
        except GongkaiError:
            raise error from None


def _named(extraction: Extraction, media_type: str) -> Extraction:
    """An extraction as that of the document from which it was made."""
    notes = (*extraction.notes, "our own reader could not read the document: it was read as LibreOffice writes it")
    return msgspec.structs.replace(extraction, media_type=media_type, notes=notes)
