"""Rules between reports: one agency over two consecutive years, and a body with the bodies under it in one year."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz

from codebook.agency_kinds import agency_key, is_government, kind_of, without_region
from codebook.book import load_book
from codebook.records import Finding, Number, Snapshot, State, Verdict
from codebook.rules import Rule, Scope, Sum, evaluate, expand, load_rules
from codebook.text.fold import fold_label
from codebook.text.numbers import exact
from tasks.validation.facts import fold_text
from tasks.validation.registry import FUNCTIONS, Check, check_registry, finding, rule
from tasks.validation.rules.text import compiled
from tasks.validation.sums import describe, severity_of
from tasks.validation.wording import cell_label, show, table_of, words, write_list

__all__ = ["agency_key", "compare_region", "compare_texts", "compare_years", "is_government", "snapshot_of"]

_MARKS = re.compile(r"[\W\d_]+")


class Pair(NamedTuple):
    """The reports of one agency on two consecutive years."""

    earlier: Snapshot
    later: Snapshot

    @property
    def years(self) -> dict[str, str]:
        """The two years as messages name them."""
        phrase = words().year
        return {"last_year": phrase.format(year=self.earlier.year), "year": phrase.format(year=self.later.year)}


class Area(NamedTuple):
    """A government's report with the reports of the bodies under it; ``expected`` are the names of all that must report."""

    parent: Snapshot
    children: tuple[Snapshot, ...]
    expected: tuple[str, ...] | None


@cache
def _checks(scope: Scope) -> tuple[tuple[Rule, Check], ...]:
    check_registry()
    return tuple((row, FUNCTIONS[name].function) for name, row in load_rules().items() if row.scope is scope and not row.sums)


def snapshot_of(verdict: Verdict) -> Snapshot | None:
    """What the rules between reports need of a verdict; None when agency or year are unknown: it is compared with no other."""
    report = verdict.report
    if report.agency is None or report.year is None:
        return None
    values = {
        r.indicator: r.value for r in report.readings if r.value is not None and r.state not in (State.DOUBTFUL, State.MISSING)
    }
    sections = tuple((section.number, section.text) for section in report.sections)
    return Snapshot(report.agency, report.region, report.region_code, report.year, report.form, values, sections)


def _in_years(row: Sum, year: int) -> bool:
    first, last = row.years
    return (first is None or first <= year) and (last is None or year <= last)


def _year_sums(pair: Pair) -> Iterator[Finding]:
    values: dict[str, Number | None] = {f"earlier:{cell}": value for cell, value in pair.earlier.values.items()}
    values |= {f"later:{cell}": value for cell, value in pair.later.values.items()}
    rules = load_rules()
    for equation in expand(tuple(values), Scope.YEARS):
        outcome = evaluate(equation, values) if _in_years(equation.sum, pair.later.year) else None
        if outcome is not None and not outcome.holds:
            name, row = equation.rule, rules[equation.rule]
            cells = dict.fromkeys(cell.partition(":")[2] for cell in reversed(equation.cells))
            yield finding(
                name,
                row,
                cells,
                {**describe(equation, outcome, values), **pair.years},
                message=equation.sum.message,
                severity=severity_of(equation, outcome, row),
                expected=outcome.left,
                actual=outcome.right,
            )


def compare_years(earlier: Snapshot, later: Snapshot) -> tuple[Finding, ...]:
    """What two reports of one agency on consecutive years contradict; the findings belong to the later one.

    Nothing when the years are not consecutive. Whether both are of one agency is the caller's to know (:func:`agency_key`).
    """
    if later.year != earlier.year + 1:
        return ()
    pair = Pair(earlier, later)
    found = list(_year_sums(pair))
    for row, check in _checks(Scope.YEARS):
        found += check(row, pair)
    order = {name: index for index, name in enumerate(load_rules())}
    return tuple(sorted(found, key=lambda f: order[f.rule]))


def _slips(row: Rule, pair: Pair) -> Iterator[tuple[str, Number, Number]]:
    for cell in row.texts("cells"):
        before, now = pair.earlier.values.get(cell), pair.later.values.get(cell)
        if before and now and row.number("least_factor") <= now / before <= row.number("most_factor"):
            yield cell, before, now


@rule(
    "disclosure.unit_slip",
    scope=Scope.YEARS,
    fields=("cell", "last_year", "year", "earlier", "later"),
    options=("cells", "least_factor", "most_factor"),
)
def disclosure_unit_slip(row: Rule, pair: Pair) -> Iterator[Finding]:
    """元 written where 万元 is asked: about ten thousand times last year's amount."""
    for cell, before, now in _slips(row, pair):
        named = {"cell": cell_label(cell), "earlier": show(before), "later": show(now), **pair.years}
        yield finding("disclosure.unit_slip", row, (cell,), {**named}, expected=exact(now / 10_000), actual=now)


