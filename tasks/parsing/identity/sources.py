"""The sources that say who a report is by, for which year and when it was published: each adds clues with a weight.

Titles weigh most, then attachment lines, metadata, signatures, sentences and contacts, then file names and folders.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import PurePosixPath
from typing import NamedTuple

from codebook.agencies import NamingSentence, SelfName, load_agencies
from codebook.records import SENDER, Clue, Extraction, Hints, Place
from codebook.regions import load_regions
from codebook.sheets.columns import SummaryField
from codebook.text.fold import fold
from tasks.parsing.identity.names import (
    Title,
    clean_name,
    find_date,
    find_title,
    is_date_line,
    is_month_line,
    is_name,
    is_name_in_sentence,
    is_name_or_place,
    without_own_level,
    without_signature_marks,
    year_number,
)
from tasks.parsing.identity.region import Evidence
from tasks.parsing.outline import Outline
from tasks.parsing.prose.lines import ProseLine
from tasks.parsing.summary_rows import is_summary_row, row_facts
from tasks.parsing.words import words as patterns

_TITLE_LINE = 90  # characters that a line which is a title may have
_SIGNATURE = 40  # characters that a line with a name and a date may have
_LAST = 8  # lines at the end among which an undated signature stands
_SIGNED = 2  # names among the last lines: more are links
_HEAD = 400  # characters of a page saved as one line that may hold its title and date
_BELIEVED = 50  # the weight from which a sentence is believed though the text speaks in the name of a whole division
_RUN = 3  # adjoining titles that make a list of links


class Weighed(NamedTuple):
    """A clue and how much it weighs."""

    weight: int
    clue: Clue


class Collector:
    """Gathers clues from one document: call :meth:`gather`, then read ``found``, ``titles`` and ``evidence``."""

    def __init__(self, extraction: Extraction, outline: Outline, hints: Hints) -> None:
        self.extraction, self.outline, self.hints = extraction, outline, hints
        self.words = load_agencies()
        self.lines, self.body = _lines_for_names(outline)
        self.notes: list[str] = []
        self.full_names: dict[str, str] = {}  # by what the text calls them from then on: (以下简称市局)
        self.self_names = _self_names(outline.passage.text)
        self.found: list[Weighed] = []
        self.titles: list[tuple[int, str, Place | None, Title]] = []
        self.evidence: list[Evidence] = []

    def gather(self) -> None:
        """Ask every source, from the manifest down to what stands around the text."""
        self.from_hints()
        self.from_summary_row()
        self.from_path()
        self.from_metadata()
        self.from_title_lines()
        self.from_sentences()
        self.from_signature()
        self.from_last_lines()
        self.from_surroundings()

    def add(  # noqa: PLR0917 - the fields of a clue, in their order
        self, weight: int, field: str, value: str, source: str, raw: str, place: Place | None = None
    ) -> None:
        self.found.append(Weighed(weight, Clue(field, value, source, raw.strip()[:200], place)))

    def add_title(self, weight: int, title: Title, source: str, raw: str, place: Place | None) -> None:
        if title.agency:
            self.add(weight, "agency", title.agency, source, raw, place)
        if title.year:
            self.add(weight, "year", str(title.year), source, raw, place)
        self.titles.append((weight, raw.strip(), place, title))

    # ---- sources ----

    def from_hints(self) -> None:
        if self.hints.agency:
            name = fold(self.hints.agency).text
            self.add(200, "agency", name, "manifest", self.hints.agency)
        if self.hints.year:
            self.add(200, "year", str(self.hints.year), "manifest", str(self.hints.year))
        if self.hints.published_on:
            found = find_date(fold(self.hints.published_on).text)
            self.add(200, "published_on", found[0] if found else self.hints.published_on, "manifest", self.hints.published_on)

    def from_summary_row(self) -> None:
        """A row of a summary names its agency in a column, its year there or above the table."""
        if not is_summary_row(self.extraction):
            return
        *folders, _ = self.hints.path.replace("\\", "/").replace("!", "/").split("/")
        for fact in row_facts(self.extraction, folders):
            text = fold(fact.text).text
            if fact.field is SummaryField.AGENCY:
                self.add(190, "agency", _without_serial(text), "table", fact.text, fact.place)
            elif fact.field is SummaryField.REGION:
                self.evidence.append(Evidence(text, "text", 3))
            elif fact.field is SummaryField.YEAR and (match := patterns().identity.cell_year.search(text)):
                self.add(190 if fact.is_in_row else 90, "year", match[1], "table", fact.text, fact.place)
            elif fact.field is SummaryField.PUBLISHED_ON and (found := find_date(text)):
                self.add(190, "published_on", found[0], "table", fact.text, fact.place)

    def from_path(self) -> None:
        path = PurePosixPath(self.hints.path.replace("\\", "/").replace("!", "/"))
        stem = fold(path.name.rsplit(".", 1)[0]).text
        if title := find_title(stem):
            self.add_title(70, title, "file_name", path.name, None)
        elif match := patterns().identity.file_year.search(stem):
            self.add(40, "year", match[1], "file_name", path.name)
        for part in re.split(r"[_\s-]+", stem):
            if is_name(part):
                self.add(58, "agency", part, "file_name", path.name)
        for folder in path.parts[:-1]:
            text = fold(folder).text
            if folder.startswith(SENDER):
                if is_name(sender := text.removeprefix(fold(SENDER).text).strip()):
                    self.add(15, "agency", sender, "sender", folder.removeprefix(SENDER))
            elif is_name(text):
                self.add(30, "agency", text, "folder", folder)
            elif "!" in self.hints.path and (title := find_title(text.rpartition(":")[2], whole=True)):  # a mail's subject
                self.add_title(28, title, "folder", folder, None)
            if match := patterns().identity.folder_year.fullmatch(text):
                self.add(25, "year", match[1], "folder", folder)
        if len(path.parts) > 1:
            self.evidence.append(Evidence(fold("/".join(path.parts[:-1])).text, "folder", 2))
        self.evidence.append(Evidence(stem, "file_name", 2))

    def from_metadata(self) -> None:
        values = [("title", self.extraction.title or "")]
        for note in self.extraction.notes:
            key, _, value = note.partition("=")
            values.append((key.removeprefix("meta."), value))
        for key, value in values:
            if key in self.words.title_meta and value:
                for part in re.split(r"[_|–—]|(?<!\d)-|-(?!\d)", value):
                    if title := find_title(fold(part).text, whole=True):
                        self.add_title(80, title, "title", part, None)
                        break
            if key in self.words.date_meta and (found := find_date(fold(value).text)):
                self.add(90, "published_on", found[0], "text", value)

    def from_title_lines(self) -> None:
        hits: dict[int, tuple[Title, bool]] = {}
        for index, line in enumerate(self.lines):
            if self.words.link.match(line.text):
                continue
            title = find_title(line.text, whole=True) if len(line.text) <= _TITLE_LINE else self._in_long_line(line)
            if (
                title is None
                and (index + 1 < self.body or self.words.attachment.match(line.text))
                and index + 1 < len(self.lines)
            ):
                title = self._broken(line.text, self.lines[index + 1].text)
            if title:
                hits[index] = (title, bool(self.words.attachment.match(line.text)))
        for index, (printed, attached) in hits.items():
            line = self.lines[index]
            links = sum(all(i in hits for i in range(at, at + _RUN)) for at in range(index - _RUN + 1, index + 1))
            weight = 20 if links else 85 if attached else 95 if index < self.body else 88
            title, raw = self._with_lines_around(index, printed)
            if title.end > len(line.text):
                raw = line.raw.strip() + self.lines[index + 1].raw.strip()
            self.add_title(weight, title, "attachment" if attached else "title", raw or _raw(line, title), line.place)

    @staticmethod
    def _broken(first: str, second: str) -> Title | None:
        """A title that the margin broke inside its words (…年度报 / 告)."""
        if len(first) + len(second) > _TITLE_LINE or find_title(second, whole=True):
            return None
        title = find_title(first + second, whole=True)
        return title if title and title.agency and title.year and title.start < len(first) < title.end else None

    @staticmethod
    def _in_long_line(line: ProseLine) -> Title | None:
        head = find_title(line.text[:_TITLE_LINE])
        if head and head.start <= 30 and (head.agency or head.start == 0):
            return head
        tail = line.text[-_TITLE_LINE:]
        last = find_title(tail)
        if last and last.agency and len(tail) - last.end <= 20 and re.search(r"[。;!?|:\s]$", tail[: last.start] or "。"):
            shift = len(line.text) - len(tail)
            return last._replace(start=last.start + shift, end=last.end + shift)
        return None

    def _with_lines_around(self, index: int, title: Title) -> tuple[Title, str | None]:
        """A title over several lines: the body, half of its name, or the year on the lines beside it."""
        line = self.lines[index]
        if title.start > 6 or title.end > len(line.text):
            return title, None
        parts = [_raw(line, title)]
        above = index - 1
        for beside in (above, index + 1):
            if title.year is None and 0 <= beside < len(self.lines):
                year = self.words.year_line.fullmatch(self.lines[beside].text)
                if year:
                    title = title._replace(year=year_number(year["y"]))
                    parts.insert(0 if beside == above else len(parts), self.lines[beside].raw.strip())
                    above -= beside == above
        if above < 0:
            return title, "".join(parts)
        before = self.lines[above]
        whole = (
            find_title(before.text + line.text, whole=True)
            if len(before.text) <= 60 and (not title.agency or not title.year)
            else None
        )
        if whole and whole.agency and whole.year and whole.start < len(before.text):
            return whole._replace(end=len(line.text)), before.raw.strip() + line.raw.strip()
        name = before.text.strip("《 ")
        joined = name + (title.agency or "")
        if not title.agency and is_name(name, strict=False):
            title = title._replace(agency=name)
        elif (
            title.agency
            and len(name) <= 24
            and re.fullmatch(r"[\u3400-\u9fff]+", name)
            and self._halves(name, title.agency, joined)
        ):
            title = title._replace(agency=joined)
        else:
            return title, "".join(parts)
        return title, "".join([before.raw.strip(), *parts])

    def _halves(self, first: str, second: str, joined: str) -> bool:
        """Return whether two lines are halves of one name: only the first begins with a region, and it is no name by itself."""
        regions = load_regions()
        if not is_name(joined) or is_name(first, strict=False) or regions.read(second).found or not regions.read(first).found:
            return False
        return joined in self.outline.passage.text or len(second) <= 6

    def from_sentences(self) -> None:
        text = self.outline.passage.text
        for row, pattern in self.words.sentences:
            for match in pattern.finditer(text):
                groups = match.groupdict()
                name = named_in(match["a"], row) or (named_in(match["a"] + groups["o"], row) if groups.get("o") else None)
                if name and groups.get("short_name"):
                    self.full_names[groups["short_name"].strip()] = name
                if name and self._fits(name, row):
                    hit = self.outline.passage.hit(match.start("a"), match.end("a"))
                    self.add(row.weight, "agency", name, row.source, hit.sentence, hit.place)
                if groups.get("y"):
                    hit = self.outline.passage.hit(match.start("y"), match.end("y"))
                    self.add(min(row.weight, 62), "year", str(year_number(groups["y"])), "text", hit.sentence, hit.place)
                if row.source == "contact":
                    self.evidence.append(Evidence(self._sentence(match.start("a")), "contact", 2))
        for match in self.words.period.finditer(text):
            if match["y2"] in (None, match["y"]):
                hit = self.outline.passage.hit(match.start(), match.end())
                self.add(86, "year", match["y"], "text", hit.sentence, hit.place)

    def _fits(self, name: str, row: NamingSentence) -> bool:
        """Return whether the name is that of one body, of a kind as which the text speaks of itself.

        A note says where it is not of that kind.
        """
        words = self.words
        if not self.hints.region and words.departments.match(name) and not name.endswith(words.whole_without_place):
            return False
        if self._speaks_otherwise(name, of_place=row.weight < _BELIEVED):
            return False
        return not row.if_it_fits or any(name.endswith(row.endings) for row, _ in self.self_names)

    def _speaks_otherwise(self, name: str, *, of_place: bool) -> bool:
        """Return whether the text speaks of itself only as bodies of other kinds do (我局 beside a school)."""
        rows = [(row, said) for row, said in self.self_names if of_place or not row.of_place]
        if not rows or any(name.endswith(row.endings) for row, _ in rows):
            return False
        self.notes.append(self.words.notes.self_conflict.format(name=name, we=rows[0][1]))
        return True

    def _sentence(self, at: int) -> str:
        first, last = self.outline.passage.sentence_span(at)
        return self.outline.passage.text[first : min(last + 120, len(self.outline.passage.text))].split("\n")[0]

    def from_signature(self) -> None:
        """Lines that hold a date: the one that the page prints (日期:…), and the signature's with the name before it."""
        for index, line in enumerate(self.lines):
            text = line.text
            if index < self.body and self._date_inside_head(index, line):
                continue
            if len(text) > _SIGNATURE:
                self._date_inside(line)
                if index + 1 == len(self.lines):
                    self._signed_inside(line)
                continue
            if (label := self.words.date_line.match(text)) and (day := self._date_behind(index, label.end())):
                self.add(88, "published_on", day, "text", line.raw, line.place)
                continue
            day = is_date_line(text)
            if day or is_month_line(text):
                self._signed(index, line, day)
            elif (found := find_date(text)) and not text[found[2] :].strip(")。 ") and not self._signed_inside(line):
                self._add_signed(text[: found[1]], found[0], line.raw, line.place)

    def from_last_lines(self) -> None:
        """A name that stands alone behind the text: a signature without a date. Several names are links to other sites."""
        named: dict[str, ProseLine] = {}
        for line in self.lines[-_LAST:]:
            name = without_signature_marks(line.text)
            if len(name) <= _SIGNATURE and is_name(name) and not self.words.link.match(name):
                named[name] = line
        if len(named) > _SIGNED:
            return
        signed = [name for name in named if not self._speaks_otherwise(name, of_place=False)]
        if len(signed) == 1:
            line = named[signed[0]]
            self.add(60, "agency", signed[0], "signature", line.raw, line.place)

    def _date_inside(self, line: ProseLine) -> None:
        """A date behind 发布时间 near the beginning of a page saved as one line."""
        for label in self.words.date_line.finditer(line.text[:_HEAD]):
            found = find_date(line.text[label.end() : label.end() + 12])
            if found and found[1] <= 1 and label.group()[-1] in ":：":
                self.add(86, "published_on", found[0], "text", line.text[label.start() : label.end() + found[2]], line.place)

    def _date_behind(self, index: int, at: int) -> str | None:
        """The date right behind an entry's name that ends at ``at``: in its line, or alone on the next one (cells of a table)."""
        text = self.lines[index].text
        found = find_date(text[at : at + 14])
        if found and found[1] <= 2:
            return found[0]
        return is_date_line(self.lines[index + 1].text) if at == len(text) and index + 1 < len(self.lines) else None

    def _date_inside_head(self, index: int, line: ProseLine) -> bool:
        """Add the date of publication in the head of a page: behind other entries (来源, 作者), in a cell, or alone.

        Return whether there is one. A date of the text itself (成文日期) weighs less.
        """
        if len(line.text) > _HEAD:
            return False
        for weight, pattern in ((84, self.words.date_inside), (80, self.words.date_made)):
            for label in pattern.finditer(line.text):
                day = self._date_behind(index, label.end())
                if day and (label.start() or pattern is self.words.date_made):
                    self.add(weight, "published_on", day, "text", line.text[label.start() :][:60], line.place)
                    return weight == 84 or not self.words.date_line.match(line.text)
        return self._date_alone(line)

    def _date_alone(self, line: ProseLine) -> bool:
        """Add a date that stands in the head of a page behind the title, before 点击, or in a cell of its own.

        Return whether there is one.
        """
        cells = [cell.strip() for cell in line.text.split("|")]
        for before, cell in pairwise(["", *cells]):
            found = find_date(cell)
            if not found or self.words.other_date.search(before):
                continue
            if found[1] > 1 and not ((title := find_title(cell[: found[1]], whole=True)) and found[1] - title.end <= 1):
                continue
            if found[1] > 1 or (len(cells) > 1 and is_date_line(cell)) or self.words.behind_head_date.match(cell, found[2]):
                self.add(74, "published_on", found[0], "text", line.raw, line.place)
                return True
        return False

    def _signed_inside(self, line: ProseLine) -> bool:
        """The signature at the end of a line, set off by spaces: 无 示例市审计局 2021年1月26日."""
        words = line.raw[-_SIGNATURE - 20 :].split()
        for position in range(1, len(words)):
            day = is_date_line(fold("".join(words[position:])).text)
            if day:
                name = fold(words[position - 1]).text
                before = fold(words[position - 2]).text if position > 1 else ""
                if before and load_regions().read(before).end == len(before):
                    name = before + name
                self._add_signed(name, day, " ".join(words[position - 1 :]), line.place)
                return True
        return False

    def _add_signed(self, name: str, day: str, raw: str, place: Place) -> None:
        name = without_signature_marks(name.strip(","))
        if is_name(name):
            self.add(72, "agency", name, "signature", raw, place)
            self.add(60, "published_on", day, "signature", raw, place)

    def _signed(self, index: int, line: ProseLine, day: str | None) -> None:
        late = index > self.body
        for beside in (index - 1, index + 1):
            name = without_signature_marks(self.lines[beside].text) if 0 <= beside < len(self.lines) else ""
            if is_name(name):
                near = self.lines[beside]
                self.add((75 if beside < index else 65) if late else 50, "agency", name, "signature", near.raw, near.place)
                break
        if day:
            self.add(70 if late else 55, "published_on", day, "signature", line.raw, line.place)

    def from_surroundings(self) -> None:
        for index, line in enumerate(self.lines):
            head = index < self.body and len(line.text) <= 40
            if head or (len(line.text) <= 120 and self.words.host.search(line.text)):
                self.evidence.append(Evidence(line.text, "text", 1))
        for match in self.words.host.finditer(self.outline.passage.text):
            if match["short"]:
                self.evidence.append(Evidence(match.group() + "”", "text", 2))
        counts = Counter(patterns().identity.text_year.findall(self.outline.passage.text))
        if counts:
            year, times = counts.most_common(1)[0]
            if times >= 2:
                self.add(15, "year", year, "text", patterns().messages.year_in_text.format(year=year, times=times))


