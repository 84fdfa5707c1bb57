"""Rules between reports: one agency over two consecutive years, and a body with the bodies under it in one year."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

import msgspec
from rapidfuzz import fuzz

from codebook.agency_kinds import agency_key, is_government, kind_of
from codebook.book import load_book
from codebook.records import UNSETTLED_STATES, Finding, Number, Record, Snapshot, State, Verdict
from codebook.rule_packs.packs import Packs, installed
from codebook.rules import RuleScope, RuleSet, Sum, evaluate, expand, national, year_cells
from codebook.text.numbers import exact
from tasks.validation.confirmed import is_unseen_in_pixels, lowered_where
from tasks.validation.facts import fold_text
from tasks.validation.registry import Bound, NoOptions, RuleFunction, checks, finding, rule
from tasks.validation.rules.tables import ListOptions
from tasks.validation.rules.text import any_of
from tasks.validation.sums import describe, severity_of
from tasks.validation.wording import cell_label, show, table_of, words, write_list

__all__ = ["agency_key", "compare_region", "compare_texts", "compare_years", "is_government", "own_words", "snapshot_of"]

_MARKS = re.compile(r"[\W\d_]+")
_SENTENCE = re.compile(r"[^。]*。|[^。]+")


class Pair(NamedTuple):
    """The reports of one agency on two consecutive years. ``rules``: see :func:`rules_for`."""

    earlier: Snapshot
    later: Snapshot
    rules: RuleSet | None = None

    @property
    def years(self) -> dict[str, str]:
        """The two years as messages name them."""
        phrase = words().year
        return {"last_year": phrase.format(year=self.earlier.year), "year": phrase.format(year=self.later.year)}


class Expected(NamedTuple):
    """An agency that must report, as a list names it, with the code of its region (GB/T 2260). ``absent``: its date has passed,
    and nothing of it came in. ``filed``: its report is there, under whatever name.
    """

    agency: str
    region_code: str | None
    absent: bool = True
    filed: bool = False


class Area(NamedTuple):
    """A government's report with the reports of the bodies under it; ``expected`` are all bodies that must report."""

    parent: Snapshot
    children: tuple[Snapshot, ...]
    expected: tuple[Expected, ...] | None


def rules_for(report: Snapshot, packs: Packs | None) -> RuleSet | None:
    """Return the rules for a report by ``packs`` (default: those of this installation); None: those of the data files."""
    return (packs or installed()).rules_for(report.region, report.region_code, report.year)


@cache
def _checks(scope: RuleScope) -> tuple[RuleFunction[Any, Any], ...]:
    return checks(scope)


def snapshot_of(verdict: Verdict) -> Snapshot | None:
    """Return what the rules between reports need of a verdict; None when agency or year are unknown: it is compared with no
    other.
    """
    report = verdict.report
    if report.agency is None or report.year is None:
        return None
    values = {
        r.indicator: r.value for r in report.readings if r.value is not None and r.state not in (*UNSETTLED_STATES, State.MISSING)
    }
    sections = tuple((section.number, section.text) for section in report.sections)
    unconfirmed = frozenset(r.indicator for r in report.readings if r.indicator in year_cells() and is_unseen_in_pixels(r))
    return Snapshot(report.agency, report.region, report.region_code, report.year, report.form, values, sections, unconfirmed)


def in_printing_order(snapshot: Snapshot) -> Snapshot:
    """Return the same report with its cells in the order of the forms.

    A database returns rows in any order; findings list cells, and must not depend on it.
    """
    cells = load_book().in_order(snapshot.values)
    return msgspec.structs.replace(snapshot, values={cell: snapshot.values[cell] for cell in cells})


def _in_years(row: Sum, year: int) -> bool:
    first, last = row.years
    return (first is None or first <= year) and (last is None or year <= last)


def _year_sums(pair: Pair) -> Iterator[Finding]:
    values: dict[str, Number | None] = {f"earlier:{cell}": value for cell, value in pair.earlier.values.items()}
    values |= {f"later:{cell}": value for cell, value in pair.later.values.items()}
    rules = (pair.rules or national()).rules
    for equation in expand(tuple(values), RuleScope.YEARS, pair.rules):
        result = evaluate(equation, values) if _in_years(equation.sum, pair.later.year) else None
        if result is not None and not result.holds:
            row = rules[equation.rule]
            cells = dict.fromkeys(cell.partition(":")[2] for cell in reversed(equation.cells))
            yield finding(
                row,
                cells,
                {**describe(equation, result, values), **pair.years},
                message=equation.sum.message,
                severity=severity_of(equation, result, row),
                expected=result.left,
                actual=result.right,
            )


