"""The records that stages pass on: frozen, typed, and written as JSON between stages.

A document becomes an :class:`Extraction` (pages of lines and tables), then a :class:`Report` (readings with evidence),
then a :class:`Verdict` (the report with its states settled, and findings). Every record refuses unknown fields.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Self, TypeVar

import msgspec

Number = int | float


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Base of all records: immutable, compared by value, encoded without the fields that hold their default.

    The garbage collector passes them over: what cannot be changed holds no cycle.
    """


class LightRecord(msgspec.Struct, frozen=True, gc=False):
    """Base of immutable values that a stage makes by the thousand for each document and keeps to itself: atoms, cells, lines.

    Made several times as fast as a NamedTuple, and its fields are read twice as fast.
    """

    def but(self, **changes: Any) -> Self:
        """Return the value with some fields changed."""
        return msgspec.structs.replace(self, **changes)


class Place(Record, frozen=True):
    """Where something stands in its source.

    ``page`` counts from 1 (formats without pages have one). ``box`` is (x0, top, x1, bottom) in PDF points from the
    page's upper left corner; ``line`` and ``column`` count lines and characters of the decoded text from 1. For HTML and
    DOCX, ``line`` counts paragraphs and rows of tables in reading order, and ``column`` is that of a table's cell.
    """

    page: int = 1
    box: tuple[float, float, float, float] | None = None
    line: int | None = None
    column: int | None = None


# ---- extraction ---------------------------------------------------------------------------------------------------------


class PageKind(StrEnum):
    """What a page holds: text that can be taken as it is, a picture that needs OCR, or both."""

    TEXT = "text"
    PICTURE = "picture"
    MIXED = "mixed"


class Reader(StrEnum):
    """How a text was obtained from the source."""

    TXT = "txt"
    HTML = "html"
    DOCX = "docx"
    PDF = "pdf"
    OCR = "ocr"
    OFD = "ofd"
    OFFICE = "office"
    WORKBOOK = "workbook"


class LineNumber(Record, frozen=True):
    """A number in a column of its own in a line of text: characters ``start`` to ``end`` of the line, and where it stands.

    ``seen``, ``seen_score`` and ``looked_at`` are as for :class:`Cell`.
    """

    start: int
    end: int
    place: Place
    seen: str | None = None
    seen_score: float = 0.0
    looked_at: bool = False


class Line(Record, frozen=True, tag="line"):
    """One line (paragraph, for HTML and DOCX) of raw text. ``score`` is the reader's surety, 1.0 for text that was not OCRed.

    ``read_by`` is None where it is the page's (see :class:`Page`), as it is but for what stands in the picture of a MIXED page.
    ``numbers`` are those of a row of a table without lines on a PDF page.
    """

    text: str
    place: Place
    score: float = 1.0
    read_by: Reader | None = None
    numbers: tuple[LineNumber, ...] = ()


class Cell(Record, frozen=True):
    """One cell of a table. ``row`` and ``column`` count from 0 and name the upper left corner of its span.

    ``text`` is raw, with line breaks kept. ``score`` is the surety of the reading; ``alternatives`` are other readings of
    an OCRed cell with their scores, best first.

    ``seen`` is the number that a second reader saw in the cell's pixels, whatever the text says, with its surety ``seen_score``;
    "" where it saw no ink, None where it did not look or could not tell. ``looked_at``: the pixels were looked at, whether or not
    anything could be said of them.
    """

    row: int
    column: int
    text: str
    place: Place
    row_span: int = 1
    column_span: int = 1
    score: float = 1.0
    alternatives: tuple[tuple[str, float], ...] = ()
    seen: str | None = None
    seen_score: float = 0.0
    looked_at: bool = False


class Table(Record, frozen=True, tag="table"):
    """A grid of cells whose rows and columns the source itself draws (HTML, DOCX, ruled lines). Spans do not overlap.

    A table that goes on over a page break is one table; its cells keep their own pages. ``read_by`` is as for :class:`Line`.
    """

    cells: tuple[Cell, ...]
    rows: int
    columns: int
    place: Place
    read_by: Reader | None = None


Block = Line | Table


