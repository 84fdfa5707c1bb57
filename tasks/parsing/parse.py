"""Parsing: from the pages of a document to a report, joined from chapters, tables, sentences and who it is by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from codebook.agencies import load_agencies
from codebook.book import load_book
from codebook.errors import GongkaiError
from codebook.records import BlockSeen, Extraction, Hints, LeftOut, LeftOutKind, Reading, Report, State, Statement, StatementKind
from codebook.text.fold import script_of
from tasks.extraction.left_out import kind_elsewhere, tables_elsewhere
from tasks.parsing.identity.identify import ReportIdentity, identify
from tasks.parsing.not_seen import doubt_cut_end, doubt_empty_tables, with_cells_not_seen
from tasks.parsing.outline import Outline, known_headings, read_outline
from tasks.parsing.prose.lines import prose_lines
from tasks.parsing.prose.search import Search
from tasks.parsing.prose.statements import read_statements
from tasks.parsing.prose.statistics import read_statistics, search_of
from tasks.parsing.several_reports.find_reports import describe, find_reports
from tasks.parsing.summary_rows import is_summary_row, read_summary_row
from tasks.parsing.tables.cells import Doubt, LocalTable, TablesRead, consumed
from tasks.parsing.tables.read_tables import read_tables
from tasks.parsing.words import words

_SHELL = 600  # characters of a page that only shows a file, at most
_FEW = 3  # sentences in the words of the narrative form that show it where the year is unknown


def parse(extraction: Extraction, hints: Hints) -> Report:
    """Return agency, region, year, chapters, numbers and statements of a document, each with its evidence.

    Pure: the same pages and hints give the same report. A missing year or agency is None, for validation to question. Raises
    GongkaiError ``report.several``, ``report.not_a_report`` or ``report.no_tables``.
    """
    if is_summary_row(extraction):
        return assemble(extraction, hints, read_summary_row(extraction.pages))
    if reports := find_reports(extraction):
        raise GongkaiError("report.several", describe(reports), words().messages.expected_one)
    return assemble(extraction, hints, read_tables(extraction.pages))


def assemble(extraction: Extraction, hints: Hints, tables: TablesRead) -> Report:
    """Join what the tables say with chapters, sentences and identity.

    A number that stands in a table comes from the table; sentences fill the narrative form (2014) only. Raises GongkaiError
    ``report.not_a_report`` when nothing shows that this is such a report, ``report.no_tables`` when it has no number at all,
    ``report.tables_are_pictures``, ``report.tables_are_objects`` or ``report.in_another_file`` where it is known why.
    """
    outline = read_outline(prose_lines(extraction, consumed(tables.used), known_headings))
    identity = identify(extraction, outline, hints)
    search = search_of(outline, identity.year, identity.agency)
    form = form_of(tables.blocks, identity.year)
    local = _local(tables.local, form, identity.year)
    form = form or (load_book().narrative if local else None)
    prose, phrases = read_statistics(search, outline) if _narrative(form, identity.year) else ((), {})
    if form is None and prose and (identity.year is not None or len(prose) >= _FEW):
        form = load_book().narrative
    readings, statements = _merge(form, (*local, *tables.readings), prose, phrases, search)
    _check(outline, identity, tables, readings, said=bool(statements), left_out=extraction.left_out)
    form = form or load_book().narrative or load_book().fallback
    readings = doubt_empty_tables(readings, statements)
    readings = with_cells_not_seen(readings, tables.blocks, outline.sections, extraction.pages, form)
    if not is_summary_row(extraction):  # which has no end that could be cut off
        readings = doubt_cut_end(readings, outline.sections, extraction.pages)
    return Report(
        agency=identity.agency,
        region=identity.region,
        region_code=identity.region_code,
        year=identity.year,
        form=form,
        title=identity.title,
        published_on=identity.published_on,
        script=script_of("".join(line.raw for line in outline.lines)),
        sections=outline.sections,
        blocks=tables.blocks,
        readings=readings,
        statements=statements,
        extras=tables.extras,
        clues=identity.clues,
        notes=(*extraction.notes, *tables.notes, *identity.notes),
        unknown_tables=tables.unknown,
        missing_pages=extraction.missing_pages,
        page_gaps=extraction.page_gaps,
        left_out=extraction.left_out,
        is_row=is_summary_row(extraction),
    )


def form_of(blocks: Iterable[BlockSeen], year: int | None) -> str | None:
    """The form of the tables, None when none could be read. Where tables show different forms (hybrids are real) the one that was
    in force in ``year`` is meant, else that of the first table."""
    book = load_book()
    order = list(book.blocks)
    readable = sorted((b for b in blocks if b.readable), key=lambda b: order.index(b.block))
    if not readable:
        return None
    declared = [b.form for b in readable if book.blocks[b.block].shows_form] or [readable[0].form]
    fitting = [f for f in declared if year is not None and book.forms[f].covers(year)]
    return (fitting or declared)[0]


def _local(tables: Sequence[LocalTable], form: str | None, year: int | None) -> tuple[Reading, ...]:
    """The numbers of a province's own tables, where their form was in force in ``year`` and no other form's table is there; those
    of a table of another year are doubts.
    """
    found: dict[str, Reading] = {}
    for table in tables:
        if form not in (None, table.form) or (year is not None and not load_book().forms[table.form].covers(year)):
            continue
        other = table.year is not None and year is not None and table.year != year
        for reading in table.readings:
            found.setdefault(reading.indicator, _of_other_year(reading) if other else reading)
    return tuple(found.values())


def _of_other_year(reading: Reading) -> Reading:
    candidates = (reading.value,) if reading.value is not None else ()
    return msgspec.structs.replace(
        reading, state=State.DOUBTFUL, doubt=Doubt.COLUMN, candidates=reading.candidates or candidates, witnesses=()
    )


def _narrative(form: str | None, year: int | None) -> bool:
    """Return whether numbers may stand in sentences: their form's table is there, or no table is and its years are not over."""
    book = load_book()
    if book.narrative is None or form is not None:
        return form is not None and form == book.narrative
    last = book.forms[book.narrative].years[1]
    return year is None or last is None or year <= last


