"""Processor time and memory of the largest file of each kind: ``python -m tests.benchmarks.largest``, or with names of kinds.

Each file is near a limit of its kind. It is taken in by one process and extracted by another, each under the memory limits of
the settings; a third draws the first page where it is a picture. Files of LibreOffice are written where it is installed. Results
are printed as rows of docs/formats.md.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import resource
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from html import escape
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any, BinaryIO, NamedTuple

from codebook.errors import GongkaiError
from ingest.archives.limits import MIB, Limits
from ingest.archives.progress import report_to
from ingest.files.fingerprint import Content
from ingest.files.read_file import FileReader
from ingest.files.reader_process import limit
from runtime.process_limits import limit_memory
from runtime.settings import Settings
from tasks.extraction.extract import extract

_ROWS, _COLUMNS = 19_500, 10  # 200,000 cells are the limit
_TITLE = "示例县教育局2024年政府信息公开工作年度报告"


class Large(NamedTuple):
    """A kind: the end of its name, what the file holds, and what writes it to a path."""

    suffix: str
    holds: str
    write: Callable[[Path], object]


class Used(NamedTuple):
    """What a process came to, and the processor seconds and bytes of memory that it used."""

    result: str
    seconds: float
    memory: int


# ---- the files ----


def _numbers(rows: int = _ROWS, columns: int = _COLUMNS) -> list[list[str]]:
    rng = Random(1)
    return [[str(rng.randrange(1_000)) for _ in range(columns)] for _ in range(rows)]


def _tables() -> Any:
    """An extraction with all the cells, in tables of 100 rows."""
    from codebook.records import Cell, Extraction, Line, Page, PageKind, Place, Reader, Table  # noqa: PLC0415 (not in the readers)

    place, numbers = Place(), _numbers()
    blocks: list[Line | Table] = [Line(_TITLE, place)]
    for start in range(0, _ROWS, 100):
        part = numbers[start : start + 100]
        cells = tuple(Cell(r, c, text, place) for r, row in enumerate(part) for c, text in enumerate(row))
        blocks.append(Table(cells, len(part), _COLUMNS, place))
    return Extraction("text/html", (Page(1, PageKind.TEXT, "", Reader.HTML, tuple(blocks)),))


def _own(name: str) -> Callable[[Path], object]:
    """Write the tables by the function of this name of the project's own writers."""

    def write(path: Path) -> None:
        from tests.extraction import other_formats  # noqa: PLC0415 (as above, and below)

        data = getattr(other_formats, name)(_tables())
        path.write_bytes(data.encode() if isinstance(data, str) else data)

    return write


def _converted(source: str, write: Callable[[Path], object]) -> Callable[[Path], object]:
    """Write a file that ends in ``source``, and have LibreOffice convert it."""

    def convert(path: Path) -> None:
        original = path.with_name(f"source.{source}")
        write(original)
        profile = f"-env:UserInstallation=file://{path.parent}/profile"
        command = ["soffice", profile, "--headless", "--convert-to", path.suffix[1:], "--outdir", str(path.parent / "out")]
        subprocess.run([*command, str(original)], check=True, capture_output=True)
        (path.parent / "out" / f"source{path.suffix}").rename(path)

    return convert


def _docx(path: Path, count: int = _ROWS) -> None:
    from tests.hostile.files import docx  # noqa: PLC0415

    cell = "<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>"
    rows = [f"<w:tr>{''.join(map(cell.format, row))}</w:tr>" for row in _numbers(count)]
    tables = "".join(f"<w:tbl>{''.join(rows[at : at + 100])}</w:tbl><w:p/>" for at in range(0, count, 100))
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    title = f"<w:p><w:r><w:t>{_TITLE}</w:t></w:r></w:p>"
    body = f"<w:document xmlns:w='{space}'><w:body>{title}{tables}</w:body></w:document>"
    path.write_bytes(docx(body.encode()))


def _flat(path: Path) -> None:
    from tests.extraction.other_formats import flat_package  # noqa: PLC0415

    _docx(path)
    path.write_bytes(flat_package(path.read_bytes()))


def _script(path: Path) -> None:
    from codebook.book import load_book  # noqa: PLC0415

    labels = [row.label for row in load_book().blocks["requests"].rows.values()]
    rows = [[labels[at % len(labels)], *row] for at, row in enumerate(_numbers(10_000, 7))]
    path.write_text(f"<html><body><p>{_TITLE}</p><script>var t={json.dumps(rows, ensure_ascii=False)}</script></body></html>")


