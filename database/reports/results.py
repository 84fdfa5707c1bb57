"""Writing and reading the results: reports with their blocks, chapters, values and findings.

Everything works on the caller's connection, inside the caller's transaction, with a constant number of statements for
each report. Rows come and go as plain dictionaries by table name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
    update,
)

from codebook.filings import StoredCell
from codebook.records import UNSETTLED_STATES, Number, Reader, Snapshot, State, Status, WitnessKind
from codebook.rules import year_cells
from codebook.text.numbers import whole
from database.clock import now
from database.filings.in_force import DOCUMENT, FILING, MEMBER, SHOWN, speaks
from database.models import Base, Between, BlockRow, Failure, FailureState, FindingRow, ReportRow, SearchRow, SectionRow
from database.sql import Prepared
from database.values import cells_of, numbers_of, write_cells
from database.values.packing import STATES

Rows = Mapping[str, Sequence[Any]]

REPORT: Table = Base.metadata.tables[ReportRow.__tablename__]
BLOCK: Table = Base.metadata.tables[BlockRow.__tablename__]
SECTION: Table = Base.metadata.tables[SectionRow.__tablename__]
FINDING: Table = Base.metadata.tables[FindingRow.__tablename__]
FAILURE: Table = Base.metadata.tables[Failure.__tablename__]


class Written(NamedTuple):
    """What :func:`write_report` did: the report in force, and whether it is a new version or an identical result."""

    report_id: int
    new: bool


class ReportKey(NamedTuple):
    """By what a report is found: the agency and year of its filing (None: it is in none), the region it governs and the region it
    reports to.
    """

    report_id: int
    agency_id: int | None
    year: int | None
    governs: str | None
    reports_to: str | None


class Before(NamedTuple):
    """What is kept of a document before a result is written.

    ``place`` is that of the report it points to (number 0: none), ``filing_id`` its filing (None: it is in none), ``shown``
    whether it shows the report; ``digest`` and ``versions`` are those of the report, ``latest`` its last version (0: none),
    ``failed`` whether a failure of it is open, ``searched`` whether its text can be searched.
    """

    place: ReportKey
    filing_id: int | None
    shown: bool
    report_id: int | None
    digest: str | None
    latest: int
    failed: bool
    versions: Mapping[str, Any] | None = None
    searched: bool = False

    @property
    def key(self) -> ReportKey | None:
        """The key of the report in force, None when nothing is shown."""
        return self.place if self.shown else None


Pointer = Callable[[Connection, int, Status, int], None]


class CurrentReport(NamedTuple):
    """The report in force of a filing, and the document it was read from."""

    report_id: int
    document_id: int


class Neighbours(NamedTuple):
    """The reports in force near a key: those of its agency by year (the year before, its own, the year after), that of
    the government of the region it governs, and that of the government above.

    An agency's report on a year may have come as several documents (a page and its PDF, an edition and its correction); the one
    in force takes part in comparisons, so that nothing is found or counted twice.
    """

    years: dict[int, CurrentReport]
    own: CurrentReport | None
    parent: CurrentReport | None


def in_force() -> ColumnElement[bool]:
    """The condition that joins a document with its report in force.

    It names the document's own number too: from a report SQLite then looks up one document, instead of going through all
    of a status.
    """
    own = (DOCUMENT.c.id == REPORT.c.document_id, DOCUMENT.c.report_id == REPORT.c.id)
    return and_(*own, or_(*(DOCUMENT.c.status == status for status in SHOWN)))


# Besides -1, 0 and 1, the years of the agency itself: what the lines of _NEIGHBOURS speak of.
_OWN, _PARENT = 2, 3

# Statements that each load runs are built once: building them took longer than running them.
_KEY = (REPORT.c.id, FILING.c.agency_id, FILING.c.year, REPORT.c.governs, REPORT.c.reports_to)
_REPORT_KEY = select(*_KEY).select_from(
    REPORT.join(DOCUMENT, in_force())
    .join(MEMBER, MEMBER.c.document_id == DOCUMENT.c.id)
    .join(FILING, FILING.c.id == MEMBER.c.filing_id)
)
_SPEAKING = REPORT.join(DOCUMENT, in_force()).join(MEMBER, and_(MEMBER.c.document_id == DOCUMENT.c.id, speaks()))


def _of_agency(slot: int, year: ColumnElement[Any]) -> Select[Any]:
    """The report in force of an agency on ``year``, as (slot, report, document)."""
    first = (
        select(literal_column(str(slot)).label("slot"), REPORT.c.id, REPORT.c.document_id)
        .select_from(
            FILING.join(MEMBER, MEMBER.c.filing_id == FILING.c.id)
            .join(DOCUMENT, DOCUMENT.c.id == MEMBER.c.document_id)
            .join(REPORT, in_force())
        )
        .where(FILING.c.agency_id == bindparam("agency"), FILING.c.year == year)
        .order_by(MEMBER.c.rank)
        .limit(1)
        .subquery()
    )
    return select(first)


def _of_government(slot: int, code: str, year: ColumnElement[Any]) -> Select[Any]:
    """The report in force of the government of region ``code`` on ``year``; of two that say so, that of the first filing."""
    first = (
        select(literal_column(str(slot)).label("slot"), REPORT.c.id, REPORT.c.document_id)
        .select_from(_SPEAKING)
        .where(REPORT.c.governs == bindparam(code), REPORT.c.year == year)
        .order_by(MEMBER.c.filing_id)
        .limit(1)
        .subquery()
    )
    return select(first)


_year = bindparam("year", type_=REPORT.c.year.type)
_NEIGHBOURS = Prepared(
    union_all(
        *(_of_agency(step, _year + literal_column(str(step))) for step in (-1, 0, 1)),
        _of_government(_OWN, "governs", _year),
        _of_government(_PARENT, "reports_to", _year),
    )
)
_GOVERNMENT = (
    select(REPORT.c.id, REPORT.c.document_id)
    .select_from(_SPEAKING)
    .where(REPORT.c.governs == bindparam("code"), REPORT.c.year == bindparam("year"))
    .order_by(MEMBER.c.filing_id)
    .limit(1)
)
_KEY_OF_DOCUMENT = _REPORT_KEY.where(DOCUMENT.c.id == bindparam("document"))
_OPEN_FAILURE = (
    FAILURE.c.document_id == bindparam("document"),
    or_(FAILURE.c.state == FailureState.OPEN.value, FAILURE.c.state == FailureState.REQUEUED.value),
)
_BEFORE = Prepared(
    select(
        *_KEY,
        FILING.c.id,
        REPORT.c.digest,
        DOCUMENT.c.status,
        select(func.max(REPORT.c.version))
        .where(REPORT.c.document_id == bindparam("document"))
        .correlate(None)
        .scalar_subquery()
        .label("latest"),
        exists(select(FAILURE.c.id).where(*_OPEN_FAILURE)).label("failed"),
        REPORT.c.versions,
        exists(select(SearchRow.document_id).where(SearchRow.document_id == bindparam("document"))).label("searched"),
    )
    .select_from(
        DOCUMENT.outerjoin(REPORT, REPORT.c.id == DOCUMENT.c.report_id)
        .outerjoin(MEMBER, MEMBER.c.document_id == DOCUMENT.c.id)
        .outerjoin(FILING, FILING.c.id == MEMBER.c.filing_id)
    )
    .where(DOCUMENT.c.id == bindparam("document"))
)
_REPORT_COLUMNS = [column.name for column in REPORT.columns if column.name not in ("id", "created_at")]
_new_report: dict[str, Any] = {name: bindparam(f"b_{name}") for name in _REPORT_COLUMNS}
_INSERT_REPORT = Prepared(insert(REPORT).values(**_new_report, created_at=now()).returning(REPORT.c.id))
# Of an identical result: its body stays, which would be written out of line once more.
_renewed = {name: value for name, value in _new_report.items() if name not in ("document_id", "version", "body")}
_RENEW_REPORT = Prepared(update(REPORT).where(REPORT.c.id == bindparam("report")).values(**_renewed, created_at=now()))
_FEW = 20  # rows from which on COPY is worth its own round trips
_POINT = Prepared(
    update(DOCUMENT)
    .where(DOCUMENT.c.id == bindparam("document"))
    .values(report_id=bindparam("report"), status=bindparam("became"), finished_at=now())
)
_SURE = frozenset(STATES[state] for state in State if state not in UNSETTLED_STATES and state is not State.MISSING)
_CHAPTERS = (
    select(SECTION.c.report_id, SECTION.c.number, SECTION.c.text)
    .where(SECTION.c.report_id.in_(bindparam("ids", expanding=True)))
    .order_by(SECTION.c.report_id, SECTION.c.position)
)
_WHO = select(REPORT.c.id, REPORT.c.agency, REPORT.c.region, REPORT.c.region_code, REPORT.c.year, REPORT.c.form).where(
    REPORT.c.id.in_(bindparam("ids", expanding=True))
)
_RESOLVE = (
    update(FAILURE)
    .where(*_OPEN_FAILURE)
    .values(state=FailureState.RESOLVED.value, decided_at=now(), decided_by="gongkai", reason=bindparam("why"))
)


# ---- writing --------------------------------------------------------------------------------------------------------------


def kept_before(connection: Connection, document_id: int) -> Before:
    """Return what is kept of a document whose fence the caller holds."""
    row = _BEFORE.run(connection, document=document_id).rows[0]
    *key, filing_id, digest, status, latest, failed, versions, searched = row
    place, shown = ReportKey(key[0] or 0, *key[1:]), key[0] is not None and status in SHOWN
    return Before(place, filing_id, shown, key[0], digest, latest or 0, bool(failed), versions, bool(searched))


def point(connection: Connection, document_id: int, status: Status, report_id: int) -> None:
    """Let the document point to its report in force, with its status."""
    _POINT.run(connection, document=document_id, report=report_id, became=status.value)


def write_report(
    connection: Connection, document_id: int, rows: Rows, versions: Mapping[str, Any], old: Before, *, point: Pointer = point
) -> Written:
    """Store a result of ``document_id`` and put it in force.

    ``rows`` holds the rows of gk_report (one), gk_block, gk_section and gk_finding without ``report_id``, and under gk_value the
    cells (of a result whose digest is that of the one in force: the row of gk_report alone);
    ``versions`` says which code, codebook and models made them; ``old`` comes from :func:`kept_before`. The result
    becomes the next version, ``point`` lets the document point to it with its status, and failures of the document that
    were still open are resolved. Findings between reports are the caller's.

    A result that is identical to the one in force (the whole verdict: values, evidence, states, findings) makes no new
    version, since versions are there to show what changed; the row in force takes the new stamp of versions, so that it
    is not found stale again.

    The caller holds the document's fence: two writers for one document would meet in the unique (document, version). Raises
    ValueError when a cell has two values.
    """
    report = rows["gk_report"][0]
    same = old.report_id is not None and old.digest == report["digest"]
    fields = {f"b_{name}": value for name, value in report.items()} | {"b_versions": dict(versions)}
    if same:
        _RENEW_REPORT.run(connection, report=old.report_id, **fields)
        report_id = old.report_id
    else:
        report_id = _INSERT_REPORT.run(connection, b_document_id=document_id, b_version=old.latest + 1, **fields).rows[0][0]
    assert report_id is not None
    if not same:
        write_cells(connection, report_id, rows.get("gk_value", ()))
    for table in () if same else (BLOCK, SECTION, FINDING):
        _insert_many(connection, table, rows.get(table.name, ()), report_id)
    point(connection, document_id, Status(report["status"]), report_id)
    if old.failed:
        connection.execute(_RESOLVE, {"document": document_id, "why": f"loaded as report {report_id}"})
    return Written(report_id, not same)


def _insert_many(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], report_id: int | None = None) -> None:
    """Insert ``rows``, which all have the same keys in one order, as the database takes them fastest.

    ``report_id``, if given, goes into all of them. 200 cells on PostgreSQL: COPY 1.7 ms, INSERT from a JSON array 2.2
    ms, from arrays 3.4 ms, executemany 7 ms.
    """
    if not rows:
        return
    first = {} if report_id is None else {"report_id": report_id}
    names = [*first, *rows[0]]
    lists = [place for place, name in enumerate(names) if isinstance(table.c[name].type, JSON)]
    fields = [[*first.values(), *row.values()] for row in rows]
    for field in fields:
        for place in lists:
            if field[place] is not None:
                field[place] = json.dumps(field[place], ensure_ascii=False)
    columns = ", ".join(connection.dialect.identifier_preparer.quote(name) for name in names)
    cursor = connection.connection.cursor()
    try:
        if connection.dialect.name != "postgresql":
            marks = ", ".join("?" * len(names))
            cursor.executemany(f"insert into {table.name} ({columns}) values ({marks})", fields)
        elif len(rows) <= _FEW:
            marks = ", ".join(["(" + ", ".join(["%s"] * len(names)) + ")"] * len(rows))
            cursor.execute(f"insert into {table.name} ({columns}) values {marks}", [one for field in fields for one in field])
        else:
            with cursor.copy(f"copy {table.name} ({columns}) from stdin") as copy:
                for field in fields:
                    copy.write_row(field)
    finally:
        cursor.close()


def replace_findings(
    connection: Connection, report_ids: Iterable[int], kinds: Iterable[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Replace the findings between reports in which any of ``report_ids`` takes part, on either side, by ``rows``.

    ``kinds`` are the values of Between that are replaced; others stay. ``rows`` are complete, with ``report_id``.
    """
    ids = sorted(set(report_ids))
    if ids:
        taking_part = or_(FINDING.c.report_id.in_(ids), FINDING.c.other_report_id.in_(ids))
        connection.execute(delete(FINDING).where(taking_part, FINDING.c.between.in_(list(kinds))))
    _insert_many(connection, FINDING, rows)


