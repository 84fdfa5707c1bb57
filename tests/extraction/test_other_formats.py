"""Reports in the formats that offices have besides DOCX, HTML and PDF: each cell as in the DOCX that they were made from."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter

from codebook.errors import GongkaiError
from codebook.records import Extraction, Hints, Reader, Table
from ingest.files.identify import FileRole, identify
from tasks.extraction.extract import extract
from tasks.extraction.office.unseen_marks import has_unseen_marks
from tasks.flow import read_document
from tests.accuracy.compare import Truth, compare
from tests.extraction import other_formats as formats
from tests.extraction import word2003_files
from tests.generator.documents import Document, Wishes, make_document

SEEDS = range(70, 76)
WRITERS: dict[str, Callable[[Document, Extraction], bytes]] = {
    "workbook": lambda _, e: formats.workbook(e),
    "workbook, numbers as text": lambda _, e: formats.workbook(e, as_text=True),
    "workbook, a sheet a table": lambda _, e: formats.workbook(e, sheets=True),
    "binary workbook": lambda _, e: formats.binary_workbook(e),
    "rtf": lambda _, e: formats.rtf(e),
    "odt": lambda _, e: formats.odt(e),
    "web archive": lambda _, e: formats.web_archive(e),
    "web archive in UTF-8, base64": lambda _, e: formats.web_archive(e, charset="utf-8", coding="base64"),
    "flat package": lambda d, _: formats.flat_package(d.data),
    "XML of Word 2003": lambda d, _: word2003_files.from_docx(d.data),
}


def truth_of(document: Document) -> Truth:
    return Truth(
        set(document.forms.values()), document.agency, document.region, document.year, None, document.indicators,
        document.blanks, [plant.rule for plant in document.plants], has_date=False,
    )  # fmt: skip


def problems(data: bytes, document: Document, name: str = "") -> list[str]:
    """What is not as in the document."""
    found = identify(io.BytesIO(data))
    assert found.role is FileRole.DOCUMENT, found
    score = compare(read_document(data, found.media_type, Hints(path=name or document.name)), truth_of(document))
    doubts = [f"{score.doubtful} doubts"] if score.doubtful else []
    return [*score.silent, *score.wrong.values(), *score.missed_rules, *score.false_errors, *doubts]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", WRITERS)
def test_every_cell_is_that_of_the_docx(kind: str, seed: int) -> None:
    document = make_document(seed, "docx", Wishes(clean=True))
    data = WRITERS[kind](document, extract(document.data, document.media_type))
    assert problems(data, document) == []


def test_a_cell_of_a_workbook_names_its_sheet_row_and_column() -> None:
    document = make_document(70, "docx", Wishes(clean=True))
    data = formats.workbook(extract(document.data, document.media_type), sheets=True)
    report = read_document(data, formats.WORKBOOK).report
    places = {reading.place.page for reading in report.readings}
    assert len(places) > 1  # the sheets
    assert all(r.place.line and r.place.column and r.read_by is Reader.WORKBOOK for r in report.readings)
    extraction = extract(data, formats.WORKBOOK)
    assert "草稿" in extraction.notes[0]


REFUSED = {
    "a workbook that is none": (b"PK\x03\x04" + bytes(100), formats.WORKBOOK, "file.corrupt"),
    "an old document cut off": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "application/msword", "file.corrupt"),
    "an old workbook cut off": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "application/vnd.ms-excel", "file.corrupt"),
    "an OpenDocument that is none": (b"PK\x05\x06" + bytes(18), formats.ODT, "file.corrupt"),
    "a web archive without a page": (b"MIME-Version: 1.0\r\n\r\nx", formats.MHTML, "file.corrupt"),
    "a flat package that is none": (b"<pkg:package", formats.FLAT, "file.corrupt"),
    "entities in a flat package": (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', formats.FLAT, "file.corrupt"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_broken_is_refused_with_a_code(name: str) -> None:
    data, media_type, code = REFUSED[name]
    with pytest.raises(GongkaiError) as caught:
        extract(data, media_type)
    assert (caught.value.code, bool(caught.value.found)) == (code, True)


LIBREOFFICE = {"doc": "docx", "rtf": "docx", "odt": "docx", "xls": "xlsx", "ods": "xlsx"}  # what it writes, and from what


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("suffix", LIBREOFFICE)
def test_what_libreoffice_writes_is_read_alike(tmp_path: Path, suffix: str) -> None:
    documents = [make_document(seed, "docx", Wishes(clean=True)) for seed in range(80, 90)]
    source = LIBREOFFICE[suffix]
    for number, document in enumerate(documents):
        data = document.data if source == "docx" else formats.workbook(extract(document.data, document.media_type))
        (tmp_path / f"{number}.{source}").write_bytes(data)
    out = tmp_path / "out"
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = [
        "soffice",
        profile,
        "--headless",
        "--convert-to",
        suffix,
        "--outdir",
        str(out),
        *map(str, tmp_path.glob(f"*.{source}")),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    if not out.exists():
        pytest.skip(f"this LibreOffice writes no {suffix}")
    for number, document in enumerate(documents):
        assert problems((out / f"{number}.{suffix}").read_bytes(), document) == []


@pytest.mark.parametrize("mark", [rb"{\v 9}", rb"{\super 1}", rb"{\up6 2}"])
def test_a_document_with_hidden_or_raised_characters_is_refused(mark: bytes) -> None:
    """A 9 that nobody sees before a 7 is no digit of it, and the library does not say which characters are hidden."""
    document = make_document(70, "docx", Wishes(clean=True))
    clean = formats.rtf(extract(document.data, document.media_type))
    assert clean.count(b"\\pard\\intbl 0\\cell") > 20
    marked = clean.replace(b"\\pard\\intbl 0\\cell", b"\\pard\\intbl 0" + mark + b"\\cell", 1)
    with pytest.raises(GongkaiError) as caught:
        extract(marked, formats.RTF)
    assert (caught.value.code, caught.value.expected) == ("file.unsupported", "the document opened and saved as DOCX")


def test_a_document_in_which_nothing_is_hidden_is_told_from_one_with_marks() -> None:
    assert not has_unseen_marks(rb"{\rtf1\ansi \viewkind4\v0 7\super0 \up0}", "rtf")
    assert has_unseen_marks(rb"{\rtf1\ansi \v 7}", "rtf")
    assert has_unseen_marks(rb"{\rtf1\ansi {\deleted 9}7}", "rtf")
    colours = rb"{\rtf1{\colortbl;\red0\green0\blue0;\red255\green255\blue255;}"
    assert not has_unseen_marks(colours + rb"\cf1 21\cf20 \cb2}", "rtf")
    assert has_unseen_marks(colours + rb"\cf1 21{\cf2 9}}", "rtf")
    box = rb"{\shp{\*\shpinst{\shptxt \pard 21\par}}}"
    assert not has_unseen_marks(rb"{\rtf1 " + box + rb"\trowd\cellx9\intbl 7\cell\row " + box + rb"}", "rtf")
    assert has_unseen_marks(rb"{\rtf1\trowd\cellx9\intbl " + box + rb"\cell\row}", "rtf")
    assert has_unseen_marks(b"\0\0\x3c\x08\x01\0", "doc")
    assert has_unseen_marks(b"\0\0\x48\x2a\x01\0", "doc")
    assert not has_unseen_marks(b"\0\0\x3c\x08\x00\0", "doc")
    deleted, raised = b"\x00\x08\x01\x63\x48\x01\x00\x64\x68\x00\x80\x10\x7c", b"\x45\x48\x08\x00"
    for mark in (b"\x53\x2a\x01", b"\x70\x68\xff\xff\xff\x00", deleted, raised):
        assert has_unseen_marks(b"\0\0" + mark + b"\0", "doc")
    for mark in (b"\x53\x2a\x00", b"\x70\x68\x00\x00\xff\x00", deleted[:3], b"\x45\x48\x00\x00"):
        assert not has_unseen_marks(b"\0\0" + mark + b"\0", "doc")
    assert has_unseen_marks(rb"{\rtf1 7{\cf17\lang1033\kerning0\chcbpat17 9}}", "rtf")
    assert has_unseen_marks(rb"{\rtf1 7{\cf2\highlight2 9}}", "rtf")
    assert not has_unseen_marks(rb"{\rtf1 7{\cf17\lang1033\chcbpat1 9}{\cf0\cb0 1}{\cf2 8}{\cb2 1}}", "rtf")
    plain = formats.odt(extract(b"<p>7</p>", "text/html"))
    assert not has_unseen_marks(plain, "odt")
    fo = 'xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0" '
    colours = ('fo:color="#FFFFFF"', 'fo:color="#d9d9d9" fo:background-color="#D9D9D9"', 'fo:font-size="1pt"')
    assert not has_unseen_marks(
        formats.restyled(plain, fo + 'fo:color="#ffffff" fo:background-color="#000000"', used=True), "odt"
    )
    for look in ('text:display="none"', 'style:text-position="super 58%"', *(fo + colour for colour in colours)):
        assert has_unseen_marks(formats.restyled(plain, look, used=True), "odt")
        assert not has_unseen_marks(formats.restyled(plain, look, used=False), "odt")


@pytest.mark.parametrize(
    "inner",
    [
        "<text:hidden-text>9</text:hidden-text>",
        "<text:ruby><text:ruby-base/><text:ruby-text>9</text:ruby-text></text:ruby>",
        "<office:annotation><text:p>9</text:p></office:annotation>",
    ],
)
def test_what_is_put_aside_in_a_cell_is_an_unseen_mark(inner: str) -> None:
    made = formats.odt(extract(b"<table><tr><td>a<td>7<tr><td>b<td>8</table>", "text/html"))
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(made)) as source, zipfile.ZipFile(target, "w") as package:
        for name in source.namelist():
            package.writestr(name, source.read(name).replace(b"<text:p>7", f"<text:p>7{inner}".encode()))
    assert not has_unseen_marks(made, "odt")
    assert has_unseen_marks(target.getvalue(), "odt")


def _write_unread(book: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet, kind: str) -> None:
    plain, struck, raised, white = (
        book.add_format(look) for look in ({}, {"font_strikeout": True}, {"font_script": 1}, {"font_color": "#FFFFFF"})
    )
    if kind == "formula":
        sheet.write_formula("B2", "=1+1", None, "")
    elif kind == "stale":
        sheet.write_formula("B2", "=1+1")  # 0 is stored, and the file asks to be computed
    elif kind == "error":
        sheet.write_formula("B2", "=1/0", None, "#DIV/0!")
    elif kind == "yes":
        sheet.write_boolean("B2", True)
    elif kind == "struck":
        sheet.write_rich_string("B2", struck, "9", plain, "7")
    elif kind == "raised":
        sheet.write_rich_string("B2", plain, "7", raised, "1")
    elif kind == "white":
        sheet.write_rich_string("B2", white, "9", plain, "7")
    elif kind == "bold":
        sheet.write_rich_string("B2", book.add_format({"bold": True}), "9", plain, "7")
    else:
        sheet.write_formula("B2", "=1+1", None, 2)


@pytest.mark.parametrize(
    ("kind", "is_sure"),
    [
        *((kind, False) for kind in ("formula", "stale", "error", "yes", "struck", "raised", "white")),
        *((kind, True) for kind in ("bold", "computed")),
    ],
)
def test_a_cell_of_a_workbook_that_is_not_read_as_it_is_shown_is_in_doubt(kind: str, is_sure: bool) -> None:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for row, label in enumerate(("许可", "处罚", "强制")):
            sheet.write_row(row, 0, [label, 1, 2])
        _write_unread(book, sheet, kind)
    table = extract(target.getvalue(), formats.WORKBOOK).pages[0].blocks[0]
    assert isinstance(table, Table)
    assert {(cell.row, cell.column) for cell in table.cells if cell.score < 1} == (set() if is_sure else {(1, 1)})


def test_a_sum_of_binary_fractions_in_a_workbook_has_no_dust() -> None:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        book.add_worksheet().write_row(0, 0, ["许可", 0.1 + 0.2, 2.9999999999999996])
    table = extract(target.getvalue(), formats.WORKBOOK).pages[0].blocks[0]
    assert isinstance(table, Table)
    assert [cell.text for cell in table.cells] == ["许可", "0.3", "3"]
