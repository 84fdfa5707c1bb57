"""The indicators and roll-ups once more, in DuckDB SQL written from the definitions alone: nothing of ours is called.

``python -m tests.analysis.independent`` compares both on 31 provinces, 3,000 agencies and 5 years; a quick test on a few.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import chinese_calendar
import duckdb
import polars as pl

from tests.analysis.world import World

# indicator, side, weight, cells (like), form (like): written by hand from the forms, not read from indicators.yaml.
TERMS = """
obligations n 1 requests.new_received.total later
obligations n 1 requests.carried_over.total later
received n 1 requests.new_received.total later
received n 1 statistics.requests.received 2014
handled n 1 requests.total_handled.total later
grant_rate n 1 requests.granted.total later
grant_rate d 1 requests.total_handled.total later
grant_rate n 1 statistics.replies.granted 2014
grant_rate d 1 statistics.replies.total 2014
disclosure_rate n 1 requests.granted.total later
disclosure_rate n 1 requests.partially_granted.total later
disclosure_rate d 1 requests.total_handled.total later
disclosure_rate n 1 statistics.replies.%granted 2014
disclosure_rate d 1 statistics.replies.total 2014
decided_rate n 1 requests.granted.total later
decided_rate n 1 requests.partially_granted.total later
decided_rate d 1 requests.granted.total later
decided_rate d 1 requests.partially_granted.total later
decided_rate d 1 requests.denied.%.total later
denial_rate n 1 requests.denied.%.total later
denial_rate d 1 requests.total_handled.total later
denial_rate n 1 statistics.replies.denied 2014
denial_rate d 1 statistics.replies.total 2014
denial_rate.state_secret n 1 requests.denied.state_secret.total later
denial_rate.state_secret d 1 requests.total_handled.total later
denial_rate.prohibited_by_law n 1 requests.denied.prohibited_by_law.total later
denial_rate.prohibited_by_law d 1 requests.total_handled.total later
denial_rate.security_and_stability n 1 requests.denied.security_and_stability.total later
denial_rate.security_and_stability d 1 requests.total_handled.total later
denial_rate.third_party_rights n 1 requests.denied.third_party_rights.total later
denial_rate.third_party_rights d 1 requests.total_handled.total later
denial_rate.internal_affairs n 1 requests.denied.internal_affairs.total later
denial_rate.internal_affairs d 1 requests.total_handled.total later
denial_rate.deliberative_process n 1 requests.denied.deliberative_process.total later
denial_rate.deliberative_process d 1 requests.total_handled.total later
denial_rate.enforcement_case_file n 1 requests.denied.enforcement_case_file.total later
denial_rate.enforcement_case_file d 1 requests.total_handled.total later
denial_rate.administrative_inquiry n 1 requests.denied.administrative_inquiry.total later
denial_rate.administrative_inquiry d 1 requests.total_handled.total later
not_held_rate n 1 requests.unable.not_held.total later
not_held_rate d 1 requests.total_handled.total later
not_processed_rate n 1 requests.not_processed.%.total later
not_processed_rate d 1 requests.total_handled.total later
carry_forward_rate n 1 requests.carried_forward.total later
carry_forward_rate d 1 requests.new_received.total later
carry_forward_rate d 1 requests.carried_over.total later
natural_person_share n 1 requests.new_received.natural_person later
natural_person_share d 1 requests.new_received.total later
legal_service_share n 1 requests.new_received.legal_service later
legal_service_share d 1 requests.new_received.total later
reconsideration_rate n 1 review.reconsideration.total later
reconsideration_rate d 1 requests.total_handled.total later
reconsideration_rate n 1 statistics.reconsideration.total 2014
reconsideration_rate d 1 statistics.replies.total 2014
litigation_rate n 1 review.litigation%.total later
litigation_rate d 1 requests.total_handled.total later
litigation_rate n 1 statistics.litigation.total 2014
litigation_rate d 1 statistics.replies.total 2014
reconsideration_corrected_rate n 1 review.reconsideration.corrected later
reconsideration_corrected_rate d 1 review.reconsideration.total later
reconsideration_corrected_rate d -1 review.reconsideration.pending later
reconsideration_corrected_rate n 1 statistics.reconsideration.corrected 2014
reconsideration_corrected_rate d 1 statistics.reconsideration.total 2014
reconsideration_corrected_of_all n 1 review.reconsideration.corrected later
reconsideration_corrected_of_all d 1 review.reconsideration.total later
litigation_corrected_rate n 1 review.litigation%.corrected later
litigation_corrected_rate d 1 review.litigation%.total later
litigation_corrected_rate d -1 review.litigation%.pending later
litigation_corrected_rate n 1 statistics.litigation.corrected 2014
litigation_corrected_rate d 1 statistics.litigation.total 2014
litigation_corrected_of_all n 1 review.litigation%.corrected later
litigation_corrected_of_all d 1 review.litigation%.total later
normative_net n 1 disclosure.normative_documents.issued 2021
normative_net n -1 disclosure.normative_documents.repealed 2021
normative_growth n 1 disclosure.normative_documents.issued 2021
normative_growth n -1 disclosure.normative_documents.repealed 2021
normative_growth d 1 disclosure.normative_documents.in_force 2021
normative_growth d -1 disclosure.normative_documents.issued 2021
normative_growth d 1 disclosure.normative_documents.repealed 2021
"""
# Those that compare a report with the one on the year before: indicator, the way by the forms of both, side (b: 1 where the sum
# is 0), weight, of which report, cell.
YEARLY = """
received_change 1 n 1 now requests.new_received.total
received_change 1 n -1 then requests.new_received.total
received_change 1 d 1 then requests.new_received.total
received_change 2 n 1 now requests.new_received.total
received_change 2 n -1 then statistics.requests.received
received_change 2 d 1 then statistics.requests.received
received_change 3 n 1 now statistics.requests.received
received_change 3 n -1 then statistics.requests.received
received_change 3 d 1 then statistics.requests.received
carry_over_agreement 1 b 1 now requests.carried_over.total
carry_over_agreement 1 b -1 then requests.carried_forward.total
stock_agreement 1 b 1 now disclosure.normative_documents.in_force
stock_agreement 1 b -1 then disclosure.normative_documents.in_force
stock_agreement 1 b -1 now disclosure.normative_documents.issued
stock_agreement 1 b 1 now disclosure.normative_documents.repealed
stock_growth 1 n 1 now disclosure.normative_documents.issued
stock_growth 1 n -1 now disclosure.normative_documents.repealed
stock_growth 1 d 1 then disclosure.normative_documents.in_force
"""
# Indicators whose figures from the form of 2014 count something else than later ones.
ANOTHER_THING = (
    "grant_rate", "disclosure_rate", "denial_rate", "reconsideration_rate", "litigation_rate", "reconsideration_corrected_rate",
    "litigation_corrected_rate",
)  # fmt: skip
# The forms of the rules that are planted, and what finding each error_rate counts.
RULES = {"error_rate": "any", "error_rate.requests.balance": "requests.balance", "error_rate.review.sum": "review.sum"}

VIEWS = """
create table term as
    select t.indicator, t.side, t.weight, c.cell, c.family from written t join (
        select distinct cell, case when cell like 'statistics.%' then '2014' else 'later' end as family from t_cell) c
    on c.cell like t.pattern and (t.form = '2014') = (c.family = '2014');
