"""OFD documents: each page's characters and drawn lines, as GB/T 33190-2016 places them, to lines of text and ruled tables.

A page that is a picture, and pictures that may be tables, are left to OCR (:func:`page_pictures`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lxml import etree

from codebook.errors import GongkaiError
from codebook.records import Extraction, LeftOut, LeftOutKind, Page, PageKind, Place, Reader
from tasks.extraction.docx.markup import local_name
from tasks.extraction.docx.package import DocxPackage, Unpacked
from tasks.extraction.grid import Box
from tasks.extraction.joining import gaps_of, join_pages
from tasks.extraction.left_out import nothing_read
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.ofd.pictures import OfdPicture, beside, hides, media_of, picture_of
from tasks.extraction.ofd.shapes import Frame, chars_of, lines_of_path, millimetres, numbers_of
from tasks.extraction.pdf.layout import Char
from tasks.extraction.pdf.upright_blocks import upright_blocks

_A4 = (0.0, 0.0, 210.0, 297.0)  # millimetres
_GROUPS = ("Content", "Layer", "PageBlock", "CompositeObject")
_WIDE, _HIGH = millimetres(60.0), millimetres(12.0)  # of a picture that may be a table
_SCAN = 0.5  # share of a page without text that a picture of it covers
_FULL_PAGE = 0.8
_FEW_CHARACTERS = 20  # a scan may have its number or a mark of the program as text
_DEEPEST = 20
_WHOLE = Frame()  # the page itself
_RESOURCES = ("PublicRes", "DocumentRes", "PageRes")


class _PageWalker:
    """Gathers the characters, lines and pictures of one page."""

    def __init__(self, number: int, limits: ExtractionLimits) -> None:
        self.number = number
        self.most = limits.max_page_objects
        self.objects = 0
        self.chars: list[Char] = []
        self.lines: list[Box] = []
        self.pictures: list[tuple[OfdPicture, int]] = []
        """Each with the number of characters that are drawn before it."""

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
            elif kind == "ImageObject" and (picture := picture_of(element, frame)) is not None:
                self.pictures.append((picture, len(self.chars)))
            if max(self.objects, len(self.chars), len(self.lines)) > self.most:
                raise GongkaiError("page.too_large", "too many objects", f"at most {self.most:,}", page=self.number)


def read_ofd(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:
    """Pages of an OFD document. Boxes are in points from the upper left corner of the page.

    Objects that are said to be invisible or fully transparent, and white text, are not read; nor is text below a picture that
    hides the whole page. Pictures that cannot be drawn are left out and named.
    Raises GongkaiError: ``file.corrupt``, ``file.encrypted``, ``file.bomb``, ``file.too_large``, ``page.too_large``,
    ``file.empty``, ``report.tables_are_pictures`` (nothing but pictures that cannot be drawn is in it).
    """
    document = _OfdDocument(data, limits)
    pages, left_out = [], []
    for number in range(1, len(document.named) + 1):
        page, names = _page(document, document.page(number))
        pages.append(page)
        left_out += [LeftOut(LeftOutKind.PICTURE, name, Place(page=page.number)) for name in names]
    if not any(page.blocks or page.kind is PageKind.PICTURE or page.pictures for page in pages):
        raise nothing_read(left_out, "an OFD document without text")
    return Extraction(media_type, join_pages(pages), page_gaps=gaps_of(pages), left_out=tuple(left_out))


class PlacedPictures(NamedTuple):
    """The size of a page in points, and its pictures that can be drawn with their bytes, in the order in which they lie."""

    width: float
    height: float
    pictures: list[tuple[OfdPicture, bytes]]


def page_pictures(data: bytes, number: int, limits: ExtractionLimits) -> PlacedPictures:
    """Return the pictures of page ``number`` (from 1). Raises LookupError where there is no such page, else as
    :func:`read_ofd`.
    """
    document = _OfdDocument(data, limits)
    if not 1 <= number <= len(document.named):
        raise LookupError(f"there is no page {number}")
    found = document.page(number)
    drawable = [each for each, _ in found.walker.pictures if document.hides(each) is not None]
    return PlacedPictures(found.width, found.height, [(each, document.content(each)) for each in drawable])


class _FoundPage(NamedTuple):
    """Width and height of a page in points, and what is on it."""

    width: float
    height: float
    walker: _PageWalker


def _page(document: _OfdDocument, found: _FoundPage) -> tuple[Page, list[str]]:
    """A page, and the names of its pictures that may be tables and cannot be drawn."""
    width, height, walker = found
    number, chars, drawable, names = walker.number, walker.chars, list[OfdPicture](), list[str]()
    for picture, before in walker.pictures:
        share = _share(picture, width, height)
        may_be_table = picture.box[2] - picture.box[0] >= _WIDE and picture.box[3] - picture.box[1] >= _HIGH
        is_hiding = document.hides(picture) if may_be_table else None
        if is_hiding is not None:
            drawable.append(picture)
            if share >= _FULL_PAGE and is_hiding:
                chars = walker.chars[before:]
        elif may_be_table:
            names.append(f"picture {picture.resource or '?'} on page {number}")
    reason = f"{len(chars)} characters, {len(walker.pictures)} pictures"
    covered = max((_share(picture, width, height) for picture in drawable), default=0.0)
    if covered >= _SCAN and len(chars) < _FEW_CHARACTERS:
        return Page(number, PageKind.PICTURE, reason, Reader.OCR, (), width, height), names
    lines = walker.lines if len(chars) == len(walker.chars) else []
    blocks = tuple(upright_blocks(chars, lines, number, document.limits))
    kind = PageKind.MIXED if drawable else PageKind.TEXT
    boxes = tuple(picture.box for picture in drawable)
    return Page(number, kind, reason, Reader.OFD, blocks, width, height, boxes), names


def _share(picture: OfdPicture, width: float, height: float) -> float:
    """The share of a page that a picture covers."""
    x0, y0, x1, y1 = picture.box
    wide, high = min(x1, width) - max(x0, 0.0), min(y1, height) - max(y0, 0.0)
    return max(0.0, wide) * max(0.0, high) / (width * height) if width * height > 0 else 0.0


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
            each.get("ID", ""): beside(self.name, each.get("BaseLoc", ""))
            for each in self.root.iter()
            if local_name(each) == "TemplatePage"
        }
        self._media = dict(self._resources(self.root, self.name))
        self._hiding: dict[str, bool | None] = {}
        self.named = [page for page in self.root.iter() if local_name(page) == "Page" and page.get("BaseLoc")]
        if len(self.named) > limits.max_pages:
            raise GongkaiError("file.too_large", f"{len(self.named)} pages", f"at most {limits.max_pages}")

    def _resources(self, root: etree._Element, name: str) -> Iterator[tuple[str, str]]:
        """The pictures that the resources of a part name."""
        for element in root.iter():
            if local_name(element) in _RESOURCES and (element.text or "").strip():
                part = beside(name, (element.text or "").strip())
                if part in self.package:
                    yield from media_of(self.package.xml(part), part)

    def content(self, picture: OfdPicture) -> bytes:
        """The bytes of a picture; none where its part is not there."""
        return self.package.read(self._media.get(picture.resource, "")) or b""

    def hides(self, picture: OfdPicture) -> bool | None:
        """Return whether a picture lets nothing below it be seen; None where it cannot be drawn."""
        if not picture.is_drawn:
            return None
        if picture.resource not in self._hiding:
            self._hiding[picture.resource] = hides(self.content(picture), self.limits)
        return self._hiding[picture.resource]

    def xml(self, name: str) -> etree._Element:
        """A part. Raises ``file.corrupt`` when it is absent or no XML."""
        if name not in self.package:
            raise GongkaiError("file.corrupt", f"{name} is missing", "a whole OFD document")
        return self.package.xml(name)

    def page(self, number: int) -> _FoundPage:
        """A page by its number, from 1."""
        name = beside(self.name, self.named[number - 1].get("BaseLoc", ""))
        root = self.xml(name)
        walker = _PageWalker(number, self.limits)
        used = [self.templates.get(each.get("TemplateID", "")) for each in root if local_name(each) == "Template"]
        for part, at in (*((self.xml(template), template) for template in used if template), (root, name)):
            self._media.update(self._resources(part, at))
            walker.add(part)
        x0, y0, x1, y1 = _box(root) or _box(self.root) or _A4
        return _FoundPage(millimetres(x1 - x0), millimetres(y1 - y0), walker)


def _box(root: etree._Element) -> tuple[float, ...] | None:
    """The box of a page or document in millimetres: x, y of the upper left corner and of the lower right one."""
    for element in root.iter():
        if local_name(element) == "PhysicalBox" and len(found := numbers_of(element.text)) == len(_A4):
            x, y, width, height = found
            return x, y, x + width, y + height
    return None
