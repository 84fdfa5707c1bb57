"""A cell of a report as it is kept: what was read, with its evidence, and what decides about it since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Cell(NamedTuple):
    """One indicator of one version of a report, with its evidence: a row of the view ``gk_value``.

    ``value`` is null when missing or unknown; ``correction_id`` is the decision of a person that went into it. ``witness`` is set
    while another rendition of the report proves or settles the value: ``state`` and ``value`` as this document alone was read,
    and the ``documents`` that agree. ``note`` is the remark or note mark printed beside the number, never part of it.
    ``witnesses`` are those who agree on the value within the document (text, ocr, pixels, sum, prose, person); None for what was
    loaded before they were kept. ``page`` counts from 1, ``box`` is x0, top, x1, bottom in points.
    """

    indicator: str
    value: float | None
    state: str
    raw: str
    origin: str
    read_by: str
    score: float
    page: int
    box: Sequence[float] | None = None
    line: int | None = None
    column: int | None = None
    sentence: str | None = None
    doubt: str | None = None
    candidates: Sequence[float] | None = None
    correction_id: int | None = None
    witness: dict[str, Any] | None = None
    note: str | None = None
    witnesses: Sequence[str] | None = None
