"""A dry run reads with the limits of a worker, in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from console.dry_run import _told, rehearse
from runtime.settings import Settings
from tests.conftest import REPOSITORY
from tests.inline import Inline

pytestmark = pytest.mark.slow

TEXT = next((REPOSITORY / "samples" / "reports").rglob("*.txt"))


@pytest.fixture
def documents(engine: Engine, tmp_path: Path) -> list[int]:
    """Two reports that were read and accepted."""
    inline = Inline(engine, tmp_path)
    numbers = [inline.add(TEXT.read_bytes() + b"\n" * (at + 2_000_000), "text/plain", f"in/{at}/{TEXT.name}") for at in range(2)]
    inline.work()
    return numbers


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"memory_bytes": 32 << 20}, "worker.out_of_memory"),
        ({"light_seconds": 0.001, "ocr_seconds": 0.001}, "stage.timeout"),
    ],
)
def test_a_document_beyond_the_limits_of_a_worker_ends_with_their_code(
    engine: Engine, documents: list[int], tmp_path: Path, limits: dict[str, float], code: str
) -> None:
    changes = list(rehearse(engine, Settings(home=tmp_path, **limits), documents))
    statuses = [change for change in changes if change.indicator is None]
    assert [change.document_id for change in statuses] == documents
    assert all(code in change.after for change in statuses)


def test_what_reads_as_before_changes_nothing(engine: Engine, documents: list[int], tmp_path: Path) -> None:
    assert list(rehearse(engine, Settings(home=tmp_path), documents)) == []


def test_a_cell_that_is_not_seen_is_not_told_as_blank() -> None:
    assert [_told(None, state) for state in ("missing", "not_seen", "doubtful")] == [
        "blank",
        "blank (not_seen)",
        "blank (doubtful)",
    ]
