"""Families of documents that real offices sent: through the whole program, to filings. The collection is read where it lies."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from console.cli import app
from database.session import make_engine
from runtime.settings import load_settings
from tests.inline import Inline

_DEFAULT = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"
FOLDER = Path(os.environ.get("GONGKAI_CORPUS", _DEFAULT)) / "cases"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the cases are not at {FOLDER}; set GONGKAI_CORPUS")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("GONGKAI_DATABASE_URL", "GONGKAI_BROKER_URL", "GONGKAI_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GONGKAI_HOME", str(tmp_path / "home"))
    load_settings.cache_clear()
    yield None
    load_settings.cache_clear()


def taken_in(folder: Path, *names: str) -> Engine:
    """The files of a case (all, if none is named), in this order, processed one after another."""
    files = [folder / name for name in names] or sorted(p for p in folder.iterdir() if p.suffix != ".json")
    for file in files:
        done = CliRunner().invoke(app, ["ingest", str(file), "--no-wait"])
        assert done.exit_code in (0, 3), done.output
    made = make_engine(f"sqlite:///{load_settings().home / 'gongkai.db'}")
    Inline(made, load_settings().home).work()
    return made


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


EDITIONS = ("原文.docx", "原文.pdf", "另存.pdf", "更正版.docx")


@pytest.mark.parametrize("order", [EDITIONS, EDITIONS[::-1]])
@pytest.mark.usefixtures("engine")
def test_copies_and_editions(order: tuple[str, ...]) -> None:
    """One filing: the report in three renditions, and its correction, which is in force."""
    folder = FOLDER / "19-copies-and-editions"
    made = taken_in(folder, *order)
    expected = json.loads((folder / "expected.json").read_text("utf-8"))
    cells = {name: case["truth"]["indicators"] for name, case in expected.items()}
    changed = sorted(cell for cell, value in cells["原文.docx"].items() if cells["更正版.docx"][cell] != value)
    assert rows(made, "select count(*), min(editions) from gk_filing") == [(1, 2)]
    (filing,) = rows(made, "select agency_name, year, path, status from gk_current_filing")
    assert (filing[:2], Path(filing[2]).name, filing[3]) == (("东城区工业和信息化局", 2024), "更正版.docx", "accepted")
    members = rows(made, "select edition, count(*) from gk_filing_document group by edition order by edition")
    assert members == [(1, 3), (2, 1)]
    found = rows(made, "select cells from gk_current_finding where rule = 'filing.changed'")
    assert [sorted(json.loads(row[0])) for row in found] == [changed]
    values = dict(rows(made, "select indicator, value from gk_current_value where state != 'doubtful'"))
    assert values == cells["更正版.docx"]


@pytest.mark.usefixtures("engine")
def test_a_department_that_came_twice_is_summed_once() -> None:
    folder = FOLDER / "38-copies-in-a-region"
    made = taken_in(folder)
    agencies = rows(made, "select agency_name from gk_current_filing order by agency_name")
    assert [name for (name,) in agencies] == ["洪泽区应急管理局", "洪泽区住房和城乡建设局", "淮安市洪泽区人民政府"] or len(
        agencies
    ) == 3
    assert rows(made, "select rule from gk_current_finding where rule like 'region.%' or rule like 'filing.%'") == []


@pytest.mark.usefixtures("engine")
def test_a_place_alone_and_its_government_are_one_agency() -> None:
    """The years of one agency are compared, and no agency is absent."""
    folder = FOLDER / "agency_two_names"
    made = taken_in(folder)
    assert rows(made, "select distinct agency_name from gk_current_filing") == [("宁海县人民政府",)]
    assert rows(made, "select count(*) from gk_current_filing") == [(2,)]
    assert rows(made, "select count(*) from gk_agency_case where state = 'open'") == [(0,)]


@pytest.mark.usefixtures("engine")
def test_a_file_of_two_reports_gives_no_numbers() -> None:
    made = taken_in(FOLDER / "11-many-reports-one-file")
    assert rows(made, "select count(*) from gk_value") == [(0,)]
    assert rows(made, "select code from gk_failure where state = 'open'") == [("report.several",)]
