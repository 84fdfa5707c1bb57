"""What filings repeat of the year before, in a release: of each pair of years of an agency, read from the database once more.

The texts of a release are masked, so that the figures cannot be made from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select

from codebook.analysis.figures import UnitFacts, unit_figure
from codebook.analysis.indicators import derived_indicators
from console.analysis.repeats import with_years_before
from console.release.checks import open_tables
from database.analysis.cells import cells_of_reports
from database.filings.in_force import DOCUMENT, is_shown
from database.session import reading

_PAIRS = """
select this.filing_id, this.agency_id, this.year, this.form, before.filing_id, before.form
from filings this join filings before on before.agency_id = this.agency_id and before.year = this.year - 1
order by this.filing_id"""
_AT_ONCE = 200  # pairs; their texts and cells are in memory
Row = tuple[object, ...]


def repeat_rows(engine: Engine, data: Path, reports: Mapping[int, int]) -> Iterator[Row]:
    """Yield the rows of the table: for each filing with one on the year before, each indicator that compares both.

    ``data`` is the folder of the tables that were written, ``reports`` are the reports in them by filing. A pair of which the
    database shows one no longer, or another version, is left out.
    """
    database = open_tables(data)
    try:
        pairs = database.execute(_PAIRS)
        while some := pairs.fetchmany(_AT_ONCE):
            with reading(engine) as connection:
                yield from _rows(connection, some, reports)
    finally:
        database.close()


def _rows(connection: Connection, pairs: Sequence[tuple[Any, ...]], reports: Mapping[int, int]) -> Iterator[Row]:
    written = {number: reports[number] for row in pairs for number in (row[0], row[4])}
    shown = is_shown(DOCUMENT), DOCUMENT.c.report_id.in_(sorted(set(written.values())))
    query = select(DOCUMENT.c.report_id, DOCUMENT.c.id).where(*shown)
    there = dict(connection.execute(query).all())
    cells = cells_of_reports(connection, sorted(there))
    indicators = [each for each in derived_indicators().values() if each.of_years]

    def unit(filing: int, agency: str, year: int, form: str) -> UnitFacts | None:
        report = written[filing]
        if report not in there:  # it was taken back, or read again, since the tables were written
            return None
        document = there[report]
        known, unsure = cells[report]
        who = (int(agency), "", year, None, None, None, filing, document, form)
        return UnitFacts(*who, known, unsure)

    compared = []
    for filing, agency, year, form, earlier, earlier_form in pairs:
        this, before = unit(filing, agency, year, form), unit(earlier, agency, year - 1, earlier_form)
        if this is not None and before is not None:
            compared.append((this, before))
    with_before = with_years_before(connection, compared)
    # PostgreSQL shows each statement what was committed before it: a report that is another one by now may have lent its texts.
    still = dict(connection.execute(query).all())
    same = {document for report, document in there.items() if report in still}
    for (this, before), each in zip(compared, with_before, strict=True):
        if not {this.document_id, before.document_id} <= same:
            continue
        for indicator in indicators:
            figure = unit_figure(indicator, each)
            why = None if figure.why is None else figure.why.value
            ends = (before.filing_id, figure.numerator, figure.denominator, figure.value, why)
            yield (each.filing_id, indicator.id, str(each.agency_id), each.year, *ends)
