"""Derived indicators: rates, shares and sums that are defined once, in ``data/indicators.yaml``.

>>> derived_indicators()["grant_rate"].definition_of("2021").numerator
{'requests.granted.total': 1}
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import Any, Literal

import msgspec

from codebook import data
from codebook.book import Indicator, load_book, take_forms
from codebook.records import Number, Record, Severity
from codebook.rules import RuleScope, load_rules

FACTS = frozenset(
    {
        "unit.expected",
        "unit.filed",
        "unit.reported",
        "unit.passed",
        "unit.dated",
        "unit.late_days",
        "unit.late_workdays",
        "finding.any",
    }
)
"""Terms that are facts of a unit, whether or not it has a filing; ``finding.RULE`` are more of them."""
BEFORE = "before."
"""What stands before the id of a cell of the report on the year before."""
_OF_READING = ("text.", "table.")
_MAIN = "main"


class FigureKind(StrEnum):
    """What a figure is, and so how it is added up and shown."""

    PROPORTION = "proportion"
    """A part of a whole: it has a Wilson interval."""
    RATIO = "ratio"
    """Two counts of different things; it may exceed 1."""
    COUNT = "count"
    """A sum without a denominator."""
    MEAN = "mean"
    """The mean over units."""


class TwoWords(Record, frozen=True):
    """A text in both languages."""

    zh: str
    en: str

    def of(self, language: str) -> str:
        """Return the text in a language: zh or en."""
        return self.zh if language == "zh" else self.en


class Definition(Record, frozen=True):
    """How an indicator is computed from reports of some forms: weighted terms. ``denominator`` is empty for counts; with
    ``balance`` there is no numerator: a unit counts 1 where that sum is 0, else 0.

    Definitions of one ``series`` can be compared and added, those of different series cannot.
    """

    forms: tuple[str, ...]
    numerator: dict[str, Number] = msgspec.field(default_factory=dict)
    denominator: dict[str, Number] = msgspec.field(default_factory=dict)
    series: str = _MAIN
    note: TwoWords | None = None
    balance: dict[str, Number] = msgspec.field(default_factory=dict)

    @property
    def terms(self) -> tuple[str, ...]:
        """All terms, those of the numerator first, each once."""
        return tuple(dict.fromkeys((*self.numerator, *self.balance, *self.denominator)))

    @property
    def cells(self) -> tuple[str, ...]:
        """The terms that are cells of a form."""
        return tuple(term for term in self.terms if term in load_book().indicators)

    @property
    def before(self) -> tuple[str, ...]:
        """The terms that are cells of the report on the year before."""
        return tuple(term for term in self.terms if term.startswith(BEFORE))


class DerivedIndicator(Record, frozen=True):
    """What is computed from cells. ``id`` has no dot at its first place but the one of its family (``denial_rate.state_secret``),
    and is never the id of a cell.

    ``least`` is the least denominator from which figures are ranked, ``measures`` whether more is better for disclosure,
    ``family`` the indicator of which this is one row, chapter or rule. ``of_years``: it compares a report with the agency's
    report on the year before. ``of_reading``: for that, both have to be read as a whole, texts or all cells.
    """

    id: str
    name: TwoWords
    kind: FigureKind
    unit: str
    means: TwoWords
    law: TwoWords
    definitions: tuple[Definition, ...]
    least: int = 0
    measures: Literal["up", "down", "neutral"] = "neutral"
    signed: bool = False
    of_years: bool = False
    family: str | None = None

    @property
    def of_reading(self) -> bool:
        """Whether both reports have to be read for it as a whole."""
        return any(term.startswith(_OF_READING) for definition in self.definitions for term in definition.terms)

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms in which it exists, in the order of time."""
        return tuple(form for form in load_book().forms if self.definition_of(form) is not None)

    def definition_of(self, form: str) -> Definition | None:
        """Return the definition for reports of a form; None where the form does not have the cells."""
        return next((definition for definition in self.definitions if form in definition.forms), None)

    def series_of(self, year: int) -> str | None:
        """Return the series of the national form for reports on ``year``, in which figures of the year are; None before there
        was a form, and where the form of the year has no such indicator.
        """
        form = next((name for name, each in load_book().forms.items() if each.covers(year)), None)
        definition = self.definition_of(form) if form is not None else None
        return definition.series if definition is not None else None

    def comparable(self, one: str, other: str) -> bool:
        """Return whether figures from reports of two forms can be compared.

        >>> rate = derived_indicators()["grant_rate"]
        >>> rate.comparable("2019", "2021"), rate.comparable("2014", "2021")
        (True, False)
        """
        first, second = self.definition_of(one), self.definition_of(other)
        return first is not None and second is not None and first.series == second.series

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells of all its definitions, each once."""
        return tuple(dict.fromkeys(cell for definition in self.definitions for cell in definition.cells))


class _Each(Record, frozen=True):
    """Of what an indicator has one more: the rows of a group of a block, chapters, or the rules of a severity."""

    rows: str | None = None
    block: str | None = None
    column: str | None = None
    chapters: tuple[int, ...] = ()
    rules: Severity | None = None


class _Written(Record, frozen=True):
    """A row of indicators.yaml."""

    zh: str
    en: str
    kind: FigureKind
    unit: str
    means: TwoWords
    law: TwoWords
    definitions: list[dict[str, Any]]
    least: int = 0
    measures: Literal["up", "down", "neutral"] = "neutral"
    signed: bool = False
    of_years: bool = False
    each: _Each | None = None


@cache
def derived_indicators() -> dict[str, DerivedIndicator]:
    """Return the derived indicators by id, in the order of the file.

    Raises msgspec.ValidationError on an unknown key, and ValueError on a term that the forms of a definition do not have.
    """
    forms = tuple(load_book().forms)
    rows = msgspec.yaml.decode(data.read("indicators.yaml"), type=dict[str, _Written])
    found: dict[str, DerivedIndicator] = {}
    for name, row in rows.items():
        definitions = tuple(
            msgspec.convert({"forms": take_forms(each, forms, name), **each}, Definition) for each in row.definitions
        )
        made = DerivedIndicator(
            name,
            TwoWords(row.zh, row.en),
            row.kind,
            row.unit,
            row.means,
            row.law,
            definitions,
            row.least,
            row.measures,
            row.signed,
            row.of_years,
        )
        found[name] = made
        if row.each is not None:
            found |= {member.id: member for member in _members(made, row.each)}
    _check(found)
    return found


def _members(family: DerivedIndicator, each: _Each) -> Iterator[DerivedIndicator]:
    """The members of a family, each with the denominator that the family has for its forms."""
    for slug, name, forms, numerator, denominator in _parts(each):
        definitions = tuple(
            Definition(kept, numerator, denominator or definition.denominator, definition.series)
            for definition in family.definitions
            if (kept := tuple(form for form in definition.forms if form in forms))
        )
        words = TwoWords(f"{family.name.zh}：{name.zh}", f"{family.name.en}: {name.en}")
        yield msgspec.structs.replace(family, id=f"{family.id}.{slug}", name=words, definitions=definitions, family=family.id)


_Part = tuple[str, TwoWords, tuple[str, ...], dict[str, Number], dict[str, Number]]


def _parts(each: _Each) -> Iterator[_Part]:
    book = load_book()
    if each.rows is not None and each.block is not None:
        block = book.blocks[each.block]
        for row, label in block.rows.items():
            if row.startswith(f"{each.rows}."):
                cell = f"{each.block}.{row}.{each.column}"
                slug = row.removeprefix(f"{each.rows}.")
                yield slug, TwoWords(label.label, slug.replace("_", " ")), book.indicators[cell].forms, {cell: 1}, {}
    titles = {chapter.number: chapter.title for form in book.forms.values() for chapter in form.sections}
    for number in each.chapters:
        same, grams = {f"text.{number}.same": 1}, {f"text.{number}.grams": 1}
        words = TwoWords(titles[number], f"chapter {number}")
        yield f"chapter_{number}", words, tuple(book.forms), dict(same), dict(grams)
    if each.rules is not None:
        for rule in load_rules().values():
            if rule.severity is each.rules and rule.scope in (RuleScope.REPORT, RuleScope.YEARS):
                yield rule.id, TwoWords(rule.id, rule.words), rule.forms, {f"finding.{rule.id}": 1}, {}


def _check(found: dict[str, DerivedIndicator]) -> None:
    """Each term is there in each form of its definition. Raises ValueError with all that is wrong."""
    book, wrong = load_book(), []
    for name, indicator in found.items():
        if name in book.indicators:
            wrong.append(f"{name} is the id of a cell")
        if (indicator.kind is FigureKind.COUNT) != all(not d.denominator for d in indicator.definitions):
            wrong.append(f"{name}: a count has no denominator, and others have one")
        seen: set[tuple[str, tuple[str, ...]]] = set()
        for definition in indicator.definitions:
            taken = {(form, definition.before) for form in definition.forms}
            if twice := seen & taken:
                wrong.append(f"{name}: forms {sorted(form for form, _ in twice)} have two definitions")
            seen |= taken
            if bool(definition.numerator) == bool(definition.balance):
                wrong.append(f"{name}: a definition has a numerator or a balance")
            if definition.before and not indicator.of_years:
                wrong.append(f"{name}: compares two years, and does not say so (of_years)")
            for term in definition.terms:
                cell = book.indicators.get(term)
                if cell is not None:
                    lacking = set(definition.forms) - set(cell.forms)
                    wrong += [f"{name}: form {form} has no {term}" for form in sorted(lacking)]
                elif term.removeprefix(BEFORE) in book.indicators:
                    continue
                elif term not in FACTS and not term.startswith((*_OF_READING, "finding.")):
                    wrong.append(f"{name}: {term} is neither a cell nor a fact")
    if wrong:
        raise ValueError("indicators: " + "; ".join(wrong))


@cache
def cells_before() -> tuple[str, ...]:
    """The cells of the year before that indicators need, in printing order."""
    needed = {term.removeprefix(BEFORE) for each in derived_indicators().values() for d in each.definitions for term in d.before}
    return tuple(cell for cell in load_book().indicators if cell in needed)


@cache
def indicator_of(name: str) -> DerivedIndicator:
    """Return a derived indicator, or a cell of the forms as one: its sum over units. Raises KeyError for an unknown id.

    >>> indicator_of("requests.granted.total").kind
    <FigureKind.COUNT: 'count'>
    """
    derived = derived_indicators().get(name)
    return derived if derived is not None else _of_cell(load_book().indicators[name])


def _of_cell(cell: Indicator) -> DerivedIndicator:
    block = load_book().blocks[cell.block]
    labels = [*block.rows[cell.row].under, block.rows[cell.row].label]
    if cell.column is not None:
        labels.append(block.columns[cell.column].label)
    printed = " / ".join(labels)
    title = TwoWords(block.title, block.title)
    definition = Definition(cell.forms, {cell.id: 1})
    return DerivedIndicator(
        cell.id, TwoWords(printed, cell.id), FigureKind.COUNT, cell.unit or "", title, title, (definition,), signed=cell.signed
    )