def _merge(
    form: str | None, table: tuple[Reading, ...], prose: tuple[Reading, ...], phrases: dict[str, str], search: Search
) -> tuple[tuple[Reading, ...], tuple[Statement, ...]]:
    """Readings, each indicator once, in the order of the forms, and what sentences say beside them."""
    printed = {reading.indicator: reading for reading in table}
    if form is None or form != load_book().narrative:
        return tuple(printed.values()), read_statements(search) if form else ()
    order = load_book().order
    merged = {reading.indicator: reading for reading in prose} | printed
    beside = tuple(_beside(r, phrases[r.indicator]) for r in prose if r.indicator in printed and r.state is State.READ)
    return tuple(sorted(merged.values(), key=lambda r: order[r.indicator])), beside


def _beside(reading: Reading, phrase: str) -> Statement:
    """Return what a sentence says of an indicator whose value comes from the table."""
    return Statement(
        indicators=(reading.indicator,),
        value=reading.value if reading.value is not None else 0,
        kind=StatementKind.NUMBER,
        raw=reading.raw,
        sentence=reading.sentence or reading.raw,
        place=reading.place,
        pattern=phrase,
    )


def _check(
    outline: Outline,
    identity: ReportIdentity,
    tables: TablesRead,
    readings: tuple[Reading, ...],
    *,
    said: bool,
    left_out: tuple[LeftOut, ...],
) -> None:
    """Raise when the document is no such report, or has no table: one whose cells are all blank has no numbers.

    Where something of it was not read, its numbers may be there.
    """
    given = [r for r in readings if r.value is not None or r.candidates or r.raw.strip()]  # a stroke says: nothing to report
    if given:
        return
    text = outline.passage.text
    is_short = len(text) < _SHELL
    is_cover = is_short and any(one.kind is LeftOutKind.FILE for one in left_out)
    if not (is_cover or identity.title or tables.blocks or said or load_agencies().speaks_of_itself.search(text)):
        raise GongkaiError("report.not_a_report", text[:60].replace("\n", " "), words().messages.expected_report)
    if (kind := kind_elsewhere(left_out, is_short=is_short)) is not None:
        raise tables_elsewhere(kind, left_out)
    if readings:
        return
    seen = "、".join(block.block for block in tables.blocks) or words().messages.no_table
    found = words().messages.no_number.format(title=identity.title or text[:40], blocks=seen)
    raise GongkaiError("report.no_tables", found, words().messages.expected_number)
