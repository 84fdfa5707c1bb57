"""What the rules of one report look at: values by id, doubts, and folded chapters, each made once and only if asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property, lru_cache

from codebook.book import load_book
from codebook.records import Finding, Number, Origin, Place, Reading, Report, Section, Severity, State
from codebook.rules import Rule
from codebook.text.fold import fold, fold_label
from tasks.validation.registry import finding

# 。 ； and line ends part sentences; the text before folding may have their half-width forms
_HEAD = 150.0  # points from the upper edge of a page within which its first line stands, below a letterhead too
_SENTENCE = re.compile(r"[^。；;\n]*[。；;]?")


@lru_cache(maxsize=256)
def fold_text(text: str) -> str:
    """A chapter folded for searching; kept, since several rules look at the same chapters."""
    return fold(text).text


class Facts:
    """A report as the rules see it."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.readings: dict[str, Reading] = {r.indicator: r for r in report.readings}
        # cells whose value is not known: doubtful ones, and those that were not seen; no sum with one of them is judged
        self.unsettled = frozenset(r.indicator for r in report.readings if r.state.unsettled)
        # None for a cell that the report leaves blank; unsettled cells are not here
        self.values: dict[str, Number | None] = {
            r.indicator: None if r.state is State.MISSING else r.value for r in report.readings if not r.state.unsettled
        }

    def number(self, cell: str) -> Number | None:
        """The value of a cell, None when it is not printed, blank or unsettled."""
        return self.values.get(cell)

    def block_of(self, cell: str) -> str:
        """The block of an indicator that the codebook knows, "" for any other."""
        indicator = load_book().indicators.get(cell)
        return indicator.block if indicator else ""

    @cached_property
    def blocks(self) -> frozenset[str]:
        """The blocks of which something was read."""
        return frozenset(self.block_of(cell) for cell, reading in self.readings.items() if reading.state is not State.NOT_SEEN)

    def goes_on_after(self, block: str) -> bool:
        """Return whether the document goes on where a block ends: with a number of a later block, or a later chapter."""
        book = load_book()
        later = list(book.blocks)[list(book.blocks).index(block) + 1 :]
        own = book.blocks[block].section or 0
        return not self.blocks.isdisjoint(later) or any((section.number or 0) > own for section in self.report.sections)

    def may_be_cut_at(self, block: str, title: Place | None = None) -> bool:
        """Return whether the document may have lost what belongs at the place of a block, whose title may be there: it ends
        before that place, pages of it are missing, or what comes next begins another page, before which one may be missing.
        """
        if self.report.page_gaps or self.report.missing_pages or not self.goes_on_after(block):
            return True
        before, after = self._around(block)
        last = max((place.page for place in (*before, *([title] if title else []))), default=1)
        following = min(after, key=lambda place: (place.page, place.box[1] if place.box else 0), default=Place())
        return following.page > last and (following.box is None or following.box[1] <= _HEAD)

    def _around(self, block: str) -> tuple[list[Place], list[Place]]:
        """The places of what stands before the numbers of a block, and behind them: numbers of tables, and titles of chapters."""
        blocks = load_book().blocks
        own, at = blocks[block].section or 0, {name: number for number, name in enumerate(blocks)}
        cells = [
            (at[name], reading.place)
            for cell, reading in self.readings.items()
            if (name := self.block_of(cell)) and reading.origin is Origin.TABLE
        ]
        chapters = [(section.number or 0, section.place) for section in self.report.sections]
        before = [place for number, place in cells if number < at[block]]
        behind = [place for number, place in cells if number > at[block]]
        before += [place for number, place in chapters if number <= own]
        return before, behind + [place for number, place in chapters if number > own]

    @cached_property
    def text(self) -> str:
        """All chapters with their titles, folded."""
        return "\n".join(f"{fold_text(s.title)}\n{fold_text(s.text)}" for s in self.report.sections)

    def section(self, number: int) -> Section | None:
        """The chapter that the form numbers so: by its title, else by its printed number."""
        form = load_book().forms.get(self.report.form)
        chapter = next((c for c in form.sections if c.number == number), None) if form else None
        if chapter is not None:
            titles = {fold_label(title) for title in (chapter.title, *chapter.variants)}
            for section in self.report.sections:
                if fold_label(section.title) in titles:
                    return section
        return next((s for s in self.report.sections if s.number == number), None)

    def finding(
        self,
        row: Rule,
        cells: tuple[str, ...] = (),
        filled: Mapping[str, object] | None = None,
        *,
        message: str = "main",
        severity: Severity | None = None,
        expected: Number | None = None,
        actual: Number | None = None,
        sentence: str | None = None,
        place: Place | None = None,
        note: str = "",
    ) -> Finding:
        """As :func:`tasks.validation.registry.finding`; place and sentence are those of the first cell, unless given."""
        reading = next((self.readings[cell] for cell in cells if cell in self.readings), None)
        if reading is not None:
            place = place or reading.place
            sentence = sentence or (reading.sentence if reading.origin is Origin.PROSE else None)
        return finding(
            row,
            cells,
            filled,
            message=message,
            severity=severity,
            expected=expected,
            actual=actual,
            sentence=sentence,
            place=place,
            note=note,
        )

    def sentences(self, signal: str) -> list[tuple[str, Section]]:
        """The sentences, folded, that hold ``signal`` (a text that is the same in both scripts), with their chapters."""
        found = []
        for section in self.report.sections:
            if signal in section.text:
                found += [(fold(s).text, section) for s in _SENTENCE.findall(section.text) if signal in s]
        return found

    def section_place(self, number: int) -> Place | None:
        """Return where a chapter begins."""
        section = self.section(number)
        return section.place if section else None