# ---- neighbours -----------------------------------------------------------------------------------------------


def lock_places(connection: Connection, exclusive: Iterable[str], shared: Iterable[str] = ()) -> bool:
    """Wait for the locks of these names and keep them until the transaction ends. Return whether others may have written since
    the transaction began.

    Two transactions that compare reports with each other then see each other's reports, in whichever order they come.
    Taken in the order of their numbers, so that two holders cannot wait for one another. Who waited sees what the other
    committed, since each statement of READ COMMITTED (the default) takes a new snapshot. On SQLite there is one writer at a time:
    nothing to do.
    """
    if connection.dialect.name != "postgresql":
        return False
    modes = {_lock_number(name): False for name in shared} | {_lock_number(name): True for name in exclusive}
    if modes:
        places = tuple(sorted(modes))
        locks = (f"pg_advisory_xact_lock{'' if modes[place] else '_shared'}(%s::bigint)" for place in places)
        connection.exec_driver_sql(f"select {', '.join(locks)}", places)
    return True


def _lock_number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"gongkai:{name}".encode(), digest_size=8).digest(), signed=True)


def identity_of(connection: Connection, report_id: int) -> dict[str, Any]:
    """Return what decides where a report is filed: agency, agency_key, region_code, year, governs and reports_to."""
    columns = [REPORT.c[name] for name in ("agency", "agency_key", "region_code", "year", "governs", "reports_to")]
    return dict(connection.execute(select(*columns).where(REPORT.c.id == report_id)).one()._mapping)


