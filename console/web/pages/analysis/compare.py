"""Two filings side by side: cell by cell, and chapter by chapter with the words that differ."""

from __future__ import annotations

from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.responses import Response

from codebook.analysis.figures import Omission, UnitFacts
from codebook.analysis.repeats import CHAPTERS, Repeated, repeated_text
from codebook.book import load_book
from codebook.records import Number
from console.web.i18n import cell_name
from console.web.pages.analysis.asked import of_panel, render, seen
from console.web.request import PageRequest
from console.web.routing import get
from console.web.views.editions import TextPassage, compared_texts
from database.analysis.panel import Panel
from database.analysis.queries import Basis, UnitSelection, reported_facts, years_of
from database.analysis.texts import ChapterText, chapters_of
from database.models import Role
from tasks.validation.rules.between_reports import own_words


class CellPair(NamedTuple):
    """A cell in both reports. ``differs`` is None where one of them does not know it."""

    cell: str
    name: str
    one: Number | Omission
    other: Number | Omission
    differs: bool | None


class ChapterPair(NamedTuple):
    """A chapter in both reports: the words of each with those that differ, and how many 5-grams of the second the first has."""

    title: str
    one: tuple[TextPassage, ...]
    other: tuple[TextPassage, ...]
    same: bool
    repeated: Repeated | None


def cell_pairs(one: UnitFacts, other: UnitFacts, language: str) -> list[CellPair]:
    """Return the cells that any of two reports has, in printing order."""
    found = []
    for cell in load_book().indicators:
        if one.has(cell) or other.has(cell):
            pair = one.of_term(cell), other.of_term(cell)
            unknown = any(isinstance(value, Omission) for value in pair)
            found.append(CellPair(cell, cell_name(language, cell), *pair, None if unknown else pair[0] != pair[1]))
    return found


def chapter_pairs(one: list[ChapterText], other: list[ChapterText]) -> list[ChapterPair]:
    """Return the chapters of two reports by their numbers, each with the words that differ."""
    mine, theirs = ({each.number: each for each in some if each.number is not None} for some in (one, other))
    found = []
    for number in sorted({*mine, *theirs}):
        first, second = mine.get(number), theirs.get(number)
        texts = first.text if first else "", second.text if second else ""
        repeated = repeated_text(own_words(texts[1]), own_words(texts[0])) if number in CHAPTERS and all(texts) else None
        title = (second or first or ChapterText(None, "", "")).title
        found.append(ChapterPair(title, *compared_texts(*texts), texts[0] == texts[1], repeated))
    return found


def _unit(request: PageRequest, panel: Panel, number: int) -> UnitFacts:
    """The filing with a number. Raises HTTPException 404 when the person does not see it."""
    place = panel.ask("select agency_id, year from figures where filing_id = $number", {"number": number})
    if not place:
        raise HTTPException(404)
    selection = seen(request, UnitSelection((place[0][1],), basis=Basis.ALL, agencies=(place[0][0],)))
    with request.reading() as connection:
        found = [unit for unit in reported_facts(panel, connection, selection) if unit.filing_id == number]
    if not found:
        raise HTTPException(404)
    return found[0]


@of_panel
def shown(request: PageRequest, panel: Panel) -> Response:
    """Two filings, or the form to choose them."""
    numbers = [request.query.number(name) for name in ("one", "other")]
    every = request.query.text("all", 1) == "1"
    given = {"one": numbers[0], "other": numbers[1]}
    if numbers[0] is None or numbers[1] is None:
        return render(request, "analysis_compare.html", panel=panel.manifest, given={}, numbers=given, pair=None)
    pair = tuple(_unit(request, panel, number) for number in numbers if number is not None)
    with request.reading() as connection:
        chapters = chapters_of(connection, [unit.document_id for unit in pair if unit.document_id is not None])
    texts = [chapters.get(unit.document_id or 0, []) for unit in pair]
    cells = cell_pairs(pair[0], pair[1], request.language)
    counts = {
        "same": sum(each.differs is False for each in cells),
        "differ": sum(each.differs is True for each in cells),
        "open": sum(each.differs is None for each in cells),
    }
    return render(
        request,
        "analysis_compare.html",
        panel=panel.manifest,
        years=years_of(panel),
        given={},
        numbers=given,
        pair=pair,
        every=every,
        counts=counts,
        cells=[each for each in cells if every or each.differs is not False],
        chapters=chapter_pairs(*texts),
    )


ROUTES = (get("/analysis/compare", shown, Role.VIEW),)