create view place as select *, agency_id * 10000 + year as unit,
    left(region, 2) || '0000' as province,
    case when left(region, 2) in ('11', '12', '31', '50', '81', '82') or substr(region, 3, 2) in ('00', '90')
        then left(region, 2) || '0000' else left(region, 4) || '00' end as city,
    case when kind = 'town' then 'town' when region like '%0000' then 'province'
        when region like '%00' and left(region, 2) not in ('11', '12', '31', '50') then 'city' else 'county' end as level
    from t_unit;
create view cell as select agency_id * 10000 + year as unit, cell, state in ('read', 'proven', 'corrected') as sure,
    value, state from t_cell;
create table per_family as
    select p.unit, p.year, t.indicator, t.family, count(*) as wanted, count(c.cell) as there, count(*) filter (where c.sure) as
    sure,
        sum(t.weight * c.value) filter (where t.side = 'n') as n, sum(t.weight * c.value) filter (where t.side = 'd') as d,
        count(*) filter (where c.state = 'not_seen') as unseen, count(*) filter (where c.state = 'doubtful') as doubts
    from place p cross join term t left join cell c on c.unit = p.unit and c.cell = t.cell
    where p.form is not null group by all;
create table chosen as select * from per_family where wanted = there;
create view by_cells as
    select p.unit, i.indicator,
        case when p.form is null then 'no_filing' when c.unit is null then 'not_in_form'
            when c.unseen > 0 then 'not_seen' when c.doubts > 0 then 'doubt' when c.sure < c.wanted then 'blank' end as gap,
        c.family, case when p.year < 2019 then '2014' else 'later' end as of_year, c.n, c.d
    from place p cross join (select distinct indicator from term) i left join chosen c on c.unit = p.unit and c.indicator =
    i.indicator;
