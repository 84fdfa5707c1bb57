"""Word documents: paragraphs, tables and pictures in body order, as a reader of the printed page sees them.

Only the parts that are needed are unpacked, within limits, and their XML is read without entities, DTDs or network. Hidden text,
text struck through and the deleted text of tracked changes are left out, inserted text is kept; text boxes follow the paragraph
that they hang on; headers and footers are not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lxml import etree

from codebook.errors import GongkaiError
from codebook.records import Extraction, LeftOutKind, Reader
from tasks.extraction import grid
from tasks.extraction.characters import lowered, raised
from tasks.extraction.docx.chunks import chunk_flow, is_document
from tasks.extraction.docx.fields import counts, fields_of
from tasks.extraction.docx.markup import child_of, choice_of, is_on, local_name, number_of, value_of
from tasks.extraction.docx.numbering import read_numbering
from tasks.extraction.docx.package import DocxPackage, Unpacked
from tasks.extraction.docx.run_styles import RunLook, RunSurroundings, Styles
from tasks.extraction.docx.style_sheet import StyleSheet, read_style_sheet, shade_of
from tasks.extraction.embedded_pictures import SMALL, flow_picture
from tasks.extraction.grid import Slot
from tasks.extraction.joining import gaps_within
from tasks.extraction.left_out import nothing_read
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.text_flow import CellGrid, Composition, Flow, FlowPicture, Unsure, compose

_DEEPEST = 4  # documents in documents
_RISE = 4  # half points by which a note mark is moved up at least
_WIDE, _HIGH = 1_100_000, 250_000  # EMU (914 400 an inch) of the smallest table that can be read on paper
_WHITE = "FFFFFF"
_MUCH_SMALLER = 0.5  # of the size of other digits
_SMALLER = 0.85
_DIGIT = re.compile(r"\d")
_DRAWN = frozenset(("chart", "relIds", "contentPart", "textpath"))  # drawings that may show a number
_STACKED = frozenset(("f", "rad", "nary", "m", "eqArr", "limLow", "limUpp"))  # of formulas: numbers that are not one
# what is in the XML but not on the page: tracked deletions, field codes, pinyin over characters, properties
_UNSEEN = frozenset(
    ("del", "moveFrom", "instrText", "delText", "rt", "rPr", "pPr", "tblPr", "tblGrid", "sectPr", "sdtPr", "footnoteReference")
)
_SYMBOLS = {0xF000 + code: chr(code) for code in range(0x20, 0x7F)}  # of a symbol font, by the codes that they are kept by
_DECIMAL = re.compile(r"[(（]?\d+[.．、)）]?\s?")
_CIRCLED = {
    0x80: "⓪",
    **{0x81 + n: chr(0x2460 + n) for n in range(10)},
    0x8B: "⓿",
    **{0x8C + n: chr(0x2776 + n) for n in range(10)},
}


def read_docx(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:
    """Lines and tables of a DOCX (whole file, bytes); pictures that may be tables become pages that wait for OCR.

    Raises GongkaiError: ``file.encrypted`` (a password protects it), ``file.unsupported`` (an old binary .doc), ``file.corrupt``,
    ``file.bomb`` or ``file.too_large`` (beyond ``limits``), ``file.empty`` (no text and no picture),
    ``report.tables_are_objects`` or ``report.tables_are_pictures`` (nothing else is in it).
    """
    document = _DocxDocument(data, limits)
    composition = compose(document.flow(), limits, Reader.DOCX)
    if not composition.pages:
        raise nothing_read(composition.left_out, "a document without text")
    return Extraction(
        media_type,
        composition.pages,
        title=document.package.title(),
        notes=tuple(document.notes),
        page_gaps=gaps_within(composition.pages[0]) if len(composition.pages) == 1 else (),
        left_out=composition.left_out,
    )


def compose_docx(data: bytes, limits: ExtractionLimits) -> Composition:
    """The pages of a DOCX with its pictures. Raises as :func:`read_docx`."""
    return compose(_DocxDocument(data, limits).flow(), limits, Reader.DOCX)


class _Chunks:
    """What the documents in one another have in common: how much was unpacked, and how many there were."""

    def __init__(self, limits: ExtractionLimits) -> None:
        self.unpacked = Unpacked(limits.max_docx_bytes)
        self.left = self.most = limits.max_docx_chunks

    def take(self) -> None:
        """Count one. Raises ``file.bomb`` beyond the limit."""
        self.left -= 1
        if self.left < 0:
            raise GongkaiError("file.bomb", f"more than {self.most} documents in a document", f"at most {self.most}")


class _DocxDocument:
    """One document: turns body, cells and text boxes into flows."""

    def __init__(self, data: bytes, limits: ExtractionLimits, chunks: _Chunks | None = None, depth: int = 0) -> None:
        if depth > _DEEPEST:
            raise GongkaiError("file.bomb", f"documents nested more than {_DEEPEST} deep", "a document")
        self.limits = limits
        self.depth = depth
        self.chunks = chunks or _Chunks(limits)
        self.package = DocxPackage(data, limits, self.chunks.unpacked)
        self.name = self.package.main()
        self.relations = {relation.id: relation for relation in self.package.relations(self.name)}
        sheet = self._style_sheet()
        self.root = self.package.xml(self.name)
        self.numbering = read_numbering(self.package.related(self.name, "numbering"), sheet.lists)
        self.styles = Styles(sheet, self._paper())
        self.around = RunSurroundings()
        self.in_cell = False
        self.pictures = 0
        self.contents = False

    @property
    def notes(self) -> Iterator[str]:
        """What was met and not read, and what was counted."""
        yield from self.numbering.notes
        if self.contents:
            yield "docx.table_of_contents left out"
        if self.pictures:
            yield f"pictures={self.pictures}"

    def flow(self) -> Flow:
        """The flow of the body. Raises ``file.corrupt`` where the document has none."""
        body = child_of(self.root, "body")
        if body is None:
            raise GongkaiError("file.corrupt", f"{self.name} has no body", "a Word document")
        return self._flow(body)

    def _style_sheet(self) -> StyleSheet:
        name = self.package.related_name(self.name, "styles")
        data = None if name is None else self.package.read(name)
        return StyleSheet(None) if name is None or data is None else read_style_sheet(data, name)

    def _paper(self) -> str:
        """The colour of the page."""
        colour = value_of(child_of(self.root, "background"), "color")
        if colour is None or len(colour) != 6:
            return _WHITE
        is_shown = child_of(self.package.related(self.name, "settings"), "displayBackgroundShape") is not None
        return colour if is_shown else _WHITE

    def _flow(self, parent: etree._Element) -> Flow:
        """Paragraphs and tables of a body, cell or text box, in order."""
        found: Flow = []
        for child in parent:
            tag = local_name(child)
            if tag == "p":
                found += self._paragraph(child)
            elif tag == "tbl":
                found.append(self._table(child))
            elif tag == "altChunk":
                found += self._chunk(child)
            elif tag == "subDoc":
                found.append(FlowPicture(self._target(child), kind=LeftOutKind.PART))
            elif tag == "AlternateContent":
                found += self._flow(choice_of(child))  # the others say the same again
            elif tag in ("sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag"):
                if tag == "sdt" and _is_contents(child):
                    self.contents = True
                elif not _is_placeholder(child):
                    found += self._flow(child)
        return found

    def _target(self, element: etree._Element) -> str:
        """The name of the part that an element refers to, its id where the relation is missing."""
        name = value_of(element, "id") or ""
        return self.relations[name].target if name in self.relations else name

    def _chunk(self, chunk: etree._Element) -> Flow:
        """A document inside this one, in its place; a part that is left out where it cannot be read."""
        self.chunks.take()
        name = self._target(chunk)
        left_out: Flow = [FlowPicture(name, kind=LeftOutKind.PART)]
        relation = self.relations.get(value_of(chunk, "id") or "")
        if relation is None or relation.is_external or (data := self.package.read(name)) is None:
            return left_out
        try:
            if is_document(data):
                inner = _DocxDocument(data, self.limits, self.chunks, self.depth + 1)
                found: Flow | None = inner.flow()
                self.pictures += inner.pictures
            else:
                found = chunk_flow(data, name, self.limits)
        except GongkaiError as error:
            if error.code == "file.empty":
                return []
            if error.code in ("file.bomb", "file.too_large"):
                raise
            return left_out
        return left_out if found is None else found

    def _paragraph(self, paragraph: etree._Element) -> Flow:
        """The lines of a paragraph (it may hold line breaks), then what stands in its text boxes, and its pictures."""
        before = self.around
        properties = child_of(paragraph, "pPr")
        style = value_of(child_of(properties, "pStyle")) or ""
        self.around = before.but(paragraph_style=style, paragraph_shade=self.styles.paragraph_shade(properties, style))
        text = _RunText(self, paragraph)
        text.collect(paragraph)
        self.around = before
        line, is_unsure = "".join(text.pieces), text.is_unsure or text.is_composed
        label = self.numbering.label(properties, style)
        if not line.strip():
            is_unsure = is_unsure or bool(label)  # a number without text is shown too
        elif self.in_cell and _DECIMAL.fullmatch(label):
            # Word counts the rows of a table on where the form begins again: such a number says nothing of the row
            is_unsure = is_unsure or grid.NUMERIC.fullmatch(line) is not None
        else:
            line = label + line
        lines = [piece for piece in line.split("\n") if piece.strip()]
        if is_unsure and not lines and self.in_cell:
            lines = [""]
        return [*(map(Unsure, lines) if is_unsure else lines), *text.boxes]

    def boxed(self, content: etree._Element) -> Flow:
        """What stands in a text box."""
        around, in_cell = self.around, self.in_cell
        self.around, self.in_cell = RunSurroundings(is_drawn=True), False
        found = self._flow(content)
        self.around, self.in_cell = around, in_cell
        return found

    def pictures_of(self, drawing: etree._Element) -> Flow:
        """The pictures of a drawing that may be tables, and embedded objects that no picture shows."""
        found: Flow = []
        parts = list(_shown(drawing))
        extent = next((part for part in parts if local_name(part) == "extent"), None)
        wide, high = (_whole(value_of(extent, name)) for name in ("cx", "cy"))
        is_small = extent is not None and (max(wide, high) < _WIDE or min(wide, high) < _HIGH)
        for part in parts:
            if local_name(part) not in ("blip", "imagedata"):
                continue
            self.pictures += 1
            name = next((n for key in ("embed", "id", "link", "href") if (n := value_of(part, key)) in self.relations), None)
            relation = self.relations.get(name or "")
            data = None if relation is None or relation.is_external else self.package.read(relation.target)
            picture = FlowPicture(name or "?") if relation is None else FlowPicture(relation.target)
            if relation is not None and data is not None:
                picture = flow_picture(relation.target, data, self.limits) or SMALL
            found.append(SMALL if is_small else picture)
        if not found and any(local_name(part) in _DRAWN for part in parts):
            found.append(SMALL)
        objects = [part for part in parts if local_name(part) == "OLEObject"]
        if objects and not any(isinstance(item, FlowPicture) and item.data is not None for item in found):
            return [FlowPicture(value_of(one, "ProgID") or "OLEObject", kind=LeftOutKind.OBJECT) for one in objects]
        return found

    def _table(self, table: etree._Element) -> CellGrid:
        """The cells of a table with their spans: vertical merges become row spans of the cell where they begin."""
        around, in_cell = self.around, self.in_cell
        properties = child_of(table, "tblPr")
        style, shade = value_of(child_of(properties, "tblStyle")) or "", shade_of(properties)
        self.in_cell = True
        slots: list[Slot[Flow]] = []
        open_at: dict[int, int] = {}  # column -> index of the cell that a vertical merge continues
        row = 0
        for line in _descend(table, "tr"):
            of_row = _properties_by_name(line)
            if "del" in of_row:
                continue
            cells = []
            for cell in _descend(line, "tc"):
                of_cell = _properties_by_name(cell)
                self.around = around.but(table_style=style, cell_shade=shade_of(child_of(cell, "tcPr")) or shade)
                cells.append((of_cell, [] if "cellDel" in of_cell else self._flow(cell)))
            if (mark := of_row.get("hidden")) is not None and is_on(value_of(mark)):
                if not any(content for _, content in cells):
                    continue
                # Word hides a row when all that is in it is hidden too, other programs in any case
                cells = [(of_cell, [Unsure(item) if isinstance(item, str) else item for item in flow]) for of_cell, flow in cells]
            column = number_of(of_row.get("gridBefore"), 0)
            ended = set(open_at)
            for of_cell, content in cells:
                span = max(1, number_of(of_cell.get("gridSpan"), 1))
                if column + span > self.limits.max_columns:
                    raise GongkaiError(
                        "file.too_large", f"a table of {column + span} columns", f"at most {self.limits.max_columns}"
                    )
                merge = of_cell.get("vMerge")
                at = open_at.get(column)
                if (
                    _continues(merge)
                    and at is not None
                    and slots[at].column_span == span
                    and slots[at].row + slots[at].row_span == row
                ):
                    slots[at] = slots[at].but(row_span=slots[at].row_span + 1, content=slots[at].content + content)
                    ended.discard(column)
                elif _continues(of_cell.get("hMerge")) and slots and slots[-1].row == row:
                    slots[-1] = slots[-1].but(column_span=slots[-1].column_span + span)
                else:
                    slots.append(Slot(row, column, 1, span, content))
                    if merge is not None:
                        open_at[column] = len(slots) - 1
                        ended.discard(column)
                column += span
            for gone in ended:
                del open_at[gone]
            row += 1
        self.around, self.in_cell = around, in_cell
        return CellGrid(slots)


class _RunText:
    """The text of the runs of one paragraph in order, and what hangs on it."""

    def __init__(self, document: _DocxDocument, paragraph: etree._Element) -> None:
        self.document = document
        self.around = document.around
        self.fields = fields_of(paragraph)
        self.pieces: list[str] = []
        self.boxes: Flow = []
        self.is_unsure = self.fields.is_unknown
        self._sizes: list[int] = []  # of runs with digits
        self._first_rise: int | None = None  # of the first run with text

    @property
    def is_composed(self) -> bool:
        """Whether digits are much smaller than others on the same line: nothing says which are a note."""
        return self.document.in_cell and len(self._sizes) > 1 and min(self._sizes) <= _MUCH_SMALLER * max(self._sizes)

    def collect(self, root: etree._Element) -> None:
        """Texts of the runs below ``root`` in order. Depth is bounded by the XML reader."""
        for child in root:
            tag = local_name(child)
            if tag == "t":
                if child not in self.fields.codes:
                    self.pieces.append("".join(child.itertext(etree.Element)) if len(child) else child.text or "")
            elif tag in _MARKS:
                self.pieces.append(self.fields.chosen.get(child, "") if tag == "fldChar" else _MARKS[tag](child))
            elif tag == "txbxContent":
                self.boxes += self.document.boxed(child)
            elif tag == "AlternateContent":
                self.collect(choice_of(child))  # the others say the same again
            elif tag in ("drawing", "pict", "object"):
                if not any(local_name(part) == "docPr" and is_on(value_of(part, "hidden") or "0") for part in _shown(child)):
                    self.boxes += self.document.pictures_of(child)
                    self.collect(child)
            elif tag == "r":
                self._run(child)
            elif tag in ("sup", "sub"):  # of a formula
                self._formula(child, raised if tag == "sup" else lowered)
            elif tag == "contentPart":  # what is written by hand
                self.is_unsure = self.is_unsure or self.document.in_cell
            elif tag not in _UNSEEN and not _is_placeholder(child):
                self.is_unsure = self.is_unsure or _shows_otherwise(child, tag)
                self.collect(child)

    def _run(self, run: etree._Element) -> None:
        look = self.document.styles.look(run, self.around)
        if look.is_hidden:
            return
        begin = len(self.pieces)
        self.collect(run)
        text = "".join(self.pieces[begin:])
        if look.is_struck:
            del self.pieces[begin:]
        elif text.strip():
            self.is_unsure = self.is_unsure or look.is_unsure
            if look.is_symbols:
                self.pieces[begin:] = [piece.translate(_SYMBOLS) for piece in self.pieces[begin:]]
            if self._first_rise is None:
                self._first_rise = look.rise
            if change := _shift(look, self._first_rise, max(self._sizes, default=0)):
                self.pieces[begin:] = [change(piece) for piece in self.pieces[begin:]]
            elif _DIGIT.search(text):
                self._sizes.append(look.size)

    def _formula(self, root: etree._Element, change: Callable[[str], str]) -> None:
        """The raised or lowered part of a formula."""
        begin = len(self.pieces)
        self.collect(root)
        self.pieces[begin:] = [change(piece) for piece in self.pieces[begin:]]


def _shows_otherwise(element: etree._Element, tag: str) -> bool:
    """Return whether an element shows its text in another order, above each other, or not as it is written."""
    if tag == "fldSimple":
        return counts(value_of(element, "instr") or "") and not any(local_name(one) == "t" for one in element.iter(etree.Element))
    return tag in _STACKED or (tag == "bdo" and value_of(element) == "rtl")


def _shift(look: RunLook, first_rise: int, size: int) -> Callable[[str], str] | None:
    """Return what raises or lowers the text of a run, None where it stands on the line.

    A run that is moved is raised or lowered only in a paragraph that does not begin so: that one is set higher as a whole. What
    is lowered is smaller than the text before it, which has this ``size``.
    """
    shift = look.shift
    if not shift and look.rise >= _RISE > first_rise:
        shift = "superscript"
    elif not shift and look.rise <= -_RISE < first_rise and look.size <= _SMALLER * size:
        shift = "subscript"
    return {"superscript": raised, "subscript": lowered}.get(shift)


def _whole(value: str | None) -> int:
    return int(value) if value is not None and value.isdecimal() and len(value) < 12 else 0


def _symbol(symbol: etree._Element) -> str:
    """The character of a symbol font that shows a number; others show none."""
    code, font = value_of(symbol, "char") or "", (value_of(symbol, "font") or "").lower()
    try:
        number = int(code, 16) & 0xFF if code.lower().startswith("f0") else int(code, 16)
    except ValueError:
        return ""
    if font.startswith("wingdings"):
        return _CIRCLED.get(number, "") if font == "wingdings" else ""
    if font.startswith("webdings"):
        return ""
    return chr(number) if 0x20 <= number < 0x7F or 0x2000 <= number < 0xD800 else ""


def _break(mark: etree._Element) -> str:
    return "" if value_of(mark, "type") in ("page", "column") else "\n"


_MARKS: dict[str, Callable[[etree._Element], str]] = {  # what a run holds besides text
    "tab": lambda _: "\t",
    "ptab": lambda _: "\t",
    "noBreakHyphen": lambda _: "-",
    "br": _break,
    "cr": _break,
    "sym": _symbol,
    "fldChar": lambda _: "",
}


def _shown(element: etree._Element) -> Iterator[etree._Element]:
    """What is in a drawing, without second forms of the same and without its text boxes, which are read by themselves."""
    stack = [iter(element)]
    while stack:
        child = next(stack[-1], None)
        if child is None:
            stack.pop()
        elif local_name(child) not in ("Fallback", "txbxContent"):
            yield child
            stack.append(iter(child))


_PROPERTIES = frozenset(("tcPr", "trPr", "pPr", "rPr", "sdtPr"))


def _properties(element: etree._Element) -> list[etree._Element]:
    return [entry for child in element if local_name(child) in _PROPERTIES for entry in child]


def _properties_by_name(element: etree._Element) -> dict[str, etree._Element]:
    """The properties of an element, of several of one name the first."""
    return {local_name(entry): entry for entry in reversed(_properties(element))}


def _property(element: etree._Element, name: str) -> etree._Element | None:
    return next((entry for entry in _properties(element) if local_name(entry) == name), None)


def _continues(merge: etree._Element | None) -> bool:
    return merge is not None and value_of(merge) != "restart"


def _descend(parent: etree._Element, name: str) -> Iterator[etree._Element]:
    """The rows of a table or cells of a row, also those inside content controls and tracked insertions."""
    for child in parent:
        tag = local_name(child)
        if tag == name:
            yield child
        elif tag in ("sdt", "sdtContent", "customXml", "ins", "moveTo"):
            yield from _descend(child, name)


def _is_contents(control: etree._Element) -> bool:
    """Return whether a content control is a generated table of contents."""
    gallery = next(
        (entry for found in _properties(control) for entry in found.iter(etree.Element) if local_name(entry) == "docPartGallery"),
        None,
    )
    return value_of(gallery) == "Table of Contents"


def _is_placeholder(control: etree._Element) -> bool:
    """Return whether a content control shows what asks to fill it in."""
    mark = child_of(child_of(control, "sdtPr"), "showingPlcHdr") if local_name(control) == "sdt" else None
    return mark is not None and is_on(value_of(mark))
