"""The chapters of a report, by number and title.

Chapters are found by the titles that the national forms prescribe, whatever stands before them (一、, （一）, 1., 第一部分, or
nothing), at the beginning of a line or, where a page was saved as one line, in its middle. Chapters with other titles (all of
them before 2019) are found by their numbers, which must go up one by one.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz, process

from codebook.book import load_book
from codebook.records import Place, Section
from codebook.text.chinese_numbers import read_numeral
from codebook.text.fold import Folded, fold, fold_label, is_han
from tasks.parsing.prose.lines import Passage, ProseLine
from tasks.parsing.words import words

_TRIM = "。:;,.、*# |"
_STYLES = ("part", "cn", "paren", "arabic")
_STOP = re.compile("[。:]")
_NO_TITLE = re.compile(r"[。;\d]")
_REMARK = re.compile(r"\([^()]{1,12}\)$")
_TITLE = 30  # characters that a title before a full stop may have
_UNMISTAKABLE = 8  # characters of a title that begins no other sentence
_WHOLE = 42  # characters that a line may have to be a title as a whole
_LONG = 150  # characters from which a line may hold headings in its middle


class Heading(NamedTuple):
    """A place that looks like a chapter's beginning: folded offsets in its line, and what is printed there."""

    line: int
    start: int
    end: int
    style: str
    number: int | None
    title: tuple[int, int]
    known: int | None


class ChapterLines(NamedTuple):
    """A chapter with its lines ``first`` to ``last`` (excluded) of :attr:`Outline.lines`; the first one is the heading's."""

    section: Section
    known: int | None
    first: int
    last: int


class Outline(NamedTuple):
    """The chapters of a document, and its lines, cut where a heading stands inside one."""

    chapters: tuple[ChapterLines, ...]
    lines: tuple[ProseLine, ...]
    passage: Passage

    @property
    def sections(self) -> tuple[Section, ...]:
        """The chapters as records; what stands before the first one has no number."""
        return tuple(chapter.section for chapter in self.chapters)


class _KnownTitles(NamedTuple):
    """The prescribed titles as (number, folded label), the highest number first, and as one pattern, a pattern of what each of
    them begins with, and the rows of tables that look like chapters.
    """

    labels: tuple[tuple[int, str], ...]
    begins: re.Pattern[str]
    pattern: re.Pattern[str]
    numbers: dict[str, int]
    rows: tuple[str, ...]


@cache
def _known() -> _KnownTitles:
    book = load_book()
    titles: dict[str, int] = {}
    for form in book.forms.values():
        for chapter in form.sections:
            for title in (chapter.title, *chapter.variants):
                titles.setdefault(fold(title).text, chapter.number)
    ordered = sorted(titles, key=len, reverse=True)
    patterns, numbers = [], {}
    for index, title in enumerate(ordered):
        body = "".join(words().chapter.joint if c == "、" else re.escape(c) for c in title)
        patterns.append(f"(?P<t{index}>{body})")
        numbers[f"t{index}"] = titles[title]
    rows = [row for block in book.blocks.values() for row in block.rows.values()]
    row_number = words().chapter.row_number
    texts = {text for row in rows for text in (*row.texts, *row.under) if row_number.match(text)}
    return _KnownTitles(
        tuple(sorted(((number, fold_label(title)) for title, number in titles.items()), reverse=True)),
        re.compile("|".join(sorted({re.escape(title.partition("、")[0]) for title in titles}))),
        re.compile(f"(?:{'|'.join(patterns)})(?:\\([^()]{{1,12}}\\))?"),
        numbers,
        tuple(row_number.sub("", fold(text).text, count=1) for text in texts),
    )


def _marker(match: re.Match[str]) -> tuple[str, int]:
    groups = match.groupdict()
    style = next(s for s in _STYLES if groups.get(s))
    text = match[style]
    return style, int(text) if style == "arabic" else read_numeral(text) or 0


@lru_cache(maxsize=4_000)
def known_title(text: str) -> int | None:
    """The number of the prescribed chapter whose title this is, misprints allowed; ``text`` is folded."""
    label = fold_label(_REMARK.sub("", text))
    if not 4 <= len(label) <= 40:
        return None
    labels = _known().labels
    best = process.extractOne(label, [known for _, known in labels], scorer=fuzz.ratio, score_cutoff=85)
    return labels[best[2]][0] if best else None