def compare_years(earlier: Snapshot, later: Snapshot, packs: Packs | None = None) -> tuple[Finding, ...]:
    """Return what two reports of one agency on consecutive years contradict; the findings belong to the later one, and so do the
    rules (see :func:`rules_for`).

    Nothing when the years are not consecutive. Whether both are of one agency is the caller's to know (:func:`agency_key`).
    """
    return found_between_years(earlier, later, rules_for(later, packs))


def found_between_years(earlier: Snapshot, later: Snapshot, rules: RuleSet | None) -> tuple[Finding, ...]:
    """Return what ``rules`` find in two reports of one agency: see :func:`compare_years`. None: those of the data files."""
    if later.year != earlier.year + 1:
        return ()
    pair = Pair(in_printing_order(earlier), in_printing_order(later), rules)
    found = list(_year_sums(pair))
    for check in _checks(RuleScope.YEARS):
        found += check(pair, rules)
    found = lowered_where(found, earlier.unconfirmed | later.unconfirmed)
    order = (rules or national()).order
    return tuple(sorted(found, key=lambda f: order[f.rule]))


class SlipOptions(Record, frozen=True):
    """The cells that hold amounts, and between which factors to last year's a value is one in 元."""

    cells: tuple[str, ...]
    least_factor: float
    most_factor: float


def _slips(options: SlipOptions, pair: Pair) -> Iterator[tuple[str, Number, Number]]:
    for cell in options.cells:
        before, now = pair.earlier.values.get(cell), pair.later.values.get(cell)
        if before and now and options.least_factor <= now / before <= options.most_factor:
            yield cell, before, now


@rule(
    "disclosure.unit_slip",
    scope=RuleScope.YEARS,
    fields=("cell", "last_year", "year", "earlier", "later"),
    options=SlipOptions,
)
def disclosure_unit_slip(this: Bound[SlipOptions], pair: Pair) -> Iterator[Finding]:
    """元 written where 万元 is asked: about ten thousand times last year's amount."""
    for cell, before, now in _slips(this.options, pair):
        named = {"cell": cell_label(cell), "earlier": show(before), "later": show(now), **pair.years}
        yield finding(this.rule, (cell,), {**named}, expected=exact(now / 10_000), actual=now)


class JumpOptions(Record, frozen=True):
    """From which factor and which difference on a change is a jump; blocks in which a row's jumps are one finding."""

    factor: float
    least_difference: float
    rows_together: tuple[str, ...]


@rule(
    "years.jump",
    scope=RuleScope.YEARS,
    fields=("table", "label", "last_year", "year", "earlier", "later", "factor"),
    options=JumpOptions,
)
def years_jump(this: Bound[JumpOptions], pair: Pair) -> Iterator[Finding]:
    """More than fivefold, by 30 or more: one finding a row of a table, with the cells of it that jumped."""
    book, factor, least = load_book(), this.options.factor, this.options.least_difference
    slip = disclosure_unit_slip.bound_in(pair.rules) or disclosure_unit_slip.bound
    slipped = {cell for cell, _, _ in _slips(slip.options, pair)}
    rows: dict[tuple[str, str], list[str]] = {}
    for cell, now in pair.later.values.items():
        before, indicator = pair.earlier.values.get(cell), book.indicators.get(cell)
        if before is None or indicator is None or indicator.signed or cell in slipped:
            continue
        if max(now, before) > factor * min(now, before) and abs(now - before) >= least:
            group = indicator.row if indicator.block in this.options.rows_together else cell
            rows.setdefault((indicator.block, group), []).append(cell)
    for (block, _), cells in rows.items():
        shown = next((cell for cell in cells if cell.endswith(".total")), cells[0])
        values = {"earlier": show(pair.earlier.values[shown]), "later": show(pair.later.values[shown])}
        named = {"table": words().tables[block], "label": cell_label(shown), "factor": show(factor), **values, **pair.years}
        yield finding(
            this.rule,
            (shown, *(cell for cell in cells if cell != shown)),
            {**named},
            expected=pair.earlier.values[shown],
            actual=pair.later.values[shown],
        )


class SameTablesOptions(Record, frozen=True):
    """How many cells, or a cell of which value, are no chance; columns that are stocks and rows that follow from others."""

    least_cells: int
    least_value: float
    stocks: tuple[str, ...]
    derived: tuple[str, ...]


