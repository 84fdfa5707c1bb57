"""The page of a document shows the tables of numbers that no form has, as they are printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.console.test_unknown_labels import filled


def test_a_document_shows_its_unknown_tables(desk: Any, tmp_path: Path) -> None:
    filled(desk.engine, tmp_path / "home")
    page = desk.viewer.get("/documents/1")
    assert page.status_code == 200
    assert "格式以外的数字表格" in page.text
    assert "<th>公报赠阅数</th><td>份</td><td>1</td>" in page.text
