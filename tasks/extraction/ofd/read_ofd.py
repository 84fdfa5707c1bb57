"""OFD documents: each page's characters and drawn lines, as GB/T 33190-2016 places them, to lines of text and ruled tables."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from lxml import etree

from codebook.errors import GongkaiError
from codebook.records import Extraction, LeftOut, LeftOutKind, Page, PageKind, Place, Reader
from tasks.extraction.docx.markup import local_name
from tasks.extraction.docx.package import DocxPackage, Unpacked
from tasks.extraction.grid import Box
from tasks.extraction.joining import gaps_of, join_pages
from tasks.extraction.left_out import nothing_read
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.ofd.shapes import Frame, chars_of, lines_of_path, millimetres, numbers_of
from tasks.extraction.pdf.layout import Char
from tasks.extraction.pdf.upright_blocks import upright_blocks

_A4 = (0.0, 0.0, 210.0, 297.0)  # millimetres
_GROUPS = ("Content", "Layer", "PageBlock", "CompositeObject")
_WIDE, _HIGH = 60.0, 12.0  # millimetres of a picture that may be a table
_DEEPEST = 20
_WHOLE = Frame()  # the page itself


class _PageWalker:
    """Gathers the characters, lines and pictures of one page."""

    def __init__(self, number: int, limits: ExtractionLimits) -> None:
        self.number = number
        self.most = limits.max_page_objects
        self.objects = 0
        self.chars: list[Char] = []
        self.lines: list[Box] = []
        self.pictures: list[str] = []

    def add(self, parent: etree._Element, frame: Frame = _WHOLE, depth: int = 0) -> None:
        """Add the objects below ``parent``. Raises ``file.bomb`` for nesting, ``page.too_large`` for too many of them."""
        if depth > _DEEPEST:
            raise GongkaiError("file.bomb", f"objects nested more than {_DEEPEST} deep", "a report", page=self.number)
        for element in parent:
            kind = local_name(element)
            if element.get("Visible", "true").lower() == "false" or element.get("Alpha") == "0":
                continue
            if kind in _GROUPS:
                self.add(element, frame.inside(element) if kind == "CompositeObject" else frame, depth + 1)
                continue
            self.objects += 1
            if kind == "TextObject":
                self.chars.extend(chars_of(element, frame, self.most))
            elif kind == "PathObject":
                self.lines.extend(lines_of_path(element, frame))
            elif kind == "ImageObject" and _may_be_table(element):
                self.pictures.append(f"picture {element.get('ResourceID', '?')} on page {self.number}")
            if max(self.objects, len(self.chars), len(self.lines)) > self.most:
                raise GongkaiError("page.too_large", "too many objects", f"at most {self.most:,}", page=self.number)


def read_ofd(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:
    """Pages of an OFD document. Boxes are in points from the upper left corner of the page.

    Objects that are said to be invisible or fully transparent, and white text, are not read. Pictures are left out and named.
    Raises GongkaiError: ``file.corrupt``, ``file.encrypted``, ``file.bomb``, ``file.too_large``, ``page.too_large``,
    ``file.empty``, ``report.tables_are_pictures`` (nothing but pictures is in it).
    """
    document = _OfdDocument(data, limits)
    pages, left_out = [], []
    for number, (width, height, found) in enumerate(document.pages(), 1):
        blocks = tuple(upright_blocks(found.chars, found.lines, number, limits))
        reason = f"{len(found.chars)} characters, {len(found.pictures)} pictures"
        pages.append(Page(number, PageKind.TEXT, reason, Reader.OFD, blocks, width, height))
        left_out += [LeftOut(LeftOutKind.PICTURE, name, Place(page=number)) for name in found.pictures]
    if not any(page.blocks for page in pages):
        raise nothing_read(left_out, "an OFD document without text")
    return Extraction(media_type, join_pages(pages), page_gaps=gaps_of(pages), left_out=tuple(left_out))


class _OfdDocument:
    """The package: where its pages are, and what is on them."""

    def __init__(self, data: bytes, limits: ExtractionLimits) -> None:
        self.limits = limits
        self.package = DocxPackage(data, limits, Unpacked(limits.max_docx_bytes))
        root = self.xml("OFD.xml")
        names = [(each.text or "").strip() for each in root.iter() if local_name(each) == "DocRoot"]
        if not names:
            raise GongkaiError("file.corrupt", "OFD.xml names no document", "an OFD document")
        self.name = names[0].lstrip("/")
        self.root = self.xml(self.name)
        self.templates = {
            each.get("ID", ""): self.beside(self.name, each.get("BaseLoc", ""))
            for each in self.root.iter()
            if local_name(each) == "TemplatePage"
        }

    def xml(self, name: str) -> etree._Element:
        """A part. Raises ``file.corrupt`` when it is absent or no XML."""
        if name not in self.package:
            raise GongkaiError("file.corrupt", f"{name} is missing", "a whole OFD document")
        return self.package.xml(name)

    @staticmethod
    def beside(name: str, target: str) -> str:
        """The name of a part to which the part ``name`` refers; a leading stroke begins at the package."""
        folder = "/" if target.startswith("/") else posixpath.dirname(f"/{name}")
        return posixpath.normpath(posixpath.join(folder, target)).lstrip("/")

    def pages(self) -> Iterator[tuple[float, float, _PageWalker]]:
        """Width and height of each page in points, and what is on it."""
        named = [page for page in self.root.iter() if local_name(page) == "Page" and page.get("BaseLoc")]
        if len(named) > self.limits.max_pages:
            raise GongkaiError("file.too_large", f"{len(named)} pages", f"at most {self.limits.max_pages}")
        usual = _box(self.root) or _A4
        for number, page in enumerate(named, 1):
            root = self.xml(self.beside(self.name, page.get("BaseLoc", "")))
            walker = _PageWalker(number, self.limits)
            used = [self.templates.get(t.get("TemplateID", "")) for t in root if local_name(t) == "Template"]
            for part in (*(self.xml(name) for name in used if name), root):
                walker.add(part)
            x0, y0, x1, y1 = _box(root) or usual
            yield millimetres(x1 - x0), millimetres(y1 - y0), walker


def _box(root: etree._Element) -> tuple[float, ...] | None:
    """The box of a page or document in millimetres: x, y of the upper left corner and of the lower right one."""
    for element in root.iter():
        if local_name(element) == "PhysicalBox" and len(found := numbers_of(element.text)) == len(_A4):
            x, y, width, height = found
            return x, y, x + width, y + height
    return None


def _may_be_table(image: etree._Element) -> bool:
    found = numbers_of(image.get("Boundary"))
    return len(found) == len(_A4) and found[2] >= _WIDE and found[3] >= _HIGH
