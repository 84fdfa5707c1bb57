"""Tables whose cells ran together, as crawlers save them: labels and digits without anything between (713000074).

The rows are found by their labels in the order of the form; their digits are cut into numbers by the sums of the form. Where
exactly one cut satisfies all sums it is read; what the sums leave open is doubtful, with the values that the cuts allow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from codebook.book import BlockKind, RowBalance, load_book
from codebook.records import Number, Place
from codebook.text.fold import fold, fold_label
from codebook.text.numbers import Token, ValueKind, read_number
from tasks.parsing.tables.cells import BlockRead, CellRead, Doubt, Used
from tasks.parsing.tables.header import columns_by_form
from tasks.parsing.tables.labels import lexicon
from tasks.parsing.tables.readers.cuts import Cut, cuts, tables
from tasks.parsing.tables.rows import shape_of
from tasks.parsing.tables.spans import block_titles
from tasks.parsing.tables.tokens import PrintedValue, TextLine

_FEWEST_ROWS = 5  # whose digits ran together, of the table of requests
_MOST_CANDIDATES = 12
_TITLE_AWAY = 400  # folded characters between a title and the first row of its table
_GROUP = 5  # values of each of the three procedures of the table of reviews
# Digits of a row of the form of which nothing parts the cells: this number of such pieces shows that a text may hold such tables.
_GLUED = re.compile(r"\d{7,}")
# What follows a label: a remark, then digits and spaces, or a stroke for a blank.
_VALUE = re.compile(r"[\s)）\]】”’\"']*(?:[（(][^（()）]{2,}[)）]\s*)?(?P<value>[-+−]?\d[\d\s.,，+−-]*|[/—–─-]+(?!\d))?")
# The ordinal of the next row, whose label is misprinted.
_NEXT_ORDINAL = re.compile(r"\d\s*[.．、]\s*$")
_LONGEST_UNIT = 2
_HEADER_AWAY = 60  # folded characters from the last column of one procedure to that of the next


class _Stream(NamedTuple):
    """The label characters of all lines of text, folded; ``origins`` hold the line and the raw character of each."""

    text: str
    origins: list[tuple[int, int]]


class _Row(NamedTuple):
    """A row's label at ``start`` to ``end`` of the stream, and the raw text of its value with its place."""

    slug: str
    start: int
    end: int
    value: str
    line: int
    at: int


class _Found(NamedTuple):
    """A block that was read, and the part of the stream that it takes up."""

    read: BlockRead
    start: int
    end: int


def read_run_together(lines: list[TextLine]) -> tuple[list[BlockRead], list[Used], list[TextLine]]:
    """Read the tables whose cells ran together. Returns them, what of the text they take up, and the lines that are left."""
    if sum(len(_GLUED.findall(line.text)) for line in lines if line.cells is None) < _FEWEST_ROWS:
        return [], [], lines
    stream = _stream(lines)
    name = _block(BlockKind.MATRIX)
    size = len(shape_of(name).columns)
    requests = _rows(lines, stream, name, 0, len(stream.text))
    glued = [row for row in requests if len(_pieces(row.value)) < size <= len("".join(_pieces(row.value)))]
    if len(glued) < _FEWEST_ROWS:
        return [], [], lines
    found = [_matrix(lines, name, requests)]
    if before := _items(lines, stream, requests[0].start):
        found.insert(0, before)
    if behind := _cross(lines, stream, requests[-1].end):
        found.append(behind)
    return [one.read for one in found], *_parted(lines, stream, found)


@cache
def _block(kind: BlockKind) -> str:
    """The block of this kind: each form has one of each."""
    return next(name for name, block in load_book().blocks.items() if block.kind is kind)


def _stream(lines: list[TextLine]) -> _Stream:
    text: list[str] = []
    origins: list[tuple[int, int]] = []
    for number, line in enumerate(lines):
        if line.cells is not None:
            continue
        folded = fold(line.text)
        for char, at in zip(folded.text, folded.origins, strict=True):
            if char.isalnum():
                text.append(char)
                origins.append((number, at))
    return _Stream("".join(text), origins)


