"""Scans through the whole machine (workers, a private Redis, SQLite): every number comes out, a bad page harms no other."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from PIL import Image
from sqlalchemy import Engine, text

from codebook.records import Status
from codebook.stages import StageName
from database import ledger, migrations
from database.ledger import Selection
from database.session import make_engine, reading, run_transaction
from ingest.archives.limits import Limits
from ingest.files.register_paths import ingest_paths, plan
from runtime.settings import Settings
from runtime.store import Store
from tasks.flow import read_document
from tests.ocr.papers import drawn, image_pdf, saved
from workers.local import local_supervisor

pytestmark = pytest.mark.slow

FAST: dict[str, Any] = {
    "lease_seconds": 10,
    "ocr_lease_seconds": 10,
    "heartbeat_seconds": 2,
    "beat_seconds": 0.5,
    "stale_seconds": 5,
    "rescue_seconds": 0.3,
    "retry_base_seconds": 0.1,
    "retry_cap_seconds": 0.3,
    "shutdown_seconds": 2,
    "concurrency": 2,
    "log_level": "WARNING",
}


class Office:
    """A home folder with its database; :meth:`run` starts the machine and waits until nothing is left to do."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home, **FAST)
        home.mkdir()
        migrations.upgrade(make_engine(self.settings.database, pooled=False))
        self.engine: Engine = make_engine(self.settings.database)

    def take(self, *paths: Path) -> None:
        """Register what is to be read."""
        ingest_paths(plan([str(p) for p in paths]), engine=self.engine, store=Store(self.settings.store), limits=Limits())

    def again(self, stage: StageName | None = None) -> int:
        """Reprocess everything."""
        return run_transaction(self.engine, lambda c: ledger.reprocess(c, Selection(), stage, who="test", reason="test"))

    def run(self, seconds: float = 180, **settings: Any) -> None:
        """Work until all is done."""
        with local_supervisor(self.settings.model_copy(update=settings)) as machine:
            while not machine.healthy():
                time.sleep(0.1)
            for _ in range(int(seconds * 10)):
                if not self.rows("select 1 from gk_stage where state in ('queued', 'waiting', 'running')"):
                    break
                time.sleep(0.1)
            else:
                raise AssertionError(f"not done: {self.stages()}")
        with reading(self.engine) as connection:
            assert ledger.invariants(connection) == []

    def rows(self, query: str) -> list[Any]:
        """The rows of a query."""
        with reading(self.engine) as connection:
            return list(connection.execute(text(query)))

    def stages(self) -> list[Any]:
        """All stage rows."""
        return self.rows("select document_id, run, stage, page, state, attempts, crashes, code from gk_stage order by id")

    def statuses(self) -> dict[str, str]:
        """The status by the name of the first source."""
        query = "select s.path, d.status from gk_document d join gk_source s on s.document_id = d.id and not s.duplicate"
        return {Path(path).name: status for path, status in self.rows(query)}

    def values(self) -> dict[str, dict[str, float | None]]:
        """The values in force by the name of the first source."""
        query = (
            "select s.path, v.indicator, v.value from gk_value v join gk_document d on d.report_id = v.report_id "
            "join gk_source s on s.document_id = d.id and not s.duplicate"
        )
        found: dict[str, dict[str, float | None]] = {}
        for path, indicator, value in self.rows(query):
            found.setdefault(Path(path).name, {})[indicator] = value
        return found

    def ocr_tries(self) -> int:
        """How often a page was worked on."""
        return int(self.rows("select sum(attempts) from gk_stage where stage = 'ocr'")[0][0] or 0)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path / "home")
    yield made
    made.engine.dispose()


def filled(folder: Path, images: list[Image.Image]) -> Path:
    """Four ways to bring the same pages: an image-only PDF, a TIFF, a folder and a zip of pictures."""
    (folder / "pages").mkdir(parents=True)
    (folder / "scan.pdf").write_bytes(image_pdf(images))
    (folder / "scan.tif").write_bytes(
        saved(images[0], "TIFF", save_all=True, append_images=images[1:], compression="tiff_deflate")
    )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for number, image in enumerate(images, 1):
            (folder / "pages" / f"p{number}.png").write_bytes(saved(image, "PNG"))
            archive.writestr(f"第{number}页.jpg", saved(image, "JPEG", quality=90))
    (folder / "pages.zip").write_bytes(target.getvalue())
    return folder


