"""Cells of an .xlsx or .xlsb workbook whose text the library that reads workbooks does not know, or does not know as it is shown.

A formula that nobody computed has no value in the file, or 0 in one that is to be computed when it is opened; an error is shown
as one; parts of a text may be struck through, raised, lowered or coloured, and the library reads all of them alike.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator

from lxml import etree

from codebook.sheets import xlsb
from codebook.sheets.extent import SHEET, place_of

_STRINGS = re.compile(r"/?xl/sharedStrings\.xml", re.IGNORECASE)
_WORKBOOK = re.compile(r"/?xl/workbook\.xml", re.IGNORECASE)
_STALE = re.compile(rb"<(?:\w{1,40}+:)?+calcPr\b[^<>]{0,2000}?\bfullCalcOnLoad\s{0,9}=\s{0,9}[\"'](?:1|true)[\"']")
_NOTHING = ("0", "0.0")
_MARKED = frozenset(("strike", "vertAlign", "color"))


def unread_cells(data: bytes) -> frozenset[tuple[int, int]]:
    """Return the rows and columns (from 0) of such cells, of all sheets together. Empty for other formats and files that are
    damaged. Call it after :func:`codebook.sheets.extent.check_extent`.
    """
    if not data.startswith(b"PK"):
        return frozenset()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            names = package.namelist()
            if any(xlsb.SHEET.fullmatch(name) for name in names):
                return frozenset(_unread_binary(package, names))
            stale = any(_STALE.search(package.read(name)) for name in names if _WORKBOOK.fullmatch(name))
            marked = {at for name in names if _STRINGS.fullmatch(name) for at in _marked_strings(package.read(name))}
            return frozenset(at for name in names if SHEET.fullmatch(name) for at in _unread(package.read(name), marked, stale))
    except (*xlsb.BROKEN, etree.XMLSyntaxError):
        return frozenset()


def _unread_binary(package: zipfile.ZipFile, names: list[str]) -> Iterator[tuple[int, int]]:
    parts = {name.lower(): name for name in names}
    is_stale = xlsb.WORKBOOK in parts and xlsb.is_stale(package.read(parts[xlsb.WORKBOOK]))
    marked = xlsb.marked_strings(package.read(parts[xlsb.STRINGS])) if xlsb.STRINGS in parts else frozenset()
    for name in names:
        if xlsb.SHEET.fullmatch(name):
            yield from xlsb.unread(package.read(name), marked, is_stale)


def _marked_strings(part: bytes) -> list[int]:
    """The numbers of the shared strings of which a part looks unlike the rest (ECMA-376, 18.4.7)."""
    found = []
    parsed = etree.iterparse(io.BytesIO(part), events=("end",), tag="{*}si", resolve_entities=False, no_network=True)
    for number, (_, item) in enumerate(parsed):
        if _is_marked(item):
            found.append(number)
        item.clear()
    return found


def _is_marked(item: etree._Element) -> bool:
    looks = {tuple(sorted(_look(run))) for run in item.iterchildren("{*}r")}
    return len(looks) > 1


def _look(run: etree._Element) -> list[str]:
    """What of the look of a run may hide it or make it a note mark."""
    return [
        f"{etree.QName(mark).localname} {sorted(mark.items())}"
        for properties in run.iterchildren("{*}rPr")
        for mark in properties
        if etree.QName(mark).localname in _MARKED
    ]


def _unread(part: bytes, marked: set[int], stale: bool) -> list[tuple[int, int]]:
    found = []
    parsed = etree.iterparse(io.BytesIO(part), events=("end",), tag="{*}c", resolve_entities=False, no_network=True)
    for _, cell in parsed:
        kind, value = cell.get("t", "n"), (cell.findtext("{*}v") or "").strip()
        is_formula = cell.find("{*}f") is not None
        is_marked = kind == "s" and value.isascii() and value.isdecimal() and int(value) in marked
        is_marked = is_marked or (kind == "inlineStr" and any(_is_marked(item) for item in cell.iterchildren("{*}is")))
        place = place_of(cell)
        if place is not None and (
            is_marked or kind in ("e", "b") or (is_formula and (not value or (stale and value in _NOTHING)))
        ):
            found.append((place[0] - 1, place[1] - 1))
        cell.clear()
    return found