@rule(
    "years.jump",
    scope=Scope.YEARS,
    fields=("table", "label", "last_year", "year", "earlier", "later", "factor"),
    options=("factor", "least_difference"),
)
def years_jump(row: Rule, pair: Pair) -> Iterator[Finding]:
    """More than fivefold, by 30 or more: one finding a row of a table, with the cells of it that jumped."""
    book, factor, least = load_book(), row.number("factor"), row.number("least_difference")
    slipped = {cell for cell, _, _ in _slips(load_rules()["disclosure.unit_slip"], pair)}
    rows: dict[tuple[str, str], list[str]] = {}
    for cell, now in pair.later.values.items():
        before, indicator = pair.earlier.values.get(cell), book.indicators.get(cell)
        if before is None or indicator is None or indicator.signed or cell in slipped:
            continue
        if max(now, before) > factor * min(now, before) and abs(now - before) >= least:
            # columns of table two and the statistics count different things, those of tables three and four the same thing
            group = indicator.row if indicator.block in ("requests", "review") else cell
            rows.setdefault((indicator.block, group), []).append(cell)
    for (block, _), cells in rows.items():
        shown = next((cell for cell in cells if cell.endswith(".total")), cells[0])
        values = {"earlier": show(pair.earlier.values[shown]), "later": show(pair.later.values[shown])}
        named = {"table": words().tables[block], "label": cell_label(shown), "factor": show(factor), **values, **pair.years}
        yield finding(
            "years.jump",
            row,
            (shown, *(cell for cell in cells if cell != shown)),
            {**named},
            expected=pair.earlier.values[shown],
            actual=pair.later.values[shown],
        )


@rule(
    "years.same_tables",
    scope=Scope.YEARS,
    fields=("year", "last_year", "count"),
    options=("least_cells", "least_value", "stocks", "derived"),
)
def years_same_tables(row: Rule, pair: Pair) -> Iterator[Finding]:
    """All nonzero cells identical, and more of them than chance explains: stocks and totals follow from others."""
    book = load_book()
    both = pair.earlier.values.keys() & pair.later.values.keys()
    now = {cell: value for cell, value in pair.later.values.items() if cell in both and value}
    before = {cell: value for cell, value in pair.earlier.values.items() if cell in both and value}
    if not now or now != before:
        return
    known = [(cell, book.indicators[cell]) for cell in now if cell in book.indicators]
    free = [
        now[cell]
        for cell, indicator in known
        if indicator.column not in row.texts("stocks") and indicator.row not in row.texts("derived")
    ]
    if len(free) >= row.number("least_cells") or any(value >= row.number("least_value") for value in free):
        yield finding("years.same_tables", row, now, {"count": len(now), **pair.years}, actual=len(now))


# ---- copied text ----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def _own_words(text: str, preamble: tuple[str, ...]) -> str:
    """A chapter's text without what the law makes all reports say, marks and digits."""
    folded = fold_text(text)
    for pattern in preamble:
        folded = compiled(pattern).sub("", folded)
    return _MARKS.sub("", folded)


def _copies(row: Rule, one: Snapshot, other: Snapshot) -> Iterator[tuple[int | None, float]]:
    """(chapter number, similarity) of chapters of ``one`` that repeat the same chapter of ``other``."""
    theirs = dict(other.sections)
    skipped = {int(n) for n in row.texts("form_chapters")} if one.form != "2014" else set()
    for number, text in one.sections:
        if number in skipped or number not in theirs:
            continue
        a, b = (_own_words(t, row.texts("preamble")) for t in (text, theirs[number]))
        if min(len(a), len(b)) >= row.number("least_length"):
            ratio = fuzz.ratio(a, b, score_cutoff=100 * row.number("least_ratio")) / 100
            if ratio >= row.number("least_ratio"):
                yield number, ratio


@rule(
    "text.copied",
    scope=Scope.YEARS,
    fields=("year", "last_year", "chapter", "ratio", "other"),
    options=("least_ratio", "least_length", "form_chapters", "preamble"),
)
def text_copied(row: Rule, pair: Pair) -> Iterator[Finding]:
    """A chapter repeats last year's, digits and the statutory words aside."""
    for number, ratio in _copies(row, pair.later, pair.earlier):
        chapter = words().chapters.get(number or 0, "")
        yield finding(
            "text.copied", row, (), {"chapter": chapter, "ratio": int(100 * ratio), **pair.years}, actual=round(ratio, 3)
        )