def _row_of_table(rest: str) -> bool:
    """Return whether this is a row of the requests table (一、本年新收…), which is no chapter."""
    return _begins_row(rest[: max(map(len, _known().rows), default=0)])


@lru_cache(maxsize=4_000)
def _begins_row(rest: str) -> bool:
    return any(rest.startswith(row[:6]) or (len(row) > 6 and fuzz.ratio(rest[: len(row)], row) >= 80) for row in _known().rows)


def _prescribed(text: str, at: int, raw_gap: bool) -> tuple[int, int] | None:
    """Number and end of the prescribed title that stands at ``at``, when it ends there and no word goes on."""
    match = _known().pattern.match(text, at)
    if not match:
        return None
    number = next(n for key, n in _known().numbers.items() if match[key])
    rest = text[match.end() :]
    if words().chapter.quoted.match(rest):
        return None
    goes_on = rest and is_han(rest[0]) and not words().chapter.begins_text.match(rest)
    return (number, match.end()) if raw_gap or not goes_on else None


def _at_start(index: int, line: ProseLine) -> Heading | None:
    """The heading at the beginning of a line. The lines of a document are looked at several times, and every document has some
    of the same.
    """
    if len(line.raw) > _WHOLE:
        return _heading_of(line.raw, line.folded, index)
    found = _heading_of_short(line.raw, line.folded)
    return found._replace(line=index) if found else None


@lru_cache(maxsize=4_000)
def _heading_of_short(raw: str, folded: Folded) -> Heading | None:
    return _heading_of(raw, folded, 0)


def _heading_of(raw: str, folded: Folded, index: int) -> Heading | None:
    text = folded.text
    match = words().chapter.numbered.match(text) or (
        words().chapter.loose.match(text) if _known().begins.match(text, 1) and _known().pattern.match(text, 1) else None
    )
    if not match:
        bare = text.strip(_TRIM)
        known = known_title(bare) if len(bare) <= _WHOLE and not _NO_TITLE.search(bare) else None
        start = text.find(bare)
        return Heading(index, 0, len(text), "bare", None, (start, start + len(bare)), known) if known else None
    style, number = _marker(match)
    at = match.end()
    if _row_of_table(text[at:]) or not text[at:].strip(_TRIM):
        return None
    if found := _prescribed(text, at, False) or _gap_after_title(raw, folded, at) or _run_on(text, at, number):
        return Heading(index, 0, _past(text, found[1]), style, number, (at, found[1]), found[0])
    whole = text[at:].rstrip(_TRIM)
    if len(whole) <= _WHOLE and not _STOP.search(whole) and (known := known_title(whole)):
        return Heading(index, 0, len(text), style, number, (at, at + len(whole)), known)
    return _other(index, text, at, style, number)


def _gap_after_title(raw: str, folded: Folded, at: int) -> tuple[int, int] | None:
    """A prescribed title that raw text sets off by a space from the words behind it."""
    found = _prescribed(folded.text, at, True)
    if not found or found[1] >= len(folded.text):
        return found
    before, after = folded.origins[found[1] - 1], folded.origins[found[1]]
    return found if raw[before + 1 : after].isspace() else None


def _run_on(text: str, at: int, number: int) -> tuple[int, int] | None:
    """A prescribed title under its own number with a sentence right behind it (五、存在的主要问题及改进情况解读偏少。)."""
    found = _prescribed(text, at, True)
    if found is None or found[0] != number or found[1] - at < _UNMISTAKABLE:
        return None
    return found if "。" in text[found[1] :] else None


def _past(text: str, end: int) -> int:
    """Past the marks behind a title."""
    while end < len(text) and text[end] in _TRIM:
        end += 1
    return end