@cache
def _labels(block: str) -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern of the labels of a block's rows, longest first, and the row of each."""
    names = {text: slug for slug, texts in lexicon(block).rows.items() for text in texts}
    return re.compile("|".join(sorted(map(re.escape, names), key=len, reverse=True))), names


def _rows(lines: list[TextLine], stream: _Stream, block: str, start: int, end: int) -> list[_Row]:
    """The longest series of rows in the order of the form that have values behind them; sentences use the same words."""
    pattern, names = _labels(block)
    order = lexicon(block).order
    matches = list(pattern.finditer(stream.text, start, end))
    series: list[list[_Row]] = [[]]
    for number, match in enumerate(matches):
        slug = names[match.group()]
        limit = matches[number + 1].start() if number + 1 < len(matches) else len(stream.text)
        row = _row(lines, stream, slug, match.span(), limit)
        if not row.value:
            continue
        if not series[-1] or order[slug] > order[series[-1][-1].slug]:
            series[-1].append(row)
        elif order[slug] <= order[series[-1][0].slug]:
            series.append([row])
    return max(series, key=len)


def _row(lines: list[TextLine], stream: _Stream, slug: str, span: tuple[int, int], limit: int) -> _Row:
    """The value behind a label, up to the next label: on its line, or on the next where its line ends."""
    number, at = stream.origins[span[1] - 1]
    at += 1
    if not lines[number].text[at:].strip() and span[1] < len(stream.text) and span[1] < limit:
        number, at = stream.origins[span[1]]
    stop = stream.origins[limit] if limit < len(stream.text) else (len(lines), 0)
    raw = lines[number].text[at : stop[1] if stop[0] == number else None]
    match = _VALUE.match(raw)
    value, begin = (match["value"] or "", match.start("value")) if match else ("", 0)
    behind = raw[begin + len(value) :]
    if behind.strip():
        value = _NEXT_ORDINAL.sub("", value)
    for size in range(min(_LONGEST_UNIT, len(behind)), 0, -1):
        if read_number(value + behind[:size]).unit:
            value += behind[:size]
            break
    return _Row(slug, *span, value.strip(), number, at + max(begin, 0))


def _pieces(value: str) -> list[str]:
    """The digits between spaces, with full-width digits as plain ones; empty where other than digits stand there."""
    pieces = fold(" ".join(value.split())).text.split()
    return pieces if all(piece.isdecimal() for piece in pieces) else []


def _place(lines: list[TextLine], row: _Row, offset: int = 0) -> Place:
    line = lines[row.line]
    if line.place.line is None or line.place.box is not None:
        return line.place
    return Place(line.place.page, None, line.place.line, (line.place.column or 1) + line.offset + row.at + offset)


def _printed(lines: list[TextLine], row: _Row, number: int) -> PrintedValue:
    line = lines[row.line]
    return PrintedValue(row.value, Token(ValueKind.NUMBER, number), _place(lines, row), line.reader, line.score)


def _cell(lines: list[TextLine], row: _Row, column: str, ways: Sequence[Cut], at: int, *, proven: bool) -> CellRead:
    """A cell of a row with its possible values: read where they agree and the sums prove it, else doubtful."""
    values: tuple[Number, ...] = tuple(dict.fromkeys(way[at] for way in ways))
    place, reader = _place(lines, row), lines[row.line].reader
    slot = _printed(lines, row, int(values[0])) if len(values) == 1 else None
    if proven and slot:
        return CellRead(row.slug, column, slot, place, reader)
    return CellRead(row.slug, column, slot, place, reader, Doubt.JOINED, values[:_MOST_CANDIDATES])


