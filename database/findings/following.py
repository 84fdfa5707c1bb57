"""Keeping the cases in step with what is in force: opened, kept, settled, reopened.

Everything runs in the transaction that changed the findings, with a number of statements that does not grow with the findings.
The cases are read before the findings, and changed on condition of the state in which they were read: of two transactions that
meet at one case the second changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, Table, bindparam, exists, insert, or_, select, update

from codebook.records import Record, Status
from database.clock import now
from database.filings.in_force import DOCUMENT, FILING, FINDING, MEMBER, SHOWN, is_shown
from database.findings import matching
from database.findings.matching import Identity
from database.findings.outcome import CellValues, Side, Vanished, outcome, plain
from database.models import (
    AgencyRow,
    Base,
    Between,
    FindingCase,
    FindingMove,
    FindingState,
    ReportRow,
    SectionRow,
    SettledBy,
)
from database.sql import Prepared, insert_into
from database.values import numbers_of

CASE: Table = Base.metadata.tables[FindingCase.__tablename__]
MOVE: Table = Base.metadata.tables[FindingMove.__tablename__]
AGENCY: Table = Base.metadata.tables[AgencyRow.__tablename__]
REPORT: Table = Base.metadata.tables[ReportRow.__tablename__]
SECTION: Table = Base.metadata.tables[SectionRow.__tablename__]

# What a case holds of the finding, by the finding's own columns.
_OF_FINDING = ("rule", "severity", "between", "message", "cells", "expected", "actual", "sentence", "place")
_WAS = ("cells", "expected", "actual", "sentence", "message", "document_id", "other_document_id")
_OF_PLACE = ("agency_id", "year", "region_code", "agency_kind", "batch_id")
_SNAPSHOT = (*_OF_FINDING, *_OF_PLACE, "document_id", "report_id", "edition", "other_filing_id", "other_document_id")
# A person decided on these numbers, and no notice states them yet.
_DECIDED = (FindingState.CONFIRMED, FindingState.DISMISSED)


class Followed(Record, frozen=True):
    """What following changed: how many cases were opened, settled and reopened, and how many came back as they had been."""

    opened: int = 0
    settled: int = 0
    reopened: int = 0
    returned: int = 0


class _Where(NamedTuple):
    """A document with its report in force, and its place in a filing (None: it is in none)."""

    document_id: int
    report_id: int | None
    status: str
    batch_id: int
    filing_id: int | None
    edition: int | None
    rank: int | None
    dated: Any
    agency_id: int | None
    year: int | None
    agency_kind: str | None
    region_code: str | None

    @property
    def shown(self) -> bool:
        return self.report_id is not None and self.status in SHOWN


_WHERE: Select[Any] = select(
    DOCUMENT.c.id,
    DOCUMENT.c.report_id,
    DOCUMENT.c.status,
    DOCUMENT.c.batch_id,
    MEMBER.c.filing_id,
    MEMBER.c.edition,
    MEMBER.c.rank,
    MEMBER.c.dated,
    FILING.c.agency_id,
    REPORT.c.year,
    AGENCY.c.kind,
    REPORT.c.region_code,
).select_from(
    DOCUMENT.outerjoin(REPORT, REPORT.c.id == DOCUMENT.c.report_id)
    .outerjoin(MEMBER, MEMBER.c.document_id == DOCUMENT.c.id)
    .outerjoin(FILING, FILING.c.id == MEMBER.c.filing_id)
    .outerjoin(AGENCY, AGENCY.c.id == FILING.c.agency_id)
)


class _Places:
    """Documents by number and report, and the one that speaks for each filing."""

    def __init__(self) -> None:
        self.documents: dict[int, _Where] = {}
        self.by_report: dict[int, _Where] = {}
        self._speakers: dict[int, _Where] = {}

    def read(self, connection: Connection, condition: ColumnElement[bool]) -> None:
        self.add(connection.execute(_WHERE.where(condition)))

    def read_filing(self, connection: Connection, filing_id: int) -> None:
        self.add(_WHERE_OF_FILING.run(connection, filing=filing_id).rows)

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        for row in rows:
            where = _Where(*row)
            self.documents[where.document_id] = where
            if not where.shown or where.report_id is None:
                continue
            self.by_report[where.report_id] = where
            if where.filing_id is None:
                continue
            known = self._speakers.get(where.filing_id)
            if known is None or (where.rank or 0) < (known.rank or 0):
                self._speakers[where.filing_id] = where

    def speaker(self, filing_id: int | None, document_id: int) -> _Where | None:
        """The document that speaks for a filing, or for itself where it is in none."""
        if filing_id is not None:
            return self._speakers.get(filing_id)
        where = self.documents.get(document_id)
        return where if where is not None and where.shown and where.filing_id is None else None

    def speaks(self, where: _Where) -> bool:
        return where.filing_id is None or self._speakers.get(where.filing_id) == where


class _FoundFinding(NamedTuple):
    """A finding in force, and the values of a case of it."""

    finding_id: int
    case_id: int | None
    in_force: bool
    identity: Identity
    values: dict[str, Any]

    @property
    def subject(self) -> tuple[int | None, int]:
        return _subject(self.values["filing_id"], self.values["document_id"])


def _subject(filing_id: int | None, document_id: int) -> tuple[int | None, int]:
    """By what the cases of one subject are found: a filing, or a document that is in none."""
    return (filing_id, 0) if filing_id is not None else (None, document_id)


def follow(connection: Connection, filings: Collection[int], documents: Collection[int] = ()) -> Followed:
    """Bring the cases of these filings, and of these documents that are in none, in step with the findings in force: also the
    cases of other filings in which one of these is the other report. Return what changed.

    The caller holds the locks under which the findings were written.
    """
    filings, documents = sorted(set(filings)), sorted(set(documents))
    if not filings and not documents:
        return Followed()
    cases = _read_cases(connection, filings, documents)
    places = _Places()
    if len(filings) == 1:
        places.read_filing(connection, filings[0])
    elif filings:
        places.read(connection, _of_filings(filings))
    if documents:
        places.read(connection, DOCUMENT.c.id.in_(documents))
    found = _read_findings(connection, places, filings)
    return _Step(connection, places).take(cases, found)


def _of_filings(filings: Sequence[int] | Select[tuple[int]]) -> ColumnElement[bool]:
    """The condition on the documents of filings, as a list: a database that joins first goes through all documents."""
    return DOCUMENT.c.id.in_(select(MEMBER.c.document_id).where(MEMBER.c.filing_id.in_(filings)))


_WHERE_OF_FILING = Prepared(
    _WHERE.where(DOCUMENT.c.id.in_(select(MEMBER.c.document_id).where(MEMBER.c.filing_id == bindparam("filing"))))
)
_CASES_OF_FILING = Prepared(
    select(CASE)
    .where(or_(CASE.c.filing_id == bindparam("filing"), CASE.c.other_filing_id == bindparam("filing")))
    .order_by(CASE.c.id)
)
_FINDINGS_OF_REPORT = Prepared(
    select(FINDING)
    .where(or_(FINDING.c.report_id == bindparam("report"), FINDING.c.other_report_id == bindparam("report")))
    .order_by(FINDING.c.id)
)


def _by_name(table: Table, rows: Iterable[Sequence[Any]]) -> list[Mapping[str, Any]]:
    names = table.columns.keys()
    return [dict(zip(names, row, strict=True)) for row in rows]


def _read_cases(connection: Connection, filings: Sequence[int], documents: Sequence[int]) -> list[Mapping[str, Any]]:
    if len(filings) == 1 and not documents:
        return _by_name(CASE, _CASES_OF_FILING.run(connection, filing=filings[0]).rows)
    unfiled = CASE.c.filing_id.is_(None) & CASE.c.document_id.in_(documents)
    condition = or_(CASE.c.filing_id.in_(filings), CASE.c.other_filing_id.in_(filings), unfiled)
    return _by_name(CASE, connection.execute(select(CASE).where(condition).order_by(CASE.c.id)))


def _read_findings(connection: Connection, places: _Places, filings: Sequence[int]) -> list[_FoundFinding]:
    """The findings of the reports that are shown, and those in which one of them is the other report."""
    ids = sorted(places.by_report)
    if not ids:
        return []
    if len(ids) == 1:
        rows = _by_name(FINDING, _FINDINGS_OF_REPORT.run(connection, report=ids[0]).rows)
    else:
        taking_part = or_(FINDING.c.report_id.in_(ids), FINDING.c.other_report_id.in_(ids))
        rows = _by_name(FINDING, connection.execute(select(FINDING).where(taking_part).order_by(FINDING.c.id)))
    reports_named = {row[name] for row in rows for name in ("report_id", "other_report_id")}
    outside = reports_named - {None} - set(ids)
    if outside:
        reports = select(REPORT.c.document_id).where(REPORT.c.id.in_(sorted(outside)))
        beside = select(MEMBER.c.filing_id).where(MEMBER.c.document_id.in_(reports))
        places.read(connection, _of_filings(beside))
    inside = set(filings)
    found = []
    for row in rows:
        where = places.by_report.get(row["report_id"])
        if where is not None and (each := _found(row, where, places)) is not None:
            values = each.values
            if where.filing_id is None or where.filing_id in inside or values["other_filing_id"] in inside:
                found.append(each)
    return found


def _found(row: Mapping[str, Any], where: _Where, places: _Places) -> _FoundFinding | None:
    other = places.by_report.get(row["other_report_id"]) if row["other_report_id"] is not None else None
    if row["other_report_id"] is not None and (other is None or other.filing_id is None):
        return None
    in_force = places.speaks(where) and (other is None or row["between"] == Between.FILING or places.speaks(other))
    values = {name: row[name] for name in _OF_FINDING} | {name: getattr(where, name) for name in _OF_PLACE}
    values |= {"filing_id": where.filing_id, "document_id": where.document_id, "report_id": where.report_id}
    values |= {"edition": where.edition, "other_filing_id": other and other.filing_id}
    values |= {"other_document_id": other and other.document_id}
    return _FoundFinding(row["id"], row["case_id"], in_force, matching.identity_of(values), values)


def _content(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a person decides on: the cells and the numbers. Of what has neither cells nor a sentence, that it is there."""
    if not values["cells"] and not values["sentence"]:
        return ()
    return (tuple(sorted(values["cells"])), values["expected"], values["actual"])


