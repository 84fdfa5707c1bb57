"""What the rules between reports need of them."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Table, bindparam, select

from codebook.filings import StoredCell
from codebook.records import UNSETTLED_STATES, Number, Reader, Snapshot, State, WitnessKind
from codebook.rules import year_cells
from codebook.text.numbers import whole
from database.models import Base, SectionRow
from database.reports.neighbours import REPORT
from database.values import cells_of, numbers_of
from database.values.packing import STATES

SECTION: Table = Base.metadata.tables[SectionRow.__tablename__]

_SURE = frozenset(STATES[state] for state in State if state not in UNSETTLED_STATES and state is not State.MISSING)
_CHAPTERS = (
    select(SECTION.c.report_id, SECTION.c.number, SECTION.c.text)
    .where(SECTION.c.report_id.in_(bindparam("ids", expanding=True)))
    .order_by(SECTION.c.report_id, SECTION.c.position)
)
_WHO = select(REPORT.c.id, REPORT.c.agency, REPORT.c.region, REPORT.c.region_code, REPORT.c.year, REPORT.c.form).where(
    REPORT.c.id.in_(bindparam("ids", expanding=True))
)


def snapshots(
    connection: Connection, report_ids: Iterable[int], *, sections: bool = True, values: bool = True
) -> dict[int, Snapshot]:
    """Return what the rules between reports need of these reports, by row number: four statements, however many. Those
    without agency or year are left out; so are the texts without ``sections``, and the cells without ``values``. Without texts
    nothing is asked of the pixels of a PDF: the rules that need none make no errors.
    """
    ids = sorted(set(report_ids))
    cells: dict[int, dict[str, Number]] = {number: {} for number in ids}
    texts: dict[int, list[tuple[int | None, str]]] = {number: [] for number in ids}
    if not ids:
        return {}
    unconfirmed: dict[int, set[str]] = {number: set() for number in ids}
    if values and sections:
        for number, found in cells_of(connection, ids):
            cells[number] = {c.indicator: whole(c.value) for c in found if c.value is not None and STATES.get(c.state) in _SURE}
            unconfirmed[number].update(c.indicator for c in found if _is_unconfirmed(c))
    elif values:
        for each in numbers_of(connection, ids):
            there = zip(each.indicators, each.values, each.letters, strict=True)
            cells[each.report_id] = {i: value for i, value, letter in there if value is not None and letter in _SURE}
    if sections:
        for number, chapter, text in connection.execute(_CHAPTERS, {"ids": ids}):
            texts[number].append((chapter, text))
    return {
        row.id: Snapshot(
            row.agency,
            tuple(row.region),
            row.region_code,
            row.year,
            row.form,
            cells[row.id],
            tuple(texts[row.id]),
            frozenset(unconfirmed[row.id]),
        )
        for row in connection.execute(_WHO, {"ids": ids})
        if row.agency and row.year is not None
    }


def _is_unconfirmed(cell: StoredCell) -> bool:
    """Whether a rule over years would rest on a number of a PDF that no pixels confirmed."""
    if cell.read_by != Reader.PDF or cell.state not in (State.READ, State.PROVEN) or cell.indicator not in year_cells():
        return False
    return WitnessKind.PIXELS not in (cell.witnesses or ())
