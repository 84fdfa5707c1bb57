"""What a manifest says of which file, and what is reported of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from codebook.errors import UsageError
from codebook.records import Hints
from ingest.lists.manifest import Manifest, load_manifest


def manifest(folder: Path, text: str, encoding: str = "utf-8") -> Manifest:
    path = folder / "list.csv"
    path.write_bytes(text.encode(encoding))
    return load_manifest(path)


CHINESE = "文件名,单位名称,地区,年度,发布日期,备注\n报告一.txt,示例市财政局,江苏省/示例市,2023年,2024/1/30,好\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_chinese_headers_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    found = manifest(tmp_path, CHINESE, encoding)
    row = found.row("in/报告一.txt")
    assert row is not None
    assert row.hints == Hints(region=("江苏省", "示例市"), agency="示例市财政局", year=2023, published_on="2024-01-30")
    assert found.problems == ["column '备注' is not known and is not used"]
    assert found.unmatched() == []


def test_english_headers_semicolons_and_a_batch(tmp_path: Path) -> None:
    found = manifest(tmp_path, "Path;Agency;Year;Published on;Batch\na/b.pdf;示例局;2024;2025年1月8日;spring\n")
    row = found.row("in/a/b.pdf")
    assert row is not None
    assert (row.hints.year, row.hints.published_on, row.batch) == (2024, "2025-01-08", "spring")


def test_the_longest_path_wins_and_members_of_archives_are_found(tmp_path: Path) -> None:
    found = manifest(tmp_path, "file,agency\nr.txt,甲\nx/r.txt,乙\nbox.zip!in/r.txt,丙\n")
    agencies = [
        row.hints.agency if (row := found.row(path)) else None for path in ("y/r.txt", "a/x/r.txt", "a/box.zip!in/r.txt", "s.txt")
    ]
    assert agencies == ["甲", "乙", "丙", None]


def test_a_row_that_fits_two_files_is_not_used(tmp_path: Path) -> None:
    found = manifest(tmp_path, "file,agency\nr.txt,甲\n")
    found.survey("a/r.txt")
    found.survey("b/r.txt")
    assert found.row("a/r.txt") is None
    assert "fits several files" in found.problems[0]


def test_rows_that_contradict_or_match_nothing_are_reported(tmp_path: Path) -> None:
    found = manifest(tmp_path, "file,agency\nr.txt,甲\nr.txt,乙\nnothing.txt,丙\n")
    assert found.row("r.txt") is None
    assert "say different things" in found.problems[0]
    assert found.unmatched() == ["nothing.txt"]


def test_values_that_cannot_be_understood_are_reported_and_left_out(tmp_path: Path) -> None:
    found = manifest(tmp_path, "file,year,date\nr.txt,去年,2024-13-40\n,2024,\ns.txt,1999,202411\nt.txt,2023,20240131\n")
    row = found.row("r.txt")
    assert row is not None
    assert (row.hints.year, row.hints.published_on) == (None, None)
    assert len(found.problems) == 5
    assert [row.hints.published_on for path in ("s.txt", "t.txt") if (row := found.row(path))] == [None, "2024-01-31"]


def test_a_manifest_without_paths_is_a_usage_error(tmp_path: Path) -> None:
    for text in ("单位,年度\n甲,2024\n", ""):
        with pytest.raises(UsageError, match="expected one of"):
            manifest(tmp_path, text)
    with pytest.raises(UsageError, match="No such file"):
        load_manifest(tmp_path / "absent.csv")