class _Step:
    """One step of following, on the caller's connection."""

    def __init__(self, connection: Connection, places: _Places) -> None:
        self._connection = connection
        self._places = places
        self._updates: list[dict[str, Any]] = []
        self._moves: list[dict[str, Any]] = []
        self._new: list[tuple[_FoundFinding, str]] = []
        self._links: dict[int, int] = {}  # finding -> case
        self._counts = {"settled": 0, "reopened": 0, "returned": 0}

    def take(self, cases: Sequence[Mapping[str, Any]], found: Sequence[_FoundFinding]) -> Followed:
        by_subject: dict[tuple[int | None, int], tuple[list[Mapping[str, Any]], list[_FoundFinding]]]
        by_subject = defaultdict(lambda: ([], []))
        for row in cases:
            by_subject[_subject(row["filing_id"], row["document_id"])][0].append(row)
        for each in found:
            by_subject[each.subject][1].append(each)
        vanished: list[Mapping[str, Any]] = []
        for known, there in by_subject.values():
            vanished += self._match(known, there)
        self._settle(vanished)
        opened = self._write()
        linked = [
            {"finding": each.finding_id, "to_case": self._links[each.finding_id]}
            for each in found
            if each.finding_id in self._links and self._links[each.finding_id] != each.case_id
        ]
        if linked:
            self._connection.execute(_LINK, linked)
        return Followed(opened, **self._counts)

    def _match(self, cases: Sequence[Mapping[str, Any]], found: Sequence[_FoundFinding]) -> list[Mapping[str, Any]]:
        """Pair the cases of a subject with its findings. Return the cases that are left over."""
        speaking = [each for each in found if each.in_force]
        identities = [matching.identity_of(case) for case in cases]
        pairs = matching.pair(identities, [each.identity for each in speaking], [self._is_same_edition(case) for case in cases])
        for at, each in enumerate(speaking):
            if at in pairs:
                self._keep(cases[pairs[at]], each)
        taken = {case["key"] for case in cases}
        for at, each in enumerate(speaking):
            if at not in pairs:
                key = matching.free_key(each.identity, taken)
                taken.add(key)
                self._new.append((each, key))
        known = {identity._replace(by_sentence=False): case["id"] for case, identity in zip(cases, identities, strict=True)}
        for each in found:  # renditions and other editions show the same case, and open none
            number = None if each.in_force else known.get(each.identity._replace(by_sentence=False))
            if number is not None:
                self._links[each.finding_id] = number
        kept = set(pairs.values())
        return [case for at, case in enumerate(cases) if at not in kept]

    def _is_same_edition(self, case: Mapping[str, Any]) -> bool:
        speaker = self._places.speaker(case["filing_id"], case["document_id"])
        return speaker is not None and (speaker.document_id == case["document_id"] or speaker.edition == case["edition"])

    def _keep(self, case: Mapping[str, Any], found: _FoundFinding) -> None:
        """The finding of a case is there."""
        self._links[found.finding_id] = case["id"]
        changes: dict[str, Any] = {name: found.values[name] for name in _SNAPSHOT if found.values[name] != case[name]}
        is_other = _content(found.values) != _content(case)
        state, detail = FindingState(case["state"]), {"edition": found.values["edition"], "document": found.values["document_id"]}
        becomes, returns = state, not case["present"]
        if state is FindingState.SETTLED and (returns or is_other):
            withdrawn = case["settled_by"] is not None and SettledBy(case["settled_by"]).withdrawn
            becomes = FindingState(case["held"]) if withdrawn and case["held"] and not is_other else FindingState.REOPENED
        elif state in _DECIDED and is_other:
            becomes = FindingState.REOPENED
        if becomes is not state:
            self._counts["reopened" if becomes is FindingState.REOPENED else "returned"] += 1
        if is_other:
            detail["was"] = {name: case[name] for name in _WAS}
        if becomes is not state or is_other:
            self._move(case, becomes, detail)
        if becomes is not state:
            changes |= {"state": becomes.value, "settled_by": None, "held": None}
        if returns:
            changes["present"] = True
        if changes:
            self._update(case, changes)

    def _settle(self, vanished: Sequence[Mapping[str, Any]]) -> None:
        """The findings of these cases are not there any more."""
        open_ones = [case for case in vanished if case["state"] not in (FindingState.SETTLED, FindingState.DISMISSED)]
        results = dict(zip((case["id"] for case in open_ones), self._outcomes(open_ones), strict=True))
        for case in vanished:
            by = results.get(case["id"])
            changes: dict[str, Any] = {"present": False} if case["present"] else {}
            if by is not None:
                self._counts["settled"] += 1
                changes |= {"state": FindingState.SETTLED.value, "settled_by": by.value}
                changes["held"] = case["state"] if by.withdrawn else None
                self._move(case, FindingState.SETTLED, self._what_settled(case, by))
            if changes:
                self._update(case, changes)

    def _what_settled(self, case: Mapping[str, Any], by: SettledBy) -> dict[str, Any]:
        filing = case["other_filing_id"] if by is SettledBy.OTHER else case["filing_id"]
        speaker = self._places.speaker(filing, case["document_id"])
        if speaker is None:
            return {"by": by.value}
        return {"by": by.value, "edition": speaker.edition, "document": speaker.document_id, "dated": speaker.dated}

    def _outcomes(self, cases: Sequence[Mapping[str, Any]]) -> Iterator[SettledBy | None]:
        if not cases:
            return
        self._read_beside(cases)
        sides = {case["id"]: self._sides(case) for case in cases}
        wanted = [each for pair in sides.values() for each in pair if each is not None]
        cells = {cell for case in cases for cell in case["cells"]}
        values = _read_values(self._connection, wanted, cells)
        later = {case["id"] for case in cases if case["sentence"] and not self._is_same_edition(case)}
        texts = _read_texts(self._connection, {sides[number][0].report_id for number in later})
        for case in cases:
            own, other = sides[case["id"]]
            yield outcome(
                Vanished(
                    case["between"],
                    tuple(case["cells"]),
                    case["sentence"],
                    own.side(values),
                    other.side(values) if other is not None else None,
                    texts.get(own.report_id or 0, ""),
                )
            )

    def _read_beside(self, cases: Sequence[Mapping[str, Any]]) -> None:
        """Look up the documents of cases, and the filings of their other reports, that are not known yet."""
        numbers = {case[name] for case in cases for name in ("document_id", "other_document_id") if case[name] is not None}
        filings = {case[name] for case in cases for name in ("filing_id", "other_filing_id") if case[name] is not None}
        unknown = numbers - self._places.documents.keys()
        absent = {number for number in filings if self._places.speaker(number, 0) is None}
        for wanted, those in ((DOCUMENT.c.id, unknown), (MEMBER.c.filing_id, absent)):
            if those:
                self._places.read(self._connection, wanted.in_(sorted(those)))

    def _sides(self, case: Mapping[str, Any]) -> tuple[_Compared, _Compared | None]:
        own = self._compared(case["filing_id"], case["document_id"], case["report_id"])
        if case["other_document_id"] is None or case["between"] == Between.FILING:
            return own, None
        return own, self._compared(case["other_filing_id"], case["other_document_id"], None)

    def _compared(self, filing_id: int | None, document_id: int, report_id: int | None) -> _Compared:
        was, speaker = self._places.documents.get(document_id), self._places.speaker(filing_id, document_id)
        stayed = was is not None and was.filing_id == filing_id and was.shown
        before = report_id if report_id is not None or was is None else was.report_id
        edition = None if speaker is None else speaker.edition or 0
        in_review = speaker is not None and speaker.status == Status.NEEDS_REVIEW
        found_edition = (was.edition or 0) if stayed and was is not None else None
        return _Compared(found_edition, edition, before, speaker and speaker.report_id, in_review)

    def _move(self, case: Mapping[str, Any], to: FindingState, detail: dict[str, Any]) -> None:
        self._moves.append({"case_id": case["id"], "from_state": case["state"], "to_state": to.value, "detail": detail})

    def _update(self, case: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
        kept = {name: case[name] for name in (*_SNAPSHOT, "state", "settled_by", "held", "present")}
        row = {f"b_{name}": value for name, value in {**kept, **changes}.items()}
        self._updates.append({"number": case["id"], "was": case["state"], **row})

    def _write(self) -> int:
        """Write what changed. Return how many cases were opened."""
        connection = self._connection
        changed = {row["number"]: row for row in self._updates if row["b_state"] != row["was"]}
        if changed:  # a person may have decided meanwhile: then the case stays as it is, and the next step looks again
            held = select(CASE.c.id, CASE.c.state).where(CASE.c.id.in_(sorted(changed))).order_by(CASE.c.id)
            there = {row.id: row.state for row in connection.execute(held.with_for_update())}
            lost = {number for number, row in changed.items() if there.get(number) != row["was"]}
            self._updates = [row for row in self._updates if row["number"] not in lost]
            self._moves = [row for row in self._moves if row["case_id"] not in lost]
        if self._updates:
            connection.execute(_UPDATE, sorted(self._updates, key=lambda row: row["number"]))
        moved = [row for row in self._moves if row["from_state"] != row["to_state"]]
        if moved:
            connection.execute(_MOVED, [{"number": row["case_id"]} for row in sorted(moved, key=lambda row: row["case_id"])])
        if self._moves:
            connection.execute(insert(MOVE).values(at=now(), who=None, reason=None, act_id=None), self._moves)
        return self._open()

    def _open(self) -> int:
        if not self._new:
            return 0
        rows = []
        for found, key in self._new:
            state = {"state": FindingState.NEW.value, "present": True, "settled_by": None, "held": None}
            rows.append({**found.values, "key": key, **state, "changed_by": None, "reason": None})
        times = {"opened_at": now(), "changed_at": now()}
        statement = insert_into(self._connection, FindingCase).values(**times).on_conflict_do_nothing()
        made: dict[tuple[int | None, int, str], int] = {}
        for row in self._connection.execute(
            statement.returning(CASE.c.id, CASE.c.filing_id, CASE.c.document_id, CASE.c.key), rows
        ):
            made[(*_subject(row.filing_id, row.document_id), row.key)] = row.id
        for found, key in self._new:
            number = made.get((*found.subject, key))
            if number is not None:
                self._links[found.finding_id] = number
        return len(made)


class _Compared(NamedTuple):
    """One report of a case: its edition when it was found and the one in force, with the reports of both."""

    found_edition: int | None
    edition: int | None
    before_id: int | None
    report_id: int | None
    in_review: bool

    def side(self, values: Mapping[int, CellValues]) -> Side:
        before, after = values.get(self.before_id or 0, {}), values.get(self.report_id or 0, {})
        return Side(self.found_edition, self.edition, before, after, self.in_review)


def _read_values(connection: Connection, sides: Iterable[_Compared], cells: Collection[str]) -> dict[int, CellValues]:
    """The cells of the reports that are compared. Reports of the same edition are not."""
    ids = {n for side in sides if side.edition != side.found_edition for n in (side.before_id, side.report_id) if n is not None}
    if not ids or not cells:
        return {}
    found: dict[int, CellValues] = {}
    for each in numbers_of(connection, ids):
        found[each.report_id] = {indicator: (value, state) for indicator, value, state in each.cells() if indicator in cells}
    return found


def _read_texts(connection: Connection, reports: Collection[int | None]) -> dict[int, str]:
    ids = sorted(number for number in reports if number is not None)
    texts: dict[int, list[str]] = defaultdict(list)
    if ids:
        query = select(SECTION.c.report_id, SECTION.c.text).where(SECTION.c.report_id.in_(ids))
        for report, text in connection.execute(query.order_by(SECTION.c.report_id, SECTION.c.position)):
            texts[report].append(text)
    return {report: plain("".join(parts)) for report, parts in texts.items()}


_CHANGED = (*_SNAPSHOT, "state", "settled_by", "held", "present")
_UPDATE = update(CASE).where(CASE.c.id == bindparam("number"), CASE.c.state == bindparam("was"))
_UPDATE = _UPDATE.values(**{name: bindparam(f"b_{name}", type_=CASE.c[name].type) for name in _CHANGED})
_MOVED = update(CASE).where(CASE.c.id == bindparam("number")).values(changed_at=now(), changed_by=None, reason=None)
_LINK = update(FINDING).where(FINDING.c.id == bindparam("finding")).values(case_id=bindparam("to_case"))


def has_cases(connection: Connection) -> bool:
    """Whether there is any case."""
    return connection.scalar(select(CASE.c.id).limit(1)) is not None


def filings_after(connection: Connection, last: int, limit: int) -> dict[int, int]:
    """The next filings after the filing ``last``, with their agencies."""
    query = select(FILING.c.id, FILING.c.agency_id).where(FILING.c.id > last).order_by(FILING.c.id).limit(limit)
    return {row.id: row.agency_id for row in connection.execute(query)}


def unfiled_after(connection: Connection, last: int, limit: int) -> list[int]:
    """The next documents after ``last`` that are in no filing, and show a report or have cases."""
    filed = exists(select(MEMBER.c.document_id).where(MEMBER.c.document_id == DOCUMENT.c.id))
    has_case = exists(select(CASE.c.id).where(CASE.c.document_id == DOCUMENT.c.id, CASE.c.filing_id.is_(None)))
    query = select(DOCUMENT.c.id).where(DOCUMENT.c.id > last, ~filed, or_(is_shown(DOCUMENT), has_case))
    return list(connection.scalars(query.order_by(DOCUMENT.c.id).limit(limit)))