def set_identity(connection: Connection, report_id: int, values: Mapping[str, Any]) -> None:
    """Keep the key and the standing that a report's agency has by today's rules (see :func:`identity_of`)."""
    connection.execute(update(REPORT).where(REPORT.c.id == report_id).values(**values))


def status_of(connection: Connection, document_id: int) -> Status:
    """Return the status of a document."""
    return Status(connection.execute(select(DOCUMENT.c.status).where(DOCUMENT.c.id == document_id)).scalar_one())


def report_key_of(connection: Connection, document_id: int) -> ReportKey | None:
    """The key of the document's report; None when it shows none or is in no filing."""
    row = connection.execute(_KEY_OF_DOCUMENT, {"document": document_id}).one_or_none()
    return ReportKey(*row) if row else None


class KeyPage(NamedTuple):
    """Keys of reports in force, and behind which (year, filing) the next ones are."""

    keys: list[ReportKey]
    last: tuple[int, int]


def report_keys_after(connection: Connection, last: tuple[int, int], limit: int) -> KeyPage | None:
    """The reports in force of the next ``limit`` filings after ``last``, in the order of (year, filing); None: there are no more.

    ``last`` is (year, filing); begin with (0, 0).
    """
    there = connection.execute(
        select(FILING.c.year, FILING.c.id)
        .where(tuple_(FILING.c.year, FILING.c.id) > tuple_(*last))
        .order_by(FILING.c.year, FILING.c.id)
        .limit(limit)
    ).all()
    if not there:
        return None
    of_these = _REPORT_KEY.where(FILING.c.id.in_([row.id for row in there]), speaks()).order_by(FILING.c.year, FILING.c.id)
    return KeyPage([ReportKey(*row) for row in connection.execute(of_these)], (there[-1].year, there[-1].id))


