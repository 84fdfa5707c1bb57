"""What comes back: the columns 反馈 and 复核结果 of a region's workbook, filled in, become moves of the cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import python_calamine as calamine
from sqlalchemy import Connection

from codebook.errors import UsageError
from codebook.records import Record
from console.notices.words import LedgerWords, notice_words, word
from database.findings.decisions import decide
from database.findings.listing import CaseLine, case_lines
from database.models import FindingState

_LARGEST = 100 << 20  # bytes of a workbook: a thousand points with their pictures are some 40 MB
_HEADER_ROWS = 10  # in which the headings are looked for
_CASES = 500  # of one statement
_NUMBERS = 1 << 63  # of cases are below this


class AnswerRow(Record, frozen=True):
    """A row that was filled in. ``case`` is None where the number of the case is no number; ``row`` counts from 1."""

    sheet: str
    row: int
    case: int | None
    agency: str
    answer: str
    result: str


class AnswerMove(Record, frozen=True):
    """What becomes of a case, with the reason that is kept: the agency's answer."""

    case: int
    to: FindingState
    reason: str


class AnswerRefused(Record, frozen=True):
    """A row that is not taken, and why."""

    row: AnswerRow
    why: str


class AnswerPlan(Record, frozen=True):
    """What would be done. ``unchanged`` counts rows that say what is known already."""

    moves: tuple[AnswerMove, ...]
    refused: tuple[AnswerRefused, ...]
    unchanged: int


def read_answers(path: Path) -> list[AnswerRow]:
    """Return the rows of a workbook in which somebody wrote. Raises UsageError when it is no workbook of ours."""
    words = notice_words().ledger
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(f"{path} has more than {_LARGEST >> 20} MB; expected a workbook of a region")
        with calamine.CalamineWorkbook.from_path(str(path)) as book:
            named = [name for name in (words.points, words.copied, words.years) if name in book.sheet_names]
            found = [row for name in named for row in _rows(name, book.get_sheet_by_name(name).to_python(), words)]
    except (calamine.CalamineError, OSError) as error:
        raise UsageError(f"{path} cannot be read: {error}; expected a workbook of a region (.xlsx)") from error
    if words.points not in named:
        raise UsageError(f"{path} has no sheet {words.points}; expected a workbook of a region")
    return found


def _rows(sheet: str, table: Sequence[Sequence[Any]], words: LedgerWords) -> Iterator[AnswerRow]:
    needed = [words.columns[place] for place in (17, 1, 13, 14)]
    headers = [[_text(cell) for cell in header] for header in table[:_HEADER_ROWS]]
    first = next((number for number, titles in enumerate(headers) if set(needed) <= set(titles)), None)
    if first is None:
        raise UsageError(f"the sheet {sheet} lacks one of the columns {', '.join(needed)}")
    titles = headers[first]
    case, agency, answer, result = (titles.index(title) for title in needed)
    for number, cells in enumerate(table[first + 1 :], first + 2):
        texts = [_text(cell) for cell in cells]
        if texts[answer] or texts[result]:
            known = texts[case]
            yield AnswerRow(sheet, number, int(known) if known.isdecimal() else None, texts[agency], texts[answer], texts[result])


def _text(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def plan(connection: Connection, rows: Iterable[AnswerRow]) -> AnswerPlan:
    """Return what becomes of the cases; nothing is changed.

    An answer moves a case from sent to answered. 已整改 settles it, 解释成立 dismisses it, 未整改 leaves it answered. The
    sheets of copied texts and of years repeat rows: two that differ are refused both.
    """
    by_case: dict[int, list[AnswerRow]] = defaultdict(list)
    refused: list[AnswerRefused] = []
    for row in rows:
        if row.case is None:
            refused.append(AnswerRefused(row, "the number of the case is missing"))
        else:
            by_case[row.case].append(row)
    numbers = sorted(number for number in by_case if number < _NUMBERS)
    lines: dict[int, CaseLine] = {}
    for start in range(0, len(numbers), _CASES):
        lines |= {line.id: line for line in case_lines(connection, numbers[start : start + _CASES])}
    moves: list[AnswerMove] = []
    unchanged = 0
    for number, mine in sorted(by_case.items()):
        why = _wrong(mine, lines.get(number))
        if why:
            refused += [AnswerRefused(row, why) for row in mine]
            continue
        found = list(_moves(mine[0], lines[number]))
        moves += found
        unchanged += not found
    return AnswerPlan(tuple(moves), tuple(refused), unchanged)


def _wrong(rows: Sequence[AnswerRow], line: CaseLine | None) -> str:
    """Why rows of one case are refused; "" when they are not."""
    first, words = rows[0], notice_words()
    if line is None:
        return "there is no such case"
    if any((row.answer, row.result) != (first.answer, first.result) for row in rows):
        return "two sheets have different answers"
    if any(row.agency != (line.agency or "") for row in rows):
        return f"the case is of {line.agency}" if line.agency else "the case is of no agency"
    if first.result and first.result not in words.ledger.results:
        return f"the result is one of {', '.join(words.ledger.results)}"
    if line.state not in (FindingState.SENT, FindingState.ANSWERED) and not _is_done(first, line):
        return f"the case is {word(words.state, line.state)}"
    return ""


def _is_done(row: AnswerRow, line: CaseLine) -> bool:
    target = _target(row.result)
    return target is not None and line.state == target


def _target(result: str) -> FindingState | None:
    mended, explained, _ = notice_words().ledger.results
    return {mended: FindingState.SETTLED, explained: FindingState.DISMISSED}.get(result)


def _moves(row: AnswerRow, line: CaseLine) -> Iterator[AnswerMove]:
    if _is_done(row, line):
        return
    if line.state == FindingState.SENT and row.answer:
        yield AnswerMove(line.id, FindingState.ANSWERED, row.answer)
    target = _target(row.result)
    if target is not None:
        yield AnswerMove(line.id, target, row.answer or row.result)


def take_in(connection: Connection, planned: AnswerPlan, *, who: str) -> Mapping[FindingState, int]:
    """Move the cases as planned; return how many came to each state. A case that moved meanwhile stays as it is."""
    together: dict[tuple[FindingState, str], list[int]] = defaultdict(list)
    for move in planned.moves:
        together[move.to, move.reason].append(move.case)
    counts: dict[FindingState, int] = defaultdict(int)
    for to in (FindingState.ANSWERED, FindingState.SETTLED, FindingState.DISMISSED):
        for (state, reason), numbers in together.items():
            if state is to:
                counts[to] += decide(connection, numbers, to, who=who, reason=reason).cases
    return dict(counts)