create view late as select unit,
    coalesce(due_on, case when kind in ('government', 'government_office') then (year + 1) || '-03-31'
        when kind in ('department', 'vertical_body') then (year + 1) || '-01-31' end) as due from place;
create view by_facts as
    select p.unit, f.indicator, case when f.gap is not null then f.gap end as gap, f.n, f.d from place p join late l using (unit),
    lateral (
        select 'filed_rate' as indicator, case when not p.listed then 'not_listed' end as gap,
            (p.form is not null)::int as n, 1 as d
        union all select 'first_pass_rate', case when p.form is null then 'no_filing' end,
            (p.editions = 1 and not p.errors)::int, 1
        union all select r.name, case when p.form is null then 'no_filing' when r.since > p.form then 'not_in_form' end,
            case when r.rule = 'any' then p.errors::int else list_contains(p.rules, r.rule)::int end, 1 from rule r
        union all select x.name, case when p.form is null then 'no_filing' when l.due is null then 'no_date'
            when p.seen_on <= l.due then null when p.published_on is null then 'undated' end,
            case when p.seen_on <= l.due or p.published_on <= l.due then 0 when x.name = 'late_days'
            then date_diff('day', l.due::date, least(p.published_on, p.seen_on)::date)
            else (select count(*) from workday w where w.day > l.due and w.day <= least(p.published_on, p.seen_on)) end, 1
            from (values ('late_days'), ('late_workdays')) x(name)
    ) f;
create table per_way as
    select p.unit, b.unit as last, t.indicator, t.way, count(*) filter (where report = 'now') as mine,
        count(c.cell) filter (where report = 'now') as mine_there, count(*) as wanted, count(c.cell) as there,
        count(*) filter (where c.state = 'not_seen') as unseen, count(*) filter (where c.state = 'doubtful') as doubts,
        count(*) filter (where c.sure) as sure, round(sum(t.weight * c.value) filter (where side = 'b'), 6) as b,
        sum(t.weight * c.value) filter (where side = 'n') as n, sum(t.weight * c.value) filter (where side = 'd') as d
    from place p left join place b on b.agency_id = p.agency_id and b.year = p.year - 1 and b.form is not null
    cross join yearly t left join cell c on c.unit = case t.report when 'now' then p.unit else b.unit end and c.cell = t.cell
    where p.form is not null group by all;
create table by_years as
    select p.unit, i.indicator,
        case when p.form is null then 'no_filing' when w.unit is null then 'not_in_form' when w.last is null then 'no_year_before'
            when w.there < w.wanted then 'not_comparable' when w.unseen > 0 then 'not_seen' when w.doubts > 0 then 'doubt'
            when w.sure < w.wanted then 'blank' end as gap, coalesce((w.b = 0)::int, w.n) as n, coalesce(w.d, 1) as d
    from place p cross join (select distinct indicator from yearly) i left join (
        select * from per_way where mine_there = mine
        qualify row_number() over (partition by unit, indicator order by there < wanted, way) = 1) w
    on w.unit = p.unit and w.indicator = i.indicator;
create table unit_figure as
    select unit, indicator, coalesce(gap, case when family <> of_year and indicator in (select indicator from other_thing)
        then 'not_comparable' end) as gap, n, d from by_cells
    union all select unit, indicator, gap, n, d from by_facts
    union all select unit, indicator, gap, n, d from by_years;
