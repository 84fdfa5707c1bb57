"""A draft is checked by the rules of the whole chain, beside what the database holds, and leaves no trace."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine, func, select
from typer.testing import CliRunner

from codebook.records import Hints, Record
from console.cli import app
from console.drafts.check import CheckedDraft, check_drafts
from console.drafts.not_run import BecauseOf
from console.drafts.readers import ReadyReader
from database.models import Document, FindingRow, ReportRow, Source
from database.session import make_engine, reading
from runtime.settings import Settings, load_settings
from tests.conftest import REPOSITORY
from tests.generator.documents import make_documents
from tests.inline import Inline

REPORTS = REPOSITORY / "samples" / "reports"
REGION = ("江苏省", "淮安市", "洪泽区")
LAYOUTS = ("tabs", "html", "docx", "pdf")


class Told(Record, frozen=True, order=True):
    """A finding as both ways tell it."""

    path: str
    rule: str
    severity: str
    message: str
    cells: tuple[str, ...]


def of_drafts(drafts: Iterator[CheckedDraft]) -> list[Told]:
    return sorted(Told(Path(d.path).name, f.rule, f.severity, f.message, f.cells) for d in drafts for f in d.findings)


def of_chain(engine: Engine) -> list[Told]:
    query = (
        select(Source.path, FindingRow.rule, FindingRow.severity, FindingRow.message, FindingRow.cells)
        .join(ReportRow, ReportRow.id == FindingRow.report_id)
        .join(Document, Document.report_id == ReportRow.id)
        .join(Source, Source.document_id == Document.id)
        .where(FindingRow.between.is_(None))
    )
    with reading(engine) as connection:
        return sorted(
            Told(Path(row.path).name, row.rule, row.severity, row.message, tuple(row.cells)) for row in connection.execute(query)
        )


def same_findings(engine: Engine, folder: Path, count: int, seed: int) -> int:
    """Compare both ways on generated documents; return how many findings there are."""
    inline = Inline(engine, folder / "home")
    files = folder / "files"
    files.mkdir(parents=True)
    for document in make_documents(count, seed, LAYOUTS):
        (files / document.name).write_bytes(document.data)
        inline.add(document.data, document.media_type, str(files / document.name))
    inline.work()
    found = of_drafts(check_drafts([str(files)], inline.settings))
    assert found == of_chain(engine)
    assert len({told.rule for told in found}) >= 3
    return len(found)


def test_a_draft_shows_the_findings_of_the_whole_chain(sqlite_engine: Engine, tmp_path: Path) -> None:
    same_findings(sqlite_engine, tmp_path, 12, 7)


@pytest.mark.slow
def test_many_drafts_show_the_findings_of_the_whole_chain(sqlite_engine: Engine, tmp_path: Path) -> None:
    """`python -m tests.benchmarks.drafts --same 500` compares as many as one likes."""
    same_findings(sqlite_engine, tmp_path, 80, 8)


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    """A database of its own: which one it is makes no difference to what is found."""
    made = make_engine(sqlite_url)
    yield made
    made.dispose()


@pytest.fixture
def filed(engine: Engine, tmp_path: Path) -> Inline:
    """The reports on 2023 of the samples, in the database."""
    inline = Inline(engine, tmp_path)
    for path in sorted(REPORTS.glob("*2023*")):
        kind = "text/html" if path.suffix == ".html" else "text/plain"
        inline.add(path.read_bytes(), kind, path.name, hints=Hints(path=path.name, region=REGION))
    inline.work()
    return inline


def test_a_draft_is_compared_with_the_report_of_the_year_before(engine: Engine, filed: Inline, tmp_path: Path) -> None:
    (path,) = REPORTS.glob("*教育局2024*")
    connect = partial(reading, engine)
    (draft,) = check_drafts([str(path)], filed.settings, connect, region=REGION)
    beside = {(finding.rule, finding.other_year) for finding in draft.findings if finding.other_agency}
    assert ("years.jump", 2023) in beside
    assert BecauseOf.NO_LAST_YEAR not in {skipped.because for skipped in draft.not_run}
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    filed.add(path.read_bytes(), word, path.name, hints=Hints(path=path.name, region=REGION))
    filed.work()
    with reading(engine) as connection:
        kept = connection.execute(select(FindingRow.rule, FindingRow.message).where(FindingRow.between == "years")).all()
    assert sorted(map(tuple, kept)) == sorted((f.rule, f.message) for f in draft.findings if f.other_year == 2023)


def test_what_could_not_be_compared_is_said(engine: Engine, filed: Inline, tmp_path: Path) -> None:
    (path,) = REPORTS.glob("*教育局2024*")
    unknown = tmp_path / path.name.replace("教育局", "水利局")
    unknown.write_bytes(path.read_bytes())
    because = [
        {skipped.because for draft in check_drafts([str(path)], filed.settings, connect) for skipped in draft.not_run}
        for connect in (None, partial(reading, engine))
    ]
    assert BecauseOf.NO_DATABASE in because[0]
    assert BecauseOf.NEW_AGENCY in because[1]  # without a region it is not known whose report it is
    assert BecauseOf.WHOLE_REGION in because[0] & because[1]


def test_nothing_of_a_draft_is_stored(engine: Engine, filed: Inline) -> None:
    def kept() -> tuple[int, list[str]]:
        with reading(engine) as connection:
            rows = sum(
                connection.scalar(select(func.count()).select_from(t)) or 0 for t in (Document, Source, ReportRow, FindingRow)
            )
        return rows, sorted(filed.store.contents())

    before = kept()
    assert len(list(check_drafts([str(REPORTS)], filed.settings, partial(reading, engine), region=REGION))) == 6
    assert kept() == before


def test_a_draft_that_breaks_its_process_does_not_take_the_others_along(tmp_path: Path) -> None:
    (good,) = REPORTS.glob("*镇人民政府2024*")
    broken, empty = tmp_path / "坏.pdf", tmp_path / "空.txt"
    broken.write_bytes(b"%PDF-1.4 and no more")
    empty.write_bytes(b"")
    settings = Settings(home=tmp_path)
    drafts = list(check_drafts([str(broken), str(empty), str(good)], settings))
    assert [draft.code is None for draft in drafts] == [False, False, True]
    (slow,) = check_drafts([str(good)], settings, seconds=0.01)
    assert slow.code == "stage.timeout"


def test_the_command_prints_the_problems_and_says_whether_there_are_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONGKAI_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("GONGKAI_DATABASE_URL", raising=False)
    load_settings.cache_clear()
    (bad,), (good,) = REPORTS.glob("*教育局2024*"), REPORTS.glob("*镇人民政府2024*")
    runner = CliRunner()
    shown = runner.invoke(app, ["check-draft", str(bad)])
    assert shown.exit_code == 3
    assert "第一项加第二项之和" in shown.output
    assert "there is no database" in shown.output
    told = runner.invoke(app, ["check-draft", "--json", str(good), str(bad)])
    clean, other = json.loads(told.stdout)
    assert (clean.get("findings", []), other["findings"][0]["rule"]) == ([], "requests.balance")
    assert other["findings"][0]["labels"][0].startswith("表三 本年新收")
    assert runner.invoke(app, ["check-draft", str(good)]).exit_code == 0
    load_settings.cache_clear()
    assert runner.invoke(app, ["check-draft", str(tmp_path / "none.txt")]).exit_code == 2
    assert not (tmp_path / "home" / "gongkai.db").exists()


def test_a_draft_is_checked_without_the_imports_of_a_database() -> None:
    """They take longer than reading it; the database is opened while it is read."""
    code = "import sys, console.cli.rules.draft_report; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=REPOSITORY).returncode == 0


def test_a_reader_is_kept_ready_for_one_draft(tmp_path: Path) -> None:
    ready = ReadyReader()
    ready.prepare()
    (path,) = REPORTS.glob("*镇人民政府2024*")
    with ready.take() as prepared, ready.take() as other:
        assert prepared is not other  # nobody waits for somebody else's draft
        for reader in (prepared, other):
            (draft,) = check_drafts([str(path)], Settings(home=tmp_path), reader=reader)
            assert draft.is_clean
    ready.prepare()
    process = ready.take()
    ready.close()
    process.close()


def test_a_draft_does_not_pay_for_a_reader_that_ended_while_it_was_ready(tmp_path: Path) -> None:
    ready = ReadyReader()
    (path,) = REPORTS.glob("*镇人民政府2024*")
    ready.prepare()
    _end_children()
    with ready.take() as reader:
        (draft,) = check_drafts([str(path)], Settings(home=tmp_path), reader=reader)
    assert draft.is_clean
    ready.prepare()
    _end_children()
    ready.prepare()
    assert _readers()  # another one is ready
    ready.close()
    assert not _readers()


def _readers() -> list[psutil.Process]:
    """The processes that read drafts for this one."""
    children = psutil.Process().children()
    return [one for one in children if one.status() != psutil.STATUS_ZOMBIE and "console.dry_run_process" in one.cmdline()]


def _end_children() -> None:
    for process in _readers():
        process.kill()
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
