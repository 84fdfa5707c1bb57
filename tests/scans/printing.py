"""Reports printed by LibreOffice, WeasyPrint and Chromium, in fonts and rules of their own."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from random import Random

from docx import Document
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from tests.accuracy.compare import Truth
from tests.generator.composer import Shape, compose_paper
from tests.generator.figures import Figures, compose
from tests.generator.layouts.web import page_body
from tests.generator.layouts.word import render_docx
from tests.generator.paper import Paper
from tests.generator.world import pick_agency, pick_year
from tests.scans.batches import Clean, rendered

_STYLE = """
@page {{ size: A4; margin: 22mm 18mm }}
body {{ font-family: "{font}"; font-size: 14pt; line-height: 1.6 }}
table {{ border-collapse: collapse; width: 100%; table-layout: fixed; font-size: {size}pt; line-height: {line} }}
td, th {{ {rule}; text-align: center; padding: {padding}pt 2pt; font-weight: normal }}
tr {{ break-inside: avoid }}
"""
RULES = {
    "plain": "border: 0.75pt solid #000",
    "hairline": "border: 0.3pt solid #555",
    "grey": "border: 0.75pt solid #aaa",
    "dotted": "border: 0.75pt dotted #222",
    "none": "border: none",
}


@dataclass(frozen=True)
class Print:
    """How a report is printed: by which program, in which font, with which rules, and with what in the place of zeros."""

    program: str
    font: str
    rules: str = "plain"
    zero: str = "0"
    dpi: int = 200


def programs() -> dict[str, str]:
    """The programs that can print here, each with the reason why it cannot, or an empty one."""
    return {
        "chromium": "" if shutil.which("chromium") else "no program chromium",
        "weasyprint": "" if find_spec("weasyprint") else "no package weasyprint",
        "libreoffice": "" if shutil.which("soffice") else "no program soffice",
    }


@cache
def families() -> tuple[str, ...]:
    """The families of installed fonts with Chinese characters."""
    if not shutil.which("fc-list"):
        return ()
    listed = subprocess.run(["fc-list", ":lang=zh-cn", "family"], capture_output=True, text=True, check=True).stdout
    return tuple(sorted({line.split(",")[0] for line in listed.splitlines()}))


def printed(seed: int, how: Print) -> Clean:
    """Report ``seed`` as page images, with its truth."""
    rng = Random(f"print/{seed}")
    agency, year = pick_agency(rng), pick_year(rng)
    figures = compose(rng, agency, year, hybrid=False)
    if how.zero != "0":
        figures.blanks.update({key: how.zero for key, value in figures.values.items() if value == 0})
    paper = compose_paper(rng, agency, figures, Shape()).paper
    pages = rendered(_PRINTERS[how.program](paper, rng, how), how.dpi)
    return Clean(pages, _truth(figures, agency.name, agency.region, year), f"print-{seed}")


def _truth(figures: Figures, agency: str, region: tuple[str, ...], year: int) -> Truth:
    forms = {figures.form, figures.disclosure_form}
    return Truth(forms, agency, region, year, None, figures.known(), figures.blanks, set(), has_date=False)


def _page(paper: Paper, rng: Random, how: Print) -> str:
    style = _STYLE.format(
        font=how.font,
        rule=RULES[how.rules],
        size=rng.choice((9, 10, 10.5)),
        line=rng.choice((1.1, 1.3)),
        padding=rng.choice((1, 2, 4)),
    )
    head = f'<!DOCTYPE html><html lang="zh"><meta charset="utf-8"><style>{style}</style>'
    return f"{head}<body>{page_body(paper, rng, 'plain')}</body></html>"


def _weasyprint(paper: Paper, rng: Random, how: Print) -> bytes:
    return _run([sys.executable, "-m", "weasyprint", "page.html", "page.pdf"], "page.html", _page(paper, rng, how).encode())


def _chromium(paper: Paper, rng: Random, how: Print) -> bytes:
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", "--user-data-dir=profile"]
    return _run(["chromium", *options, "--print-to-pdf=page.pdf", "page.html"], "page.html", _page(paper, rng, how).encode())


def _libreoffice(paper: Paper, rng: Random, how: Print) -> bytes:
    document = Document(io.BytesIO(render_docx(paper, rng)))
    style = document.styles["Normal"]
    style.font.name, style.font.size = how.font, Pt(rng.choice((9, 10, 10.5)))
    style.element.rPr.rFonts.set(qn("w:eastAsia"), how.font)
    page = document.sections[0]
    page.page_width, page.page_height, page.left_margin, page.right_margin = Mm(210), Mm(297), Mm(18), Mm(18)
    room = page.page_width - page.left_margin - page.right_margin
    for table in document.tables:
        # as wide as the paper at most: what is beyond its edge nobody can read
        for column in table.columns:
            column.width = min(Pt(45), room // len(table.columns))
    data = io.BytesIO()
    document.save(data)
    command = [
        "soffice",
        f"-env:UserInstallation=file://{tempfile.gettempdir()}/gongkai-soffice",
        "--headless",
        "--convert-to",
        "pdf",
        "page.docx",
    ]
    return _run(command, "page.docx", data.getvalue())


def _run(command: list[str], name: str, data: bytes) -> bytes:
    """The PDF that a program makes of a file."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, name).write_bytes(data)
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=180)
        return Path(folder, "page.pdf").read_bytes()


_PRINTERS: dict[str, Callable[[Paper, Random, Print], bytes]] = {
    "weasyprint": _weasyprint,
    "chromium": _chromium,
    "libreoffice": _libreoffice,
}