def _matrix(lines: list[TextLine], name: str, rows: list[_Row]) -> _Found:
    """Table three: the row's total, the balance of its columns and their totals must all be satisfied."""
    block, shape = load_book().blocks[name], shape_of(name)
    columns, balance = shape.columns, shape.balance
    ends = (*balance.received, balance.handled, balance.carried)
    names = [row.slug for row in rows]
    pieces = {row.slug: _pieces(row.value) for row in rows}
    ways = {slug: cuts(digits, len(columns), lambda way: sum(way[:-1]) == way[-1]) for slug, digits in pieces.items()}
    cut = {slug: found for slug, found in ways.items() if found}
    inner = [slug for slug in block.rows_wanted(names) if slug not in ends]
    balanced = all(slug in cut for slug in ends)
    summed = balance.handled in cut and all(slug in cut for slug in inner)
    fitting = tables(cut, lambda way: (not balanced or _balances(balance, way)) and (not summed or _sums(balance, way, inner)))
    cells: list[CellRead] = []
    for row in rows:
        zeros = "".join(pieces[row.slug]) == "0" * len(columns)  # no cut and no blank makes anything else of them
        checked = (balanced and row.slug in ends) or (summed and row.slug in (*inner, balance.handled))
        proven = zeros or (checked and bool(fitting))
        chosen = (
            [way[row.slug] for way in fitting if row.slug in way]
            or cut.get(row.slug)
            or _any_cuts(pieces[row.slug], len(columns))
        )
        cells += [_cell(lines, row, column, chosen, at, proven=proven) for at, column in enumerate(columns)]
    first = rows[0]
    place, reader = _place(lines, first), lines[first.line].reader
    for slug in block.rows_wanted(names):
        if slug not in names:
            cells += [CellRead(slug, column, None, place, reader, Doubt.JOINED) for column in columns]
    notes = (*(f"{name}: row {row} is not printed" for row in block.rows_wanted(names) if row not in names), _note(name))
    return _Found(BlockRead(name, block.forms_of_rows(names), place, tuple(cells), notes=notes), first.start, _end(rows))


def _note(name: str) -> str:
    return f"{name}: the cells ran together"


def _balances(balance: RowBalance, way: Mapping[str, Cut]) -> bool:
    received = zip(*(way[slug] for slug in balance.received), strict=True)
    left = zip(way[balance.handled], way[balance.carried], strict=True)
    return all(sum(came) == sum(went) for came, went in zip(received, left, strict=True))


def _sums(balance: RowBalance, way: Mapping[str, Cut], inner: list[str]) -> bool:
    return all(sum(column) == total for *column, total in zip(*(way[slug] for slug in (*inner, balance.handled)), strict=True))


def _any_cuts(pieces: list[str], count: int) -> list[Cut]:
    return cuts(pieces, count, lambda _: True)


def _end(rows: list[_Row]) -> int:
    """Return where the last row's value ends: characters of the stream."""
    digits = sum(char.isalnum() for char in rows[-1].value)
    return rows[-1].end + digits


def _items(lines: list[TextLine], stream: _Stream, end: int) -> _Found | None:
    """Table two before the table of requests: rows of one number are read, of more only where the digits can be no others."""
    name = _block(BlockKind.ITEMS)
    block = load_book().blocks[name]
    clauses = [stream.text.rfind(fold_label(group.clause), 0, end) for group in block.groups]
    start = min((at for at in clauses if at >= 0), default=-1)
    rows = _rows(lines, stream, name, start, end) if start >= 0 else []
    if not rows:
        return None
    cells: list[CellRead] = []
    forms: list[str] = []
    columns: tuple[str, ...] = ()
    before = start
    for row in rows:
        form, printed = _header(name, row.slug, stream.text[before : row.start])
        columns = printed or columns
        forms += [form] if form else []
        cells += _disclosed(lines, row, columns or next(iter(columns_by_form(name, row.slug).values())), bool(columns))
        before = row.end
    form = max(set(forms), key=forms.count) if forms else None
    return _Found(
        BlockRead(name, (form,) if form else (), _place(lines, rows[0]), tuple(cells), notes=(_note(name),)), start, _end(rows)
    )


