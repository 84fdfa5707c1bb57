"""The filter by region finds what failed too, and takes regions as people type and pages print them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, update

from database.models import Source
from database.monitoring import listings, queries
from database.monitoring.listings import DocumentFilter
from database.session import reading
from tests.database.test_corrections import DOUBTFUL, a_report
from tests.inline import Inline

CHAIN = ["江苏省", "淮安市", "洪泽区"]


@pytest.fixture
def inline(engine: Engine, tmp_path: Path) -> Inline:
    """Documents 1 and 2 with reports of 洪泽区 and 淮安市; 3 to 6 empty files, refused, whose sources name a region in four ways;
    7 of another province.
    """
    made = Inline(engine, tmp_path)
    here = msgspec.structs.replace(a_report(DOUBTFUL), region=tuple(CHAIN), region_code="320813")
    above = msgspec.structs.replace(here, region=tuple(CHAIN[:2]), region_code="320800")
    for at, report in enumerate((here, above)):
        made.have_read(made.add(str(at).encode(), "application/pdf", f"in/{at}.pdf"), report)
    said: tuple[list[str], ...] = (CHAIN, ["江苏省淮安市洪泽区"], ["淮安市", "洪泽区"], ["洪泽区"], ["浙江省", "杭州市"])
    for at, region in enumerate(said):
        number = made.add(b" " * at, "text/plain", f"in/empty{at}.txt")
        with engine.begin() as connection:
            connection.execute(update(Source).where(Source.document_id == number).values(hints={"region": region}))
    made.work()
    return made


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("江苏省淮安市洪泽区", [1, 3, 4, 5, 6]),
        ("江苏省/淮安市/洪泽区", [1, 3, 4, 5, 6]),
        ("洪泽区", [1, 3, 4, 5, 6]),
        ("320813", [1, 3, 4, 5, 6]),
        ("淮安市", [1, 2, 3, 4, 5]),
        ("3208", [1, 2, 3, 4, 5]),
        ("江苏", [1, 2, 3, 4]),
        ("浙江省", [7]),
        ("西藏自治区", []),
    ],
)
def test_a_region_is_found_however_it_is_written(inline: Inline, text: str, numbers: list[int]) -> None:
    with reading(inline.engine) as connection:
        rows = listings.document_rows(connection, DocumentFilter(region=text))
        failed: dict[str, Any] = {g.code: g.documents for g in listings.failure_groups(connection, region=text)}
        items = queries.failures(connection, region=text)
    assert sorted(row.id for row in rows) == numbers
    assert sum(failed.values()) == len([number for number in numbers if number > 2])
    assert sorted(item.document_id for item in items) == [number for number in numbers if number > 2]