"""
FIGURES = """
select '{basis}' as basis, '{by}' as by, {key} as key, p.year, f.indicator, f.gap, count(*), round(sum(f.n), 6), round(sum(f.d),
6) from unit_figure f join place p using (unit) where {where} group by all
"""
BASES = {
    ("units", "city"): ("p.city", "coalesce(p.kind, '') not in ('government', 'vertical_body')"),
    ("units", "county"): (
        "case when p.city = p.province and left(p.region, 4) || '00' <> p.region and p.region not like '%00' then p.region "
        "when p.region like '%00' then p.region else p.region end",
        "coalesce(p.kind, '') not in ('government', 'vertical_body')",
    ),
    ("units", "all"): ("null", "coalesce(p.kind, '') not in ('government', 'vertical_body')"),
    ("areas", "province"): ("p.province", "p.kind = 'government' and p.level = 'province'"),
    ("areas", "city"): ("p.city", "p.kind = 'government' and p.level = 'city'"),
    ("vertical", "kind"): ("p.kind", "p.kind = 'vertical_body'"),
}
ROLLUP = """
with seat as (select unit, region, year,
    case when region like '%0000' then null when substr(region, 3, 2) in ('90', '00') or left(region, 2) in ('11', '12', '31',
    '50')
        or region like '%00' then left(region, 2) || '0000' else left(region, 4) || '00' end as above
    from place where kind = 'government'),
part as (
    select unit, region as area, year, case kind when 'government_office' then 'office' when 'vertical_body' then 'vertical'
        when 'town' then 'town' else 'department' end as part from place where coalesce(kind, '') <> 'government'
    union all select unit, region, year, 'stated' from seat
    union all select unit, above, year, 'lower' from seat where above is not null)
