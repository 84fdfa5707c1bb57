"""The rows of a release: from documents as an export reads them, and from the codebook."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from typing import Any, Literal, NamedTuple

import msgspec

from codebook.analysis.figures import UnitFacts
from codebook.book import load_book
from codebook.records import Record, State
from codebook.text.numbers import ValueKind, read_number
from console.export import cells
from console.export.headings import printed_name
from console.export.read import Exported, Value
from console.release.contacts import masked
from console.release.figures import figure_rows
from console.release.schema import cell_codes, english_label, labels, read_data
from database.analysis.keys import city_of, province_of
from database.models.findings import FindingState
from database.views import column_name, wide_tables

Row = tuple[Any, ...]
NUMBER, BLANK, MARK, DOUBT, NOT_SEEN, NOT_IN_FORM = "value", "blank", "mark", "doubt", "not_seen", "not_in_form"
_UNSURE = {State.DOUBTFUL.value: DOUBT, State.NOT_SEEN.value: NOT_SEEN}


def code_of(value: Value | None) -> str:
    """Return what stands in a cell; None is a cell of the form that the report leaves out.

    A mark in the place of a number ("/") is not a blank, and neither is 0.
    """
    if value is None:
        return BLANK
    if value.state == State.MISSING.value:
        return MARK if read_number(value.raw).kind is not ValueKind.BLANK else BLANK
    return _UNSURE.get(value.state, NUMBER if value.value is not None else DOUBT)


class ReleaseAgency(NamedTuple):
    """An agency as the latest of its filings shows its region."""

    year: int
    row: Row


class DocumentRows:
    """Makes the rows of documents, and keeps what is written once for many of them: agencies, and counts for the report.

    Some hundred bytes are kept for each agency, the number of its report for each filing. ``mask``: texts are masked.
    """

    def __init__(self, *, mask: bool) -> None:
        self._mask = mask
        self._agencies: dict[str, ReleaseAgency] = {}
        self.masked: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.filings = 0
        self.reports: dict[int, int] = {}
        self.latest = ""

    def of_document(self, exported: Exported) -> Iterator[tuple[str, Row]]:
        """Yield the rows that a document adds, with their tables. Documents without a report, or in no filing, add none."""
        d = exported.document
        if not exported.has_report or d.filing_id is None or d.edition is None:
            self.left_out["documents_without_a_filing"] += 1
            return
        for source in exported.sources:
            self.latest = max(self.latest, source.seen_at.isoformat()[:10])
        if exported.in_force or d.rendition_of is None:
            yield "editions", (d.filing_id, d.edition, bool(exported.in_force), d.sha256, d.published_on)
        if exported.in_force:
            self.filings += 1
            self.reports[d.filing_id] = d.report_id
            yield from self._filing(exported)

    def _filing(self, exported: Exported) -> Iterator[tuple[str, Row]]:
        d, found = exported.document, cells.cells(exported)
        agency, year = str(d.agency_id), d.filing_year
        codes = {indicator: code_of(value) for indicator, value in found}
        self._meet(exported, agency, year)
        counts = Counter(codes.values())
        told = (d.title and self._text(d.title), d.published_on, d.script, d.status, d.sha256, d.media_type, d.pages)
        doubts = counts[DOUBT] + counts[NOT_SEEN]
        yield "filings", (d.filing_id, agency, year, d.edition, d.form, *told, len(found), counts[NUMBER], doubts)
        for indicator, value in found:
            yield "values", (d.filing_id, indicator, agency, year, d.edition, *self._value(value, codes[indicator]))
        yield from self._wide(exported, found, codes)
        yield from self._findings(exported)
        sure = {i: value.value for i, value in found if value is not None and value.value is not None and codes[i] == NUMBER}
        who = (d.agency_id, d.agency_name, year, cells.body(exported).kind, None, d.region_code, d.filing_id, d.id, d.form)
        yield from (("figures", row) for row in figure_rows(UnitFacts(*who), sure, codes))
        for section in exported.sections:
            title, text = self._text(section.title), self._text(section.text)
            yield "texts", (d.filing_id, section.position, section.number, title, text)

    def _meet(self, exported: Exported, agency: str, year: int) -> None:
        known = self._agencies.get(agency)
        if known is None or known.year < year:
            d, body = exported.document, cells.body(exported)
            place = (d.province, d.city, d.county, d.region_code, province_of(d.region_code), city_of(d.region_code))
            self._agencies[agency] = ReleaseAgency(year, (agency, d.agency_name, body.kind, body.level, *place))

    def _value(self, value: Value | None, code: str) -> Row:
        if value is None:
            return (None, code, *[None] * 12)
        box = value.box or (None, None, None, None)
        witnesses = list(value.witnesses or ()) + (["rendition"] if value.witness else [])
        sure = value.value if code == NUMBER else None
        place = (value.page, *box, value.line, value.read_by, value.score)
        note = None if value.note is None else self._text(value.note)
        return (sure, code, value.state, value.raw, *place, " ".join(dict.fromkeys(witnesses)) or None, note)

    def _wide(
        self, exported: Exported, found: list[tuple[str, Value | None]], codes: dict[str, str]
    ) -> Iterator[tuple[str, Row]]:
        d, body = exported.document, cells.body(exported)
        sure = {i: value.value for i, value in found if value is not None and codes[i] == NUMBER}
        for table in wide_tables():
            form = exported.blocks.get(table.block, d.form)
            ids = [i.id for i in table.indicators]
            if table.form not in (None, form) or codes.keys().isdisjoint(ids):
                continue
            who = (d.filing_id, str(d.agency_id), d.filing_year, d.agency_name, body.kind, body.level)
            where = (d.province, d.city, d.county, d.region_code, form)
            yield f"wide_{table.name}", (*who, *where, *(sure.get(i) for i in ids))
            yield f"codes_{table.name}", (d.filing_id, *(codes.get(i, NOT_IN_FORM) for i in ids))

    def _findings(self, exported: Exported) -> Iterator[tuple[str, Row]]:
        filing, number = exported.document.filing_id, 0
        for finding in cells.findings_of(exported, in_force=True):
            if finding.case_state == FindingState.DISMISSED.value:
                self.left_out["dismissed_findings"] += 1
                continue
            number += 1
            what = (finding.rule, finding.severity, self._text(finding.message), finding.expected, finding.actual)
            yield "findings", (filing, number, finding.case_id, finding.case_state, *what)
            known = load_book().indicators
            yield from (("finding_cells", (filing, number, i)) for i in dict.fromkeys(finding.cells) if i in known)

    def _text(self, text: str) -> str:
        return masked(text, self.masked) if self._mask else text

    def agencies(self) -> Iterator[Row]:
        """Yield the agencies that have a filing, by number."""
        for agency in sorted(self._agencies, key=int):
            yield self._agencies[agency].row


# ---- the codebook -----------------------------------------------------------------------------------------------------------


class SeriesEnd(Record, frozen=True):
    """The indicators of a form that make up one end of a comparison; several are added."""

    form: str
    indicators: tuple[str, ...]


class SeriesComparison(Record, frozen=True):
    """Whether the numbers of two forms are one series, and why."""

    concept: str
    one: SeriesEnd
    two: SeriesEnd
    comparable: Literal["yes", "with_care", "no"]
    zh: str
    en: str


@cache
def comparisons() -> tuple[SeriesComparison, ...]:
    """The rows of the data file. Raises ValueError for an indicator that the form does not have."""
    found = msgspec.yaml.decode(read_data("comparability.yaml"), type=tuple[SeriesComparison, ...])
    known = load_book().indicators
    for row in found:
        for end in (row.one, row.two):
            for indicator in end.indicators:
                if indicator not in known or end.form not in known[indicator].forms:
                    raise ValueError(f"comparability: {row.concept}: form {end.form} has no {indicator}")
    return found


def indicator_rows() -> Iterator[Row]:
    """Yield the indicators in printing order."""
    book, names = load_book(), labels()
    notices = {form: book.forms[form].notice for form in book.forms}
    for i in book.indicators.values():
        block, zh, en = book.blocks[i.block], printed_name(i.id), english_label(i.id)
        sources = ", ".join(f"{notices[form]} ({form})" for form in i.forms)
        definitions = (f"{block.title} / {zh} ({sources})", f"{names.blocks[i.block]}: {en} ({sources})")
        yield (i.id, i.block, column_name(i.id), zh, en, *definitions, i.unit, i.signed, " ".join(i.forms))


def comparability_rows() -> Iterator[Row]:
    """Yield the matrix: what the data file says, and each indicator that two forms share by its id."""
    told = comparisons()
    for row in told:
        ends = (row.one.form, row.two.form, " ".join(row.one.indicators), " ".join(row.two.indicators))
        yield (row.concept, *ends, row.comparable, row.zh, row.en)
    same = msgspec.yaml.decode(read_data("about.yaml"), type=dict[str, Any])["same_indicator"]
    said = {(row.one.form, row.two.form, i) for row in told for i in row.one.indicators + row.two.indicators}
    for i in load_book().indicators.values():
        for one, two in combinations(i.forms, 2):
            if (one, two, i.id) not in said:
                yield (i.id, one, two, i.id, i.id, "yes", same["zh"], same["en"])


def code_rows() -> Iterator[Row]:
    """Yield the codes of cells."""
    for code, words in cell_codes().items():
        yield (code, words.zh, words.en)