def compare_texts(one: Snapshot, other: Snapshot) -> tuple[Finding, ...]:
    """Chapters of ``one`` that repeat those of another agency; the findings belong to ``one``."""
    row = load_rules()["text.copied"]
    return tuple(
        finding(
            "text.copied",
            row,
            (),
            {"chapter": words().chapters.get(number or 0, ""), "ratio": int(100 * ratio), "other": other.agency},
            message="other",
            actual=round(ratio, 3),
        )
        for number, ratio in _copies(row, one, other)
    )


# ---- a region -------------------------------------------------------------------------------------------------------------


def _label(cell: str) -> str:
    return f"{table_of(cell)}{cell_label(cell)}"


def _missing(area: Area) -> tuple[str, ...]:
    """Names that are expected and have no report among the children; region names before them are set aside."""
    region = area.parent.region
    present = {without_region(fold_label(child.agency), region) for child in area.children}
    present |= {fold_label(child.agency) for child in area.children}
    return tuple(
        name
        for name in area.expected or ()
        if fold_label(name) not in present and without_region(fold_label(name), region) not in present
    )


@rule("region.exceeds", scope=Scope.REGION, fields=("child", "parent", "count", "labels"), options=("listed",))
def region_exceeds(row: Rule, area: Area) -> Iterator[Finding]:
    """No cell of a child is greater than the parent's: one finding a child, with the cells."""
    book = load_book()
    for child in area.children:
        cells = [
            cell
            for cell, value in child.values.items()
            if cell in area.parent.values
            and cell in book.indicators
            and not book.indicators[cell].signed
            and value > area.parent.values[cell]
        ]
        if cells:
            labels = [f"{_label(cell)} {show(child.values[cell])}>{show(area.parent.values[cell])}" for cell in cells]
            yield finding(
                "region.exceeds",
                row,
                cells,
                {
                    "child": child.agency,
                    "parent": area.parent.agency,
                    "count": len(cells),
                    "labels": write_list(labels, int(row.number("listed"))),
                },
                expected=area.parent.values[cells[0]],
                actual=child.values[cells[0]],
            )


def _totals(children: Iterable[Snapshot], cells: Iterable[str]) -> Mapping[str, Number]:
    """Sums of the children's cells, of those cells that every child states."""
    found = {}
    children = tuple(children)
    for cell in cells:
        values = [child.values.get(cell) for child in children]
        if all(value is not None for value in values):
            found[cell] = exact(sum(value for value in values if value is not None))
    return found


@rule(
    "region.sum",
    scope=Scope.REGION,
    fields=("parent", "children", "count", "labels", "missing"),
    options=("listed", "own_office"),
)
def region_sum(row: Rule, area: Area) -> Iterator[Finding]:
    """Parent = own office + children, where the list of children is known.

    Equality is asked for only when all of them report and the government's own office is one of them; otherwise what is left
    over may be the office's or the missing ones', and only a sum greater than the parent's is wrong.
    """
    if area.expected is None or not area.children:
        return
    missing = _missing(area)
    kinds = {kind.kind for child in area.children if (kind := kind_of(child.agency))}
    equal = not missing and row.texts("own_office")[0] in kinds
    sums = _totals(area.children, area.parent.values)
    wrong = [
        cell for cell, total in sums.items() if (total != area.parent.values[cell] if equal else total > area.parent.values[cell])
    ]
    if wrong:
        labels = [f"{_label(cell)} {show(area.parent.values[cell])}≠{show(sums[cell])}" for cell in wrong]
        yield finding(
            "region.sum",
            row,
            wrong,
            {
                "parent": area.parent.agency,
                "children": len(area.children),
                "count": len(wrong),
                "labels": write_list(labels, int(row.number("listed"))),
                "missing": write_list(missing),
            },
            message="missing" if missing else "main",
            expected=sums[wrong[0]],
            actual=area.parent.values[wrong[0]],
        )


@rule("region.absent", scope=Scope.REGION, fields=("parent", "agency", "year"))
def region_absent(row: Rule, area: Area) -> Iterator[Finding]:
    """Each agency that is expected to report and does not: one finding each."""
    for name in _missing(area):
        yield finding("region.absent", row, (), {"parent": area.parent.agency, "agency": name, "year": area.parent.year})


def compare_region(parent: Snapshot, children: Sequence[Snapshot], expected: Sequence[str] | None = None) -> tuple[Finding, ...]:
    """What a government's report and those of the bodies under it contradict; the findings belong to the parent's report.

    ``expected`` are the names of all agencies that must report, if they are known. Children of another year are left out;
    nothing is compared when the parent is no government of county level and up, since its report covers itself alone.
    """
    if not is_government(parent.agency):
        return ()
    area = Area(parent, tuple(c for c in children if c.year == parent.year), None if expected is None else tuple(expected))
    return tuple(found for row, check in _checks(Scope.REGION) for found in check(row, area))