@rule(
    "years.same_tables",
    scope=RuleScope.YEARS,
    fields=("year", "last_year", "count"),
    options=SameTablesOptions,
)
def years_same_tables(this: Bound[SameTablesOptions], pair: Pair) -> Iterator[Finding]:
    """All nonzero cells identical, and more of them than chance explains: stocks and totals follow from others."""
    book, options = load_book(), this.options
    both = pair.earlier.values.keys() & pair.later.values.keys()
    now = {cell: value for cell, value in pair.later.values.items() if cell in both and value}
    before = {cell: value for cell, value in pair.earlier.values.items() if cell in both and value}
    if not now or now != before:
        return
    known = [(cell, book.indicators[cell]) for cell in now if cell in book.indicators]
    free = [
        now[cell] for cell, indicator in known if indicator.column not in options.stocks and indicator.row not in options.derived
    ]
    if len(free) >= options.least_cells or any(value >= options.least_value for value in free):
        yield finding(this.rule, now, {"count": len(now), **pair.years}, actual=len(now))


# ---- copied text ----------------------------------------------------------------------------------------------------------


class OpeningWords(Record, frozen=True):
    """The words with which reports open: how they begin, the law that they name, what they then say."""

    begins: tuple[str, ...]
    law: str
    says: tuple[str, ...]


class CopyOptions(Record, frozen=True):
    """How like, and how long, a text must be to be a copy; and what all reports say: the opening words, the sentence on the
    statistical period, sentences that name at least ``parts`` chapters of the form, and words of other sentences.
    """

    least_ratio: float
    least_length: int
    opening: OpeningWords
    period: str
    parts: int
    stock: tuple[str, ...]


@cache
def _statutory(options: CopyOptions) -> tuple[re.Pattern[str], ...]:
    """Patterns of the sentences that all reports have."""
    opening = options.opening
    return (
        re.compile(f"(?:{any_of(opening.begins)})[^。]{{0,80}}{opening.law}[^。]*(?:{any_of(opening.says)})[^。]*[。:]"),
        re.compile(f"[^。]*{options.period}[^。]*。"),
        re.compile(f"[^。]*(?:{any_of(options.stock)})[^。]*。?"),
    )


@cache
def _chapter_titles() -> re.Pattern[str]:
    """The titles of the chapters of all forms."""
    titles = {fold_text(t) for form in load_book().forms.values() for each in form.sections for t in (each.title, *each.variants)}
    return re.compile(any_of(sorted(titles, key=len, reverse=True)))


def _without_contents(text: str, parts: int) -> str:
    """The text without the sentences that list the chapters of the report."""
    return "".join(s for s in _SENTENCE.findall(text) if len(set(_chapter_titles().findall(s))) < parts)


@lru_cache(maxsize=512)
def _own_words(text: str, options: CopyOptions) -> str:
    """A chapter's text without what the law makes all reports say, marks and digits."""
    folded = fold_text(text)
    for pattern in _statutory(options):
        folded = pattern.sub("", folded)
    folded = _without_contents(folded, options.parts)
    return _MARKS.sub("", folded)


def own_words(text: str) -> str:
    """Return a chapter's text without what the law makes all reports say, marks and digits, as the national rule knows it."""
    bound = text_copied.bound_in(national())
    return text if bound is None else _own_words(text, bound[1])


def _chapters_with_tables(form: str) -> set[int | None]:
    """The chapters in which a form has its tables: their text is the form's own."""
    book = load_book()
    return {block.section for block in book.blocks.values() if form in block.forms} - {None}


def _copies(options: CopyOptions, one: Snapshot, other: Snapshot) -> Iterator[tuple[int | None, float]]:
    """(chapter number, similarity) of chapters of ``one`` that repeat the same chapter of ``other``."""
    theirs = dict(other.sections)
    skipped = _chapters_with_tables(one.form)
    for number, text in one.sections:
        if number in skipped or number not in theirs:
            continue
        a, b = (_own_words(t, options) for t in (text, theirs[number]))
        if min(len(a), len(b)) >= options.least_length:
            ratio = fuzz.ratio(a, b, score_cutoff=100 * options.least_ratio) / 100
            if ratio >= options.least_ratio:
                yield number, ratio


@rule("text.copied", scope=RuleScope.YEARS, fields=("year", "last_year", "chapter", "ratio", "other"), options=CopyOptions)
def text_copied(this: Bound[CopyOptions], pair: Pair) -> Iterator[Finding]:
    """A chapter repeats last year's, digits and the statutory words aside."""
    for number, ratio in _copies(this.options, pair.later, pair.earlier):
        chapter = words().chapters.get(number or 0, "")
        yield finding(this.rule, (), {"chapter": chapter, "ratio": int(100 * ratio), **pair.years}, actual=round(ratio, 3))


