"""Rules about the tables that are no sums."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from codebook.agency_kinds import kind_of
from codebook.book import load_book
from codebook.divisions import level_of
from codebook.records import ON_PICTURE, Extra, Finding, Number, Record
from codebook.text.numbers import exact
from tasks.validation.facts import Facts
from tasks.validation.registry import Bound, NoOptions, rule
from tasks.validation.wording import cell_label, column_label, lowered, row_label, show, table_of, words, write_list, write_terms


def _not_counts(facts: Facts, blocks: Iterable[str]) -> Iterator[tuple[str, Number]]:
    """Cells whose value cannot be: a count that is not whole, or less than zero where the column is not signed."""
    book = load_book()
    wanted = set(blocks)
    for cell, value in facts.values.items():
        indicator = book.indicators.get(cell)
        if value is None or indicator is None or indicator.block not in wanted:
            continue
        if (indicator.is_count and value != int(value)) or (value < 0 and not indicator.signed):
            yield cell, value


class BlockOptions(Record, frozen=True):
    """The blocks whose cells are looked at."""

    blocks: tuple[str, ...]


def _count_findings(this: Bound[BlockOptions], facts: Facts) -> Iterator[Finding]:
    for cell, value in _not_counts(facts, this.options.blocks):
        yield facts.finding(
            this.rule, (cell,), {"table": table_of(cell), "cell": cell_label(cell), "value": show(value)}, actual=value
        )


@rule("requests.count", fields=("table", "cell", "value"), options=BlockOptions)
def requests_count(this: Bound[BlockOptions], facts: Facts) -> Iterator[Finding]:
    """Every count is whole and not negative."""
    return _count_findings(this, facts)


@rule("disclosure.count", fields=("table", "cell", "value"), options=BlockOptions)
def disclosure_count(this: Bound[BlockOptions], facts: Facts) -> Iterator[Finding]:
    """Counts are whole and not negative, amounts not negative; 本年增/减 may be negative."""
    return _count_findings(this, facts)


def _parts(extra: Extra) -> list[str]:
    """The cells under a printed subtotal: rows of its group, or its own row, times columns of organizations, or its own."""
    block = load_book().blocks[extra.block]
    rows = [row for row in block.rows if row.startswith(f"{extra.row}.")] if extra.row in block.subtotals else [extra.row]
    if extra.column in block.extra_columns:
        group = block.extra_columns[extra.column].under
        columns = [slug for slug, label in block.columns.items() if label.under == group]
    else:
        columns = [extra.column]
    return [f"{extra.block}.{row}.{column}" for row in rows for column in columns]


@rule("requests.subtotal", fields=("table", "row", "column", "terms", "difference"))
def requests_subtotal(this: Bound[NoOptions], facts: Facts) -> Iterator[Finding]:
    """A printed subtotal equals its parts, those that the report prints. Not run while a part of it is not known."""
    for extra in facts.report.extras:
        if extra.value is None or extra.block not in load_book().blocks:
            continue
        cells = [cell for cell in _parts(extra) if cell in facts.readings]
        if not cells or any(cell in facts.unsettled for cell in cells):
            continue
        expected = exact(sum(facts.values[cell] or 0 for cell in cells))
        if expected == extra.value:
            continue
        blank = any(facts.values[cell] is None for cell in cells)
        yield facts.finding(
            this.rule,
            tuple(cells),
            {
                "table": words().tables[extra.block],
                "row": row_label(extra.block, extra.row),
                "column": column_label(extra.block, extra.column),
                "terms": write_terms([(cell, 1) for cell in cells], facts.values),
                "difference": show(exact(abs(expected - extra.value))),
            },
            severity=lowered(this.rule.severity) if blank else None,
            note=words().blank_note if blank else "",
            expected=expected,
            actual=extra.value,
            place=extra.place,
        )


class CellOptions(Record, frozen=True):
    """The cells that are looked at."""

    cells: tuple[str, ...]


@rule("disclosure.rules_power", fields=("terms", "agency"), options=CellOptions)
def disclosure_rules_power(this: Bound[CellOptions], facts: Facts) -> Iterator[Finding]:
    """规章 are made by ministries, provinces and cities with districts alone (立法法)."""
    report = facts.report
    cells = tuple(cell for cell in this.options.cells if facts.number(cell))
    if not cells or report.agency is None:
        return
    level, kind = level_of(report.region, report.region_code), kind_of(report.agency)
    # a body without a region may be a ministry; one whose kind its name does not show is judged by its level alone
    may = "by_level" if kind is None else kind.makes_rules
    lacks = level == 3 or may == "never" or (may == "ministry" and level is not None)
    if lacks:
        terms = write_terms([(cell, 1) for cell in cells], facts.values, "row")
        yield facts.finding(
            this.rule,
            cells,
            {"terms": terms, "agency": report.agency},
            expected=0,
            actual=facts.number(cells[0]),
        )


class ProcurementOptions(Record, frozen=True):
    """The cells that hold the number of items and their amount."""

    items: str
    amount: str


@rule("disclosure.procurement", fields=("items", "amount"), options=ProcurementOptions)
def disclosure_procurement(this: Bound[ProcurementOptions], facts: Facts) -> Iterator[Finding]:
    """Procurement items and their amount are both 0 or both not."""
    cells = (this.options.items, this.options.amount)
    items, amount = (facts.number(cell) for cell in cells)
    if items is not None and amount is not None and (items == 0) != (amount == 0):
        yield facts.finding(this.rule, cells, {"items": show(items), "amount": show(amount)}, actual=items)


@rule("table.missing", fields=("table", "title"))
def table_missing(this: Bound[NoOptions], facts: Facts) -> Iterator[Finding]:
    """Tables two, three and four are there; one that could not be read is not missing. A summary need not have all columns.

    Where the document may be cut at the place of the table, nobody is blamed: a warning.
    """
    report, book = facts.report, load_book()
    if report.form not in this.rule.forms or report.is_row:
        return
    seen = {block.block for block in report.blocks} | facts.blocks
    for name in book.forms[report.form].blocks:
        if name not in seen:
            block = book.blocks[name]
            place = facts.section_place(block.section) if block.section else None
            named = {"table": words().tables[name], "title": block.title}
            message, severity = ("cut", lowered(this.rule.severity)) if facts.may_be_cut_at(name) else ("main", None)
            yield facts.finding(this.rule, (), named, message=message, severity=severity, place=place)


class ListOptions(Record, frozen=True):
    """How many cells a message names."""

    listed: int


@rule("table.unreadable", fields=("table", "title", "names"), options=ListOptions)
def table_unreadable(this: Bound[ListOptions], facts: Facts) -> Iterator[Finding]:
    """Every title of a table has one below it. What was not read of the document, or what it may lack below the title, may be
    that table: nobody is blamed then.
    """
    names = [one.name for one in facts.report.left_out]
    for seen in facts.report.blocks:
        if not seen.readable:
            title = load_book().blocks[seen.block].title
            named = {"table": words().tables[seen.block], "title": title, "names": write_list(names, this.options.listed)}
            message = "picture" if seen.note == ON_PICTURE else "elsewhere" if names else "main"
            is_open = message != "main" or facts.may_be_cut_at(seen.block, seen.place)
            severity = lowered(this.rule.severity) if is_open else None
            yield facts.finding(this.rule, (), named, message=message, severity=severity, place=seen.place)


@rule("table.blank_cells", fields=("count", "labels"), options=ListOptions)
def table_blank_cells(this: Bound[ListOptions], facts: Facts) -> Iterator[Finding]:
    """Blank cells, all of them in one finding."""
    cells = tuple(cell for cell, value in facts.values.items() if value is None and facts.block_of(cell))
    if cells:
        labels = [f"{table_of(cell)}{cell_label(cell)}" for cell in cells]
        yield facts.finding(this.rule, cells, {"count": len(cells), "labels": write_list(labels, this.options.listed)})
