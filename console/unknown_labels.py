"""The labels of tables of numbers that no form has, over many documents, by how often they occur.

Those that occur often are worth a row of ``codebook/data/blocks.yaml``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, exists, select

from codebook.records import Record, UnknownTable
from codebook.text.fold import fold_label
from codebook.text.numbers import ValueKind
from database.models import Document, FindingRow, ReportRow, Source
from database.monitoring.queries import DocumentScope
from tasks.loading.rows import unpack
from tasks.parsing.tables.tokens import value_token
from tasks.validation.rules.unread import table_unknown

_AT_ONCE = 200  # reports that are read with one statement
_EXAMPLES = 3


class LabelKind(StrEnum):
    """Where a label stands: before the numbers of its row, or in a row without numbers above them."""

    ROW = "row"
    HEADER = "header"


class Example(NamedTuple):
    """A document with a label, and where its table stands."""

    document_id: int
    path: str | None
    page: int


class UnknownLabel(Record, frozen=True):
    """A label as most documents print it, with the number of documents and of numbers beside it."""

    label: str
    kind: LabelKind
    documents: int
    numbers: int
    examples: tuple[Example, ...]


@dataclass
class _LabelCount:
    texts: Counter[str] = field(default_factory=Counter)
    documents: set[int] = field(default_factory=set)
    numbers: int = 0
    examples: list[Example] = field(default_factory=list)


def unknown_labels(connection: Connection, scope: DocumentScope) -> list[UnknownLabel]:
    """Return the labels and headers of the tables of a scope that no form has, those of the most documents first.

    Labels that differ in script, marks or blanks alone are one.
    """
    found: dict[tuple[LabelKind, str], _LabelCount] = {}
    for document_id, path, table in _tables(connection, scope):
        example = Example(document_id, path, table.place.page)
        for kind, text, numbers in _labels(table):
            key = fold_label(text)
            if not key:
                continue
            label = found.setdefault((kind, key), _LabelCount())
            label.texts[text] += 1
            label.numbers += numbers
            if document_id not in label.documents and len(label.examples) < _EXAMPLES:
                label.examples.append(example)
            label.documents.add(document_id)
    labels = [
        UnknownLabel(each.texts.most_common(1)[0][0], kind, len(each.documents), each.numbers, tuple(each.examples))
        for (kind, _), each in found.items()
    ]
    return sorted(labels, key=lambda each: (-each.documents, -each.numbers, each.kind, each.label))


def _tables(connection: Connection, scope: DocumentScope) -> Iterator[tuple[int, str | None, UnknownTable]]:
    """Yield the unknown tables of the reports in force, each with its document and the path at which that was found first."""
    unknown = exists(select(FindingRow.id).where(FindingRow.report_id == ReportRow.id, FindingRow.rule == table_unknown.id))
    path = select(Source.path).where(Source.document_id == Document.id).order_by(Source.duplicate, Source.id).limit(1)
    query = (
        select(Document.id, path.correlate(Document).scalar_subquery(), ReportRow.body)
        .join(ReportRow, ReportRow.id == Document.report_id)
        .where(unknown, *scope.conditions())
        .order_by(Document.id)
        .limit(_AT_ONCE)
    )
    last = 0
    while rows := connection.execute(query.where(Document.id > last)).all():
        for last, where, body in rows:
            for table in unpack(body).report.unknown_tables:
                yield last, where, table


def _labels(table: UnknownTable) -> Iterator[tuple[LabelKind, str, int]]:
    """Yield the labels of a table with the count of numbers beside each."""
    for row in table.rows:
        numbers = sum(_is_number(cell) for cell in row)
        if numbers and not _is_number(row[0]):
            yield LabelKind.ROW, row[0], numbers
        elif not numbers:
            yield from ((LabelKind.HEADER, cell, 0) for cell in row)


def _is_number(cell: str) -> bool:
    token = value_token(cell)
    return token is not None and token.kind is ValueKind.NUMBER