def compare_texts(one: Snapshot, other: Snapshot, packs: Packs | None = None) -> tuple[Finding, ...]:
    """Chapters of ``one`` that repeat those of another agency; the findings belong to ``one``, and so do the rules."""
    bound = text_copied.bound_in(rules_for(one, packs))
    if bound is None:
        return ()
    row, options = bound
    return tuple(
        finding(
            row,
            (),
            {"chapter": words().chapters.get(number or 0, ""), "ratio": int(100 * ratio), "other": other.agency},
            message="other",
            actual=round(ratio, 3),
        )
        for number, ratio in _copies(options, one, other)
    )


# ---- a region -------------------------------------------------------------------------------------------------------------


def _label(cell: str) -> str:
    return f"{table_of(cell)}{cell_label(cell)}"


def _missing(area: Area) -> tuple[Expected, ...]:
    """Return those, by name, that are expected and have no report: neither as the register of agencies knows them nor, by their
    key, among the children.
    """
    present = {agency_key(child.agency, child.region_code) for child in area.children}
    missing = [e for e in area.expected or () if not e.filed and agency_key(e.agency, e.region_code) not in present]
    return tuple(sorted(missing, key=lambda each: (each.agency, each.region_code or "")))


@rule("region.exceeds", scope=RuleScope.REGION, fields=("child", "parent", "count", "labels"), options=ListOptions)
def region_exceeds(this: Bound[ListOptions], area: Area) -> Iterator[Finding]:
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
                this.rule,
                cells,
                {
                    "child": child.agency,
                    "parent": area.parent.agency,
                    "count": len(cells),
                    "labels": write_list(labels, this.options.listed),
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


class RegionSumOptions(Record, frozen=True):
    """How many cells a message names, and the kind of agency that the government's own office is."""

    listed: int
    own_office: str


@rule(
    "region.sum",
    scope=RuleScope.REGION,
    fields=("parent", "children", "count", "labels", "missing"),
    options=RegionSumOptions,
)
def region_sum(this: Bound[RegionSumOptions], area: Area) -> Iterator[Finding]:
    """Parent = own office + children, where the list of children is known.

    Equality is asked for only when all of them report and the government's own office is one of them; otherwise what is left
    over may be the office's or the missing ones', and only a sum greater than the parent's is wrong.
    """
    if area.expected is None or not area.children:
        return
    missing = _missing(area)
    kinds = {kind.kind for child in area.children if (kind := kind_of(child.agency))}
    equal = not missing and this.options.own_office in kinds
    sums = _totals(area.children, area.parent.values)
    wrong = [
        cell for cell, total in sums.items() if (total != area.parent.values[cell] if equal else total > area.parent.values[cell])
    ]
    if wrong:
        labels = [f"{_label(cell)} {show(area.parent.values[cell])}≠{show(sums[cell])}" for cell in wrong]
        yield finding(
            this.rule,
            wrong,
            {
                "parent": area.parent.agency,
                "children": len(area.children),
                "count": len(wrong),
                "labels": write_list(labels, this.options.listed),
                "missing": write_list([each.agency for each in missing]),
            },
            message="missing" if missing else "main",
            expected=sums[wrong[0]],
            actual=area.parent.values[wrong[0]],
        )


@rule("region.absent", scope=RuleScope.REGION, fields=("parent", "agency", "year"))
def region_absent(this: Bound[NoOptions], area: Area) -> Iterator[Finding]:
    """Each agency that is expected to report and of which nothing came in when its date has passed: one finding each."""
    for each in _missing(area):
        if each.absent:
            yield finding(this.rule, (), {"parent": area.parent.agency, "agency": each.agency, "year": area.parent.year})


def compare_region(
    parent: Snapshot,
    children: Sequence[Snapshot],
    expected: Sequence[Expected] | None = None,
    packs: Packs | None = None,
) -> tuple[Finding, ...]:
    """Return what a government's report and those of the bodies under it contradict, child by child; it belongs to the parent's,
    and so do the rules.

    ``expected`` are all agencies that must report, if they are known. Children of another year are left out; nothing is
    compared when the parent is no government of county level and up, since its report covers itself alone.
    """
    if not is_government(parent.agency):
        return ()
    under = sorted((c for c in children if c.year == parent.year), key=lambda c: (c.region_code or "", c.agency))
    area = Area(in_printing_order(parent), tuple(map(in_printing_order, under)), None if expected is None else tuple(expected))
    rules = rules_for(parent, packs)
    return tuple(found for check in _checks(RuleScope.REGION) for found in check(area, rules))
