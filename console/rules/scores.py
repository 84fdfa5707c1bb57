"""The score sheet of a region: what each report in force on a year loses, by rule, as the region's packs say it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import msgspec
import xlsxwriter
from sqlalchemy import Engine

from codebook import data
from codebook.errors import UsageError
from codebook.records import Number, Record
from codebook.rule_packs.packs import Packs, Scoring, points_of
from codebook.rules import load_rules
from codebook.text.numbers import exact
from console.export.writers import inert
from database.reports.scoring import FiledLine, FiledScope, FoundLine, filed_lines, found_lines
from database.session import reading

BATCH = 500  # reports
SUFFIXES = (".csv", ".xlsx")


class ScoreWords(Record, frozen=True):
    """What the sheet is called and its columns (scores.yaml)."""

    sheet: str
    columns: dict[str, str]


class Score(Record, frozen=True):
    """What a report lost: ``lost`` points by rule, of ``full``. ``packs`` are those that say so."""

    agency: str
    region: tuple[str, ...]
    region_code: str | None
    year: int
    document_id: int
    full: Number
    lost: dict[str, Number]
    findings: dict[str, int]
    packs: tuple[str, ...]

    @property
    def score(self) -> Number:
        """What is left; never less than 0."""
        return exact(max(0, self.full - sum(self.lost.values())))


@cache
def score_words() -> ScoreWords:
    """Return the words of the sheet."""
    return msgspec.yaml.decode(data.read("scores.yaml"), type=ScoreWords)


def scores(engine: Engine, packs: Packs, year: int, region_code: str | None = None) -> Iterator[Score]:
    """Yield the score of each report in force on a year, of a region (None: of all) whose packs count points."""
    after = 0
    while True:
        with reading(engine) as connection:
            lines = filed_lines(connection, FiledScope(year, region_code), after, BATCH)
            found = found_lines(connection, [line.report_id for line in lines])
        if not lines:
            return
        by_report: dict[int, list[FoundLine]] = {}
        for each in found:
            by_report.setdefault(each.report_id, []).append(each)
        for line in lines:
            if (scored := _score(line, by_report.get(line.report_id, []), packs)) is not None:
                yield scored
        after = lines[-1].filing_id


def _score(line: FiledLine, found: Sequence[FoundLine], packs: Packs) -> Score | None:
    chosen = packs.chosen(line.region, line.region_code, line.year)
    scoring = next((pack.score for pack in reversed(chosen) if pack.score is not None), None)
    if scoring is None:
        return None
    rules = packs.rules_for(line.region, line.region_code, line.year)
    known = rules.rules if rules else load_rules()
    lost, count = dict[str, Number](), Counter[str]()
    for each in found:
        count[each.rule] += 1
        lost[each.rule] = lost.get(each.rule, 0) + points_of(known.get(each.rule), each.severity, scoring)
    return Score(
        line.agency,
        line.region,
        line.region_code,
        line.year,
        line.document_id,
        exact(scoring.full),
        {rule: _bounded(points, scoring) for rule, points in lost.items() if points},
        dict(count),
        tuple(pack.stamp for pack in chosen),
    )


def _bounded(points: Number, scoring: Scoring) -> Number:
    return exact(points if scoring.most_a_rule is None else min(points, scoring.most_a_rule))


def write_scores(found: Sequence[Score], path: Path) -> None:
    """Write the sheet as CSV or Excel, by the end of the name: a line for each report, a column for each rule that cost points.

    Raises UsageError for another ending, or where the file cannot be written.
    """
    words = score_words()
    order = {name: place for place, name in enumerate(load_rules())}
    costly = sorted({rule for each in found for rule in each.lost}, key=lambda rule: (order.get(rule, len(order)), rule))
    head = [*words.columns.values(), *costly]
    rows = [_row(each, costly) for each in found]
    try:
        if path.suffix == ".csv":
            with path.open("w", encoding="utf-8-sig", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(head)
                writer.writerows(rows)
        elif path.suffix == ".xlsx":
            _write_workbook(path, words.sheet, head, rows)
        else:
            raise UsageError(f"{path.name}: expected a name that ends in {' or '.join(SUFFIXES)}")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; expected a file that can be written") from error


def _row(each: Score, costly: Sequence[str]) -> list[str | Number | None]:
    known: dict[str, str | Number | None] = {
        "agency": each.agency,
        "region": "/".join(each.region),
        "region_code": each.region_code,
        "year": each.year,
        "score": each.score,
        "lost": exact(sum(each.lost.values())),
        "findings": sum(each.findings.values()),
        "document": each.document_id,
        "packs": " ".join(each.packs),
    }
    values = [known[name] for name in score_words().columns]
    return [
        *(inert(value) if isinstance(value, str) else value for value in values),
        *(each.lost.get(rule, 0) for rule in costly),
    ]


def _write_workbook(path: Path, title: str, head: Sequence[str], rows: Sequence[Sequence[str | Number | None]]) -> None:
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet(title)
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        sheet.write_row(0, 0, head, bold)
        for number, row in enumerate(rows, 1):
            sheet.write_row(number, 0, row)
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, max(1, len(rows)), len(head) - 1)
        sheet.set_column(0, 1, 28)
        sheet.set_column(2, len(head) - 1, 12)