class Page(Record, frozen=True):
    """One page in reading order. ``reason`` says why ``kind`` was chosen, e.g. ``"612 characters, no picture"``.

    ``pictures`` are the boxes of the pictures of a MIXED page that are large enough to be a table, to be read by OCR. Where a
    page is a picture because its text is not what it shows, ``said`` are the numbers of that text, with the boxes of their cells.
    ``unmapped`` is how many characters of a MIXED page its fonts do not map to text, which OCR reads in their places.
    """

    number: int
    kind: PageKind
    reason: str
    read_by: Reader
    blocks: tuple[Block, ...] = ()
    width: float | None = None
    height: float | None = None
    pictures: tuple[tuple[float, float, float, float], ...] = ()
    said: tuple[tuple[tuple[float, float, float, float], str], ...] = ()
    unmapped: int = 0


class LeftOutKind(StrEnum):
    """What of a document was not read: a picture, an embedded object (a workbook), a file that it shows or refers to, a part,
    data of a script.
    """

    PICTURE = "picture"
    OBJECT = "object"
    FILE = "file"
    PART = "part"
    SCRIPT = "script"


class LeftOut(Record, frozen=True):
    """Something of a document that may hold numbers and that was not read, by the name it has there. ``place`` is that of what
    comes next.
    """

    kind: LeftOutKind
    name: str
    place: Place


