"""Files that are attached to a PDF come in as documents, and only a mere cover gives way to them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pikepdf
import pytest
from reportlab.pdfgen.canvas import Canvas

from ingest.archives import portfolios
from ingest.archives.limits import Limits
from ingest.files.messages import FoundDocument
from ingest.files.read_file import FileReader
from tests.ingest.test_archive import zipped
from tests.ingest.test_rar_volumes import Outlet

REPORT = "示例县教育局2024年政府信息公开工作年度报告\n".encode()


def pdf(files: dict[str, bytes], *, text: str = "Open this portfolio in Acrobat.", pages: int = 1) -> bytes:
    """A PDF with attached files; ``text`` stands on each of its pages."""
    target = io.BytesIO()
    canvas = Canvas(target)
    for _ in range(pages):
        for line, at in enumerate(range(0, len(text), 80)):
            canvas.drawString(40, 800 - 14 * line, text[at : at + 80])
        canvas.showPage()
    canvas.save()
    with pikepdf.open(io.BytesIO(target.getvalue())) as document:
        for name, data in files.items():
            document.attachments[name] = pikepdf.AttachedFileSpec(document, data, filename=name)
        out = io.BytesIO()
        document.save(out, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return out.getvalue()


def annotated(files: dict[str, bytes], *, names: Sequence[str] = ()) -> bytes:
    """A PDF of two pages, on the second of which these files are pinned; ``names``: other ones, which may repeat."""
    called = dict(zip(files, names, strict=False))
    with pikepdf.open(io.BytesIO(pdf({}, pages=2, text="This is a report. " * 60))) as document:
        for name, data in files.items():
            held = pikepdf.AttachedFileSpec(document, data, filename=called.get(name, name)).obj
            pin = {"Type": pikepdf.Name.Annot, "Subtype": pikepdf.Name.FileAttachment, "Rect": [9, 9, 20, 20], "FS": held}
            page = document.pages[1]
            page.Annots = pikepdf.Array([*page.get("/Annots", []), document.make_indirect(pikepdf.Dictionary(**pin))])
        out = io.BytesIO()
        document.save(out, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return out.getvalue()


def read(folder: Path, data: bytes, limits: Limits = Limits()) -> dict[str, FoundDocument]:  # noqa: B008 (frozen)
    (folder / "a.pdf").write_bytes(data)
    found = FileReader(Outlet(), limits, lambda *_: False).read(str(folder / "a.pdf"), "a.pdf")
    return {one.path: one for one in found}


def test_what_a_portfolio_holds_comes_in(tmp_path: Path) -> None:
    files = {"报告.txt": REPORT, "全部.zip": zipped({"b.txt": REPORT + b"2"})}
    found = read(tmp_path, pdf(files))
    assert sorted(found) == ["a.pdf!全部.zip!b.txt", "a.pdf!报告.txt"]
    found = read(tmp_path, pdf(files | {"invoice.xml": b"<?xml version='1.0'?><invoice/>"}))
    assert sorted(found) == ["a.pdf", "a.pdf!全部.zip!b.txt", "a.pdf!报告.txt"]
    assert all(one.rejection is None for one in found.values())


def test_a_file_that_is_pinned_to_a_page_comes_in(tmp_path: Path) -> None:
    found = read(tmp_path, annotated({"附件.txt": REPORT, "b.zip": zipped({"c.txt": REPORT + b"3"})}))
    assert sorted(found) == ["a.pdf", "a.pdf!b.zip!c.txt", "a.pdf!附件.txt"]
    assert all(one.rejection is None for one in found.values())
    found = read(tmp_path, annotated({f"{number}.txt": REPORT * (number + 1) for number in range(6)}), Limits(archive_members=3))
    assert [one.rejection[0] for one in found.values() if one.rejection] == ["file.bomb"]


def test_files_without_a_name_and_of_one_name_have_paths_of_their_own(tmp_path: Path) -> None:
    """What ends a reader is passed over by its path afterwards."""
    files = {str(number): REPORT * number for number in range(1, 7)}
    files["7"] = files["3"]  # the same file once more
    data = annotated(files, names=[" ", "/", "r.txt", "r.txt", "x/r.txt", ".", "r.txt"])
    found = read(tmp_path, data)
    assert sorted(found) == sorted(
        ["a.pdf", *(f"a.pdf!{name}" for name in ("attached", "attached (2)", "attached (3)", "r.txt", "r (2).txt", "r (3).txt"))]
    )
    reader = FileReader(Outlet(), Limits(), lambda *_: False, frozenset({"a.pdf!attached"}))
    left = {one.path for one in reader.read(str(tmp_path / "a.pdf"), "a.pdf")}
    assert left == set(found) - {"a.pdf!attached"}


@pytest.mark.parametrize("more", [{"pages": 3}, {"text": "This is a whole report of its own. " * 40}])
def test_a_report_with_attached_files_is_a_document_too(tmp_path: Path, more: dict[str, object]) -> None:
    found = read(tmp_path, pdf({"附件.txt": REPORT}, **more))  # type: ignore[arg-type]
    assert sorted(found) == ["a.pdf", "a.pdf!附件.txt"]


def test_portfolios_in_each_other_end(tmp_path: Path) -> None:
    inner = pdf({"a.txt": REPORT})
    for _ in range(7):
        inner = pdf({"inner.pdf": inner})
    found = read(tmp_path, inner, Limits(archive_depth=3))
    assert list(found) == ["a.pdf!inner.pdf!inner.pdf!inner.pdf"]


def test_attached_files_count_against_the_limits(tmp_path: Path) -> None:
    found = read(tmp_path, pdf({f"{number}.txt": REPORT * (number + 1) for number in range(6)}), Limits(archive_members=3))
    assert [one.rejection[0] for one in found.values() if one.rejection] == ["file.bomb"]
    assert "a.pdf" in found
    found = read(tmp_path, pdf({"bomb.txt": bytes(3_000_000)}), Limits(file_bytes=1_000_000))
    assert list(found) == ["a.pdf"]


@pytest.mark.parametrize("lost", ["too large", "refused", "too many"])
def test_a_cover_stays_where_a_file_did_not_come_in(tmp_path: Path, lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its extraction names what it carries, so that nothing is lost without a trace."""
    files = {"a.txt": REPORT, "b.txt": REPORT + b"2"}
    if lost == "too large":
        files["b.txt"] = bytes(1_500_000)
    elif lost == "refused":
        files["b.txt"] = b"\x7fELF" + bytes(200)
    else:
        monkeypatch.setattr(portfolios, "_MOST", 1)
    found = read(tmp_path, pdf(files), Limits(file_bytes=1_000_000))
    assert sorted(found) == ["a.pdf", "a.pdf!a.txt"]
