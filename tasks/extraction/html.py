"""Web pages: paragraphs and tables in reading order, without what surrounds them.

The charset that a page declares is only a hint (see ``text.py``). Nothing outside the page is loaded, and HTML has no entities
of its own to expand. When in doubt whether something is content, it stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from lxml import etree

from codebook.errors import GongkaiError
from codebook.records import Extraction, Page, PageKind, Reader
from tasks.extraction.grid import NUMERIC, lay_out
from tasks.extraction.limits import ExtractionLimits
from tasks.extraction.raised import lowered, raised
from tasks.extraction.text import decode
from tasks.extraction.text_flow import MAX_DEPTH, CellGrid, Flow, compose
from tasks.extraction.words import patterns, words

_DECLARED = re.compile(rb"""(?:charset|encoding)\s*+=\s*+(?:["']\s*+)?([\w-]+)""", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\r\n\f]+")
_VISIBLE = re.compile("[^\\s\u200b-\u200f\u2060\ufeff]")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_SHIFTED = re.compile(r"vertical-align\s*+:\s*+(?:(super|text-top)|(sub)\b)", re.IGNORECASE)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "center",
        "dd",
        "details",
        "dialog",
        "dir",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hgroup",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "menu",
        "nav",
        "ol",
        "p",
        "pre",
        "search",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
_FRAME = frozenset(("html", "body", "table", "thead", "tbody", "tfoot", "tr", "td", "th", "p", "br"))
_LONG_CHROME = 200  # characters outside links that no menu or footer has
_MAX_SPAN = 1000  # of columns; rows are bounded by the table


class _HtmlWalker:
    """Collects the flow of one element: text is gathered until a block begins or ends."""

    def __init__(self, limits: ExtractionLimits, hidden: frozenset[etree._Element]) -> None:
        self.limits = limits
        self.skip = hidden
        self.depth = 0

    def flow(self, root: etree._Element) -> Flow:
        """Paragraphs and tables below ``root``, in reading order. Walks without recursion, but for nested tables."""
        found: Flow = []
        line: list[str] = []
        preformatted = 0
        shifts: list[Callable[[str], str]] = []  # of the elements around that raise or lower their text

        def end_line() -> None:
            text = "".join(line).strip(" \t\r\n\f")
            line.clear()
            if _VISIBLE.search(text) and not patterns().chrome_text.fullmatch(text.strip()):
                found.append(text)

        def add(text: str | None) -> None:
            if not text:
                return
            if shifts:
                text = shifts[-1](text)
            if preformatted:
                first, *rest = re.split(r"\r\n|\n|\r", text)
                line.append(first)
                for piece in rest:
                    end_line()
                    line.append(piece)
            else:
                text = _SPACES.sub(" ", text)
                line.append(text.lstrip(" ") if not line or line[-1].endswith(" ") else text)

        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            tag = element.tag
            if event == "start":
                if element is not root and (element in self.skip or tag in words().chrome.tags):
                    walk.skip_subtree()
                elif tag == "table" and element is not root:
                    end_line()
                    found.append(self.grid(element))
                    walk.skip_subtree()
                else:
                    if tag in _BLOCKS or tag == "br":
                        end_line()
                    preformatted += tag == "pre"
                    if (shift := _shift(element)) is not None:
                        shifts.append(shift)
                    add(element.text)
                continue
            preformatted -= tag == "pre" and element not in self.skip
            if shifts and element not in self.skip and _shift(element) is not None:
                shifts.pop()
            if tag in _BLOCKS:
                end_line()
            if element is not root:
                add(element.tail)
        end_line()
        return found

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
                    if cell not in self.skip
                ]
                for row in group
                if row not in self.skip
            ]
            slots += [slot._replace(row=slot.row + offset) for slot in lay_out(rows, self.limits.max_columns)]
            offset += len(rows)
        self.depth -= 1
        return CellGrid(slots)


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
    flow = _HtmlWalker(limits, frozenset(_surroundings(root))).flow(root)
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


