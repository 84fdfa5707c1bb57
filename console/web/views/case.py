"""What a person decides about: a cell with its readings and the sums that each would satisfy, or a fact with its evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import NoResultFound
from starlette.exceptions import HTTPException

from codebook.book import load_book
from codebook.confidence import surety
from codebook.records import CONFLICT, Clue, Correction, Extraction, Number, Page, Place, Reading, Report, State
from codebook.stages import StageName
from codebook.text.numbers import whole
from console.decided_value import LARGEST
from console.rendering.images import has_drawings, has_pages
from console.web.views import original
from database.ledger import outputs
from database.monitoring import queries
from database.monitoring.read_models import DocumentItem, ValueItem
from database.reports import corrections
from database.reports.corrections import FACTS, CorrectionItem
from tasks.validation.trial import Trial, possible_values, trials
from tasks.validation.validate import settled_by_sums
from tasks.validation.wording import cell_label, show, table_of

_DISPUTED = ("twice", "seen", "unseen")  # doubts that are a disagreement of two witnesses
_MOST_CLUES = 4  # of a fact that are shown with their places


class Choice(NamedTuple):
    """A value to choose. ``key`` is what a form sends, ``shown`` what people see ("": blank)."""

    key: str
    shown: str
    trial: Trial | None
    source: str = ""


class Case(NamedTuple):
    """A cell (or a fact) of a document, with all that a decision needs.

    ``reading`` is what was read, with doubts settled as far as sums settle them; ``standing`` the decision that stands, ``raw``
    what had been read when the page was made. ``doubt`` says why it is asked; ``is_likely``, whether the first choice may be
    offered as chosen.
    """

    cell: str
    is_fact: bool
    table: str
    name: str
    unit: str | None
    reading: Reading | None
    raw: str
    doubt: str
    choices: tuple[Choice, ...]
    standing: CorrectionItem | None
    history: tuple[CorrectionItem, ...]
    is_likely: bool
    clues: tuple[Clue, ...] = ()

    @property
    def mark(self) -> str:
        """By which a decision tells later which reading was shown."""
        return "" if self.is_fact else corrections.mark_of(self.raw)

    @property
    def proposed(self) -> str:
        """The key of the choice that is marked before anybody looks; empty where none of them is likely enough."""
        return self.choices[0].key if self.choices and self.is_likely else ""

    @property
    def place(self) -> Place | None:
        """Where it stands."""
        return self.reading.place if self.reading is not None else None


class File(NamedTuple):
    """A document with what was read of it. ``report`` is as it was parsed, None when nothing is kept."""

    item: DocumentItem
    report: Report | None
    decided: tuple[Correction, ...]
    extraction: Extraction | None
    pages: dict[int, Page]

    @property
    def values(self) -> tuple[ValueItem, ...]:
        """The values of the report in force."""
        return self.item.values


def open_file(connection: Connection, document_id: int) -> File:
    """The document. Raises NoResultFound when there is none."""
    item = queries.document(connection, document_id)
    report = outputs(connection, document_id, StageName.PARSE, Report).get(0)
    extraction = outputs(connection, document_id, StageName.EXTRACT, Extraction).get(0)
    read = outputs(connection, document_id, StageName.OCR, Page)
    return File(item, report, corrections.in_force(connection, document_id), extraction, read)


def opened_file(connection: Connection, number: int) -> File:
    """The document. Raises HTTPException 404 when there is none."""
    try:
        return open_file(connection, number)
    except NoResultFound:
        raise HTTPException(404) from None


def is_cell(name: str) -> bool:
    """Return whether there is such a cell or fact."""
    return name in FACTS or name in load_book().indicators


def place_of(cell: str) -> tuple[int, int]:
    """By which cells are put in order: facts first, then as the forms print them."""
    return (0, FACTS.index(cell)) if cell in FACTS else (1, load_book().order.get(cell, len(load_book().order)))


def case_of(connection: Connection, file: File, cell: str) -> Case:
    """The case of a cell or fact. Raises KeyError when there is no such cell, or nothing is kept of the document."""
    if file.report is None:
        raise KeyError(cell)
    told = tuple(corrections.history(connection, document_id=file.item.id, indicator=cell, limit=20))
    standing = next((each for each in told if each.ended_at is None), None)
    if cell in FACTS:
        return _fact(file.report, cell, standing, told)
    indicator = load_book().indicators[cell]
    others = [decision for decision in file.decided if decision.indicator != cell]
    base = settled_by_sums(file.report, others)
    reading = next((r for r in base.readings if r.indicator == cell), None)
    raw = next((r.raw for r in file.report.readings if r.indicator == cell), "")
    values = _values(base, cell, reading, standing)
    tried = trials(base, cell, values)
    choices = tuple(Choice(_key(t.value), "" if t.value is None else show(t.value), t) for t in tried)
    doubt = reading.doubt or "" if reading is not None and reading.state is State.DOUBTFUL else ""
    shown = next((v for v in file.values if v.indicator == cell), None)
    if standing is not None and shown is not None and shown.state == State.DOUBTFUL:
        doubt = shown.doubt or doubt  # a decision that a later reading contradicts
    named = (table_of(cell), cell_label(cell), indicator.unit)
    if standing is not None:
        likely = shown is None or not State(shown.state).unsettled
    else:
        likely = reading is not None and bool(tried) and _is_likely(reading, tried[0])
    return Case(cell, False, *named, reading, raw, doubt, choices, standing, told, likely)


def _is_likely(reading: Reading, first: Trial) -> bool:
    """Return whether the first possible value of a reading may be offered as chosen: not where nothing was found, where it was
    read with a score that says little (see surety.yaml), where two witnesses disagree, and where it breaks a sum.
    """
    if not reading.state.unsettled:
        return True
    is_disputed = (reading.doubt or "").partition("；")[0] in _DISPUTED
    return reading.state is State.DOUBTFUL and reading.score >= surety().proposed and not is_disputed and not first.broken


def _values(base: Report, cell: str, reading: Reading | None, standing: CorrectionItem | None) -> tuple[Number | None, ...]:
    """The values to choose from: the decision that stands, what was read, blank where it may be."""
    found: dict[Number | None, None] = dict.fromkeys(possible_values(base, cell))
    if standing is not None:
        found = {whole(standing.value): None, **found}
    if reading is not None and reading.state is State.MISSING:
        found = {None: None, **found}
    return tuple(found)[:9]


def _key(value: Number | None) -> str:
    return "blank" if value is None else f"v{show(value)}"


def value_of(key: str) -> Number | None:
    """The value of a choice's key; None for blank. Raises ValueError.

    >>> value_of("v5"), value_of("v2.5"), value_of("blank")
    (5, 2.5, None)
    """
    if key == "blank":
        return None
    if not key.startswith("v"):
        raise ValueError(key)
    value = float(key[1:])
    if not abs(value) < LARGEST:  # neither infinite nor no number at all
        raise ValueError(key)
    return whole(value)


def _fact(report: Report, cell: str, standing: CorrectionItem | None, told: tuple[CorrectionItem, ...]) -> Case:
    field = cell.partition(".")[2]
    clues = tuple(clue for clue in report.clues if clue.field == field)
    now = _stated(report, field)
    values = dict.fromkeys(value for value in (standing.text if standing else None, now, *(c.value for c in clues)) if value)
    choices = tuple(Choice(value, value, None) for value in tuple(values)[:9])
    likely = standing is not None or (bool(now) and all(clue.source != CONFLICT for clue in clues))
    return Case(cell, True, "", field, None, None, now, "", choices, standing, told, likely, clues)


def _stated(report: Report, field: str) -> str:
    value: Any = getattr(report, field)
    return "/".join(value) if isinstance(value, tuple) else "" if value is None else str(value)


def case_context(file: File, case: Case) -> dict[str, Any]:
    """Return what the template of a case needs: the case, its value as shown, and its place in the source, or, of a fact, the
    places of its evidence: ``drawn_clues`` are those of which there is a picture, by their place in the report.
    """
    value = next((v for v in file.values if v.indicator == case.cell), None)
    drawn = value is not None and value.box is not None and has_drawings(file.item.media_type)
    texts: list[original.Text] = []
    places = [value] if value is not None else [clue.place for clue in case.clues[:_MOST_CLUES] if clue.place is not None]
    here = {place.line for place in places if place.line is not None}
    if here and not drawn and file.extraction is not None and not has_pages(file.item.media_type):
        texts = original.texts(file.extraction, file.values, around=here, chosen=case.cell)
    return {"case": case, "value": value, "drawn": drawn, "excerpt": texts, "here": here, "drawn_clues": _drawn_clues(file, case)}


def _drawn_clues(file: File, case: Case) -> list[int]:
    """Return which of the report's clues about a fact have a picture of their place, one for each place."""
    if file.report is None or not has_drawings(file.item.media_type):
        return []
    own = set(case.clues)
    places = {c.place: at for at, c in reversed([*enumerate(file.report.clues)]) if c in own and c.place and c.place.box}
    return sorted(places.values())[:_MOST_CLUES]


def in_order(cells: Sequence[str]) -> list[str]:
    """Cells in the order in which they are asked about."""
    return sorted(cells, key=place_of)