def test_all_values_of_a_real_report_from_every_kind_of_scan(office: Office, corpus: Path, tmp_path: Path) -> None:
    told = json.loads((corpus / "truth" / "hongze-2024.json").read_text())
    office.take(filled(tmp_path / "in", drawn((corpus / "documents" / told["file"]).read_bytes())))
    office.run(400)
    values = office.values()
    assert set(values) == {"scan.pdf", "scan.tif", "pages", "pages.zip"}
    for name, found in values.items():
        wrong = {key: found.get(key) for key, value in told["indicators"].items() if found.get(key, "absent") != value}
        assert not wrong, name
    assert len(told["indicators"]) == 186
    agencies = office.rows("select r.agency, r.year, r.versions from gk_document d join gk_report r on r.id = d.report_id")
    assert {(agency, year) for agency, year, _ in agencies} == {(told["agency"], told["year"])}
    assert all("rapidocr" in json.loads(versions)["ocr"][0] for *_, versions in agencies)


def test_what_was_read_is_not_read_again(office: Office, sample: bytes, tmp_path: Path) -> None:
    images = drawn(sample)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "scan.tif").write_bytes(saved(images[0], "TIFF", save_all=True, append_images=images[1:]))
    office.take(tmp_path / "in")
    office.run()
    first, tries = office.values(), office.ocr_tries()
    expected = {r.indicator: r.value for r in read_document(sample, "application/pdf").report.readings}
    assert first == {"scan.tif": expected}
    assert tries == len(images)

    assert office.again(StageName.PARSE) == 1
    office.run()
    assert office.ocr_tries() == tries

    # From here on a page that is really read kills its process: what was read before is found by its image.
    poison = {"failpoint": "ocr_page_1:kill"}
    assert office.again(StageName.OCR) == 1
    office.run(**poison)
    assert office.ocr_tries() == 2 * tries
    folder = tmp_path / "later" / "pages"
    folder.mkdir(parents=True)
    for number, image in enumerate(images, 1):
        (folder / f"{number}.png").write_bytes(saved(image, "PNG"))
    office.take(tmp_path / "later")
    office.run(**poison)
    assert office.values() == {"scan.tif": expected, "pages": expected}
    assert {crashes for *_, crashes, _ in office.stages()} == {0}


@pytest.mark.parametrize(
    ("action", "limit", "code"),
    [("kill", 60, "worker.crashed"), ("hang", 12, "page.timeout"), ("memory", 60, "worker.out_of_memory")],
)
def test_a_poisoned_page_is_set_aside_and_read_alone_later(
    office: Office, sample: bytes, action: str, limit: float, code: str
) -> None:
    images = drawn(sample)
    scan = office.settings.home.with_name("scan.tif")
    scan.write_bytes(saved(images[0], "TIFF", save_all=True, append_images=images[1:]))
    office.take(scan)
    office.run(failpoint=f"ocr_page_2:{action}", ocr_seconds=limit)
    assert office.statuses() == {"scan.tif": Status.FAILED}
    (failure,) = office.rows("select stage, page, code, attempts from gk_failure")
    assert tuple(failure) == ("ocr", 2, code, 3)
    kept = {page for (page,) in office.rows("select page from gk_output where stage = 'ocr'")}
    assert kept == set(range(1, len(images) + 1)) - {2}

    assert office.again() == 1
    office.run()
    assert office.statuses()["scan.tif"] in (Status.ACCEPTED, Status.NEEDS_REVIEW)
    tried = Counter(page for _, run, stage, page, _, attempts, *_ in office.stages() if run == 2 and stage == "ocr" and attempts)
    assert tried == {2: 1}
    assert office.rows("select distinct state from gk_failure") == [("resolved",)]


def test_a_picture_between_pages_of_text(office: Office, sample: bytes, tmp_path: Path) -> None:
    images = drawn(sample)
    mixed, scan = pypdfium2.PdfDocument(sample), pypdfium2.PdfDocument(image_pdf(images))
    middle = 1
    mixed.del_page(middle)
    mixed.import_pages(scan, [middle], middle)
    target = io.BytesIO()
    mixed.save(target)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "mixed.pdf").write_bytes(target.getvalue())
    office.take(tmp_path / "in")
    office.run()
    expected = {r.indicator: r.value for r in read_document(sample, "application/pdf").report.readings}
    assert office.values() == {"mixed.pdf": expected}
    assert office.ocr_tries() == 1
    assert {by for (by,) in office.rows("select distinct read_by from gk_value")} == {"pdf", "ocr"}
