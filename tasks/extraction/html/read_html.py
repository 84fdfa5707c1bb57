"""Web pages: paragraphs and tables in reading order, without what surrounds them.

The charset that a page declares is only a hint (see ``text.py``). Nothing outside the page is loaded, and HTML has no entities
of its own to expand. When in doubt whether something is content, it stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from lxml import etree

from codebook.errors import GongkaiError
from codebook.records import Extraction, Reader
from codebook.text.fold import is_han
from tasks.extraction.characters import lowered, raised
from tasks.extraction.embedded_pictures import SMALL
from tasks.extraction.grid import NUMERIC, lay_out
from tasks.extraction.html.elsewhere import FRAMES, framed, linked, opened_by_itself, pictured, writes, written_later
from tasks.extraction.html.looks import Look, looks_of
from tasks.extraction.html.script_data import holds_markup, script_data
from tasks.extraction.html.surroundings import Holdings, is_main, surroundings
from tasks.extraction.left_out import nothing_read
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.text import decode
from tasks.extraction.text_flow import MAX_DEPTH, CellGrid, Composition, Flow, FlowPicture, Unsure, compose
from tasks.extraction.words import patterns, words

_DECLARED = re.compile(rb"""(?:charset|encoding)\s*+=\s*+(?:["']\s*+)?([\w-]+)""", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\r\n\f]+")
_VISIBLE = re.compile("[^\\s\u200b-\u200f\u2060\ufeff]")
_DIGIT = re.compile(r"\d")
_TO_NOTE = re.compile(r"\s*#.")
_NOTE_NUMBER = re.compile(r"\s*\d{1,2}\s*")
_NARROWEST = 0.45  # of its size, a digit's width
_MUCH_SMALLER = 0.55  # of the size of other digits
_BLOCK_TAGS = (
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol p pre search section summary table tbody td tfoot th "
    "thead tr ul"
)
_BLOCKS = frozenset(_BLOCK_TAGS.split())
# fields that show no value, or not as text
_NO_TEXT = frozenset(("hidden", "checkbox", "radio", "submit", "button", "reset", "image", "file", "password", "range", "color"))
_BUTTONS = frozenset(("button", "submit", "reset"))
_DRAWN = frozenset(("canvas", "math", "svg"))  # whose text is drawn in ways that are not read
_FEWEST_CELLS = 20  # of tables of a page that shows its numbers itself
_SPAN = re.compile(r"\s*\+?(\d{1,9})")
_MAX_SPAN = 1000  # of columns; rows are bounded by the table


class _HtmlWalker:
    """Collects the flow of one element: text that is seen is gathered until a block begins or ends."""

    def __init__(
        self,
        limits: ExtractionLimits,
        chrome: frozenset[etree._Element],
        looks: Mapping[etree._Element, Look],
        pictures: Mapping[str, bytes],
        late: frozenset[str],
    ) -> None:
        """``late``: ids of elements whose text scripts put in place."""
        self.limits = limits
        self.fonts = fonts_of_words(looks)
        self.pictures = pictures
        self.chrome = chrome
        self.looks = looks
        self.late = late
        self.depth = 0

    def is_skipped(self, element: etree._Element) -> bool:
        """Return whether an element is no content, or nothing of it is seen."""
        if element in self.chrome or self.looks[element].is_gone:
            return True
        return element.tag in words().chrome.tags and not (self.depth and _is_number(element))

    def flow(self, root: etree._Element) -> Flow:
        """Paragraphs and tables below ``root``, in reading order. Walks without recursion, but for nested tables."""
        line = _Line(self.fonts if self.depth else None, self.looks[root].placed)
        if not len(root):  # as most cells
            self._begin(line, root)
            self._end(line, root, True)
            line.end()
            return line.found
        skipped: set[etree._Element] = set()
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            tag = element.tag
            if event == "end":
                if element not in skipped:
                    self._end(line, element, element is root)
                if element is not root:
                    line.add(element.tail, self.looks[element.getparent()])
            elif element is not root and self.is_skipped(element):
                skipped.add(element)
                walk.skip_subtree()
                if element not in self.chrome and not self.looks[element].is_gone:
                    if tag in FRAMES:
                        line.add_item(framed(element))
                    elif (tag == "script" and writes(element)) or _draws_text(element) or _is_shadow(element):
                        line.add_generated(None, self.looks[element])
            elif tag == "table" and element is not root:
                line.add_item(self.grid(element))
                walk.skip_subtree()
            else:
                self._begin(line, element)
                if tag in ("select", "textarea"):
                    walk.skip_subtree()
        line.end()
        return line.found

    def _begin(self, line: _Line, element: etree._Element) -> None:
        """What comes before the children of an element."""
        tag, look = element.tag, self.looks[element]
        if tag in _BLOCKS or tag == "br":
            line.end()
        line.preformatted += tag == "pre"
        if look.shift and tag not in _BLOCKS:
            line.shifts.append(raised if look.shift == "super" else lowered)
        line.add_generated(look.before, look)
        if look.draws and self.depth:
            line.add_picture(SMALL)
        if self.depth and (look.is_elsewhere or self._is_late(element) or _is_numbered(element)):
            line.add_generated(None, look)
        if tag == "input":
            _add_field(line, element, look)
        elif tag == "img":
            if not look.is_unseen:
                line.add_picture(pictured(element, self.pictures, self.limits))
        elif tag == "a":
            line.add_picture(linked(element))
            if line.is_note(element):
                line.shifts.append(raised)
            line.add(element.text, look)
        elif tag == "select":
            if self.depth:  # outside of tables it is a menu
                line.add(_selected(element), look)
        elif not holds_markup(element):
            line.add(element.text, look)

    def _is_late(self, element: etree._Element) -> bool:
        return bool(self.late) and element.get("id") in self.late

    def _end(self, line: _Line, element: etree._Element, is_root: bool) -> None:
        """What comes behind the children of an element."""
        tag, look = element.tag, self.looks[element]
        if tag == "table" and not is_root:
            return
        line.add_generated(look.after, look)
        line.preformatted -= tag == "pre"
        if tag == "a" and line.ends_note(element):
            line.shifts.pop()
        if look.shift and tag not in _BLOCKS:
            line.shifts.pop()
        if tag in _BLOCKS:
            line.end()

    def grid(self, table: etree._Element) -> CellGrid:
        """The cells of a table with their spans, each with its own flow. A caption becomes a row of its own above.

        Raises ``file.bomb`` for tables nested without end.
        """
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise GongkaiError("file.bomb", f"tables nested more than {MAX_DEPTH} deep", "tables of a report")
        slots = []
        offset = 0
        for caption in table.iterchildren("caption"):
            slots += lay_out([[(1, _MAX_SPAN, self.flow(caption))]], self.limits.max_columns)
            offset = 1
        for group in _row_groups(table):
            rows = [
                [
                    (_span(cell, "rowspan", 65_534), max(1, _span(cell, "colspan", _MAX_SPAN)), self._cell_flow(row, cell))
                    for cell in row.iterchildren("td", "th")
                    if not self.is_skipped(cell)
                ]
                for row in group
                if not self.is_skipped(row)
            ]
            placed = lay_out(rows, self.limits.max_columns)
            slots += [slot.but(row=slot.row + offset) for slot in placed] if offset else placed
            offset += len(rows)
        self.depth -= 1
        return CellGrid(slots)

    def _cell_flow(self, row: etree._Element, cell: etree._Element) -> Flow:
        """What a cell holds. Of a row whose cells are shown in another order nothing is sure that has digits."""
        found = self.flow(cell)
        if not self.looks[row].is_elsewhere:
            return found
        return [Unsure(item) if isinstance(item, str) and _DIGIT.search(item) else item for item in found]


class _Line:
    """The line that is being gathered, and what was found before it."""

    def __init__(self, fonts: frozenset[str] | None, placed: int) -> None:
        """``fonts``: those of the page's own in which it shows words; None outside of cells. ``placed``: how many elements around
        the cell are placed by themselves.
        """
        self.found: Flow = []
        self.preformatted = 0
        self.shifts: list[Callable[[str], str]] = []  # of the elements around that raise or lower their text
        self._in_cell = fonts is not None
        self._fonts = fonts or frozenset()
        self._placed = placed
        self._note: etree._Element | None = None
        self._pieces: list[str] = []
        self._pictures: list[FlowPicture] = []
        self._is_unsure = False
        self._places: list[bool] = []  # of each piece of this line's text: whether it is placed by itself
        self._sizes: list[float] = []  # of its digits, in pixels

    def add_item(self, item: CellGrid | FlowPicture) -> None:
        """A table or the like, which ends the line."""
        self.end()
        self.found.append(item)

    def add_picture(self, picture: FlowPicture | None) -> None:
        """A picture of the line; it comes behind its text."""
        if picture is not None:
            self._pictures.append(picture)

    def end(self) -> None:
        """The line goes to what was found, unless nothing of it is seen."""
        if not (self._pieces or self._pictures or self._is_unsure):
            return
        text = "".join(self._pieces).strip(" \t\r\n\f")
        is_unsure = self._is_unsure or (self._in_cell and self._is_composed())
        self._pieces.clear()
        self._places.clear()
        self._sizes.clear()
        self._is_unsure = False
        if _VISIBLE.search(text) and not patterns().chrome_text.fullmatch(text.strip()):
            self.found.append(Unsure(text) if is_unsure else text)
        elif is_unsure and self._in_cell:
            self.found.append(Unsure(""))
        self.found += self._pictures
        self._pictures.clear()

    def _is_composed(self) -> bool:
        """Return whether pieces of text are placed by themselves, or digits are much smaller than others: nothing says in which
        order they are seen, or what is a note.
        """
        is_placed = len(self._places) > 1 and any(self._places)
        return is_placed or (len(self._sizes) > 1 and min(self._sizes) <= _MUCH_SMALLER * max(self._sizes))

    def is_note(self, link: etree._Element) -> bool:
        """Return whether a link with a number in it, behind the number of a cell, leads to a note on this page."""
        is_inside = _TO_NOTE.match(link.get("href") or "") is not None
        is_behind = self._in_cell and _DIGIT.search("".join(self._pieces)[-1:]) is not None
        if is_inside and is_behind and self._note is None and _NOTE_NUMBER.fullmatch("".join(link.itertext())):
            self._note = link
        return self._note is link

    def ends_note(self, link: etree._Element) -> bool:
        """Return whether this is the end of such a link."""
        is_note = self._note is link
        self._note = None if is_note else self._note
        return is_note

    def add(self, text: str | None, look: Look) -> None:
        """Text that has this look."""
        if not text or look.is_unseen:
            return
        if _VISIBLE.search(text):
            self._is_unsure |= look.is_unsure
            self._places.append(look.placed > self._placed)
        if self._in_cell and not self.shifts and _DIGIT.search(text):
            self._sizes.append(look.size)
            self._is_unsure |= look.room < _NARROWEST * look.size * len(text.strip())
            self._is_unsure |= bool(look.font) and look.font not in self._fonts
        if self.shifts:
            text = self.shifts[-1](text)
        if self.preformatted:
            first, *rest = re.split(r"\r\n|\n|\r", text)
            self._pieces.append(first)
            for piece in rest:
                self.end()
                self._pieces.append(piece)
        else:
            text = _SPACES.sub(" ", text)
            pieces = self._pieces
            pieces.append(text.lstrip(" ") if not pieces or pieces[-1].endswith(" ") else text)

    def add_generated(self, text: str | None, look: Look) -> None:
        """Text that styles add; None: it is not known which."""
        if text is None and not look.is_unseen:
            self._is_unsure = self._in_cell
        elif text:
            self.add(text, look._replace(is_unseen=False, is_unsure=False))


def _add_field(line: _Line, element: etree._Element, look: Look) -> None:
    """The value of a field; without one, what it asks for is shown as if it were the value."""
    kind = (element.get("type") or "text").strip().lower()
    if kind == "password" and element.get("value"):
        line.add_generated(None, look)
    if kind in _NO_TEXT and not (kind in _BUTTONS and NUMERIC.fullmatch(element.get("value") or "")):
        return
    line.add(element.get("value"), look)
    if not element.get("value") and _DIGIT.search(element.get("placeholder") or ""):
        line.add_generated(None, look)


def fonts_of_words(looks: Mapping[etree._Element, Look]) -> frozenset[str]:
    """The fonts that a page brings and in which it shows words. One that it takes for digits alone may draw others."""
    return frozenset(
        look.font
        for element, look in looks.items()
        if look.font and any(map(is_han, "".join((element.text or "", *(child.tail or "" for child in element)))))
    )


def _is_number(element: etree._Element) -> bool:
    """Return whether an element is a button with a number on it."""
    return element.tag == "button" and NUMERIC.fullmatch("".join(element.itertext()).strip()) is not None


def _is_shadow(element: etree._Element) -> bool:
    """Return whether a template is shown in the place of what its element holds."""
    return element.tag == "template" and not {"shadowrootmode", "shadowroot"}.isdisjoint(element.keys())


def _is_numbered(element: etree._Element) -> bool:
    """Return whether an element shows nothing but its number in a list."""
    if element.tag != "li" or element.getparent().tag != "ol":
        return False
    return _VISIBLE.search("".join(element.itertext())) is None


def _draws_text(element: etree._Element) -> bool:
    """Return whether an element may show text that is not read: what a script draws, a formula, a drawing with words."""
    if element.tag not in _DRAWN:
        return False
    return element.tag == "canvas" or _VISIBLE.search("".join(element.itertext())) is not None


def _selected(element: etree._Element) -> str:
    """The texts of the options that a list shows: those selected, the first where none is."""
    options = list(element.iter("option"))
    chosen = [option for option in options if option.get("selected") is not None]
    if element.get("multiple") is None:
        chosen = chosen[-1:] or options[:1]
    return " ".join("".join(option.itertext()) for option in chosen)


def read_html(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:
    """Lines and tables of a web page; its metadata as notes ``meta.<name>=<content>``. Pictures inside of the page that may be
    tables become pages that wait for OCR; pictures and files that it only refers to are left out and named.

    Raises as :func:`tasks.extraction.text.decode`; ``file.empty`` when the page shows nothing, ``report.in_another_file`` or
    ``report.tables_are_pictures`` when it shows a file or pictures alone; ``file.bomb`` for absurd nesting or styles.
    """
    page = _HtmlPage(data, limits)
    notes = list(page.notes)
    title, meta = _metadata(page.root)
    notes += [f"meta.{name}={content}" for name, content in meta.items()]
    composition = compose(page.flow(), limits, Reader.HTML)
    if not composition.pages:
        raise nothing_read(composition.left_out, "a page without visible text")
    if pictures := sum(1 for _ in page.root.iter("img")):
        notes.append(f"pictures={pictures}")
    return Extraction(
        media_type,
        composition.pages,
        encoding=page.encoding,
        title=meta.get("ArticleTitle") or title,
        notes=tuple(notes),
        left_out=composition.left_out,
    )


def compose_html(data: bytes, limits: ExtractionLimits) -> Composition:
    """The pages of a web page with its pictures. Raises as :func:`read_html`."""
    return compose(_HtmlPage(data, limits).flow(), limits, Reader.HTML)


def html_flow(data: bytes, limits: ExtractionLimits, pictures: Mapping[str, bytes] | None = None) -> Flow:
    """What a web page shows that is part of another document. ``pictures`` came in with it, by address."""
    return _HtmlPage(data, limits, pictures).flow()


class _HtmlPage:
    """A page as it came in."""

    def __init__(self, data: bytes, limits: ExtractionLimits, pictures: Mapping[str, bytes] | None = None) -> None:
        found = _DECLARED.search(data[:4096])
        decoded = decode(data, limits, found[1].decode("ascii").lower() if found else None)
        self.limits = limits
        self.encoding = decoded.encoding
        self.notes = decoded.notes
        self.root = _parse(decoded.text)
        self.pictures = pictures or {}

    def flow(self) -> Flow:
        """What the page shows, in reading order."""
        held = Holdings()
        looks = looks_of(self.root, self.limits, lambda element: is_main(held.of(element), held.of(self.root)))
        chrome = frozenset(surroundings(self.root, held))
        found = _HtmlWalker(self.limits, chrome, looks, self.pictures, written_later(self.root)).flow(self.root)
        shown_tables = sum(len(item.slots) for item in found if isinstance(item, CellGrid))
        data = script_data(self.root, has_tables=shown_tables >= _FEWEST_CELLS)
        return [*found, *data, *opened_by_itself(self.root)]


def _parse(text: str) -> etree._Element:
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        root = etree.fromstring(text.encode("utf-8", errors="replace"), parser)
    except etree.XMLSyntaxError as error:
        raise GongkaiError("file.empty", f"no markup that can be read: {error}", "a web page") from error
    if any(entry.level_name == "FATAL" and entry.type_name == "ERR_RESOURCE_LIMIT" for entry in parser.error_log):
        raise GongkaiError("file.bomb", "elements nested beyond what any page has", "a web page")
    return root


def _metadata(root: etree._Element) -> tuple[str | None, dict[str, str]]:
    """The <title>, and the <meta> entries that say what the page is, under the names of the data file."""
    names = {name.lower(): name for name in words().chrome.meta}
    meta: dict[str, str] = {}
    for element in root.iter("meta"):
        name = names.get((element.get("name") or element.get("property") or "").strip().lower())
        content = _SPACES.sub(" ", element.get("content") or "").strip()
        if name and content:
            meta.setdefault(name, content)
    title = next((_SPACES.sub(" ", "".join(element.itertext())).strip() for element in root.iter("title")), None)
    return title or None, meta


def _row_groups(table: etree._Element) -> list[list[etree._Element]]:
    """The rows of a table by thead, tbody and tfoot (no row span reaches beyond its group); loose rows make groups too."""
    groups: list[list[etree._Element]] = []
    loose: list[etree._Element] | None = None
    for child in table.iterchildren("thead", "tbody", "tfoot", "tr"):
        if child.tag == "tr":
            if loose is None:
                loose = []
                groups.append(loose)
            loose.append(child)
        else:
            loose = None
            groups.append(list(child.iterchildren("tr")))
    return groups


def _span(cell: etree._Element, name: str, most: int) -> int:
    """The value of a span attribute as browsers read it: 1 where it is no number."""
    value = cell.get(name)
    match = _SPAN.match(value) if value else None
    return min(int(match[1]), most) if match else 1
