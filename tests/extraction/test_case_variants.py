"""The kinds of cases that offices send (21, 25, 34, 35, 40, 41, 50), each in at least five further ways of writing them."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import py7zr
import pytest
import rars

from codebook.errors import GongkaiError
from codebook.records import Extraction, Hints, Verdict
from ingest.archives.limits import Limits
from ingest.files.identify import FileRole, identify
from ingest.files.read_file import FileReader
from ingest.files.walk import walk
from tasks.extraction.extract import extract
from tasks.flow import read_document
from tests.accuracy.compare import compare
from tests.extraction import other_formats as formats
from tests.extraction.ofd_files import ofd
from tests.extraction.test_other_formats import problems, truth_of
from tests.generator.documents import Document, Wishes, make_document
from tests.ingest.test_portfolios import pdf
from tests.ingest.test_rar_volumes import Outlet, in_volumes

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
SEED = 95


@cache
def _made() -> tuple[Document, Extraction]:
    document = make_document(SEED, "docx", Wishes(clean=True, year=2024))
    return document, extract(document.data, document.media_type)


# ---- 21: a DOCX whose content lies in chunks ----------------------------------------------------------------------------------


def chunked(name: str, kind: str, data: bytes, *, target: str = "", in_cell: bool = False) -> bytes:
    """A DOCX with one chunk of this name and content type."""
    chunk = "<w:altChunk r:id='c'/>"
    body = f"<w:tbl><w:tr><w:tc>{chunk}<w:p/></w:tc></w:tr></w:tbl>" if in_cell else f"<w:p/>{chunk}<w:p/>"
    main = f"{OFFICE}/officeDocument"
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": f"<Types xmlns='{PACKAGE}/content-types'>"
        "<Default Extension='rels' ContentType='application/vnd.openxmlformats-package.relationships+xml'/>"
        f"<Override PartName='/word/{name}' ContentType='{kind}'/>"
        "<Override PartName='/word/document.xml' ContentType="
        "'application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml'/></Types>",
        "_rels/.rels": f"<Relationships xmlns='{PACKAGE}/relationships'>"
        f"<Relationship Id='r' Target='word/document.xml' Type='{main}'/></Relationships>",
        "word/document.xml": f"<w:document xmlns:w='{WORD}' xmlns:r='{OFFICE}'><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": f"<Relationships xmlns='{PACKAGE}/relationships'>"
        f"<Relationship Id='c' Target='{target or name}' Type='{OFFICE}/aFChunk'/></Relationships>",
        f"word/{name}": data,
    }
    return repacked(parts)


def repacked(parts: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as package:
        for name, data in parts.items():
            package.writestr(name, data)
    return target.getvalue()


def _in_gb18030(extraction: Extraction) -> bytes:
    return formats.web_page(extraction).replace("<head>", "<head><meta charset=gb2312>").encode("gb18030")


DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
CHUNKS: dict[str, Callable[[Document, Extraction], bytes]] = {
    "HTML in GB18030": lambda _, e: chunked("a.htm", "text/html", _in_gb18030(e)),
    "XHTML": lambda _, e: chunked("a.xhtml", "application/xhtml+xml", formats.web_page(e).encode()),
    "a web archive": lambda _, e: chunked("a.mht", "message/rfc822", formats.web_archive(e)),
    "a DOCX by an absolute path": lambda d, _: chunked("a.docx", DOCX, d.data, target="/word/a.docx"),
    "a DOCX in a DOCX": lambda d, _: chunked("a.docx", DOCX, chunked("b.docx", DOCX, d.data)),
    "RTF": lambda _, e: chunked("a.rtf", "application/rtf", formats.rtf(e)),
    "HTML in a cell of a frame": lambda _, e: chunked("a.htm", "text/html", formats.web_page(e).encode(), in_cell=True),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHUNKS)
def test_chunks_of_a_docx(kind: str) -> None:
    document, extraction = _made()
    assert problems(CHUNKS[kind](document, extraction), document) == []


# ---- 25: packages with odd names ----------------------------------------------------------------------------------------------


def renamed(
    data: bytes, rename: Callable[[str], str], replace: tuple[str, str] = ("", ""), method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """A package whose parts have other names; texts in it are replaced."""
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        parts: dict[str, str | bytes] = {}
        for name in source.namelist():
            part = source.read(name)
            if replace[0] and name.endswith((".xml", ".rels")):
                part = part.replace(replace[0].encode(), replace[1].encode())
            parts[rename(name)] = part
    return repacked(parts, method)


PACKAGES: dict[str, Callable[[bytes], bytes]] = {
    "backslashes": lambda data: renamed(data, lambda name: name.replace("/", "\\")),
    "stored, not packed": lambda data: renamed(data, str, method=zipfile.ZIP_STORED),
    "main part with a number": lambda data: renamed(
        data, lambda name: name.replace("document.xml", "document7.xml"), ("word/document.xml", "word/document7.xml")
    ),
    "absolute targets": lambda data: renamed(data, str, ('Target="word/document.xml"', 'Target="/word/document.xml"')),
    "in the other order, a folder among the parts": lambda data: _with_folder(data),  # noqa: PLW0108 (defined below)
    "a mark before each part": lambda data: _with_marks(data),  # noqa: PLW0108 (as above)
}  # fmt: skip


def _with_folder(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        parts: dict[str, str | bytes] = {"word/": b"", **{name: source.read(name) for name in reversed(source.namelist())}}
    return repacked(parts)


def _with_marks(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        return repacked({name: b"\xef\xbb\xbf" + source.read(name) for name in source.namelist()})


@pytest.mark.parametrize("kind", PACKAGES)
def test_packages_with_odd_names(kind: str) -> None:
    document, _ = _made()
    assert problems(PACKAGES[kind](document.data), document) == []


# ---- 34: pages that only show a file ------------------------------------------------------------------------------------------

SHELL = "<html><head><title>年报</title></head><body><h1>示例县教育局2024年政府信息公开工作年度报告</h1>{}</body></html>"
SHELLS = {
    "an object": "<object data='files/年报.pdf' type='application/pdf'></object>",
    "embed": "<embed src='年报.pdf'>",
    "a frame with a viewer": "<iframe src='/pdfjs/web/viewer.html?file=%2F2024%2Freport.pdf'></iframe>",
    "a refresh": "</body><meta http-equiv='refresh' content='0;url=report.doc'>",
    "a script": "<script>window.location.href='/upload/2024/report.docx';</script>",
    "a link alone": "<p>附件：<a href='report.wps'>2024年年报.wps</a></p>",
}


@pytest.mark.parametrize("kind", SHELLS)
def test_pages_that_only_show_a_file(kind: str) -> None:
    with pytest.raises(GongkaiError) as caught:
        read_document(SHELL.format(SHELLS[kind]).encode(), "text/html")
    assert caught.value.code == "report.in_another_file"


def _read_or_code(data: bytes, media_type: str, name: str) -> Verdict | str:
    """The verdict on a document, or the code of its error."""
    try:
        return read_document(data, media_type, Hints(path=name))
    except GongkaiError as error:
        return error.code


# ---- 35: data in scripts ------------------------------------------------------------------------------------------------------


def _rows(extraction: Extraction) -> list[list[str]]:
    table = max((block for page in extraction.pages for block in page.blocks if not hasattr(block, "text")), key=lambda t: t.rows)
    rows: list[list[str]] = [[] for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row].append(cell.text)
    return rows


def _objects(rows: list[list[str]]) -> list[dict[str, str]]:
    return [{f"c{at}": text for at, text in enumerate(row)} for row in rows]


def _cells(rows: list[list[str]]) -> str:
    return "".join(f"<td>{text}</td>" for row in rows for text in row)


DATA: dict[str, Callable[[list[list[str]]], str]] = {
    "an array": lambda rows: f"<script>var rows = {json.dumps(rows, ensure_ascii=False)};</script>",
    "escapes": lambda rows: f"<script>window.data={json.dumps({'code': 0, 'rows': rows})};</script>",
    "a JSON script": lambda rows: f"<script type='application/json'>{json.dumps(rows, ensure_ascii=False)}</script>",
    "objects": lambda rows: f"<script>show({json.dumps(_objects(rows), ensure_ascii=False)})</script>",
    "single quotes": lambda rows: f"<script>var t={rows!s};</script>",
    "a template": lambda rows: f"<script>var h=`{_cells(rows)}`;var k={[row[0] for row in rows]}</script>",
}  # fmt: skip


@pytest.mark.parametrize("kind", DATA)
def test_data_in_scripts_are_never_accepted_as_whole(kind: str) -> None:
    document, extraction = _made()
    page = SHELL.format("<p>一、总体情况</p><p>略。</p>" + DATA[kind](_rows(extraction))).encode()
    verdict = _read_or_code(page, "text/html", "")
    if isinstance(verdict, str):
        assert verdict == "report.tables_are_objects"
        return
    assert verdict.status == "needs_review"
    assert compare(verdict, truth_of(document)).silent == []


# ---- 40: older formats --------------------------------------------------------------------------------------------------------

OLDER: dict[str, Callable[[Document, Extraction], bytes]] = {
    "binary workbook": lambda _, e: formats.binary_workbook(e),
    "workbook, a sheet a table": lambda _, e: formats.workbook(e, sheets=True),
    "web archive in UTF-16": lambda _, e: formats.web_archive(e, charset="utf-8", coding="8bit"),
    "page called .doc": lambda _, e: formats.web_page(e).encode("utf-16"),
    "OpenDocument text": lambda _, e: formats.odt(e),
    "RTF": lambda _, e: formats.rtf(e),
    "flat package": lambda d, _: formats.flat_package(d.data),
}


@pytest.mark.parametrize("kind", OLDER)
def test_older_formats(kind: str) -> None:
    document, extraction = _made()
    assert problems(OLDER[kind](document, extraction), document) == []


# ---- 41: OFD ------------------------------------------------------------------------------------------------------------------


def _ofd(change: Callable[[dict[str, bytes]], dict[str, bytes]], **options: bool) -> Callable[[bytes], bytes]:
    def make(data: bytes) -> bytes:
        with zipfile.ZipFile(io.BytesIO(ofd(data, **options))) as source:  # type: ignore[arg-type]
            parts = {name: source.read(name) for name in source.namelist()}
        return repacked(dict(change(parts)))

    return make


def _replaced(old: bytes, new: bytes) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda parts: {name: data.replace(old, new) for name, data in parts.items()}


def _with_prefix(parts: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data.replace(b"ofd:", b"o:").replace(b"xmlns:ofd=", b"xmlns:o=") for name, data in parts.items()}


def _in_another_folder(parts: dict[str, bytes]) -> dict[str, bytes]:
    return {name.replace("Doc_0", "Doc_1"): data.replace(b"Doc_0", b"Doc_1") for name, data in parts.items()}


OFDS: dict[str, Callable[[bytes], bytes]] = {
    "steps one by one": _ofd(dict, packed=False),
    "lines in a template": _ofd(dict, template=True),
    "another prefix": _ofd(_with_prefix),
    "no slash before the document": _ofd(_replaced(b">/Doc_0/Document.xml", b">Doc_0/Document.xml")),
    "a folder of its own": _ofd(_in_another_folder),
    "a byte order mark": _ofd(lambda parts: {name: b"\xef\xbb\xbf" + data for name, data in parts.items()}),
}  # fmt: skip


@pytest.mark.parametrize("kind", OFDS)
def test_ofd_of_other_writers(kind: str) -> None:
    document = make_document(SEED, "pdf", Wishes(clean=True, year=2024))
    assert problems(OFDS[kind](document.data), document) == []


# ---- 50: archives -------------------------------------------------------------------------------------------------------------


def _tar(folder: Path, members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


def _seven(folder: Path, members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with py7zr.SevenZipFile(target, "w", filters=[{"id": py7zr.FILTER_BZIP2}]) as archive:
        for name, data in members.items():
            archive.writestr(data, name)
    return target.getvalue()


def _rar(folder: Path, members: dict[str, bytes]) -> bytes:
    builder = rars.RarBuilder(format="rar40")
    for name, data in members.items():
        builder.add_bytes(data, name)
    return bytes(builder.to_bytes())


ARCHIVES: dict[str, Callable[[Path, dict[str, bytes]], dict[str, bytes]]] = {
    "tar.xz": lambda f, m: {"a.tar.xz": lzma.compress(_tar(f, m))},
    "tar.bz2 in a zip": lambda f, m: {"a.zip": repacked({"a.tbz": bz2.compress(_tar(f, m))})},
    "zip with LZMA": lambda f, m: {"a.zip": repacked(dict(m), zipfile.ZIP_LZMA)},
    "7z with BZip2 in a gz": lambda f, m: {"a.7z.gz": gzip.compress(_seven(f, m))},
    "RAR 4 in a zip": lambda f, m: {"b.zip": repacked({"a.rar": _rar(f, m)})},
    "7z in pieces": lambda f, m: {f"a.7z.{at:03}": part for at, part in enumerate(_cut(_seven(f, m), 3), 1)},
    "portfolio": lambda f, m: {"a.pdf": pdf(m)},
}


def _cut(data: bytes, pieces: int) -> list[bytes]:
    size = len(data) // pieces + 1
    return [data[at : at + size] for at in range(0, len(data), size)]


def _read(folder: Path) -> list[str]:
    """The sha256 of the documents that come in from a folder."""
    found = []
    for each in walk([str(folder)]):
        reader = FileReader(Outlet(), Limits(), lambda *_: False)
        found += reader.read(each.path, each.shown, volumes=each.volumes)
    assert [one.rejection for one in found if one.rejection] == []
    return sorted(one.sha256 for one in found)


@pytest.mark.parametrize("kind", ARCHIVES)
def test_archives_of_other_writers(kind: str, tmp_path: Path) -> None:
    document, _ = _made()
    members = {"县/年报.docx": document.data, "县/年报.txt": b"\xe7\x94\xb2"}
    if kind == "portfolio":
        members = {name.rpartition("/")[2]: data for name, data in members.items()}
    (tmp_path / "plain").mkdir()
    (tmp_path / "packed").mkdir()
    for number, data in enumerate(members.values()):
        (tmp_path / "plain" / str(number)).write_bytes(data)
    for name, data in ARCHIVES[kind](tmp_path, members).items():
        (tmp_path / "packed" / name).write_bytes(data)
    assert _read(tmp_path / "packed") == _read(tmp_path / "plain")


def test_a_rar_in_volumes_of_another_writer(tmp_path: Path) -> None:
    document, _ = _made()
    in_volumes(tmp_path, {"年报.docx": document.data})
    assert len(_read(tmp_path)) == 1


@pytest.mark.skipif(shutil.which("zip") is None, reason="the program zip is not installed")
def test_a_split_zip_of_the_program_zip(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "a.txt").write_text("示例县教育局2024年政府信息公开工作年度报告\n" * 5_000)
    subprocess.run(["zip", "-q", "-0", "-s", "64k", str(tmp_path / "in" / "a.zip"), "a.txt"], cwd=tmp_path, check=True)
    assert len(list((tmp_path / "in").iterdir())) > 2
    assert len(_read(tmp_path / "in")) == 1


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize(
    ("suffix", "filter_name"),
    [("doc", "MS Word 95"), ("xml", "MS Word 2003 XML"), ("docx", "Office Open XML Text"), ("html", "HTML (StarWriter)")],
)
def test_further_filters_of_libreoffice(suffix: str, filter_name: str, tmp_path: Path) -> None:
    document, _ = _made()
    (tmp_path / "a.docx").write_bytes(document.data)
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    wanted = ["--convert-to", f"{suffix}:{filter_name}", "--outdir", str(tmp_path / "out"), str(tmp_path / "a.docx")]
    subprocess.run(["soffice", profile, "--headless", *wanted], check=True, capture_output=True, timeout=300)
    if not (tmp_path / "out").exists():
        pytest.skip(f"this LibreOffice has no {filter_name}")
    data = (tmp_path / "out" / f"a.{suffix}").read_bytes()
    identity = identify(io.BytesIO(data))
    if identity.role is FileRole.REFUSED:
        assert identity.code == "file.unsupported"
        return
    verdict = _read_or_code(data, identity.media_type, document.name)
    if isinstance(verdict, str):
        assert verdict in ("file.unsupported", "file.corrupt")
        return
    assert compare(verdict, truth_of(document)).silent == []