def _other(index: int, text: str, at: int, style: str, number: int) -> Heading | None:
    """A numbered line whose title no form prescribes: its first sentence if short, or the line if it is short."""
    rest = text[at:]
    stop = _STOP.search(rest)
    if stop and stop.start() <= _TITLE:
        known = known_title(rest[: stop.start()])
        return Heading(index, 0, _past(text, at + stop.start()), style, number, (at, at + stop.start()), known)
    if len(rest) <= _WHOLE and not stop and ";" not in rest.rstrip(";"):
        title = rest.rstrip(_TRIM)
        return Heading(index, 0, len(text), style, number, (at, at + len(title)), None)
    return None


def _inside(index: int, line: ProseLine) -> list[Heading]:
    """Headings in the middle of a long line: prescribed titles with a number, and 一、 behind a full stop."""
    text = line.text
    found: dict[int, Heading] = {}
    for match in _known().pattern.finditer(text, 1) if _known().begins.search(text, 1) else ():
        mark = words().chapter.before_title.search(text[max(match.start() - 8, 0) : match.start()])
        if not mark:
            continue
        start = match.start() - len(mark[0])
        gap = _gap_before(line, start)
        listed = text[start - 1] == ":" and _marker(mark)[1] == 1  # 包括:一、总体情况;二、…
        if start and not gap and (listed or text[start - 1] not in "。;:!?|)”0123456789"):
            continue
        if ended := _prescribed(text, match.start(), True):
            style, number = _marker(mark)
            found[start] = Heading(index, start, _past(text, ended[1]), style, number, (match.start(), ended[1]), ended[0])
    if len(text) >= _LONG:
        for match in words().chapter.middle.finditer(text):
            if match.start() not in found and not _row_of_table(text[match.end() :]):
                end = _raw_gap(line, match.end(), _TITLE)
                if end and not re.search(r"[,;!?]", text[match.end() : end]):
                    number = read_numeral(match["cn"]) or 0
                    found[match.start()] = Heading(index, match.start(), _past(text, end), "cn", number, (match.end(), end), None)
    return [found[key] for key in sorted(found)]


def _gap_before(line: ProseLine, at: int) -> bool:
    """Return whether raw text has a space before the folded character ``at``."""
    return at > 0 and line.raw[line.folded.origins[at - 1] + 1 : line.folded.origins[at]].isspace()


def _raw_gap(line: ProseLine, at: int, limit: int) -> int | None:
    """The first folded offset behind ``at``, within ``limit``, where raw text has a space or a full stop."""
    for offset in range(at + 2, min(at + limit, len(line.text)) + 1):
        if offset == len(line.text) or line.text[offset] in "。|" or _gap_before(line, offset):
            return offset
    return None


def known_headings(line: ProseLine) -> list[tuple[int, int]]:
    """The folded spans of numbered chapter titles of the forms in a line; these are prose even between the rows of tables."""
    first = _at_start(0, line)
    spans = [(first.start, first.end)] if first and first.known and first.style in ("part", "cn") else []
    if len(line.text) > 30:
        spans += [(h.start, h.end) for h in _inside(0, line) if h.known and not (spans and h.start < spans[0][1])]
    return spans


def find_headings(lines: list[ProseLine]) -> list[Heading]:
    """Return all places that look like the beginning of a chapter, in reading order."""
    found: list[Heading] = []
    for index, line in enumerate(lines):
        first = _at_start(index, line)
        if first:
            found.append(first)
        if len(line.text) > 40:
            found += [h for h in _inside(index, line) if not first or h.start >= first.end]
    return found


def without_contents(found: list[Heading]) -> list[Heading]:
    """Leave out a table of contents: three or more titles on adjoining lines that all come again."""
    later = {h.known: h for h in found if h.known}
    drop: set[int] = set()
    run: list[int] = []
    for position, heading in enumerate(found):
        adjoins = run and heading.line == found[run[-1]].line + 1
        again = heading.known and later[heading.known] is not heading
        run = [*(run if adjoins else []), position] if again else []
        if len(run) >= 3:
            drop.update(run)
    return [h for position, h in enumerate(found) if position not in drop]


