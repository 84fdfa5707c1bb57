"""The glossary of indicators: what each is, of which numbers it is made, where it can be compared, and on what law it rests."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

from starlette.responses import Response

from codebook.analysis.indicators import Definition, DerivedIndicator, derived_indicators
from codebook.book import load_book
from codebook.records import Number
from console.analysis.rows import shown_number
from console.analysis.words import word
from console.web.i18n import cell_name
from console.web.pages.analysis.asked import render
from console.web.request import PageRequest
from console.web.routing import get
from database.models import Role


class WrittenDefinition(NamedTuple):
    """A definition in words."""

    forms: str
    numerator: str
    denominator: str
    note: str


class GlossaryEntry(NamedTuple):
    """An indicator with its definitions, the pairs of forms of which figures can be compared, and those of which they cannot."""

    indicator: DerivedIndicator
    definitions: list[WrittenDefinition]
    comparable: list[str]
    not_comparable: list[str]


def term_name(term: str, language: str) -> str:
    """Return what a term of a definition is called: a cell, or a fact of a unit."""
    if term in load_book().indicators:
        return cell_name(language, term)
    family, _, rest = term.partition(".")
    if family == "finding" and rest != "any":
        return word("terms", "finding", language).format(rule=rest)
    if family == "text":
        chapter, _, part = rest.partition(".")
        return word("terms", f"text.{part}", language).format(chapter=chapter)
    return word("terms", term, language)


def written_sum(weights: Mapping[str, Number], language: str) -> str:
    """Return weighted terms as a sum in words."""
    parts: list[str] = []
    for term, weight in weights.items():
        times = "" if abs(weight) == 1 else f"{shown_number(abs(weight))} × "
        sign = "− " if weight < 0 else "+ " if parts else ""
        parts.append(f"{sign}{times}{term_name(term, language)}")
    return " ".join(parts)


def _written(definition: Definition, language: str) -> WrittenDefinition:
    note = definition.note.of(language) if definition.note is not None else ""
    numerator, denominator = written_sum(definition.numerator, language), written_sum(definition.denominator, language)
    return WrittenDefinition(", ".join(definition.forms), numerator, denominator, note)


def entries(language: str) -> list[GlossaryEntry]:
    """Return all indicators in their order."""
    found = []
    for indicator in derived_indicators().values():
        pairs = {f"{one}–{other}": indicator.comparable(one, other) for one, other in combinations(indicator.forms, 2)}
        written = [_written(each, language) for each in indicator.definitions]
        yes = [pair for pair, comparable in pairs.items() if comparable]
        found.append(GlossaryEntry(indicator, written, yes, [pair for pair in pairs if pair not in yes]))
    return found


def shown(request: PageRequest) -> Response:
    """The glossary."""
    return render(request, "analysis_glossary.html", given={}, entries=entries(request.language))


ROUTES = (get("/analysis/glossary", shown, Role.VIEW),)
