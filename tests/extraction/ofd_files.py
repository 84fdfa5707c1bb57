"""A PDF of the generator as an OFD document (GB/T 33190-2016): the same characters and lines, in millimetres."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from html import escape
from itertools import groupby, pairwise
from typing import Any

import pdfplumber

_MM = 25.4 / 72
_NAMESPACE = 'xmlns:ofd="http://www.ofdspec.org/2016"'


def ofd(pdf: bytes, *, packed: bool = True, template: bool = False, hidden: str = "") -> bytes:
    """The document. ``packed``: steps that repeat are written with ``g``; ``template``: lines stand in a template page;
    ``hidden``: how a 9 beside each number is hidden.
    """
    parts: dict[str, str] = {}
    named, templates = [], []
    with pdfplumber.open(io.BytesIO(pdf)) as document:
        for number, page in enumerate(document.pages):
            texts = list(_texts(page.chars, packed, hidden))
            lines = [_line(edge) for edge in page.edges]
            box = f"<ofd:PhysicalBox>0 0 {page.width * _MM:.3f} {page.height * _MM:.3f}</ofd:PhysicalBox>"
            used = f'<ofd:Template TemplateID="{900 + number}" ZOrder="Background"/>' if template else ""
            parts[f"Doc_0/Pages/Page_{number}/Content.xml"] = _page(box, used, texts if template else [*lines, *texts])
            named.append(f'<ofd:Page ID="{number + 1}" BaseLoc="Pages/Page_{number}/Content.xml"/>')
            if template:
                parts[f"Doc_0/Tpls/{number}.xml"] = _page(box, "", lines)
                templates.append(f'<ofd:TemplatePage ID="{900 + number}" BaseLoc="Tpls/{number}.xml"/>')
    area = "<ofd:PageArea><ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox></ofd:PageArea>"
    parts["Doc_0/Document.xml"] = (
        f"<ofd:Document {_NAMESPACE}><ofd:CommonData>{area}{''.join(templates)}</ofd:CommonData>"
        f"<ofd:Pages>{''.join(named)}</ofd:Pages></ofd:Document>"
    )
    parts["OFD.xml"] = (
        f"<ofd:OFD {_NAMESPACE}><ofd:DocBody><ofd:DocRoot>/Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>"
    )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return target.getvalue()


def _page(box: str, used: str, objects: list[str]) -> str:
    layer = f'<ofd:Content><ofd:Layer ID="7">{"".join(objects)}</ofd:Layer></ofd:Content>'
    return f"<ofd:Page {_NAMESPACE}>{used}<ofd:Area>{box}</ofd:Area>{layer}</ofd:Page>"


def _texts(chars: list[dict[str, Any]], packed: bool, hidden: str) -> Iterator[str]:
    for (top, size), run in groupby(chars, key=lambda char: (round(char["top"], 1), round(char["size"], 1))):
        row = list(run)
        start = row[0]["x0"]
        steps = [f"{(b['x0'] - a['x0']) * _MM:.4f}" for a, b in pairwise(row)]
        delta = _packed(steps) if packed else " ".join(steps)
        text = escape("".join(char["text"] for char in row))
        yield _text(start, top, size, text, f' DeltaX="{delta}"' if steps else "", "")
        if hidden and row[0]["text"].isdigit():
            yield _text(start - size, top, size, "9", "", hidden)


def _text(x: float, top: float, size: float, text: str, delta: str, more: str) -> str:
    boundary = f"{x * _MM:.4f} {top * _MM:.4f} 200 {size * _MM:.4f}"
    attributes, fill = ("", more) if more.startswith("<") else (f" {more}", "")
    code = f'<ofd:TextCode X="0" Y="{0.86 * size * _MM:.4f}"{delta}>{text}</ofd:TextCode>'
    return (
        f'<ofd:TextObject ID="5" Boundary="{boundary}" Font="1" Size="{size * _MM:.4f}"{attributes}>{fill}{code}</ofd:TextObject>'
    )


def _packed(steps: list[str]) -> str:
    return " ".join(f"g {len(run)} {step}" if len(run) > 1 else step for step, same in groupby(steps) for run in [list(same)])


def _line(edge: dict[str, Any]) -> str:
    x, y = edge["x0"] * _MM, edge["top"] * _MM
    across, down = (edge["x1"] - edge["x0"]) * _MM, (edge["bottom"] - edge["top"]) * _MM
    path = f"<ofd:AbbreviatedData>M 0 0 L {across:.4f} {down:.4f}</ofd:AbbreviatedData>"
    boundary = f"{x:.4f} {y:.4f} {across + 0.2:.4f} {down + 0.2:.4f}"
    return f'<ofd:PathObject ID="6" Boundary="{boundary}" LineWidth="0.2">{path}</ofd:PathObject>'


def ofd_of_pictures(
    pictures: list[bytes], *, placed: str = 'Boundary="0 0 210 297" CTM="210 0 0 297 0 0"', more: str = ""
) -> bytes:
    """An OFD document each page of which is a picture. ``placed`` says where it lies, ``more`` are objects below it."""
    parts: dict[str, str | bytes] = {}
    media, named = [], []
    for number, picture in enumerate(pictures):
        suffix = "png" if picture.startswith(b"\x89PNG") else "jpg" if picture.startswith(b"\xff\xd8") else "jb2"
        parts[f"Doc_0/Res/image_{number}.{suffix}"] = picture
        media.append(
            f'<ofd:MultiMedia ID="{80 + number}" Type="Image" Format="{suffix.upper()}"><ofd:MediaFile>image_{number}.{suffix}'
            "</ofd:MediaFile></ofd:MultiMedia>"
        )
        box = "<ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox>"
        shown = f'<ofd:ImageObject ID="{8 + number}" ResourceID="{80 + number}" {placed}/>'
        parts[f"Doc_0/Pages/Page_{number}/Content.xml"] = _page(box, "", [more, shown])
        named.append(f'<ofd:Page ID="{number + 1}" BaseLoc="Pages/Page_{number}/Content.xml"/>')
    parts["Doc_0/DocumentRes.xml"] = (
        f'<ofd:Res {_NAMESPACE} BaseLoc="Res"><ofd:MultiMedias>{"".join(media)}</ofd:MultiMedias></ofd:Res>'
    )
    area = "<ofd:PageArea><ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox></ofd:PageArea>"
    parts["Doc_0/Document.xml"] = (
        f"<ofd:Document {_NAMESPACE}><ofd:CommonData>{area}<ofd:DocumentRes>DocumentRes.xml</ofd:DocumentRes></ofd:CommonData>"
        f"<ofd:Pages>{''.join(named)}</ofd:Pages></ofd:Document>"
    )
    parts["OFD.xml"] = f"<ofd:OFD {_NAMESPACE}><ofd:DocBody><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>"
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return target.getvalue()
