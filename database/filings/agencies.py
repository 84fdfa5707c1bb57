"""What people list of agencies: the register, one agency, the questions whether two are one, and what was decided.

Nothing here writes; answers are frozen records.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from codebook.agency_kinds import is_government
from codebook.agency_pairs import AgencyEntry, Likeness, alike, load_pairs
from codebook.divisions import parent_code
from codebook.records import Record
from codebook.text.fold import fold_label
from database.access import region_prefix
from database.filings.in_force import FILING, MEMBER
from database.filings.listing import FilingFilter, FilingLine, filing_lines, in_region, named_like
from database.filings.register import Agency
from database.models import (
    AgencyAlias,
    AgencyCase,
    AgencyDecision,
    AgencyKeyRow,
    AgencyRow,
    AgencySuccession,
    CaseState,
    ExpectedRow,
)
from database.sql import chunks

_AGENCY = AgencyRow.__table__
_COLUMNS = [getattr(AgencyRow, name) for name in Agency.__struct_fields__]
_UNBOUNDED_KINDS = ("vertical_body", "association", "company")  # do not stand under the government of their region
_CASES_READ = 200  # questions that are read together


class AgencyFilter(Record, frozen=True):
    """Which agencies are listed: ``text`` is a part of any name, ``region`` the code of a region or its beginning, ``kind`` one
    of agencies/kinds.yaml.
    """

    text: str | None = None
    region: str | None = None
    kind: str | None = None


class AgencyLine(Record, frozen=True):
    """An agency in a list, with the number of its names and filings, and the first and last year of these."""

    id: int
    name: str
    kind: str | None
    region_code: str | None
    names: int
    filings: int
    first_year: int | None
    last_year: int | None


class NameItem(Record, frozen=True):
    """A name of an agency: its key, and where it was met: a list, a report (``document_id``) or a person."""

    name: str
    key: str
    source: str
    region_code: str | None
    document_id: int | None
    seen_at: datetime


class SuccessionItem(Record, frozen=True):
    """An agency before or after another, and the year in which it took over, None where that is not known."""

    agency: Agency
    year: int | None


class DecisionItem(Record, frozen=True):
    """What a person decided about agencies. ``detail`` has the keys that moved, the name before and after, the year, or the
    superior.
    """

    id: int
    action: str
    agency: Agency
    other: Agency | None
    detail: dict[str, Any]
    reason: str
    decided_by: str
    decided_at: datetime
    ended_by: str | None
    ended_at: datetime | None
    ended_reason: str | None


class CaseSide(Record, frozen=True):
    """One of two agencies that may be one: its names, the years on which it reports or must report, and its documents by year."""

    agency: Agency
    names: tuple[str, ...]
    years: tuple[int, ...]
    documents: dict[int, tuple[int, ...]]


class CaseItem(Record, frozen=True):
    """The question whether two agencies are one. ``reason`` is one of agencies/pairs.yaml, with its words for people.

    ``year`` and ``predecessor`` (a name) are those of a likely succession. An agency that was joined with another is shown as
    the one that it was joined with.
    """

    id: int
    reason: str
    zh: str
    en: str
    year: int | None
    predecessor: str | None
    one: CaseSide
    other: CaseSide
    created_at: datetime


class AgencyItem(Record, frozen=True):
    """One agency. ``superior`` is the agency above: a person's choice (``superior_set``), else the government of its region, or,
    of a government, that of the region above, where the register has it.
    """

    agency: Agency
    named: bool
    merged_into: Agency | None
    joined: tuple[Agency, ...]
    superior: Agency | None
    superior_set: bool
    keys: tuple[str, ...]
    names: tuple[NameItem, ...]
    predecessors: tuple[SuccessionItem, ...]
    successors: tuple[SuccessionItem, ...]
    filings: tuple[FilingLine, ...]
    decisions: tuple[DecisionItem, ...]
    cases: tuple[CaseItem, ...]


# ---- the register -----------------------------------------------------------------------------------------------------------


def agency_lines(connection: Connection, wanted: AgencyFilter, after: int | None = None, limit: int = 50) -> list[AgencyLine]:
    """Return the agencies that are wanted by their numbers, those behind the agency ``after`` if given. Those that were joined
    with another are left out.
    """
    names = (
        select(func.count(AgencyAlias.name.distinct()))
        .join(AgencyKeyRow, AgencyKeyRow.key == AgencyAlias.key)
        .where(AgencyKeyRow.agency_id == _AGENCY.c.id)
        .correlate(_AGENCY)
        .scalar_subquery()
    )

    def of_filings(what: Any) -> Any:
        return select(what).where(FILING.c.agency_id == _AGENCY.c.id).correlate(_AGENCY).scalar_subquery()

    query = select(
        _AGENCY.c.id,
        _AGENCY.c.name,
        _AGENCY.c.kind,
        _AGENCY.c.region_code,
        names,
        of_filings(func.count()),
        of_filings(func.min(FILING.c.year)),
        of_filings(func.max(FILING.c.year)),
    ).where(*_conditions(wanted))
    if after is not None:
        query = query.where(_AGENCY.c.id > after)
    return [AgencyLine(*row) for row in connection.execute(query.order_by(_AGENCY.c.id).limit(limit))]


def count_agencies(connection: Connection, wanted: AgencyFilter) -> int:
    """Return how many agencies are wanted."""
    return connection.scalar(select(func.count()).select_from(_AGENCY).where(*_conditions(wanted))) or 0


def _conditions(wanted: AgencyFilter) -> list[Any]:
    conditions: list[Any] = [_AGENCY.c.merged_into.is_(None)]
    if wanted.text is not None:
        conditions.append(_AGENCY.c.id.in_(named_like(wanted.text)))
    if wanted.region is not None:
        conditions.append(in_region(_AGENCY.c.region_code, wanted.region))
    if wanted.kind is not None:
        conditions.append(_AGENCY.c.kind == wanted.kind)
    return conditions


def find_agencies(connection: Connection, text: str, *, partly: bool = True, limit: int = 20) -> list[Agency]:
    """Return the agencies that ``text`` can mean: the number of one, else those with exactly this name, else (``partly``) those
    that have it as a part of a name.

    Of an agency that was joined with another the other one is returned.
    """
    text = text.strip()
    if text.isascii() and text.isdecimal():
        number = select(_AGENCY.c.id).where(_AGENCY.c.id == int(text)) if len(text) < 19 else None
        return _survivors(connection, list(connection.scalars(number))) if number is not None else []
    spellings = list({text, fold_label(text)})
    aliases = select(AgencyKeyRow.agency_id).join(AgencyAlias, AgencyAlias.key == AgencyKeyRow.key)
    exact = select(_AGENCY.c.id).where(
        _AGENCY.c.merged_into.is_(None),
        or_(_AGENCY.c.name.in_(spellings), _AGENCY.c.id.in_(aliases.where(AgencyAlias.name.in_(spellings)))),
    )
    named = or_(*(_AGENCY.c.id.in_(named_like(spelling)) for spelling in spellings))
    in_part = select(_AGENCY.c.id).where(_AGENCY.c.merged_into.is_(None), named)
    for query in (exact, in_part) if partly else (exact,):
        ids = list(connection.scalars(query.order_by(_AGENCY.c.id).limit(limit)))
        if ids:
            return list(agencies_by_id(connection, ids).values())
    return []


def _survivors(connection: Connection, ids: Iterable[int]) -> list[Agency]:
    survivors = _merged(connection, ids)
    return list(agencies_by_id(connection, sorted(set(survivors.values()))).values())


def agencies_by_id(connection: Connection, ids: Collection[int]) -> dict[int, Agency]:
    """Return these agencies, by number; those that there are not are left out."""
    found: dict[int, Agency] = {}
    for part in chunks(sorted(ids)):
        for row in connection.execute(select(*_COLUMNS).where(AgencyRow.id.in_(part)).order_by(AgencyRow.id)):
            found[row.id] = Agency(*row)
    return found


def _merged(connection: Connection, ids: Iterable[int]) -> dict[int, int]:
    """The agencies that these are now, by number: themselves, or those that they were joined with."""
    becomes = {number: number for number in ids}
    open_ = set(becomes)
    while open_:
        query = select(AgencyRow.id, AgencyRow.merged_into).where(AgencyRow.id.in_(open_), AgencyRow.merged_into.is_not(None))
        into = {row.id: row.merged_into for row in connection.execute(query)}
        becomes = {number: into.get(now, now) for number, now in becomes.items()}
        open_ = set(into.values())
    return becomes


def agency_item(connection: Connection, agency_id: int) -> AgencyItem | None:
    """Return an agency with its names, filings and decisions, None when there is none of this number."""
    query = select(*_COLUMNS, AgencyRow.named, AgencyRow.merged_into, AgencyRow.superior_id).where(AgencyRow.id == agency_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    agency = Agency(*row[: len(_COLUMNS)])
    joined = connection.scalars(select(AgencyRow.id).where(AgencyRow.merged_into == agency_id))
    near = agencies_by_id(connection, {*joined, *([row.merged_into] if row.merged_into else [])})
    merged_into = near.pop(row.merged_into, None)
    above = _survivors(connection, [row.superior_id]) if row.superior_id else []
    superior = above[0] if above and above[0].id != agency_id else None
    keys = connection.scalars(select(AgencyKeyRow.key).where(AgencyKeyRow.agency_id == agency_id).order_by(AgencyKeyRow.key))
    return AgencyItem(
        agency,
        named=row.named,
        merged_into=merged_into,
        joined=tuple(near.values()),
        superior=superior or superior_of(connection, agency),
        superior_set=superior is not None,
        keys=tuple(keys),
        names=_names(connection, agency_id),
        predecessors=_successions(connection, agency_id, before=True),
        successors=_successions(connection, agency_id, before=False),
        filings=tuple(filing_lines(connection, FilingFilter(agency_id=agency_id), limit=200)),
        decisions=tuple(decisions(connection, agency_id=agency_id, limit=200)),
        cases=tuple(open_cases(connection, agency_id=agency_id)),
    )


def superior_of(connection: Connection, agency: Agency) -> Agency | None:
    """Return the government that an agency stands under, as it follows from its region; None where the register has none."""
    if not agency.region_code or agency.kind in _UNBOUNDED_KINDS:
        return None
    code = parent_code(agency.region_code) if is_government(agency.name) else agency.region_code[:6]
    if code is None:
        return None
    condition = and_(AgencyRow.region_code == code, AgencyRow.kind == "government", AgencyRow.merged_into.is_(None))
    row = connection.execute(select(*_COLUMNS).where(condition).order_by(AgencyRow.id).limit(1)).one_or_none()
    return Agency(*row) if row is not None and row.id != agency.id else None


def _names(connection: Connection, agency_id: int) -> tuple[NameItem, ...]:
    columns = [getattr(AgencyAlias, name) for name in NameItem.__struct_fields__]
    query = select(*columns).join(AgencyKeyRow, AgencyKeyRow.key == AgencyAlias.key).where(AgencyKeyRow.agency_id == agency_id)
    return tuple(NameItem(*row) for row in connection.execute(query.order_by(AgencyAlias.key, AgencyAlias.name)))


def _successions(connection: Connection, agency_id: int, *, before: bool) -> tuple[SuccessionItem, ...]:
    own, other = AgencySuccession.successor_id, AgencySuccession.predecessor_id
    if not before:
        own, other = other, own
    query = select(*_COLUMNS, AgencySuccession.year).join(AgencyRow, AgencyRow.id == other).where(own == agency_id)
    rows = connection.execute(query.order_by(AgencySuccession.year, AgencyRow.id))
    return tuple(SuccessionItem(Agency(*row[:-1]), row[-1]) for row in rows)


# ---- questions: one agency or two? ------------------------------------------------------------------------------------------


def open_cases(
    connection: Connection,
    *,
    region: str | None = None,
    agency_id: int | None = None,
    after: int | None = None,
    limit: int | None = None,
) -> list[CaseItem]:
    """Return the questions that a person has to decide, the oldest first, those behind the case ``after`` if given.

    A question is no longer asked when the names and years of today do not speak for it (:func:`codebook.agency_pairs.alike`), or
    when it was decided for the agencies that these two were joined with. ``region``: one of the two is of this region.
    """
    found: list[CaseItem] = []
    asked: set[tuple[int, int]] = set()
    while limit is None or len(found) < limit:
        rows = _open_rows(connection, agency_id, after)
        if not rows:
            break
        after = rows[-1].id
        found += (
            item
            for item in _asked(connection, rows, asked)
            if region is None or any(_lies_in(side.agency, region) for side in (item.one, item.other))
        )
    return found[:limit]


def count_cases(connection: Connection, *, region: str | None = None) -> int:
    """Return how many questions are asked."""
    return len(open_cases(connection, region=region))


def case(connection: Connection, case_id: int) -> CaseItem | None:
    """Return a question that is still asked, None when there is none of this number."""
    query = select(AgencyCase).where(AgencyCase.id == case_id, AgencyCase.state == CaseState.OPEN.value)
    return next(_asked(connection, connection.execute(query).all(), set()), None)


def _lies_in(agency: Agency, region: str) -> bool:
    return (agency.region_code or "").startswith(region_prefix(region))


def _open_rows(connection: Connection, agency_id: int | None, after: int | None) -> Sequence[Any]:
    query = select(AgencyCase).where(AgencyCase.state == CaseState.OPEN.value)
    if agency_id is not None:
        own = list(connection.scalars(select(AgencyRow.id).where(AgencyRow.merged_into == agency_id)))
        both = [agency_id, *own]
        query = query.where(or_(AgencyCase.one_id.in_(both), AgencyCase.other_id.in_(both)))
    if after is not None:
        query = query.where(AgencyCase.id > after)
    return connection.execute(query.order_by(AgencyCase.id).limit(_CASES_READ)).all()


def _asked(connection: Connection, rows: Sequence[Any], asked: set[tuple[int, int]]) -> Iterator[CaseItem]:
    """The questions of these rows that are still asked. ``asked`` are pairs of agencies that were; new ones are added."""
    now = _merged(connection, {number for row in rows for number in (row.one_id, row.other_id)})
    sides = _sides(connection, set(now.values()))
    decided = _decided(connection, set(now.values()))
    for row in rows:
        pair = (min(now[row.one_id], now[row.other_id]), max(now[row.one_id], now[row.other_id]))
        if pair[0] == pair[1] or pair in asked or pair in decided or not all(number in sides for number in pair):
            continue
        one, other = sides[pair[0]], sides[pair[1]]
        likeness = _likeness(one, other)
        if likeness is not None:
            asked.add(pair)
            words = load_pairs().reasons[likeness.reason]
            yield CaseItem(
                row.id,
                likeness.reason,
                words.zh,
                words.en,
                likeness.year,
                likeness.predecessor,
                one,
                other,
                row.created_at,
            )


def _likeness(one: CaseSide, other: CaseSide) -> Likeness | None:
    """Why two agencies may be one, by their canonical names, else by others."""

    def entries(side: CaseSide) -> Iterator[AgencyEntry]:
        for name in dict.fromkeys((side.agency.name, *side.names)):
            yield AgencyEntry(name, side.agency.region_code, side.agency.kind, side.years)

    return next((found for a in entries(one) for b in entries(other) if (found := alike(a, b)) is not None), None)


def _decided(connection: Connection, ids: Collection[int]) -> set[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    for part in chunks(sorted(ids)):
        query = select(AgencyCase.one_id, AgencyCase.other_id).where(AgencyCase.state != CaseState.OPEN.value)
        found |= {tuple(row) for row in connection.execute(query.where(AgencyCase.one_id.in_(part)))}  # type: ignore[misc]
    return found


def _sides(connection: Connection, ids: Collection[int]) -> dict[int, CaseSide]:
    """What is known of agencies, by number."""
    agencies = agencies_by_id(connection, ids)
    names: dict[int, set[str]] = defaultdict(set)
    years: dict[int, set[int]] = defaultdict(set)
    documents: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for part in chunks(sorted(agencies)):
        met = select(AgencyKeyRow.agency_id, AgencyAlias.name).join(AgencyAlias, AgencyAlias.key == AgencyKeyRow.key)
        for number, name in connection.execute(met.where(AgencyKeyRow.agency_id.in_(part))):
            names[number].add(name)
        listed = select(AgencyKeyRow.agency_id, ExpectedRow.year).join(ExpectedRow, ExpectedRow.agency_key == AgencyKeyRow.key)
        for number, year in connection.execute(listed.where(AgencyKeyRow.agency_id.in_(part))):
            years[number].add(year)
        filed = select(FILING.c.agency_id, FILING.c.year, MEMBER.c.document_id).join(MEMBER, MEMBER.c.filing_id == FILING.c.id)
        for number, year, document in connection.execute(filed.where(FILING.c.agency_id.in_(part)).order_by(MEMBER.c.rank)):
            years[number].add(year)
            documents[number][year].append(document)
    return {
        number: CaseSide(
            agency,
            tuple(sorted(names[number])),
            tuple(sorted(years[number])),
            {year: tuple(those) for year, those in sorted(documents[number].items())},
        )
        for number, agency in agencies.items()
    }


# ---- decisions --------------------------------------------------------------------------------------------------------------


def decisions(
    connection: Connection,
    *,
    agency_id: int | None = None,
    standing: bool = True,
    before: int | None = None,
    limit: int = 50,
) -> list[DecisionItem]:
    """Return what people decided about agencies, the newest first; only what stands unless ``standing`` is False."""
    query = select(AgencyDecision)
    if standing:
        query = query.where(AgencyDecision.ended_at.is_(None))
    if agency_id is not None:
        query = query.where(or_(AgencyDecision.agency_id == agency_id, AgencyDecision.other_id == agency_id))
    if before is not None:
        query = query.where(AgencyDecision.id < before)
    return _decision_items(connection, connection.execute(query.order_by(AgencyDecision.id.desc()).limit(limit)).all())


def decision(connection: Connection, decision_id: int) -> DecisionItem | None:
    """Return a decision, whether it stands or was undone; None when there is none of this number."""
    rows = connection.execute(select(AgencyDecision).where(AgencyDecision.id == decision_id)).all()
    return next(iter(_decision_items(connection, rows)), None)


def _decision_items(connection: Connection, rows: Sequence[Any]) -> list[DecisionItem]:
    agencies = agencies_by_id(connection, {n for row in rows for n in (row.agency_id, row.other_id) if n is not None})
    return [_decision_item(row, agencies) for row in rows]


def _decision_item(row: Any, agencies: Mapping[int, Agency]) -> DecisionItem:
    given = {name: getattr(row, name) for name in DecisionItem.__struct_fields__ if name not in ("agency", "other")}
    return DecisionItem(**given, agency=agencies[row.agency_id], other=agencies.get(row.other_id))
