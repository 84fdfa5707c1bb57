"""The search finds documents by any words of their text, with both databases, and follows what is loaded and purged."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine, select, text

from codebook.records import Place, Section
from codebook.text.grams import grams
from database.intake.purging import purge
from database.models import SearchRow
from database.monitoring import listings
from database.monitoring.listings import DocumentFilter
from database.session import reading, run_transaction
from tasks.loading.task import load_verdict
from tasks.validation.validate import validate
from tests.database.test_corrections import DOUBTFUL, a_report
from tests.inline import Inline


@pytest.fixture
def inline(engine: Engine, tmp_path: Path) -> Inline:
    """Two reports with a chapter each, and a file that was refused."""
    made = Inline(engine, tmp_path)
    for at, (agency, words) in enumerate(
        (("洪泽区水利局", "全年收费标准为每件十元。"), ("洪泽区民政局", "政務公開工作扎实推进 Web2024。"))
    ):
        section = Section(1, "总体情况", words, Place())
        report = msgspec.structs.replace(a_report(DOUBTFUL), agency=agency, title=f"{agency}年度报告", sections=(section,))
        made.have_read(made.add(str(at).encode(), "application/pdf", f"甲/报告{at}.pdf"), report)
    made.add(b"", "text/plain", "甲/空白文件.txt")
    made.work()
    return made


def found(inline: Inline, words: str) -> list[int]:
    with reading(inline.engine) as connection:
        rows = listings.document_rows(connection, DocumentFilter(text=words))
        assert listings.count_documents(connection, DocumentFilter(text=words)) == len(rows)
    return sorted(row.id for row in rows)


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("收费标准", [1]),
        ("水利局", [1]),
        ("洪泽区", [1, 2]),
        ("政务公开", [2]),  # printed in traditional characters
        ("民政局 web2024", [2]),
        ("民政局 收费标准", []),
        ("报告1 扎实", [2]),  # path and chapter
        ("洪", [1, 2]),
        ("空白文件", [3]),  # it was refused: its path alone is known
        ("没有这些词", []),
        ("'; drop table gk_search --", []),
        ('"* OR NEAR(', []),
        ("%", []),
    ],
)
def test_documents_are_found_by_their_words(inline: Inline, words: str, numbers: list[int]) -> None:
    assert found(inline, words) == numbers


def test_the_search_follows_what_is_loaded_and_purged(inline: Inline) -> None:
    report = msgspec.structs.replace(a_report(DOUBTFUL), sections=(Section(1, "总体情况", "另有说明", Place()),))
    verdict = validate(report)
    run_transaction(inline.engine, lambda c: load_verdict(c, 1, verdict, {}))
    assert (found(inline, "收费标准"), found(inline, "另有说明")) == ([], [1])
    run_transaction(inline.engine, lambda c: purge(c, 1, who="li", reason="by mistake"))
    assert found(inline, "另有说明") == []
    with reading(inline.engine) as connection:
        assert list(connection.scalars(select(SearchRow.document_id))) == [2]


def test_a_report_that_comes_out_as_it_was_is_found_as_before(inline: Inline) -> None:
    verdict = validate(msgspec.structs.replace(a_report(DOUBTFUL), sections=(Section(1, "总体情况", "另有说明", Place()),)))

    def load(version: str, lost: str | None = None) -> list[int]:
        with inline.engine.begin() as connection:
            if lost is not None:
                connection.execute(text(lost))
            load_verdict(connection, 1, verdict, {"code": version})
        return found(inline, "另有说明")

    assert load("1") == [1]
    assert load("1", "delete from gk_search where document_id = 1") == [1]  # a database whose texts were not kept yet
    wrong = "array_to_tsvector(array['x'])" if inline.engine.dialect.name == "postgresql" else "'x'"
    assert load("2", f"update gk_search set grams = {wrong} where document_id = 1") == [1]  # another version made it
    with reading(inline.engine) as connection:
        kept = connection.execute(text("select count(*) from gk_report where document_id = 1")).scalar_one()
    assert kept == 2  # the one before, and this


def test_pieces_of_a_text() -> None:
    assert grams("公開2024年Ｗeb") == {"公开", "开", "2024", "年", "web"}
    assert grams(" ，。") == set()