def forget_stale_findings(connection: Connection) -> int:
    """Delete the findings between reports of which one is no longer in force; their number."""
    shown = select(DOCUMENT.c.report_id).where(DOCUMENT.c.report_id.is_not(None), DOCUMENT.c.status.in_(SHOWN))
    stale = or_(FINDING.c.report_id.not_in(shown), FINDING.c.other_report_id.not_in(shown))
    return connection.execute(delete(FINDING).where(FINDING.c.between.is_not(None), stale)).rowcount


def count_between(connection: Connection) -> dict[str, int]:
    """The number of findings between reports, by rule."""
    rows = connection.execute(
        select(FINDING.c.rule, func.count().label("found"))
        .where(FINDING.c.between.is_not(None))
        .group_by(FINDING.c.rule)
        .order_by(FINDING.c.rule)
    )
    return {row.rule: row.found for row in rows}


def replace_checked(
    connection: Connection, report_ids: Iterable[int], rules: Iterable[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Replace what a check of all reports found by ``rules`` on these reports."""
    ids = sorted(set(report_ids))
    of_rules = and_(FINDING.c.between == Between.CHECK.value, FINDING.c.rule.in_(list(rules)))
    if ids:
        connection.execute(delete(FINDING).where(FINDING.c.report_id.in_(ids), of_rules))
    _insert_many(connection, FINDING, rows)


def report_keys(connection: Connection, report_ids: Iterable[int]) -> list[ReportKey]:
    """The keys of those of these reports that are in force in their filings."""
    ids = sorted(set(report_ids))
    rows = connection.execute(_REPORT_KEY.where(REPORT.c.id.in_(ids), speaks())) if ids else ()
    return [ReportKey(*row) for row in rows]


def _is_unconfirmed(cell: StoredCell) -> bool:
    """Whether a rule over years would rest on a number of a PDF that no pixels confirmed."""
    if cell.read_by != Reader.PDF or cell.state not in (State.READ, State.PROVEN) or cell.indicator not in year_cells():
        return False
    return WitnessKind.PIXELS not in (cell.witnesses or ())


def neighbours(connection: Connection, place: ReportKey) -> Neighbours:
    """Return the current reports of a place and its neighbours, in one statement."""
    _, agency, year, governs, reports_to = place
    if agency is None or year is None:
        return Neighbours({}, None, None)
    rows = _NEIGHBOURS.run(connection, agency=agency, year=year, governs=governs, reports_to=reports_to).rows
    found = {slot: CurrentReport(report_id, document_id) for slot, report_id, document_id in rows}
    return Neighbours({year + step: found[step] for step in (-1, 0, 1) if step in found}, found.get(_OWN), found.get(_PARENT))


def parent_of(connection: Connection, code: str, year: int) -> CurrentReport | None:
    """The report in force of the government of region ``code`` on ``year``."""
    row = connection.execute(_GOVERNMENT, {"code": code, "year": year}).one_or_none()
    return CurrentReport(*row) if row else None


def children_of(connection: Connection, code: str, year: int, *, above: int | None = None) -> list[int]:
    """The reports on ``year`` of the agencies that stand under the government of region ``code``, one for each agency.

    With ``above``, only those that have a value, of an indicator, that is greater than that of report ``above``: of a
    thousand children only those are worth comparing.
    """
    children = (
        select(REPORT.c.id)
        .select_from(_SPEAKING)
        .where(REPORT.c.reports_to == code, REPORT.c.year == year, REPORT.c.agency_key.is_not(None))
        .order_by(REPORT.c.id)
    )
    numbers = list(connection.execute(children).scalars())
    return numbers if above is None else _greater(connection, [number for number in numbers if number != above], above)


def _greater(connection: Connection, numbers: Sequence[int], above: int) -> list[int]:
    """Those of the reports that have a value that is greater than that of report ``above``, by their numbers."""
    limits: dict[str, float] = {}
    for own in numbers_of(connection, [above]):
        limits = {i: value for i, value in zip(own.indicators, own.values, strict=True) if value is not None}
    found: list[int] = []
    for each in numbers_of(connection, numbers if limits else ()):
        there = zip(each.indicators, each.values, strict=True)
        if any(value is not None and value > limits.get(indicator, value) for indicator, value in there):
            found.append(each.report_id)
    return found


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
