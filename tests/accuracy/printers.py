"""Programs that print documents, or PDFs again, as offices do: they are no part of the project, and may be absent."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import docx
from docx.document import Document as WordFile
from docx.oxml.ns import qn
from docx.oxml.parser import OxmlElement
from docx.shared import Cm, Length

from tests.accuracy.firefox import print_by_firefox
from tests.generator.documents import DOCX, RENDERERS, Document, make_document

PDF = "application/pdf"
_TWIP = 635  # EMU
_TOGETHER = 25  # documents that LibreOffice prints at once
_LONGEST = 300  # seconds


@dataclass(frozen=True)
class Printer:
    """What prints: its ``programs``, and the media type that it ``takes``. ``write`` prints files of that type (the first path)
    as PDFs (the second) and may write other files beside them. Raises subprocess.CalledProcessError when it fails.
    """

    programs: tuple[str, ...]
    takes: str
    write: Callable[[Sequence[tuple[Path, Path]]], None]

    @property
    def is_here(self) -> bool:
        """Whether its programs are installed."""
        return all(map(shutil.which, self.programs))


def layouts(media_type: str) -> tuple[str, ...]:
    """The layouts of generated documents of one media type."""
    return tuple(name for name in RENDERERS if make_document(1, name).media_type == media_type)


def printed(documents: Sequence[Document], names: Sequence[str], folder: Path) -> Iterator[tuple[Document, Path]]:
    """Print documents into ``folder`` by the printers of these names, each printing again what the one before has made.

    Raises subprocess.CalledProcessError when one fails, KeyError for an unknown name.
    """
    for at in range(0, len(documents), _TOGETHER):
        some = documents[at : at + _TOGETHER]
        yield from zip(some, print_files([_laid(document, folder) for document in some], names, folder), strict=True)


def print_files(files: Sequence[Path], names: Sequence[str], folder: Path) -> list[Path]:
    """Print files into ``folder`` as :func:`printed` does."""
    for name in names:
        results = [folder / f"{path.stem}.{name}.pdf" for path in files]
        PRINTERS[name].write(list(zip(files, results, strict=True)))
        files = results
    return list(files)


def _laid(document: Document, folder: Path) -> Path:
    """A document as a file, Word documents and web pages laid on pages of a size of their own."""
    path = folder / f"{document.layout}-{Path(document.name).stem}"
    rng = Random(document.name)
    if document.media_type == DOCX:
        path = path.with_name(f"{path.name}.docx")
        word = docx.Document(io.BytesIO(document.data))
        _lay_word(word, rng)
        word.save(str(path))
    elif document.media_type == PDF:
        path = path.with_name(f"{path.name}.pdf")
        path.write_bytes(document.data)
    else:
        path = path.with_name(f"{path.name}.html")
        path.write_text(_lay_page(document, rng), "utf-8-sig")  # the mark counts more than the encoding that a page declares
    return path


def _lay_word(word: WordFile, rng: Random) -> None:
    """Lay a document on pages of a size of its own, its tables as wide as the text."""
    page, height = Cm(rng.choice((18, 21, 29.7))), Cm(rng.uniform(11, 29.7))
    side, top = Cm(rng.uniform(1.5, 3)), Cm(rng.uniform(1.5, 2.5))
    for section in word.sections:
        section.page_width, section.page_height = page, height
        section.left_margin = section.right_margin = side
        section.top_margin = section.bottom_margin = top
    for table in word.element.body.iter(qn("w:tbl")):
        _widen(table, Length(page - 2 * side))


def _widen(table: OxmlElement, width: Length) -> None:
    """Let a table have columns of one width that fill ``width``."""
    asked = table.tblPr.find(qn("w:tblW"))
    if asked is None:
        asked = OxmlElement("w:tblW")
        table.tblPr.append(asked)
    asked.set(qn("w:type"), "pct")
    asked.set(qn("w:w"), "5000")
    columns = table.tblGrid.findall(qn("w:gridCol"))
    for column in columns:
        column.set(qn("w:w"), str(width // _TWIP // len(columns)))
    for cell in list(table.iter(qn("w:tcW"))):
        cell.getparent().remove(cell)


def _lay_page(document: Document, rng: Random) -> str:
    """The text of a web page with styles that lay it on pages of a size of its own. Tables around tables have no lines."""
    encoding = document.traits[-1].split(" as ")[0]
    width, height = rng.choice((180, 210, 297)), rng.uniform(110, 297)
    lines = rng.choice(("collapse", "collapse", "separate"))
    columns = rng.choice(("fixed", "fixed", "auto"))
    style = (
        f"<style>@page {{size: {width}mm {height:.0f}mm; margin: {rng.uniform(10, 25):.0f}mm}}"
        f"table {{border-collapse: {lines}; border-spacing: 0; width: 100%; table-layout: {columns}}}"
        f"td, th {{border: 1px solid black; word-break: {rng.choice(('break-all', 'normal'))}; width: auto !important;"
        f"font-size: {rng.uniform(7.5, 14):.1f}pt}}"
        "table:has(table) {table-layout: auto} table:has(table) > tbody > tr > td {border: none}</style>"
    )
    return document.data.decode(encoding).replace("</head>", f"{style}</head>", 1)


def _run(*command: str | Path) -> None:
    subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=_LONGEST)


def _libreoffice(jobs: Sequence[tuple[Path, Path]]) -> None:
    folder = jobs[0][0].parent.resolve()  # its profile is given by an absolute address
    sources = [source for source, _ in jobs]
    profile = f"-env:UserInstallation=file://{folder}/profile"
    _run("soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", folder, *sources)
    for source, result in jobs:
        source.with_suffix(".pdf").rename(result)


def _chromium(jobs: Sequence[tuple[Path, Path]]) -> None:
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer")
    for source, result in jobs:
        _run("chromium", *options, f"--print-to-pdf={result.resolve()}", f"file://{source.resolve()}")


def _wkhtmltopdf(jobs: Sequence[tuple[Path, Path]]) -> None:
    for source, result in jobs:
        rng = Random(source.name)  # it does not heed the size that a page asks for
        size = ("--page-width", f"{rng.choice((180, 210, 297))}mm", "--page-height", f"{rng.uniform(110, 297):.0f}mm")
        _run("wkhtmltopdf", "-q", "--encoding", "utf-8", *size, source, result)


def _again(*programs: str, command: str) -> Printer:
    """What prints PDFs again; in the command of a shell, $0 is the file and $1 the PDF to be made."""

    def write(jobs: Sequence[tuple[Path, Path]]) -> None:
        for source, result in jobs:
            _run("bash", "-o", "pipefail", "-c", command, source, result)

    return Printer(programs, PDF, write)


PRINTERS: dict[str, Printer] = {
    "libreoffice": Printer(("soffice",), DOCX, _libreoffice),
    "chromium": Printer(("chromium",), "text/html", _chromium),
    "firefox": Printer(("firefox",), "text/html", print_by_firefox),
    "wkhtmltopdf": Printer(("wkhtmltopdf",), "text/html", _wkhtmltopdf),
    "ghostscript": _again("gs", command='gs -q -dNOPAUSE -dBATCH -dSAFER -sDEVICE=pdfwrite -sOutputFile="$1" "$0"'),
    "postscript": _again("pdftops", "ps2pdf", command='pdftops "$0" - | ps2pdf - "$1"'),
    "cairo": _again("pdftocairo", command='pdftocairo -pdf "$0" "$1"'),
    "qpdf": _again("qpdf", command='qpdf --object-streams=generate --recompress-flate --linearize "$0" "$1"'),
    "mutool": _again("mutool", command='mutool clean -gggg -z -s "$0" "$1"'),
}