def _choose(found: list[Heading]) -> list[Heading]:
    """The candidates that are chapters, in order."""
    found = without_contents(found)
    known = [h for h in found if h.known]
    counts = {style: len({h.known for h in known if h.style == style}) for style in (*_STYLES, "bare")}
    style = max(counts, key=lambda s: (counts[s], s != "bare"))
    if counts[style] >= 2 or (known and len({h.known for h in known}) >= 3):
        anchors = _increasing([h for h in known if h.style == style])
        covered = {h.known for h in anchors}
        for h in known:
            if h.known not in covered and _fits(h, anchors):
                anchors = sorted([*anchors, h])
                covered.add(h.known)
        return _between(anchors, [h for h in found if h.style == ("cn" if style == "bare" else style) and not h.known])
    for style in _STYLES:
        chain = _chain([h for h in found if h.style == style])
        if len(chain) >= 2:
            return chain
    return known[:1] if known and known[0].style == "cn" else []


def _increasing(known: list[Heading]) -> list[Heading]:
    """The longest run of prescribed titles in order; of equal ones the first."""
    best: dict[int, list[Heading]] = {}
    for heading in known:
        number = heading.known or 0
        run = [*max((run for last, run in best.items() if last < number), key=len, default=[]), heading]
        if len(run) > len(best.get(number, ())):
            best[number] = run
    return max(best.values(), key=len, default=[])


def _fits(heading: Heading, anchors: list[Heading]) -> bool:
    """Return whether a prescribed title in another style stands between those before and after it in number."""
    return all((a.known or 0) < (heading.known or 0) for a in anchors if a < heading) and all(
        (a.known or 0) > (heading.known or 0) for a in anchors if a > heading
    )


def _between(anchors: list[Heading], others: list[Heading]) -> list[Heading]:
    """Add chapters of other titles whose number goes on from the one before and is not that of one that follows."""
    chosen = list(anchors)
    for heading in others:
        before = [h for h in chosen if h < heading]
        last = (before[-1].known or before[-1].number or 0) if before else 0
        after = {h.known or h.number for h in chosen if h > heading}
        if heading.number == last + 1 and heading.number not in after:
            chosen = sorted([*chosen, heading])
    return chosen


def _chain(found: list[Heading]) -> list[Heading]:
    """Numbers that go up one by one from 1 (a lost one is forgiven)."""
    chain: list[Heading] = []
    for heading in found:
        last = chain[-1].number or 0 if chain else 0
        if heading.number in (last + 1, last + 2) and heading.number is not None and (chain or heading.number <= 2):
            chain.append(heading)
    return chain


def read_outline(lines: list[ProseLine]) -> Outline:
    """Cut the lines of a document into its chapters. Text before the first heading has number None and the title ""."""
    chosen = _choose(find_headings(lines))
    cut: list[ProseLine] = []
    starts: list[tuple[int, Heading | None]] = [(0, None)]
    by_line: dict[int, list[Heading]] = {}
    for heading in chosen:
        by_line.setdefault(heading.line, []).append(heading)
    for index, line in enumerate(lines):
        at = 0
        for heading in by_line.get(index, ()):
            if line.text[at : heading.start].strip():
                cut.append(line.part(at, heading.start))
            starts.append((len(cut), heading))
            cut.append(line.part(heading.start, heading.end))
            at = heading.end
        if line.text[at:].strip():
            cut.append(line.part(at, len(line.text)))
    chapters: list[ChapterLines] = []
    for position, (first, begun) in enumerate(starts):
        last = starts[position + 1][0] if position + 1 < len(starts) else len(cut)
        if begun is None and first == last:
            continue
        chapters.append(_chapter(lines, cut, first, last, begun))
    alone = {first for first, heading in starts if heading}
    return Outline(tuple(chapters), tuple(cut), Passage(cut, alone))


def _chapter(lines: list[ProseLine], cut: list[ProseLine], first: int, last: int, heading: Heading | None) -> ChapterLines:
    if heading is None:
        place = cut[first].place if cut else Place()
        return ChapterLines(Section(None, "", "\n".join(line.raw.strip() for line in cut[first:last]), place), None, first, last)
    line = lines[heading.line]
    begin, stop = line.folded.raw_span(*heading.title)
    text = "\n".join(part.raw.strip() for part in cut[first + 1 : last])
    section = Section(heading.known or heading.number, line.raw[begin:stop].strip(), text, cut[first].place)
    return ChapterLines(section, heading.known, first, last)
