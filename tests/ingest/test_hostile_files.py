"""Files that would make the intake work, remember or call without end: each is refused with a code, or taken as what it is."""

from __future__ import annotations

import io
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ingest.archives.archive import Budget, unpack
from ingest.archives.limits import MIB, Limits
from ingest.files.bounded_reader import MODULE, BoundedReader
from ingest.files.identify import identify
from ingest.files.intake import Intake
from ingest.files.keeping import Keeper
from ingest.files.page_images import are_pages
from ingest.files.walk import Found
from ingest.lists.manifest import region_of
from ingest.names import natural
from tests.growth import assert_linear, in_child, peak_memory
from tests.hostile import packed


class _Count:
    """A store that only counts."""

    def __init__(self) -> None:
        self.bytes = 0

    def put(self, data: bytes) -> str:
        self.bytes += len(data)
        return ""


def _take(path: Path, limits: Limits) -> tuple[Counter[str], int, int]:
    """The codes by which the files of ``path`` are refused ("" for those that are not), the bytes kept, and peak memory."""
    store = _Count()
    with Keeper(store) as keeper, BoundedReader() as reader, peak_memory(MODULE) as peak:
        taken = list(Intake(reader, keeper, limits).take(Found(str(path))))
        time.sleep(0.1)  # the peak is looked at once more
    codes = Counter((one.arrival.rejection or ("", ""))[0] for one in taken)
    assert peak.bytes > 0
    return codes, store.bytes, peak.bytes


def take(data: bytes, tmp_path: Path, limits: Limits | None = None) -> tuple[Counter[str], int, int]:
    path = tmp_path / "file.bin"
    path.write_bytes(data)
    return in_child(_take, path, limits or Limits(memory_bytes=1024 * MIB))


def _type(data: bytes) -> str:
    return identify(io.BytesIO(data)).media_type


# ---- texts ----


def test_comments_before_plain_text_are_passed_over_once() -> None:
    assert in_child(_type, packed.comments_then_text(60)) == "text/plain"
    assert in_child(_type, packed.comments_then_text(60) + b"<!-- never closed") == "text/plain"
    assert in_child(_type, packed.comments_then_text(60).replace("这".encode(), b"<p>\xe8\xbf\x99")) == "text/html"


@pytest.mark.parametrize("make", [packed.comments_then_text, packed.blank_lines_after_paragraph, lambda n: b" \n<!--" * n + b"x"])
def test_telling_html_from_text_takes_linear_time(make: Any) -> None:
    assert_linear(_type, make, 1_500)


# ---- names ----


def test_numbers_of_any_length_in_names_are_ordered_and_are_no_page_numbers(tmp_path: Path) -> None:
    assert sorted(["9" * 5_000, "1" * 5_001, "2"], key=natural) == ["2", "9" * 5_000, "1" * 5_001]
    assert not are_pages(["1" * 5_000 + ".png", "2" * 5_000 + ".png"])
    codes, _, _ = take(packed.long_number_name(), tmp_path)
    assert codes == {"": 2}


def test_a_region_with_wide_blanks_takes_linear_time() -> None:
    assert_linear(region_of, lambda n: "江苏省" + " " * n + "x", 5_000)


# ---- archives ----


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(packed.long_name_headers(400), "file.corrupt", id="headers that call for the next"),
        pytest.param(packed.pax_headers(3_000), "file.corrupt", id="extended headers that call for the next"),
        pytest.param(packed.lzma_dictionary(), "file.bomb", id="a dictionary of 4 GiB"),
        pytest.param(packed.whole_ratio(), "file.bomb", id="many members that each unpack to less than is looked at"),
        pytest.param(packed.nested_bombs(), "file.bomb", id="ratios that multiply"),
        pytest.param(packed.overlapping(), "file.bomb", id="members over each other"),
        pytest.param(packed.many_entries(1_200_000), "file.bomb", id="a million entries"),
        pytest.param(packed.sparse_tar(), "file.bomb", id="a sparse file of 10 GB"),
        pytest.param(packed.sparse_tar(2_000_000), "file.bomb", id="a sparse file"),
    ],
)
def test_an_archive_that_asks_for_too_much_is_refused(data: bytes, code: str, tmp_path: Path) -> None:
    codes, kept, peak = take(data, tmp_path)
    assert set(codes) <= {code, ""}
    assert codes[code] >= 1
    assert kept <= max(Limits().archive_free, 200 * len(data))
    assert peak < 450 * MIB


def test_an_honest_lzma_member_is_unpacked() -> None:
    data = packed.lzma_dictionary(8 * MIB)
    assert [member.read() for _, member, *_ in unpack(io.BytesIO(data), "application/zip", "a.zip", Budget(Limits()))]


def test_the_ratio_of_the_whole_counts_from_the_size_of_the_outermost_archive() -> None:
    assert Budget(Limits(), 10).bytes == Limits().archive_free == 32 * MIB
    assert Budget(Limits(), MIB).bytes == 200 * MIB
    assert Budget(Limits(archive_bytes=5), MIB).bytes == 5