def _header(name: str, slug: str, text: str) -> tuple[str | None, tuple[str, ...]]:
    """The form whose column labels stand in ``text`` in their order, and its columns; none where the header does not tell."""
    labels = load_book().blocks[name].columns
    fitting: dict[str, tuple[str, ...]] = {}
    for form, columns in columns_by_form(name, slug).items():
        at = 0
        for column in columns:
            ends = [text.find(fold_label(label), at) + len(fold_label(label)) for label in labels[column].texts]
            at = max(
                (end for end, label in zip(ends, labels[column].texts, strict=True) if end >= len(fold_label(label))), default=-1
            )
            if at < 0:
                break
        if columns and at > 0:
            fitting[form] = tuple(columns)
    if not fitting:
        return None, ()
    most = max(map(len, fitting.values()))
    best = [form for form, columns in fitting.items() if len(columns) == most]
    return (best[0] if len(best) == 1 else None), fitting[best[0]]


def _disclosed(lines: list[TextLine], row: _Row, columns: Sequence[str], sure: bool) -> list[CellRead]:
    place, reader = _place(lines, row), lines[row.line].reader
    pieces = _pieces(row.value)
    if len(columns) == 1 and len(row.value.split()) == 1 and sure:
        slot = PrintedValue(row.value, read_number(row.value), place, reader, lines[row.line].score)
        return [CellRead(row.slug, columns[0], slot, place, reader)]
    ways = _any_cuts(pieces, len(columns))
    certain = sure and len(ways) == 1 and (len(pieces) == len(columns) or not any(ways[0]))
    return [_cell(lines, row, column, ways, at, proven=certain) for at, column in enumerate(columns)]


def _cross(lines: list[TextLine], stream: _Stream, start: int) -> _Found | None:
    """The table of reviews behind the table of requests: in each of its three parts, four results sum to the total."""
    name = _block(BlockKind.CROSS)
    block = load_book().blocks[name]
    columns, names = tuple(block.columns), tuple(block.rows)
    labels = [fold_label(block.columns[column].label) for column in columns]
    begin = stream.text.find("".join(labels), start)
    if begin < 0 or begin - start > _TITLE_AWAY:
        return None
    last, end = labels[-1], begin
    while 0 <= (at := stream.text.find(last, end)) < end + _HEADER_AWAY:
        end = at + len(last)
    row = _row(lines, stream, names[0], (end - len(last), end), len(stream.text))
    pieces = _pieces(row.value)
    size = len(names) * len(columns)
    parts = [slice(at, at + _GROUP) for at in range(0, size, _GROUP)]
    ways = cuts(pieces, size, lambda way: all(sum(way[part][:-1]) == way[part][-1] for part in parts))
    cells = []
    for number, (row_name, column) in enumerate((row_name, column) for row_name in names for column in columns):
        cells.append(_cell(lines, row._replace(slug=row_name), column, ways, number, proven=bool(ways)))
    read = BlockRead(name, (), _place(lines, row), tuple(cells), notes=(_note(name),))
    return _Found(read, begin, _end([row]))


def _parted(lines: list[TextLine], stream: _Stream, found: list[_Found]) -> tuple[list[Used], list[TextLine]]:
    """Return what the tables take up, from the end of a title before them, and the lines without it."""
    taken: dict[int, list[tuple[int, int]]] = {}
    titles = block_titles(stream.text)
    for one in found:
        start = max(
            (end for end, block in titles if block == one.read.block and end <= one.start and one.start - end < _TITLE_AWAY),
            default=one.start,
        )
        spans: dict[int, tuple[int, int]] = {}
        for number, at in stream.origins[start : one.end]:
            begin, end = spans.get(number, (at, at))
            spans[number] = (min(begin, at), max(end, at + 1))
        for number, span in spans.items():
            taken.setdefault(number, []).append(span)
    used = [
        Used(lines[number].page, lines[number].block, lines[number].offset + start, lines[number].offset + end)
        for number, spans in taken.items()
        for start, end in spans
    ]
    left: list[TextLine] = []
    for number, line in enumerate(lines):
        at = 0
        for start, end in [*taken.get(number, ()), (len(line.text), len(line.text))]:
            if text := line.text[at:start]:
                left.append(line if number not in taken else _part(line, text, at))
            at = end
        if not line.text:
            left.append(line)
    return used, left


def _part(line: TextLine, text: str, at: int) -> TextLine:
    return line.but(text=text, offset=line.offset + at)
