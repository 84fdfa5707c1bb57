"""What was loaded is kept once, and what is needed to process it again stays."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, select, update

from codebook.records import Verdict
from codebook.stages import StageName
from database import ledger
from database.blob import unpack
from database.models import Output, ReportRow, Stage
from database.session import reading, run_transaction
from tests.generator.documents import Wishes, make_document
from tests.inline import Inline


def _kept(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return sorted(connection.scalars(select(Output.stage)))


def _bodies(engine: Engine) -> list[Verdict]:
    with reading(engine) as connection:
        return [unpack(body, Verdict) for body in connection.scalars(select(ReportRow.body).order_by(ReportRow.id))]


def test_the_verdict_of_a_loaded_report_is_in_its_row_alone(engine: Engine, tmp_path: Path) -> None:
    document = make_document(3, "pipes", Wishes(clean=True))
    inline = Inline(engine, tmp_path)
    number = inline.add(document.data, document.media_type, document.name)
    inline.work()
    assert _kept(engine) == ["extract", "parse"]
    with reading(engine) as connection:
        assert ledger.invariants(connection) == []
    (verdict,) = _bodies(engine)

    again = ledger.Selection(documents=(number,))
    started = run_transaction(engine, lambda c: ledger.reprocess(c, again, StageName.LOAD, who="test", reason="again"))
    assert started == 1
    inline.work()
    with reading(engine) as connection:
        stages = connection.scalars(select(Stage.stage).where(Stage.run == 2).order_by(Stage.id)).all()
        assert ledger.invariants(connection) == []
    assert stages == ["validate", "load"]
    assert _kept(engine) == ["extract", "parse"]
    assert _bodies(engine)[-1] == verdict


def test_a_verdict_that_is_not_loaded_must_be_kept(engine: Engine, tmp_path: Path) -> None:
    document = make_document(3, "pipes", Wishes(clean=True))
    inline = Inline(engine, tmp_path)
    inline.add(document.data, document.media_type, document.name)
    inline.work()
    with engine.begin() as connection:
        connection.execute(update(Stage).where(Stage.stage == "load").values(state="queued"))
    with reading(engine) as connection:
        assert any("its output is not kept" in found for found in ledger.invariants(connection))
