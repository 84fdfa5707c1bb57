"""Page images that are one report: told from their names or by a manifest, and one document whatever the files are called."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from codebook import image_package
from codebook.errors import GongkaiError
from ingest.archives.limits import Limits
from ingest.files.bounded_reader import BoundedReader
from ingest.files.intake import Intake, Taken
from ingest.files.keeping import Keeper
from ingest.files.page_images import are_pages, decided_by, flat_folders
from ingest.files.walk import walk
from ingest.lists.manifest import load_manifest
from tasks.extraction.extract import extract

LIMITS = Limits(file_bytes=20_000, archive_bytes=1_000_000, archive_members=100)


class Store(dict[str, bytes]):
    def put(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        self[sha256] = data
        return sha256


def picture(width: int) -> bytes:
    target = io.BytesIO()
    Image.new("L", (width, 20), "white").save(target, "PNG")
    return target.getvalue()


def take(*paths: Path, manifest: Path | None = None, limits: Limits = LIMITS) -> tuple[dict[str, Taken], Store]:
    """What is registered by path, and the store."""
    given = load_manifest(manifest) if manifest else None
    store = Store()
    found = [one for one in walk(map(str, paths), decided_by(given)) if one.note is None]
    with Keeper(store) as keeper, BoundedReader() as reader:
        intake = Intake(reader, keeper, limits, given)
        taken = {taken.arrival.path: taken for one in found for taken in intake.take(one)}
        keeper.settle()
    return taken, store


def filled(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names, 1):
        (folder / name).write_bytes(picture(10 + number) if image_package.SUFFIXES and "." in name else b"")
    return folder


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["1.png", "2.png", "10.png"], True),
        (["page-01.jpg", "page-02.jpg"], True),
        (["第1页.tif", "第2页.tif", "第4页.tif"], True),
        (["IMG_0231.JPG", "IMG_0232.JPG"], True),
        (["0.png", "1.webp"], True),
        (["1.png"], False),
        (["1.png", "2.txt"], False),
        (["2021.png", "2022.png"], False),  # years
        (["320803.png", "320804.png"], False),  # regions
        (["甲局1.png", "乙局2.png"], False),
        (["报告.png", "附件.png"], False),
        (["1.png", "封面.png"], False),
        (["IMG_1.png", "IMG_900.png"], False),
        (["2.png", "3.png", "4.png"], True),  # the first page is missing
        (["5.png", "6.png"], False),
    ],
)
def test_names_of_pages(names: list[str], expected: bool) -> None:
    assert are_pages(names) is expected


def test_folders_in_an_archive() -> None:
    assert flat_folders(["a/1.png", "a/b/2.png", "c/10.png", "c/9.png"]) == {"a/b": ["a/b/2.png"], "c": ["c/9.png", "c/10.png"]}
    assert flat_folders(["2.png", "1.png"]) == {"": ["1.png", "2.png"]}
    assert flat_folders(["1.png", "1.png"]) == {}


def test_a_folder_of_pages_is_one_document(tmp_path: Path) -> None:
    filled(tmp_path / "in" / "report", "p10.png", "p9.png", "p2.png", "Thumbs.db")
    taken, store = take(tmp_path / "in")
    path = str(tmp_path / "in" / "report")
    assert list(taken) == [path]
    arrival = taken[path].arrival
    assert (arrival.media_type, arrival.hints.path, arrival.rejection) == (image_package.MEDIA_TYPE, path, None)
    widths = [page.width for page in extract(store[arrival.sha256], arrival.media_type).pages]
    assert widths == [13, 12, 11]  # 2, 9, 10


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["page1.png", "page2.png", "page4.png"], (3,)),
        (["p2.png", "p9.png", "p10.png"], (1, 3, 4, 5, 6, 7, 8)),
        (["2.png", "3.png", "4.png"], (1,)),
        (["0.png", "1.png", "3.png"], (3,)),  # the third page is called 2
        (["IMG_0231.jpg", "IMG_0233.jpg"], (2,)),
        (["1.png", "1.jpg", "01.png", "3.png"], (2,)),
        (["1.png", "2.png", "3.png"], ()),
    ],
)
def test_a_missing_page_is_kept_with_the_others(tmp_path: Path, names: list[str], missing: tuple[int, ...]) -> None:
    filled(tmp_path / "in" / "report", *names)
    taken, store = take(tmp_path / "in")
    (arrival,) = (one.arrival for one in taken.values())
    extraction = extract(store[arrival.sha256], arrival.media_type)
    assert extraction.missing_pages == missing
    assert [page.number for page in extraction.pages] == list(range(1, len(names) + 1))


def test_an_archive_with_a_missing_page_is_another_document_than_one_without(tmp_path: Path) -> None:
    (tmp_path / "whole.zip").write_bytes(zipped("", "1.png", "2.png"))
    (tmp_path / "gap.zip").write_bytes(zipped("", "1.png", "3.png"))
    (tmp_path / "gap.tar").write_bytes(tarred("报告/", "p1.png", "p3.png"))
    taken, store = take(tmp_path)
    found = {Path(path).name: one.arrival for path, one in taken.items()}
    assert found["gap.zip"].sha256 == found["gap.tar"].sha256 != found["whole.zip"].sha256
    assert image_package.missing_pages(store[found["gap.zip"].sha256]) == (2,)


def test_single_pictures_stay_single(tmp_path: Path) -> None:
    filled(tmp_path / "years", "2021.png", "2022.png")
    filled(tmp_path / "mixed", "1.png", "2.png")
    (tmp_path / "mixed" / "readme.txt").write_text("x")
    taken, _ = take(tmp_path)
    assert sorted(Path(path).name for path in taken) == ["1.png", "2.png", "2021.png", "2022.png", "readme.txt"]


def zipped(folder: str, *names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, name in enumerate(names, 1):
            archive.writestr(folder + name, picture(10 + number))
    return target.getvalue()


def tarred(folder: str, *names: str) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for number, name in enumerate(names, 1):
            info = tarfile.TarInfo(folder + name)
            data = picture(10 + number)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


@pytest.mark.parametrize("folder", ["", "报告/"])
@pytest.mark.parametrize("make", [zipped, tarred])
def test_an_archive_of_pages_is_the_same_document_as_the_folder(tmp_path: Path, make: Callable[..., bytes], folder: str) -> None:
    (tmp_path / "report.bin").write_bytes(make(folder, "1.png", "2.png"))
    filled(tmp_path / "report", "a-1.png", "a-2.png")
    taken, _ = take(tmp_path)
    assert sorted(taken) == [str(tmp_path / "report"), str(tmp_path / "report.bin")]
    assert len({one.arrival.sha256 for one in taken.values()}) == 1


def test_an_archive_with_several_reports(tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in ("甲/2.png", "乙/1.png", "甲/1.png", "乙/2.png"):
            archive.writestr(name, picture(10 + ord(name[0]) % 7))
        archive.writestr("说明.txt", "说明")
    (tmp_path / "all.zip").write_bytes(target.getvalue())
    taken, _ = take(tmp_path)
    assert sorted(path.partition("!")[2] for path in taken) == ["乙", "甲", "说明.txt"]


@pytest.mark.parametrize("pack", ["zip", "tar"])
def test_an_archive_of_saved_pages(tmp_path: Path, pack: str) -> None:
    page = "<html><body>政府信息公开工作年度报告</body></html>".encode()
    names = ("年报/a.html", "年报/a_files/1.png", "年报/a_files/2.png", "年报/b.html")
    members = {name: page + name.encode() if name.endswith(".html") else picture(len(name)) for name in names}
    if pack == "zip":
        with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(tmp_path / "all.tar.xz", "w:xz") as archive:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    taken, _ = take(tmp_path)
    assert sorted(path.partition("!")[2] for path in taken) == ["年报/a.html", "年报/b.html"]


def test_a_manifest_decides(tmp_path: Path) -> None:
    filled(tmp_path / "one", "封面.png", "正文.png")
    filled(tmp_path / "many", "1.png", "2.png")
    manifest = tmp_path / "list.csv"
    manifest.write_text("文件,机关\none,示例市民政局\nmany/1.png,示例市教育局\n")
    taken, _ = take(tmp_path / "one", tmp_path / "many", manifest=manifest)
    assert sorted(Path(path).name for path in taken) == ["1.png", "2.png", "one"]
    assert taken[str(tmp_path / "one")].arrival.hints.agency == "示例市民政局"


def test_a_report_with_a_broken_page_is_broken(tmp_path: Path) -> None:
    packed = bytearray(zipped("", "1.png", "2.png"))
    at = packed.find(b"PK\x03\x04", 10) + 50
    packed[at : at + 8] = b"damaged!"
    (tmp_path / "report.zip").write_bytes(packed)
    taken, _ = take(tmp_path)
    assert [(Path(path).name, one.arrival.rejection and one.arrival.rejection[0]) for path, one in taken.items()] == [
        ("report.zip", "file.corrupt")
    ]


def test_a_report_that_is_too_large(tmp_path: Path) -> None:
    filled(tmp_path / "report", "1.png", "2.png")
    (tmp_path / "report.zip").write_bytes(zipped("", "1.png", "2.png"))
    taken, store = take(tmp_path, limits=Limits(file_bytes=120))
    assert {one.arrival.rejection[0] for one in taken.values() if one.arrival.rejection} == {"file.too_large"}
    assert len(taken) == 2
    assert not store


def test_the_dates_of_files_and_members_are_kept(tmp_path: Path) -> None:
    when = {name: datetime(2024, month, 3, 4, 5, 6, tzinfo=UTC) for month, name in enumerate(("a.txt", "r/1.png", "r/2.png"), 1)}
    filled(tmp_path / "r", "1.png", "2.png")
    (tmp_path / "a.txt").write_text("a")
    for name, moment in when.items():
        os.utime(tmp_path / name, (moment.timestamp(), moment.timestamp()))
    with tarfile.open(tmp_path / "t.tar", "w") as archive:
        archive.add(tmp_path / "a.txt", "ta.txt")
        archive.add(tmp_path / "r", "tr")
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as packed:
        packed.writestr(zipfile.ZipInfo("china.txt", (2024, 5, 1, 9, 0, 0)), "the local time of China")
        info = zipfile.ZipInfo("exact.txt", (2024, 5, 1, 9, 0, 0))
        info.extra = struct.pack("<HHBi", 0x5455, 5, 1, int(when["a.txt"].timestamp()))
        packed.writestr(info, "the extended timestamp")
        packed.writestr(zipfile.ZipInfo("unknown.txt"), "1980: that of the archive")
        for page, month in ((1, 7), (2, 6)):
            packed.writestr(zipfile.ZipInfo(f"zr/{page}.png", (2024, month, 1, 8, 0, 0)), picture(month))
    os.utime(tmp_path / "z.zip", (0, datetime(2024, 9, 1, tzinfo=UTC).timestamp()))
    (tmp_path / "old.txt").write_text("of 1970")
    os.utime(tmp_path / "old.txt", (0, 0))
    taken, _ = take(tmp_path)
    found = {path.rpartition("/")[2].rpartition("!")[2]: one.arrival.dated_at for path, one in taken.items()}
    assert found == {
        "a.txt": when["a.txt"],
        "r": when["r/2.png"],
        "ta.txt": when["a.txt"],
        "tr": when["r/2.png"],
        "china.txt": datetime(2024, 5, 1, 1, 0, tzinfo=UTC),
        "exact.txt": when["a.txt"],
        "unknown.txt": datetime(2024, 9, 1, tzinfo=UTC),
        "zr": datetime(2024, 7, 1, tzinfo=UTC),
        "old.txt": None,
    }


def test_a_package_that_is_none() -> None:
    for data in (b"PK\x03\x04", zipped("", "1.png")):
        with pytest.raises(GongkaiError, match=r"file\.corrupt"):
            extract(data, image_package.MEDIA_TYPE)
    with pytest.raises(GongkaiError, match=r"file\.corrupt"):
        extract(image_package.pack([("1.png", b"no picture")]), image_package.MEDIA_TYPE)
    with pytest.raises(GongkaiError, match=r"file\.corrupt"):
        extract(image_package.pack([]), image_package.MEDIA_TYPE)