def _summary(write: str) -> Callable[[Path], object]:
    def summarise(path: Path) -> None:
        from tests.extraction import summaries  # noqa: PLC0415

        some = summaries.units(1)
        heads = summaries.heads(some)
        (row,) = summaries.body(heads, some)
        rng = Random(2)
        rows = [
            [at, f"示例县第{at}局", *row[2:3], *(rng.randrange(1_000) if head.indicator else "" for head in heads[3:])]
            for at in range(1, 3_001)
        ]
        path.write_bytes(getattr(summaries, write)(heads, rows))

    return summarise


def _report_pdf(pages: int) -> bytes:
    """A generated report, its pages repeated up to this number."""
    import pikepdf  # noqa: PLC0415

    from tests.generator.documents import Wishes, make_document  # noqa: PLC0415

    report = make_document(7, "pdf", Wishes(clean=True, year=2024))
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(report.data)) as source, pikepdf.new() as whole:
        while len(whole.pages) < pages:
            whole.pages.extend(source.pages)
        whole.save(target)
    return target.getvalue()


def _ofd(path: Path, pages: int = 200) -> None:
    from tests.extraction.ofd_files import ofd  # noqa: PLC0415

    with zipfile.ZipFile(io.BytesIO(ofd(_report_pdf(1)))) as one:
        parts = {name: one.read(name).decode() for name in one.namelist()}
    start, _, rest = parts["Doc_0/Document.xml"].partition("<ofd:Pages>")
    own = [name for name in parts if name.endswith("Content.xml")]
    named = "".join(f'<ofd:Page ID="{n}" BaseLoc="Pages/P_{n}/Content.xml"/>' for n in range(pages))
    parts["Doc_0/Document.xml"] = f"{start}<ofd:Pages>{named}</ofd:Pages>{rest.partition('</ofd:Pages>')[2]}"
    for n in range(pages):
        parts[f"Doc_0/Pages/P_{n}/Content.xml"] = parts[own[n % len(own)]]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)


def _portfolio(path: Path) -> None:
    from tests.ingest.test_portfolios import pdf  # noqa: PLC0415

    path.write_bytes(pdf({f"{n}.txt": _text(8 * MIB, n) for n in range(5)}))


def _picture(path: Path, side: int = 8_000) -> None:
    """A page of text on white paper. Telephones take up to 50 million pixels; more than 150 million are not decoded."""
    from PIL import Image, ImageDraw  # noqa: PLC0415
    from pillow_heif import register_heif_opener  # noqa: PLC0415

    register_heif_opener()
    image = Image.new("RGB", (side, side), "white")
    pen = ImageDraw.Draw(image)
    for line, row in enumerate(_numbers(100)):
        pen.text((400, 400 + 110 * line), "   ".join(row), "black", font_size=60)
    fast: dict[str, dict[str, Any]] = {".avif": {"speed": 10}, ".heic": {"enc_params": {"preset": "ultrafast"}}}
    image.save(path, **fast.get(path.suffix, {}))