class _Content(NamedTuple):
    """What an element holds with all that is below it.

    ``size``: characters without white space; ``linked``: those in links; ``text``: the text itself, None where it is longer
    than ``_LONGEST_TEXT``. ``heading``: it holds a heading, or what is marked as the page's main part; ``numbers``: tables with
    numbers; ``numeric``: it holds a cell with a number, outside of deeper tables or in them.
    """

    size: int
    linked: int
    text: str | None
    heading: bool
    numbers: int
    numeric: bool


_LONGEST_TEXT = 2 * _LONG_CHROME + 1
_MAIN = frozenset(("h1", "h2", "article", "main"))


def _contents(root: etree._Element) -> dict[etree._Element, _Content]:
    """Return what each element holds, from the leaves up: each is looked at once, however deep they are nested."""
    found: dict[etree._Element, _Content] = {}
    for _, element in etree.iterwalk(root, events=("end",)):
        if isinstance(element.tag, str):
            found[element] = _content(element, found)
    return found


def _content(element: etree._Element, found: dict[etree._Element, _Content]) -> _Content:
    tag = element.tag
    parts = [_shrunk(element.text)]
    size, linked, heading, numbers, numeric, long = len(parts[0]), 0, tag in _MAIN, 0, False, False
    for child in element:
        inner = found.get(child)
        if inner is not None:
            size += inner.size
            linked += inner.linked
            heading = heading or inner.heading
            numbers += inner.numbers
            numeric = numeric or inner.numeric
            long = long or inner.text is None
            parts.append(inner.text or "")
        parts.append(tail := _shrunk(child.tail))
        size += len(tail)
    text = None if long or size >= _LONGEST_TEXT else "".join(parts)
    if tag == "a":
        linked += size
    if tag == "td" and text is not None:
        numeric = numeric or NUMERIC.fullmatch(text) is not None
    return _Content(size, linked, text, heading, numbers + (tag == "table" and numeric), numeric)


def _shrunk(text: str | None) -> str:
    return _SPACES.sub("", text) if text else ""


def _surroundings(root: etree._Element) -> Iterator[etree._Element]:
    """The elements that are not content: the head, what is not shown, and menus, footers and buttons that are surely such."""
    contents = _contents(root)
    whole = contents[root]
    for element in root.iter(etree.Element):
        tag = element.tag
        if tag == "head":
            yield element
        elif _is_hidden(element):
            if tag not in ("html", "body") and not _is_main(contents[element], whole):
                yield element
        elif tag in _FRAME:
            continue
        elif (tag in words().chrome.soft_tags or _is_named_chrome(element)) and _is_dispensable(contents[element]):
            yield element


def _shift(element: etree._Element) -> Callable[[str], str] | None:
    """Return what raises or lowers the text of an element of a line, None where it stands on the line."""
    tag = element.tag
    if tag == "sup":
        return raised
    if tag == "sub":
        return lowered
    style = element.get("style") if tag not in _BLOCKS else None
    if style is None or (found := _SHIFTED.search(style)) is None:
        return None
    return raised if found[1] else lowered


def _is_hidden(element: etree._Element) -> bool:
    if element.get("hidden") is not None:
        return True
    style = element.get("style")
    return style is not None and _HIDDEN.search(style) is not None


def _is_main(content: _Content, whole: _Content) -> bool:
    """Return whether most of the page's text, or all its tables of numbers, are in an element: then a script shows it."""
    return 2 * content.size > whole.size or (whole.numbers > 0 and content.numbers == whole.numbers)


def _is_named_chrome(element: etree._Element) -> bool:
    label = f"{element.get('id') or ''} {element.get('class') or ''}"
    names = words().chrome.names
    return label != " " and any(word.lower() in names for word in _WORD.findall(label))


def _is_dispensable(content: _Content) -> bool:
    """Return whether what looks like a menu or footer holds no heading, no numbers in a table, no long text and no word of a
    report.
    """
    if content.heading or content.numbers or content.size - content.linked > _LONG_CHROME:
        return False
    return content.linked * 2 > content.size or content.text is None or not patterns().chrome_keep.search(content.text)


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