select p.area, p.year, p.part, x.cell, count(*), count(c.value) filter (where c.sure), round(sum(c.value) filter (where c.sure),
6) from part p cross join (select unnest($cells) as cell) x left join cell c on c.unit = p.unit and c.cell = x.cell group by all
"""


class Independent:
    """The world in DuckDB."""

    def __init__(self, world: World) -> None:
        self.db = duckdb.connect()
        written = [line.split() for line in TERMS.strip().splitlines()]
        self._table(
            "written", [(i, s, int(w), c, f) for i, s, w, c, f in written], ["indicator", "side", "weight", "pattern", "form"]
        )
        yearly = [line.split() for line in YEARLY.strip().splitlines()]
        self._table(
            "yearly",
            [(i, int(w), s, int(n), a, c) for i, w, s, n, a, c in yearly],
            ["indicator", "way", "side", "weight", "report", "cell"],
        )
        self._table("other_thing", [(name,) for name in ANOTHER_THING], ["indicator"])
        rules = [(name, rule, "2014" if rule == "any" else "2019") for name, rule in RULES.items()]
        self._table("rule", rules, ["name", "rule", "since"])
        self._table("t_unit", world.units, list(world.units[0]._fields))
        self._table("t_cell", world.cells, list(world.cells[0]._fields))
        self._table("workday", [(day,) for day in _workdays(world)], ["day"])
        self.db.execute(VIEWS)

    def _table(self, name: str, rows: Any, columns: list[str]) -> None:
        frame = pl.DataFrame([tuple(row) for row in rows], schema=columns, orient="row", infer_schema_length=None)
        with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
            frame.write_parquet(file.name)
            self.db.execute(f"create table {name} as select * from read_parquet('{file.name}')")

    def figures(self) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """(basis, by, key, year, indicator, gap) -> (units, numerator, denominator)."""
        found = {}
        for (basis, by), (key, where) in BASES.items():
            for row in self.db.execute(FIGURES.format(basis=basis, by=by, key=key, where=where)).fetchall():
                found[row[:6]] = row[6:]
        return found

    def rollup(self, cells: list[str]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """(area, year, part, cell) -> (units, units with a number, sum)."""
        return {row[:4]: row[4:] for row in self.db.execute(ROLLUP, {"cells": cells}).fetchall()}


def _workdays(world: World) -> Iterator[str]:
    years = {unit.year for unit in world.units}
    day, end = date(min(years) + 1, 1, 1), date(max(years) + 1, 12, 31)
    while day <= end:
        if chinese_calendar.is_workday(day):
            yield day.isoformat()
        day += timedelta(days=1)


def ours(folder: Path, engine: Any, indicators: set[str]) -> tuple[dict[Any, Any], dict[Any, Any], list[str]]:
    """The same by the panel and its queries."""
    from codebook.analysis.indicators import derived_indicators  # noqa: PLC0415 - the SQL above is to stand without it
    from database.analysis.panel import Panel  # noqa: PLC0415
    from database.analysis.queries import Basis, GroupBy, UnitSelection, area_sums, group_lines  # noqa: PLC0415
    from database.analysis.refresh import refresh  # noqa: PLC0415

    panel = Panel(folder, refresh(engine, folder))
    years = tuple(panel.manifest.years)
    figures: dict[Any, Any] = {}
    for name in indicators:
        for basis, by in BASES:
            for line in group_lines(panel, derived_indicators()[name], UnitSelection(years, basis=Basis(basis)), GroupBy(by)):
                at = (basis, by, line.key, line.year, name)
                if line.figure.units:
                    figures[*at, None] = (line.figure.units, line.figure.numerator, line.figure.denominator)
                for reason, units in line.figure.left_out.items():
                    figures[*at, reason.value] = (units, None, None)
    cells = [*CELLS]
    sums = {
        (each.area, each.year, each.part, cell): (each.units, count, total)
        for each in area_sums(panel, years, cells)
        for cell, total, count in zip(cells, each.sums, each.counts, strict=True)
    }
    return figures, sums, cells


CELLS = (
    "requests.new_received.total", "requests.carried_over.total", "requests.granted.total", "requests.partially_granted.total",
    "requests.denied.state_secret.total", "requests.total_handled.total", "requests.carried_forward.total",
    "review.reconsideration.total", "review.reconsideration.corrected", "review.litigation_direct.total",
    "disclosure.normative_documents.issued", "disclosure.normative_documents.in_force", "disclosure.fees.amount",
)  # fmt: skip


def differences(world: World, folder: Path, engine: Any) -> tuple[int, list[str]]:
    """How many figures and sums were compared, and what differs."""
    script = Independent(world)
    theirs = script.figures()
    figures, sums, cells = ours(folder, engine, {key[4] for key in theirs})
    wrong = []
    for key in sorted({*theirs, *figures}, key=str):
        one, other = theirs.get(key), figures.get(key)
        if key[5] is not None:  # who is left out: the number of units alone
            one, other = one and one[:1], other and other[:1]
        if one is None or other is None or not _same(one, other):
            wrong.append(f"{key}: {one} by the script, {other} by ours")
    rolled = script.rollup(cells)
    for key in sorted({*rolled, *sums}, key=str):
        if (one := rolled.get(key)) is None or (other := sums.get(key)) is None or not _same(one, other):
            wrong.append(f"{key}: {one} by the script, {sums.get(key)} by ours")
    return len({*theirs, *figures}) + len({*rolled, *sums}), wrong


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    pairs = zip(one, other, strict=True)
    return all((a is None and b is None) or (a is not None and b is not None and abs(a - b) < 1e-6) for a, b in pairs)


if __name__ == "__main__":
    from database import migrations
    from database.session import make_engine
    from tests.analysis.world import make_world
    from tests.servers import short_folder

    began = time.monotonic()
    with short_folder("gk-check-") as place:
        database = make_engine(f"sqlite:///{place}/check.db")
        migrations.upgrade(database)
        there = make_world(database, provinces=31, agencies=3_000, years=range(2018, 2023))
        agencies = len({unit.agency_id for unit in there.units})
        compared, wrong_ones = differences(there, place / "panel", database)
        database.dispose()
    sys.stdout.write("\n".join(wrong_ones[:20]) + "\n")
    sys.stdout.write(
        f"{agencies:,} agencies, {len(there.units):,} units, {len(there.cells):,} cells, {compared:,} figures and sums compared,"
        f" {len(wrong_ones)} differences, {time.monotonic() - began:.0f} s\n"
    )
    sys.exit(bool(wrong_ones))