def _text(size: int, seed: int) -> bytes:
    """A text that packs some fifty times."""
    rng, rows = Random(seed), "信息内容\t本年新收 12\t本年办结 7\n".encode() * 200
    blocks = (rows + rng.randbytes(100).hex().encode() for _ in range(size // len(rows) + 1))
    return (f"{_TITLE} {seed}\n".encode() + b"".join(blocks))[:size]


def _texts(size: int, count: int) -> Iterator[tuple[str, bytes]]:
    yield from ((f"{n}.txt", _text(size, n)) for n in range(count))


def _copies(size: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Texts that differ in their first bytes: as many are not made one by one."""
    text = _text(size, 1)
    yield from ((f"{n}.txt", b"%09d" % n + text[9:]) for n in range(count))


def _large_zip(size: int, count: int) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, data in _copies(size, count):
                archive.writestr(name, data)

    return write


def _zip(size: int, count: int) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, data in _texts(size, count):
                archive.writestr(name, data)

    return write


def _tar(size: int, count: int) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        packing: dict[str, Any] = {"mode": "w:gz", "compresslevel": 1} if path.suffix == ".gz" else {"mode": "w"}
        with tarfile.open(path, **packing) as archive:
            for name, data in _texts(size, count):
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))

    return write


def _seven_zip(path: Path) -> None:
    import py7zr  # noqa: PLC0415

    with py7zr.SevenZipFile(path, "w") as archive:
        for name, data in _texts(8 * MIB, 12):
            archive.writestr(data, name)


def _rar(path: Path) -> None:
    from tests.ingest.test_other_archives import rarred  # noqa: PLC0415

    path.write_bytes(rarred(dict(_texts(8 * MIB, 12))))


def _mail(path: Path) -> None:
    from email.message import EmailMessage  # noqa: PLC0415

    mail = EmailMessage()
    mail["From"], mail["Subject"], mail["MIME-Version"] = "a@example.org", _TITLE, "1.0"
    for name, data in _texts(8 * MIB, 8):
        mail.add_attachment(data, "application", "octet-stream", filename=name)
    path.write_bytes(mail.as_bytes())


def _lines(path: Path) -> None:
    path.write_text("".join(f"第{at}条　本机关依法公开信息{at}条。\n" for at in range(490_000)))


_CELLS = f"{_ROWS * _COLUMNS:,} cells"
_PAGE = "a page of 8,000 x 8,000 pixels"
KINDS: dict[str, Large] = {
    "text": Large("txt", "490,000 lines", _lines),
    "web page": Large("html", _CELLS, _own("web_page")),
    "web page in one file (MHT)": Large("mht", _CELLS, _own("web_archive")),
    "web page with data in a script": Large("html", "80,000 cells", _script),
    "DOCX": Large("docx", _CELLS, _docx),
    "flat OPC": Large("xml", _CELLS, _flat),
    ".doc, .wps": Large("doc", _CELLS, _converted("docx", _docx)),
    "the same, smaller": Large("doc", "8,000 cells", _converted("docx", partial(_docx, count=800))),
    "RTF": Large("rtf", _CELLS, _own("rtf")),
    ".odt": Large("odt", _CELLS, _own("odt")),
    ".xlsx": Large("xlsx", _CELLS, _own("workbook")),
    ".xlsb": Large("xlsb", _CELLS, _own("binary_workbook")),
    ".xls, .et": Large("xls", _CELLS, _converted("xlsx", _own("workbook"))),
    ".ods": Large("ods", _CELLS, _converted("xlsx", _own("workbook"))),
    "summary as .xlsx": Large("xlsx", "3,000 agencies", _summary("merged_workbook")),
    "summary as .csv": Large("csv", "3,000 agencies", _summary("csv_text")),
    "PDF": Large("pdf", "200 pages", lambda path: path.write_bytes(_report_pdf(200))),
    "PDF with attached files": Large("pdf", "5 texts of 8 MB", _portfolio),
    "OFD": Large("ofd", "200 pages", _ofd),
    **{name: Large(name.lower(), _PAGE, _picture) for name in ("PNG", "JPEG", "TIFF", "WebP", "HEIC", "AVIF", "JP2")},
    **{
        f"{name} near the limit": Large(name.lower(), "a page of 12,200 x 12,200 pixels", partial(_picture, side=12_200))
        for name in ("PNG", "JPEG", "AVIF", "JP2")  # no HEIC: its encoder ends at 142 million
    },
    "PDF near the limit": Large("pdf", "1,998 pages", lambda path: path.write_bytes(_report_pdf(1_998))),
    "OFD near the limit": Large("ofd", "2,000 pages", partial(_ofd, pages=2_000)),
    "zip near the limit of files": Large("zip", "99,000 texts of 1 kB", _zip(1_000, 99_000)),
    "tar near the limit of files": Large("tar", "99,000 texts of 1 kB", _tar(1_000, 99_000)),
    "zip near the limit of bytes": Large("zip", "300 texts of 64 MB", _large_zip(64 * MIB, 300)),
    "zip of small files": Large("zip", "20,000 texts of 1 kB", _zip(1_000, 20_000)),
    "zip of large files": Large("zip", "12 texts of 64 MB", _zip(64 * MIB, 12)),
    "tar of small files": Large("tar", "20,000 texts of 1 kB", _tar(1_000, 20_000)),
    "tar.gz of large files": Large("tar.gz", "12 texts of 64 MB", _tar(64 * MIB, 12)),
    "7z": Large("7z", "12 texts of 8 MB", _seven_zip),
    "RAR": Large("rar", "12 texts of 8 MB", _rar),
    "mail": Large("eml", "8 texts of 8 MB", _mail),
}


# ---- what is measured, each in a process ----


class _Nowhere:
    """Takes what is found, and keeps nothing of it. ``grant`` allows more time by the processor, as for each step of progress."""

    def __init__(self, grant: Callable[[], None]) -> None:
        self._grant = grant

    def looking(self, path: str, content: Content) -> None:
        """Nothing is sent."""
        self._grant()

    def keep(self, content: Content, file: BinaryIO) -> None:
        """The content is read, as it is on its way to the store."""
        file.seek(0)
        while file.read(MIB):
            pass


def write(path: Path, kind: str) -> str:
    """Write the file of a kind."""
    KINDS[kind].write(path)
    return ""


def take_in(path: Path, kind: str) -> str:
    """Take a file in: its media type where it is one document, else how many came in."""
    limits = Limits()
    report_to(grant := limit(limits))
    grant()
    found = list(FileReader(_Nowhere(grant), limits, lambda *_: False).read(str(path), path.name))
    codes = sorted({one.rejection[0] for one in found if one.rejection})
    if codes:
        return f"refused: {', '.join(codes)}"
    return found[0].media_type if len(found) == 1 else f"{len(found):,} documents"


def read(path: Path, media_type: str) -> str:
    """Extract a document."""
    limit_memory(Settings.model_fields["memory_bytes"].default)
    extraction = extract(path.read_bytes(), media_type)
    return "read" if all(page.blocks for page in extraction.pages) else "drawn"


def draw(path: Path, media_type: str) -> str:
    """Draw the first page of a document for OCR."""
    from tasks.ocr.render import render  # noqa: PLC0415 (other readers do not load it)

    limit_memory(Settings.model_fields["memory_bytes"].default)
    render(path.read_bytes(), media_type, 1)
    return "drawn for OCR"


def _child(work: Callable[[Path, str], str], path: Path, argument: str, seconds: int, out: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    try:
        result = work(path, argument)
    except GongkaiError as error:
        result = f"refused: {error.code}"
    except MemoryError:
        result = "ended: MemoryError"
    used = resource.getrusage(resource.RUSAGE_SELF)
    out.send(Used(result, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024))


def in_child(work: Callable[[Path, str], str], path: Path, argument: str, seconds: int) -> Used:
    """What a piece of work came to in a process of its own, which is ended after this time by the processor or the clock."""
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(work, path, argument, seconds, its))
    process.start()
    its.close()
    try:
        return mine.recv() if mine.poll(2 * seconds) else Used(f"ended after {2 * seconds} s by the clock", 0.0, 0)
    except EOFError:
        process.join()
        return Used(f"ended by signal {-(process.exitcode or 0)}", 0.0, 0)
    finally:
        process.kill()
        process.join()


def measured(kind: str, folder: Path, seconds: int) -> tuple[str, ...]:
    """A row of the table."""
    path = folder / f"large.{KINDS[kind].suffix}"
    if not path.exists():
        made = in_child(write, path, kind, seconds)
        if made.result:
            return (kind, KINDS[kind].holds, "", f"not written: {made.result}", "", "")
    steps = [in_child(take_in, path, kind, seconds)]
    media_type = steps[0].result
    if "/" in media_type:
        steps.append(in_child(read, path, media_type, seconds))
        if steps[-1].result == "drawn":
            steps.append(in_child(draw, path, media_type, seconds))
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    used = [f"{step.seconds:.1f}" for step in steps]
    return (
        kind,
        KINDS[kind].holds,
        size,
        steps[-1].result,
        " + ".join(used) + " s",
        f"{max(s.memory for s in steps) / 1e6:.0f} MB",
    )


def main() -> None:
    """Print a row for each kind."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.largest", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of: {', '.join(KINDS)}")
    parser.add_argument(
        "--seconds", type=int, default=90, help="of the processor, at most, for each step; by the clock twice that"
    )
    options = parser.parse_args()
    for kind in options.kinds or KINDS:
        with tempfile.TemporaryDirectory(prefix="gongkai-") as folder:
            print("|", " | ".join(map(escape, measured(kind, Path(folder), options.seconds))), "|", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
