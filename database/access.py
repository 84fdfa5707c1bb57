"""What a user may see: all documents, or those of certain regions and batches alone.

A bound user's queries run on a connection on which views of the same names hide the tables (temporary views come first when a
name is looked up, on PostgreSQL and on SQLite). Every query of the pages is therefore limited, also one that is written tomorrow:
nothing has to be remembered, and what has no view here is not about documents. Acts are checked with :func:`visible` before they
write. Why: ADR 16.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select
from sqlalchemy.orm import InstrumentedAttribute

from codebook.records import Record
from database.models import Document

# A filing can have editions that are out of bounds: a case is seen with the documents that it quotes.
_CASE = (
    "document_id in (select id from gk_document) and (filing_id is null or filing_id in (select id from gk_filing))"
    " and (other_document_id is null or other_document_id in (select id from gk_document))"
    " and (other_filing_id is null or other_filing_id in (select id from gk_filing))"
)
_OF_REPORT = ("gk_block", "gk_section", "gk_report_values", "gk_value", "gk_unsettled_value")
_AT_ONCE = 500  # documents of one query
ACCESS = "gongkai_access"
"""The execution option of an engine or a connection that holds an :class:`Access`."""


class Access(Record, frozen=True):
    """The bounds of a user: regions by the beginning of their code, batches by id. None: not bound.

    With both, a document must be of one of the regions and in one of the batches. A document whose report names no region is of
    no region.
    """

    regions: tuple[str, ...] | None = None
    batches: tuple[int, ...] | None = None

    @property
    def bound(self) -> bool:
        """Whether there are any bounds."""
        return self.regions is not None or self.batches is not None


def region_prefix(code: str) -> str:
    """The beginning that the codes of a region and of all regions within it share.

    >>> region_prefix("320000"), region_prefix("320800"), region_prefix("320813")
    ('32', '3208', '320813')
    """
    code = code.strip()
    while len(code) > 2 and code.endswith("00"):
        code = code[:-2]
    return code


def in_region(column: InstrumentedAttribute[Any] | ColumnElement[Any], prefix: str) -> ColumnElement[bool]:
    """The condition that a code is of the region whose codes begin with ``prefix`` (see :func:`region_prefix`).

    A range that the index knows in whatever collation: letters come after digits.
    """
    return and_(column >= prefix, column < f"{prefix}a")


def views(access: Access, schema: str) -> list[str]:
    """The statements that make the views of ``access`` over the tables of ``schema``, each of which names those before."""
    document = []
    if access.batches is not None:
        numbers = ", ".join(str(int(number)) for number in access.batches) or "null"
        document.append(f"id in (select document_id from {schema}.gk_source where batch_id in ({numbers}))")
        batch = f"id in ({numbers})"
        source = f"batch_id in ({numbers}) and document_id in (select id from gk_document)"
    else:
        batch = "id in (select batch_id from gk_source)"
        source = "document_id in (select id from gk_document)"
    expected = "1 = 0"
    if access.regions is not None:
        prefixes = [region_prefix(code) for code in access.regions]
        if any(not (prefix.isascii() and prefix.isdecimal()) for prefix in prefixes):
            raise ValueError(f"not codes of regions: {access.regions}")
        match = " or ".join(f"substr(region_code, 1, {len(prefix)}) = '{prefix}'" for prefix in prefixes) or "1 = 0"

        document.append(f"report_id in (select id from {schema}.gk_report where {match})")
        if access.batches is None:  # a list of agencies says nothing about a batch
            expected = f"({match})"
    conditions = {
        "gk_document": " and ".join(document) or "1 = 1",
        "gk_source": source,
        "gk_batch": batch,
        "gk_expected": expected,
        **dict.fromkeys(
            ("gk_stage", "gk_output", "gk_failure", "gk_report", "gk_correction", "gk_review_lease", "gk_search"),
            "document_id in (select id from gk_document)",
        ),
        "gk_attempt": "stage_id in (select id from gk_stage)",
        **dict.fromkeys(_OF_REPORT, "report_id in (select id from gk_report)"),
        "gk_finding": "report_id in (select id from gk_report)"
        " and (other_report_id is null or other_report_id in (select id from gk_report))",
        "gk_filing_document": "document_id in (select id from gk_document)",
        "gk_filing": "id in (select filing_id from gk_filing_document)",
        "gk_agency": f"id in (select agency_id from gk_filing) or {expected}",
        **dict.fromkeys(("gk_agency_key", "gk_agency_decision"), "agency_id in (select id from gk_agency)"),
        "gk_agency_alias": "key in (select key from gk_agency_key)",
        "gk_agency_case": "one_id in (select id from gk_agency) and other_id in (select id from gk_agency)",
        "gk_agency_succession": "predecessor_id in (select id from gk_agency) and successor_id in (select id from gk_agency)",
        "gk_finding_case": _CASE,
        "gk_finding_move": "case_id in (select id from gk_finding_case)",
        **dict.fromkeys(
            ("gk_batch_spent", "gk_spent_until", "gk_watcher", "gk_collect_host", "gk_collect_address", "gk_collect_visit"),
            "1 = 0",
        ),
    }
    return [f"create temp view {table} as select * from {schema}.{table} where {where}" for table, where in conditions.items()]


def visible(connection: Connection, documents: Collection[int]) -> bool:
    """Return whether all of these documents can be seen on this connection."""
    return visible_documents(connection, documents) == set(documents)


def visible_documents(connection: Connection, documents: Collection[int]) -> set[int]:
    """Return those of these documents that can be seen on this connection."""
    wanted, found = sorted(set(documents)), set[int]()
    for at in range(0, len(wanted), _AT_ONCE):
        found |= set(connection.scalars(select(Document.id).where(Document.id.in_(wanted[at : at + _AT_ONCE]))))
    return found
