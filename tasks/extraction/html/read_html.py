"""Web pages: paragraphs and tables in reading order, without what surrounds them.

The charset that a page declares is only a hint (see ``text.py``). Nothing outside the page is loaded, and HTML has no entities
of its own to expand. When in doubt whether something is content, it stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from lxml import etree

from codebook.errors import GongkaiError
from codebook.records import Extraction, Page, PageKind, Reader
from tasks.extraction.grid import lay_out
from tasks.extraction.html.looks import Look, looks_of
from tasks.extraction.html.surroundings import contents, is_main, surroundings
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.raised import lowered, raised
from tasks.extraction.text import decode
from tasks.extraction.text_flow import MAX_DEPTH, CellGrid, Flow, Unsure, compose
from tasks.extraction.words import patterns, words

_DECLARED = re.compile(rb"""(?:charset|encoding)\s*+=\s*+(?:["']\s*+)?([\w-]+)""", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\r\n\f]+")
_VISIBLE = re.compile("[^\\s\u200b-\u200f\u2060\ufeff]")
_BLOCK_TAGS = (
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure footer form "
    "h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol p pre search section summary table tbody td tfoot th "
    "thead tr ul"
)
_BLOCKS = frozenset(_BLOCK_TAGS.split())
# fields that show no value, or not as text
_NO_TEXT = frozenset(("hidden", "checkbox", "radio", "submit", "button", "reset", "image", "file", "password", "range", "color"))
_MAX_SPAN = 1000  # of columns; rows are bounded by the table


class _HtmlWalker:
    """Collects the flow of one element: text that is seen is gathered until a block begins or ends."""

    def __init__(self, limits: ExtractionLimits, chrome: frozenset[etree._Element], looks: Mapping[etree._Element, Look]) -> None:
        self.limits = limits
        self.chrome = chrome
        self.looks = looks
        self.depth = 0

    def is_skipped(self, element: etree._Element) -> bool:
        """Return whether an element is no content, or nothing of it is seen."""
        return element in self.chrome or self.looks[element].is_gone or element.tag in words().chrome.tags

    def flow(self, root: etree._Element) -> Flow:
        """Paragraphs and tables below ``root``, in reading order. Walks without recursion, but for nested tables."""
        line = _Line(in_cell=self.depth > 0)
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            tag = element.tag
            if event == "end":
                if element is root or not self.is_skipped(element):
                    self._end(line, element, element is root)
                if element is not root:
                    line.add(element.tail, self.looks[element.getparent()])
            elif element is not root and self.is_skipped(element):
                walk.skip_subtree()
            elif tag == "table" and element is not root:
                line.end()
                line.found.append(self.grid(element))
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
        if tag == "input":
            if (element.get("type") or "text").strip().lower() not in _NO_TEXT:
                line.add(element.get("value"), look)
        elif tag == "select":
            if self.depth:  # outside of tables it is a menu
                line.add(_selected(element), look)
        else:
            line.add(element.text, look)

    def _end(self, line: _Line, element: etree._Element, is_root: bool) -> None:
        """What comes behind the children of an element."""
        tag, look = element.tag, self.looks[element]
        if tag == "table" and not is_root:
            return
        line.add_generated(look.after, look)
        line.preformatted -= tag == "pre"
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
                    (_span(cell, "rowspan", 65_534), max(1, _span(cell, "colspan", _MAX_SPAN)), self.flow(cell))
                    for cell in row.iterchildren("td", "th")
                    if not self.is_skipped(cell)
                ]
                for row in group
                if not self.is_skipped(row)
            ]
            slots += [slot._replace(row=slot.row + offset) for slot in lay_out(rows, self.limits.max_columns)]
            offset += len(rows)
        self.depth -= 1
        return CellGrid(slots)


class _Line:
    """The line that is being gathered, and what was found before it."""

    def __init__(self, in_cell: bool) -> None:
        self.found: Flow = []
        self.preformatted = 0
        self.shifts: list[Callable[[str], str]] = []  # of the elements around that raise or lower their text
        self._in_cell = in_cell
        self._pieces: list[str] = []
        self._is_unsure = False

    def end(self) -> None:
        """The line goes to what was found, unless nothing of it is seen."""
        text = "".join(self._pieces).strip(" \t\r\n\f")
        is_unsure = self._is_unsure
        self._pieces.clear()
        self._is_unsure = False
        if _VISIBLE.search(text) and not patterns().chrome_text.fullmatch(text.strip()):
            self.found.append(Unsure(text) if is_unsure else text)
        elif is_unsure and self._in_cell:
            self.found.append(Unsure(""))

    def add(self, text: str | None, look: Look) -> None:
        """Text that has this look."""
        if not text or look.is_unseen:
            return
        if look.is_unsure and _VISIBLE.search(text):
            self._is_unsure = True
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


def _selected(element: etree._Element) -> str:
    """The texts of the options that a list shows: those selected, the first where none is."""
    options = list(element.iter("option"))
    chosen = [option for option in options if option.get("selected") is not None]
    if element.get("multiple") is None:
        chosen = chosen[-1:] or options[:1]
    return " ".join("".join(option.itertext()) for option in chosen)


def read_html(data: bytes, media_type: str, limits: ExtractionLimits) -> Extraction:
    """Lines and tables of a web page; its metadata as notes ``meta.<name>=<content>``.

    Raises as :func:`tasks.extraction.text.decode`; ``file.empty`` when the page shows nothing; ``file.bomb`` for absurd nesting.
    """
    found = _DECLARED.search(data[:4096])
    declared = found[1].decode("ascii").lower() if found else None
    decoded = decode(data, limits, declared)
    root = _parse(decoded.text)
    notes = list(decoded.notes)
    title, meta = _metadata(root)
    notes += [f"meta.{name}={content}" for name, content in meta.items()]
    held = contents(root)
    looks = looks_of(root, limits, lambda element: is_main(held[element], held[root]))
    flow = _HtmlWalker(limits, frozenset(surroundings(root, held)), looks).flow(root)
    blocks = compose(flow, limits)
    if not blocks:
        raise GongkaiError("file.empty", "a page without visible text", "text")
    if pictures := sum(1 for _ in root.iter("img")):
        notes.append(f"pictures={pictures}")
    page = Page(1, PageKind.TEXT, f"{len(blocks)} blocks", Reader.HTML, blocks)
    return Extraction(media_type, (page,), encoding=decoded.encoding, title=meta.get("ArticleTitle") or title, notes=tuple(notes))


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
    match = re.match(r"\s*\+?(\d{1,9})", cell.get(name) or "")
    return min(int(match[1]), most) if match else 1
