"""Rules about what of the report was not read: cells, tables and pages that are not there, or that hold nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from codebook.book import load_book
from codebook.records import Finding, LeftOutKind, Record, State, Statement, StatementKind
from codebook.rules import RuleScope, evaluate, expand
from tasks.validation.facts import Facts
from tasks.validation.registry import Bound, NoOptions, rule
from tasks.validation.wording import cell_label, column_label, row_label, words, write_list


class ListedOptions(Record, frozen=True):
    """How many items a message names."""

    listed: int


# ---- cells that were not seen ---------------------------------------------------------------------------------------------


class RowsMissingOptions(Record, frozen=True):
    """How many parts a message names, and the wordings of the parts and of the reasons."""

    listed: int
    one: str
    range: str
    column: str
    whole: str
    missing: str
    picture: str
    pages: str
    ends: str
    followed: str
    sums: str
    absent: str


@rule("table.rows_missing", fields=("table", "title", "count", "rows", "why"), options=RowsMissingOptions)
def table_rows_missing(this: Bound[RowsMissingOptions], facts: Facts) -> Iterator[Finding]:
    """Every cell that the form demands was read or is printed blank; one finding for each table with others."""
    book = load_book()
    unseen = [cell for cell, reading in facts.readings.items() if reading.state is State.NOT_SEEN and facts.block_of(cell)]
    for block, group in groupby(unseen, key=facts.block_of):
        cells = tuple(group)
        named = {
            "table": words().tables[block],
            "title": book.blocks[block].title,
            "count": len(cells),
            "rows": write_list(_parts(this.options, facts, block, cells), this.options.listed),
            "why": write_list(_reasons(this.options, facts, block, cells)),
        }
        yield facts.finding(this.rule, cells, named)


def _parts(options: RowsMissingOptions, facts: Facts, block: str, unseen: Sequence[str]) -> list[str]:
    """Name the cells of a block that were not seen: whole rows in ranges, then columns, then what is left one by one."""
    book = load_book()
    own = [cell for cell in facts.readings if facts.block_of(cell) == block]
    missing = set(unseen)
    if missing.issuperset(own):
        return [options.whole]
    rows = {row: list(cells) for row, cells in groupby(own, key=lambda cell: book.indicators[cell].row)}
    gone = [row for row, cells in rows.items() if missing.issuperset(cells)]
    named = []
    for is_gone, group in groupby(rows, key=gone.__contains__):
        labels = [row_label(block, row) for row in group]
        if is_gone and len(labels) == 1:
            named.append(options.one.format(row=labels[0]))
        elif is_gone:
            named.append(options.range.format(first=labels[0], last=labels[-1], count=len(labels)))
    left = [cell for cell in unseen if book.indicators[cell].row not in gone]
    for column in dict.fromkeys(book.indicators[cell].column for cell in left):
        cells = [cell for cell in left if book.indicators[cell].column == column]
        here = [cell for cell in own if book.indicators[cell].column == column and book.indicators[cell].row not in gone]
        whole = column is not None and len(cells) == len(here) > 1
        named += [options.column.format(column=column_label(block, column))] if whole and column else map(cell_label, cells)
    return named


def _reasons(options: RowsMissingOptions, facts: Facts, block: str, unseen: Sequence[str]) -> list[str]:
    """Say why it is thought that cells of a block are not in the document, though the form has them."""
    seen = [each for each in facts.report.blocks if each.block == block]
    found = []
    if seen and not any(each.readable for each in seen):
        found.append(options.picture)
    elif not seen and block not in facts.blocks:
        found.append(options.missing)
    if pages := sorted({*facts.report.page_gaps, *facts.report.missing_pages}):
        found.append(options.pages.format(pages=write_list([str(page) for page in pages], options.listed)))
    order = [cell for cell in facts.readings if facts.block_of(cell) == block]
    missing = set(unseen)
    behind = [cell for cell in order[order.index(unseen[-1]) :] if cell not in missing]
    if block in facts.blocks and behind:
        found.append(options.followed)
    elif not behind and not facts.goes_on_after(block):
        found.append(options.ends)
    if block in facts.blocks and _breaks_sums(facts, missing):
        found.append(options.sums)
    return found or [options.absent]


def _breaks_sums(facts: Facts, unseen: set[str]) -> bool:
    """Return whether sums of the form do not come out without these cells: then at least one of them is a number."""
    values = {**facts.values, **dict.fromkeys(unseen)}
    unsettled = facts.unsettled - unseen
    for equation in expand(tuple(facts.readings), RuleScope.REPORT):
        if equation.is_identity and not unseen.isdisjoint(equation.cells):
            result = evaluate(equation, values, unsettled)
            if result is not None and not result.holds:
                return True
    return False


@rule("page.missing", fields=("pages",), options=ListedOptions)
def page_missing(this: Bound[ListedOptions], facts: Facts) -> Iterator[Finding]:
    """The pages of a report are all there, as far as the names of their images and the printed page numbers show."""
    for message, missing in (("main", facts.report.missing_pages), ("printed", facts.report.page_gaps)):
        if missing:
            pages = write_list([str(page) for page in missing], this.options.listed)
            yield facts.finding(this.rule, (), {"pages": pages}, message=message)


# ---- tables that hold nothing, or nothing that is known ---------------------------------------------------------------------


def _blank_blocks(facts: Facts) -> dict[str, list[str]]:
    """The blocks without a number that were found, with their cells."""
    blocks: dict[str, list[str]] = {}
    for cell in facts.readings:
        blocks.setdefault(facts.block_of(cell), []).append(cell)
    return {name: cells for name, cells in blocks.items() if name in facts.blocks and name and _is_blank(facts, cells)}


def _is_blank(facts: Facts, cells: Sequence[str]) -> bool:
    """Return whether none of the cells holds a number, or may."""
    readings = [facts.readings[cell] for cell in cells]
    return all(
        each.value is None and not each.candidates and not (each.state.unsettled and each.raw.strip()) for each in readings
    )


@rule("table.blank", fields=("table", "title"))
def table_blank(this: Bound[NoOptions], facts: Facts) -> Iterator[Finding]:
    """No table is empty as a whole, where numbers are to be expected: they may be there and not be text. Marks (/, —) are an
    answer.
    """
    nothing = _is_blank(facts, tuple(facts.readings))
    for block, cells in _blank_blocks(facts).items():
        named = {"table": words().tables[block], "title": load_book().blocks[block].title}
        place = facts.readings[cells[0]].place
        stated = next((s for s in facts.report.statements if _states_number_of(s, cells)), None)
        if stated is not None:
            yield facts.finding(this.rule, (), named, message="stated", place=place, sentence=stated.sentence)
        elif any(facts.readings[cell].state is State.DOUBTFUL for cell in cells) or (nothing and not _is_marked(facts, cells)):
            yield facts.finding(this.rule, (), named, place=place)


def _is_marked(facts: Facts, cells: Sequence[str]) -> bool:
    return any(facts.readings[cell].raw.strip() for cell in cells)


def _states_number_of(statement: Statement, cells: Sequence[str]) -> bool:
    """Return whether a sentence states another number than 0 of cells."""
    return statement.kind is StatementKind.NUMBER and statement.value != 0 and set(statement.indicators) <= set(cells)


@rule("report.blank")
def report_blank(this: Bound[NoOptions], facts: Facts) -> Iterator[Finding]:
    """At least one cell of the tables holds a number."""
    if facts.readings and _is_blank(facts, tuple(facts.readings)):
        yield facts.finding(this.rule, place=next(iter(facts.readings.values())).place)


@rule("table.unknown", fields=("count", "rows"), options=ListedOptions)
def table_unknown(this: Bound[ListedOptions], facts: Facts) -> Iterator[Finding]:
    """Tables of numbers that no form has, with all that they print."""
    for table in facts.report.unknown_tables:
        rows = [" ".join(row) for row in table.rows]
        named = {"count": len(rows), "rows": write_list(rows, this.options.listed)}
        yield facts.finding(this.rule, (), named, place=table.place)


# ---- parts that were not read -----------------------------------------------------------------------------------------------


@rule("part.left_out", fields=("count", "names"), options=ListedOptions)
def part_left_out(this: Bound[ListedOptions], facts: Facts) -> Iterator[Finding]:
    """Nothing in the document that may hold numbers was left out: a part, an object; where a table is missing, a picture or the
    data of a script.
    """
    report, book = facts.report, load_book()
    read = {block.block for block in report.blocks if block.readable}
    is_whole = report.form in book.forms and all(name in read for name in book.forms[report.form].blocks)
    always, otherwise = (LeftOutKind.PART, LeftOutKind.OBJECT), (LeftOutKind.PICTURE, LeftOutKind.SCRIPT)
    found = [one for one in report.left_out if one.kind in always or (one.kind in otherwise and not is_whole)]
    if found:
        named = {"count": len(found), "names": write_list([one.name for one in found], this.options.listed)}
        yield facts.finding(this.rule, (), named, place=found[0].place)