def _without_serial(name: str) -> str:
    return re.sub(r"^\d{1,3}[.、]\s?", "", name)


def _self_names(text: str) -> list[tuple[SelfName, str]]:
    """How a text speaks of itself, with the words: as a body (我局), or else as all bodies of a division do (我市)."""
    found = [(row, match.group()) for row, pattern in load_agencies().self_names if (match := pattern.search(text))]
    return [pair for pair in found if not pair[0].of_place] or found


def _raw(line: ProseLine, title: Title) -> str:
    begin, end = line.folded.raw_span(title.start, title.end)
    return line.raw[begin:end]


def named_in(text: str, row: NamingSentence) -> str | None:
    """Return the name of a body in a sentence, without 办公室 of a bureau; None when ``text`` is none.

    A contact names the office to be called, of a government too; elsewhere 人民政府办公室 is a body of its own.
    """
    text = without_own_level(clean_name(text))
    shorter = load_agencies().office.sub("", text)
    if is_name(shorter) and (row.source == "contact" or not load_agencies().government.search(shorter)):
        text = shorter
    return text if (is_name_or_place(text) if row.loose else is_name_in_sentence(text)) else None


def _lines_for_names(outline: Outline) -> tuple[list[ProseLine], int]:
    """The lines of a document in which names are looked for, and the index of the first chapter's.

    A page saved as one line is cut where a space stands between Chinese characters, at its beginning and at its end.
    """
    first = min((c.first for c in outline.chapters if c.section.number is not None), default=len(outline.lines))
    found: list[ProseLine] = []
    body = None
    for index, line in enumerate(outline.lines):
        if index == first:
            body = len(found)
        outer = index < first or index + 1 == len(outline.lines)
        found += _pieces(line) if outer else [line]
    return found, len(found) if body is None else body


def _pieces(line: ProseLine) -> list[ProseLine]:
    text, origins = line.folded.text, line.folded.origins
    link = load_agencies().link
    short = len(text) <= _SIGNATURE  # names are printed with spaces too: there only behind a full stop
    cuts = [
        i
        for i in range(1, len(text))
        if origins[i] - origins[i - 1] > 1
        and (
            text[i - 1] == "。"
            or link.match(text, i)
            or not (short or text[i].isascii() or (text[i - 1].isascii() and text[i - 1].isalnum()))
        )
        and line.raw[origins[i - 1] + 1 : origins[i]].isspace()
    ]
    return [line.part(a, b) for a, b in pairwise([0, *cuts, len(text)])]
