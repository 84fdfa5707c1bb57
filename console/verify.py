"""Whether what was kept is still there and still the same: what ``gongkai verify`` does.

Three things are compared for every document: the original in the store with its sha256, the report in force with the digest that
was written beside it, and the rows of its values with the verdict from which they were made. Nothing is changed.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, exists, select

from codebook.errors import GongkaiError
from codebook.records import Record
from database.intake.purging import tombstones
from database.models import Document, ReportRow, Stage
from database.session import reading
from database.values import cells_of_report
from runtime.store import Store
from tasks.loading.rows import report_rows, unpack

CHUNK = 100  # documents; some 20,000 values


class Harm(StrEnum):
    """What can be wrong with a document that was kept."""

    ORIGINAL_MISSING = "original.missing"
    ORIGINAL_CHANGED = "original.changed"
    ORIGINAL_PURGED = "original.purged"  # it is still there although the document was purged
    ORIGINAL_UNKNOWN = "original.unknown"  # the store holds a content that no document names
    REPORT_CHANGED = "report.changed"
    VALUES_CHANGED = "values.changed"


class Problem(Record, frozen=True):
    """Something that is not as it was kept. ``document_id`` is 0 for a content of the store that belongs to no document."""

    harm: Harm
    document_id: int
    sha256: str
    found: str
    expected: str


class VerifyCounts(Record, frozen=True):
    """How much was compared: documents, originals that were read (or only looked for), reports and values."""

    documents: int = 0
    originals: int = 0
    reports: int = 0
    values: int = 0
    problems: int = 0


class _Kept(NamedTuple):
    """A document, and whether its original must be in the store: one that was refused at registration may have none."""

    id: int
    sha256: str
    report_id: int | None
    processed: bool


class Verification:
    """A verification of one database and its store. Iterate over it for the problems; ``counts`` grows meanwhile.

    With ``quick`` originals are looked for and not read. Raises GongkaiError when the store does not answer at all.
    """

    def __init__(self, engine: Engine, store: Store, *, quick: bool = False) -> None:
        self._engine, self._store, self._quick = engine, store, quick
        self.counts = VerifyCounts()

    def __iter__(self) -> Iterator[Problem]:
        self._store.check()
        known: set[str] = set()
        last = 0
        while True:
            with reading(self._engine) as connection:
                documents = _documents(connection, last)
                problems = list(self._rows(connection, documents))
                stones = tombstones(connection, [document.id for document in documents])
            if not documents:
                break
            last = documents[-1].id
            known |= {document.sha256 for document in documents}
            for document in documents:
                problems += self._original(document, document.id in stones)
            self._count(documents=len(documents), problems=len(problems))
            yield from problems
        for sha256 in sorted(set(self._store.contents()) - known):
            self._count(problems=1)
            yield Problem(Harm.ORIGINAL_UNKNOWN, 0, sha256, "a content that no document names", "a document with this sha256")

    def _count(self, **more: int) -> None:
        fields = msgspec.structs.asdict(self.counts)
        self.counts = msgspec.structs.replace(self.counts, **{name: fields[name] + count for name, count in more.items()})

    def _original(self, document: _Kept, purged: bool) -> list[Problem]:
        there = self._store.exists(document.sha256)
        about = (document.id, document.sha256)
        if purged:
            still = Problem(Harm.ORIGINAL_PURGED, *about, "the content of a purged document", "no content: purge it again")
            return [still] if there else []
        if not there:
            gone = Problem(Harm.ORIGINAL_MISSING, *about, "no content in the store", "the original: restore it from a backup")
            return [gone] if document.processed else []
        self._count(originals=1)
        if self._quick:
            return []
        try:
            self._store.get(document.sha256)
        except GongkaiError as error:
            return [Problem(Harm.ORIGINAL_CHANGED, *about, error.found, "the content of that name: restore it from a backup")]
        return []

    def _rows(self, connection: Connection, documents: Sequence[_Kept]) -> Iterator[Problem]:
        ids = {document.report_id: document for document in documents if document.report_id is not None}
        if not ids:
            return
        stored: dict[int, dict[str, Any]] = {report: {} for report in ids}
        for report, document in ids.items():
            try:
                there = cells_of_report(connection, report)
            except (ValueError, LookupError) as error:
                yield Problem(Harm.REPORT_CHANGED, document.id, document.sha256, f"report {report}: {error}", "its values")
                continue
            stored[report] = {c.indicator: (*c.as_read, c.raw) for c in there}
        bodies = select(ReportRow.id, ReportRow.body, ReportRow.digest).where(ReportRow.id.in_(list(ids)))
        for report, body, digest in connection.execute(bodies.order_by(ReportRow.document_id)):
            self._count(reports=1, values=len(stored[report]))
            document = ids[report]
            try:
                whole = zlib.decompress(body)
                made = report_rows(unpack(body))
            except (zlib.error, msgspec.MsgspecError) as error:
                yield Problem(Harm.REPORT_CHANGED, document.id, document.sha256, f"report {report}: {error}", "a verdict")
                continue
            if hashlib.sha256(whole).hexdigest() != digest:
                found = f"report {report} has another digest"
                yield Problem(Harm.REPORT_CHANGED, document.id, document.sha256, found, digest)
            expected = {cell.indicator: (cell.value, cell.state, cell.raw) for cell in made["gk_value"]}
            if differing := sorted(expected.items() ^ stored[report].items(), key=itemgetter(0)):
                cells = list(dict.fromkeys(indicator for indicator, _ in differing))
                found = f"{len(cells)} values of report {report} differ from its verdict: {', '.join(cells[:5])}"
                yield Problem(Harm.VALUES_CHANGED, document.id, document.sha256, found, "the values of the verdict")


def _documents(connection: Connection, last: int) -> list[_Kept]:
    processed = exists(select(Stage.id).where(Stage.document_id == Document.id))
    query = select(Document.id, Document.sha256, Document.report_id, processed).where(Document.id > last)
    return [_Kept(*row) for row in connection.execute(query.order_by(Document.id).limit(CHUNK))]
