"""Lists: sorted by their columns page by page, found by region and text, and filters that a person keeps."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from database.filings import listing
from database.filings.listing import FilingFilter
from database.models import SavedFilter
from database.monitoring import listings
from database.monitoring.listings import DocumentFilter
from database.session import reading
from tests.benchmarks.filling import fill

COUNT = 130


@pytest.fixture
def filled(desk: Any) -> Any:
    """An application with some invented documents."""
    fill(desk.engine, COUNT, seed=5)
    return desk


def test_documents_are_sorted_page_by_page(filled: Any) -> None:
    """Every document once, in the order of the column, up and down: by the last one of the page before."""
    with reading(filled.engine) as connection:
        for name, field in (("number", "id"), ("status", "status"), ("agency", "agency"), ("region", None), ("year", "year")):
            orders = []
            for sort in (name, f"-{name}"):
                rows: list[Any] = []
                while page := listings.document_rows(connection, DocumentFilter(sort=sort), rows[-1].id if rows else None, 23):
                    rows += page
                orders.append([row.id for row in rows])
                if field in ("year", "id"):  # of texts the database has an order of its own
                    keys = [(getattr(row, field) or 0, row.id) for row in rows]
                    assert keys == sorted(keys, reverse=sort.startswith("-"))
            assert sorted(orders[0]) == list(range(1, COUNT + 1))
            assert orders[1] == orders[0][::-1]


def test_filings_and_batches_are_sorted_page_by_page(filled: Any) -> None:
    with reading(filled.engine) as connection:
        for name in listing.SORTS:
            orders = []
            for sort in (name, f"-{name}"):
                ids: list[int] = []
                while page := listing.filing_lines(connection, FilingFilter(sort=sort), ids[-1] if ids else None, 23):
                    ids += [line.id for line in page]
                orders.append(ids)
            assert orders[1] == orders[0][::-1]
            assert len(set(orders[0])) == len(orders[0]) > 23
        names: list[Any] = []
        while lines := listings.batch_lines(connection, names[-1].id if names else None, 10, sort="name"):
            names += lines
        assert [line.id for line in listings.batch_lines(connection, limit=500, sort="-name")] == [line.id for line in names][
            ::-1
        ]
        assert {line.name for line in listings.batch_lines(connection, name="第2批")} <= {line.name for line in names}


def test_heads_of_columns_sort_and_keep_the_filter(filled: Any) -> None:
    page = filled.viewer.get("/documents?status=accepted&sort=agency").text
    assert 'aria-sort="ascending"' in page
    assert 'href="/documents?status=accepted&amp;sort=-agency"' in page
    assert '<input type="hidden" name="sort" value="agency">' in page
    assert re.search(r'rel="next" href="/documents\?after=\d+&amp;status=accepted.*sort=agency"', page)
    for path in ("/filings?sort=-agency", "/batches?sort=name&name=示例", "/errors?sort=-first", "/documents?sort=nonsense"):
        assert filled.viewer.get(path).status_code == 200


def test_a_filter_is_kept_for_its_person_alone(filled: Any) -> None:
    path = "/documents?status=failed&region=示例市&after=7"
    page = filled.viewer.get(path).text
    query = re.search(r'name="query" value="([^"]*)"', page)
    assert query is not None
    fields = {"page": "documents", "query": query[1].replace("&amp;", "&")}
    assert (
        filled.post(filled.viewer, "/saved", name="本市失败", **fields).headers["location"].startswith("/documents?status=failed")
    )
    assert filled.post(filled.viewer, "/saved", name="本市失败", **fields).status_code == 303  # again: it is replaced
    page = filled.viewer.get("/documents").text
    link = re.search(r'<a href="(/documents\?[^"]+)">本市失败</a>', page)
    assert link is not None
    assert "after" not in link[1]
    assert filled.viewer.get(link[1].replace("&amp;", "&")).status_code == 200
    assert "本市失败" not in filled.operator.get("/documents").text
    with reading(filled.engine) as connection:
        (number,) = connection.scalars(select(SavedFilter.id))
    filled.post(filled.operator, "/saved/remove", number=number)  # it is not theirs
    assert "本市失败" in filled.viewer.get("/documents").text
    filled.post(filled.viewer, "/saved/remove", number=number)
    assert "本市失败" not in filled.viewer.get("/documents").text
    evil = {"page": "documents", "name": '"><script>', "query": "path=//elsewhere&text=<script>"}
    filled.post(filled.viewer, "/saved", **evil)
    assert "<script>" not in filled.viewer.get("/documents").text.replace("<script src", "")
    assert filled.post(filled.viewer, "/saved", page="users", name="x", query="").status_code == 404