class Extraction(Record, frozen=True):
    """All pages of a document. ``encoding`` is that of a text or HTML source, ``title`` what its metadata call it.

    ``missing_pages`` are the numbers of page images that did not come in, by the numbers in the names of those that did;
    ``page_gaps`` the printed page numbers that no page has, though the pages before and after them, or a printed total, have.
    ``left_out`` is what was seen and not read.
    """

    media_type: str
    pages: tuple[Page, ...]
    encoding: str | None = None
    title: str | None = None
    notes: tuple[str, ...] = ()
    missing_pages: tuple[int, ...] = ()
    page_gaps: tuple[int, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


# ---- report ---------------------------------------------------------------------------------------------------------------


class State(StrEnum):
    """How sure a value is.

    ``read``: one reading. ``proven``: two independent readings agree, or an identity of the form pins it. ``corrected``: a
    person decided. ``doubtful``: it could not be determined; never passed off as sure. ``missing``: the source leaves it blank.
    ``not_seen``: the form demands the cell, and nothing of it was found, neither a number nor a blank.
    """

    READ = "read"
    PROVEN = "proven"
    CORRECTED = "corrected"
    DOUBTFUL = "doubtful"
    MISSING = "missing"
    NOT_SEEN = "not_seen"

    @property
    def unsettled(self) -> bool:
        """Whether a person has to look: the value is not known."""
        return self in UNSETTLED_STATES


UNSETTLED_STATES = (State.DOUBTFUL, State.NOT_SEEN)


class Origin(StrEnum):
    """What kind of place a value was read from."""

    TABLE = "table"
    PROSE = "prose"


class WitnessKind(StrEnum):
    """Who can agree on a value: its own reader (the text of the source, or OCR), the pixels of the page read a second time, a sum
    of the form, the prose of the report, another rendition, a person."""

    TEXT = "text"
    OCR = "ocr"
    PIXELS = "pixels"
    SUM = "sum"
    PROSE = "prose"
    RENDITION = "rendition"
    PERSON = "person"


def witness_of(reader: Reader) -> WitnessKind:
    """Return the witness that a reader of the source is."""
    return WitnessKind.OCR if reader is Reader.OCR else WitnessKind.TEXT


PIXELS_DIFFER = "seen"
"""The doubt of a value whose pixels show another number than its text; the pixels' is among the candidates."""

NOT_CONFIRMED = "unconfirmed"
"""The doubt of a value in a sum that does not hold, where the pixels of its page were looked at but did not confirm it."""


class Reading(Record, frozen=True):
    """The value of one indicator with its evidence.

    ``value`` is in the indicator's unit, None when missing, when a doubt has no likely value, and when the cell was not seen:
    then ``raw`` is empty and ``place`` near where it should be. ``raw`` is the text as it stands in the source; ``sentence`` the
    sentence around it when it was read from prose. ``doubt`` says why the state is
    doubtful; ``candidates`` are the values that were possible. ``note`` is the remark or note mark that is printed beside the
    number and is no part of it (其中修订16件 in brackets, ①). ``witnesses`` are those who agree on the value (see
    :class:`WitnessKind`): two of them make it proven. ``looked_at``: its pixels were looked at; they did not confirm the value
    unless PIXELS is among the witnesses.
    """

    indicator: str
    value: Number | None
    state: State
    raw: str
    place: Place
    read_by: Reader
    origin: Origin = Origin.TABLE
    score: float = 1.0
    sentence: str | None = None
    doubt: str | None = None
    candidates: tuple[Number, ...] = ()
    note: str | None = None
    witnesses: tuple[str, ...] = ()
    looked_at: bool = False


class StatementKind(StrEnum):
    """What a sentence says about an indicator. (NUMBER: it equals a value; NONE: nothing of the kind happened, so zero;
    ALL: everything was concluded, so nothing is carried forward.)"""

    NUMBER = "number"
    NONE = "none"
    ALL = "all"


class Statement(Record, frozen=True):
    """What the prose says about an indicator, kept beside the table's value for the narrative rules.

    ``indicators`` are the ids of which the sum is meant (one as a rule; new_received and carried_over for 共办理).
    ``alternatives`` are other sums that the wording admits. ``scope`` is "own_office" when the sentence speaks of the
    office alone inside a region's report.
    """

    indicators: tuple[str, ...]
    value: Number
    kind: StatementKind
    raw: str
    sentence: str
    place: Place
    pattern: str
    alternatives: tuple[tuple[str, ...], ...] = ()
    scope: str | None = None


class Extra(Record, frozen=True):
    """A printed number of a table that is no indicator: a subtotal row or column. ``row`` and ``column`` are slugs."""

    block: str
    row: str
    column: str
    value: Number | None
    raw: str
    place: Place


class UnknownTable(Record, frozen=True):
    """A table of numbers that no form has, as printed: the texts of its rows' cells, blank ones left out."""

    place: Place
    rows: tuple[tuple[str, ...], ...]


class Section(Record, frozen=True):
    """A chapter of the report. ``number`` is its printed number (1 for 一、), None for what stands before the first."""

    number: int | None
    title: str
    text: str
    place: Place


CONFLICT = "conflict"
OVERRULED = "overruled"
DECISION = "decision"


class Clue(Record, frozen=True):
    """Where a fact about the report (agency, region, year, date, title) was taken from.

    ``source`` is the kind of evidence: title, attachment, signature, contact, file_name, folder, sender, manifest, text, table or
    CONFLICT for evidence against the value that was taken, which makes it a doubt; DECISION for what a person decided, and
    OVERRULED for the evidence against that.
    """

    field: str
    value: str
    source: str
    raw: str
    place: Place | None = None


ON_PICTURE = "its title stands on a picture, and no table was read below it"
"""The note of a block of which OCR read the title alone."""


class BlockSeen(Record, frozen=True):
    """A block of numbers that the report has: its form by its own headers, and whether it could be read."""

    block: str
    form: str
    place: Place
    readable: bool = True
    note: str | None = None


class Report(Record, frozen=True):
    """One annual report as read. ``form`` is that of its tables; ``readings`` hold each indicator at most once.

    ``agency`` (simplified script) and ``year`` are None when no evidence names them; the report then needs review.
    ``published_on`` is an ISO date, ``script`` "simplified" or "traditional", ``region`` runs from the province down.
    ``missing_pages``, ``page_gaps`` and ``left_out`` are those of its extraction. ``is_row``: it is a row of a summary, which has
    no chapters, and those columns alone that the summary has.
    """

    agency: str | None
    region: tuple[str, ...]
    region_code: str | None
    year: int | None
    form: str
    title: str | None
    published_on: str | None
    script: str
    sections: tuple[Section, ...]
    blocks: tuple[BlockSeen, ...]
    readings: tuple[Reading, ...]
    statements: tuple[Statement, ...] = ()
    extras: tuple[Extra, ...] = ()
    clues: tuple[Clue, ...] = ()
    notes: tuple[str, ...] = ()
    unknown_tables: tuple[UnknownTable, ...] = ()
    missing_pages: tuple[int, ...] = ()
    page_gaps: tuple[int, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    is_row: bool = False


SENDER = "From: "
"""Before the name of a mail's sender in the path of what is attached: an office sends the reports of others too."""


class Hints(Record, frozen=True):
    """What is known of a document before it is read: its path as given, and what a manifest or the command line says.

    ``published_with`` is the same for documents that were fetched in one visit to a page of a portal: the page and its files.
    """

    path: str = ""
    region: tuple[str, ...] = ()
    agency: str | None = None
    year: int | None = None
    published_on: str | None = None
    published_with: str | None = None


# ---- verdict -----------------------------------------------------------------------------------------------------------------


class Severity(StrEnum):
    """error: cannot hold; warning: a person should look; info: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Finding(Record, frozen=True):
    """What is wrong, or remarkable, in the source. ``message`` is Chinese and says what an office should do. ``pack`` names the
    rule pack that made or changed the rule, with its version.
    """

    rule: str
    severity: Severity
    message: str
    cells: tuple[str, ...] = ()
    expected: Number | None = None
    actual: Number | None = None
    sentence: str | None = None
    place: Place | None = None
    pack: str | None = None


class Status(StrEnum):
    """The status of a document, and of a source::

    processing --loaded--> accepted | needs_review
        ^  |---failed----> failed | rejected
        |  '---discard---> discarded
        '--reprocess (a new run) from every other state
    """

    PROCESSING = "processing"
    """One of its stages is queued, waiting or running."""
    ACCEPTED = "accepted"
    """Its report is in force, without doubts."""
    NEEDS_REVIEW = "needs_review"
    """Its report is in force; a person has to look at doubts."""
    FAILED = "failed"
    """In the error queue; trying again may help."""
    REJECTED = "rejected"
    """In the error queue; another file is needed."""
    DUPLICATE = "duplicate"
    """Of a source: its content is a document that was known before."""
    DISCARDED = "discarded"
    """A person took it out of the work."""


class Snapshot(Record, frozen=True):
    """What the rules between reports need of one of them: who, when, which form, its values and its chapters' texts.

    ``values`` holds the indicators that have a number which is sure; ``sections`` are (number, text). ``unconfirmed`` names those
    of a PDF whose pixels did not show the number, as far as sums between years ask for them.
    """

    agency: str
    region: tuple[str, ...]
    region_code: str | None
    year: int
    form: str
    values: dict[str, Number]
    sections: tuple[tuple[int | None, str], ...] = ()
    unconfirmed: frozenset[str] = frozenset()


class Decided(StrEnum):
    """What a person decided about a cell: this value is printed there, nothing is, or it was read rightly."""

    VALUE = "value"
    BLANK = "blank"
    AS_READ = "as_read"


class Correction(Record, frozen=True):
    """A person's decision about a cell, or about a fact of the report (``report.agency``, ``report.region``, ``report.year``).

    ``number`` is its row number, ``at`` an ISO moment in UTC, ``read`` the reading as it was parsed when it was decided on (None:
    the cell was not read, or it is a fact). A region is written from the province down, with strokes: 江苏省/淮安市.
    """

    number: int
    indicator: str
    decided: Decided
    value: Number | str | None
    by: str
    at: str
    reason: str
    read: Reading | None = None


class Verdict(Record, frozen=True):
    """A validated report: readings with their states settled, findings, and accepted or needs_review.

    ``corrections`` are the decisions of people that went into it.
    """

    report: Report
    findings: tuple[Finding, ...]
    status: Status
    corrections: tuple[Correction, ...] = ()


R = TypeVar("R", bound=Record)
_encoder = msgspec.json.Encoder()


def encode(record: Record) -> bytes:
    """The record as UTF-8 JSON."""
    return _encoder.encode(record)


def decode(data: bytes, kind: type[R]) -> R:
    """The record of type ``kind`` from its JSON. Raises msgspec.ValidationError if the data do not fit."""
    return msgspec.json.decode(data, type=kind)
