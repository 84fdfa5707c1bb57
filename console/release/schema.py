"""The tables of a release, from the data files: columns with types, keys and meanings in both languages."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from codebook.book import load_book
from codebook.records import Record
from console.export.cells import Table
from console.export.headings import printed_name
from database.views import Wide, column_name, wide_tables

_TYPES: dict[str, type] = {"text": str, "integer": int, "number": float, "boolean": bool}


class Words(Record, frozen=True):
    """A text in both languages."""

    zh: str
    en: str


class ReleaseColumn(Record, frozen=True):
    """A column of a table: its type, whether it is never empty, what it means."""

    zh: str
    en: str
    type: Literal["text", "integer", "number", "boolean"]
    required: bool = False


class Reference(Record, frozen=True):
    """A foreign key: ``columns`` are the key of ``table``, where they have the same names."""

    columns: tuple[str, ...]
    table: str


class ReleaseTable(Record, frozen=True):
    """A table of a release. ``key``: its primary key."""

    title: Words
    key: tuple[str, ...]
    columns: dict[str, ReleaseColumn]
    references: tuple[Reference, ...] = ()

    @property
    def types(self) -> Table:
        """The columns with the types that the writers of exports take."""
        return {name: _TYPES[column.type] for name, column in self.columns.items()}

    def is_required(self, name: str) -> bool:
        """Return whether a column is never empty."""
        return name in self.key or self.columns[name].required


def read_data(name: str) -> bytes:
    """Return the bytes of a data file of this package."""
    return files(__package__).joinpath(name).read_bytes()


@cache
def cell_codes() -> dict[str, Words]:
    """What stands in a cell, by code."""
    return msgspec.yaml.decode(read_data("codes.yaml"), type=dict[str, Words])


@cache
def release_tables() -> dict[str, ReleaseTable]:
    """All tables of a release by name, in the order in which they are listed. Raises ValueError for a key that points nowhere."""
    tables = msgspec.yaml.decode(read_data("tables.yaml"), type=dict[str, ReleaseTable])
    first = msgspec.yaml.decode(read_data("wide.yaml"), type=dict[str, ReleaseTable])
    for wide in wide_tables():
        tables[f"wide_{wide.name}"] = _of_block(first["wide"], wide, "number")
        tables[f"codes_{wide.name}"] = _of_block(first["codes"], wide, "text")
    for name, table in tables.items():
        for reference in table.references:
            if tables[reference.table].key != reference.columns or not set(reference.columns) <= table.columns.keys():
                raise ValueError(f"{name}: {', '.join(reference.columns)} is not the key of {reference.table}")
    return tables


def _of_block(first: ReleaseTable, wide: Wide, kind: Literal["number", "text"]) -> ReleaseTable:
    book = load_book()
    block = book.blocks[wide.block]
    forms = " ".join([wide.form] if wide.form else block.forms)
    names = labels()
    title = Words(
        first.title.zh.format(block=block.title, forms=forms), first.title.en.format(block=names.blocks[wide.block], forms=forms)
    )
    cells = {
        column_name(i.id): ReleaseColumn(printed_name(i.id), english_label(i.id), kind, kind == "text") for i in wide.indicators
    }
    return ReleaseTable(title, first.key, {**first.columns, **cells}, first.references)


class _BlockLabels(Record, frozen=True):
    rows: dict[str, str]
    columns: dict[str, str] = msgspec.field(default_factory=dict)


class Labels(Record, frozen=True):
    """The English names of blocks, and of their rows and columns."""

    blocks: dict[str, str]
    labels: dict[str, _BlockLabels]


@cache
def labels() -> Labels:
    """The English names. Raises ValueError when they are not those of the codebook's rows and columns."""
    found = msgspec.yaml.decode(read_data("labels.yaml"), type=Labels)
    for name, block in load_book().blocks.items():
        known = found.labels[name]
        if known.rows.keys() != block.rows.keys() or known.columns.keys() != block.columns.keys():
            raise ValueError(f"labels: {name} has other rows or columns than the codebook")
    return found


def english_label(indicator: str) -> str:
    """Return the English name of an indicator: row, and column."""
    found = load_book().indicators[indicator]
    names = labels().labels[found.block]
    return names.rows[found.row] + (f" / {names.columns[found.column]}" if found.column else "")
