"""Summaries (汇总表) in the books: a document for each row, the same when it comes in again, and what changed alone is new."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, select

from codebook.sheets.row_file import MEDIA_TYPE
from database.models import Document, FilingDocument, FilingRow, Source
from database.session import reading
from ingest.archives.limits import Limits
from ingest.files.register_paths import IngestSummary, ingest_paths, plan
from tests.extraction.summaries import body, heads, merged_workbook, total, units
from tests.ingest.test_register import rows, zipped
from tests.inline import Inline

UNITS = units(3)
HEADS = heads(UNITS)
ROWS = [list(row) for row in body(HEADS, UNITS)]


def take(worker: Inline, folder: Path, limits: Limits = Limits()) -> IngestSummary:  # noqa: B008 (frozen)
    planned = plan([str(folder)], batch="one")
    return ingest_paths(planned, engine=worker.engine, store=worker.store, limits=limits)


def filed(engine: Engine) -> dict[str, list[int]]:
    """The editions of each filing's documents by the path of the first."""
    query = (
        select(FilingDocument.filing_id, FilingDocument.edition, Source.path)
        .join(Source, Source.document_id == FilingDocument.document_id)
        .where(~Source.duplicate)
        .order_by(FilingDocument.document_id)
    )
    found: dict[int, tuple[str, list[int]]] = {}
    with reading(engine) as connection:
        for filing, edition, path in connection.execute(query):
            found.setdefault(filing, (path, []))[1].append(edition)
    return {path.rpartition("!")[2]: editions for path, editions in found.values()}


def test_a_new_edition_of_a_summary_changes_what_changed(engine: Engine, tmp_path: Path) -> None:
    worker = Inline(engine, tmp_path / "home")
    book = tmp_path / "in" / "2024年汇总.xlsx"
    book.parent.mkdir()
    book.write_bytes(merged_workbook(HEADS, [*ROWS, total(HEADS, UNITS)]))
    first = take(worker, book.parent)
    assert (first.files, first.documents, first.rejected) == (3, 3, {})
    worker.work()
    statuses = rows(engine)
    assert {path.rpartition("!")[0] for path in statuses} == {f"{book}!汇总表"}
    assert set(statuses.values()) == {("accepted", None)}
    with reading(engine) as connection:
        assert set(connection.scalars(select(Document.media_type))) == {MEDIA_TYPE}
    before = filed(engine)
    assert list(before.values()) == [[1], [1], [1]]

    again = take(worker, book.parent)
    assert (again.documents, again.duplicates) == (0, 3)
    changed = [list(row) for row in ROWS]
    last = next(at for at in reversed(range(len(HEADS))) if HEADS[at].indicator)
    for back in range(last - 8, last + 1):
        changed[1][back] = int(changed[1][back]) + 5
    new = ["0", "新设单位", "江苏省/淮安市", *[0] * (len(HEADS) - 4), ""]
    for serial, row in enumerate(changed, 2):
        row[0] = str(serial)
    book.write_bytes(merged_workbook(HEADS, [new, *changed, total(HEADS, UNITS)]))
    third = take(worker, book.parent)
    assert (third.documents, third.duplicates) == (2, 2)
    worker.work()
    after = filed(engine)
    assert {path: after[path] for path in before} == {"8": [1], "9": [1, 2], "10": [1]}
    with reading(engine) as connection:
        assert len(set(connection.scalars(select(FilingDocument.filing_id)))) == 4


def test_an_archive_that_was_refused_gives_way_to_its_members(engine: Engine, tmp_path: Path) -> None:
    worker = Inline(engine, tmp_path / "home")
    packed = tmp_path / "in" / "a.zip"
    packed.parent.mkdir()
    packed.write_bytes(zipped({f"{number}.txt": b"%d" % number for number in range(4)}))
    assert take(worker, packed.parent, Limits(archive_members=2)).rejected == {"file.bomb": 1}
    assert rows(engine)[str(packed)] == ("rejected", "file.bomb")
    assert take(worker, packed.parent).documents == 4
    assert rows(engine)[str(packed)][0] == "discarded"


def test_the_year_of_a_summary_may_be_in_its_name_alone(engine: Engine, tmp_path: Path) -> None:
    worker = Inline(engine, tmp_path / "home")
    folder = tmp_path / "in"
    folder.mkdir()
    for year in (2022, 2023):
        (folder / f"{year}.csv").write_text("单位名称,新收,上年结转,结转下年度\n民政局,0,0,0\n", encoding="utf-8")
    found = take(worker, folder)
    assert (found.documents, found.duplicates) == (2, 0)
    worker.work()
    with reading(engine) as connection:
        assert sorted(connection.scalars(select(FilingRow.year))) == [2022, 2023]
