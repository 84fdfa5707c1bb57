"""Show what each phrase reads in a sentence: ``python -m tasks.parsing.prose 2016年，全市共主动公开政府信息12345条``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from codebook.phrases import load_phrases
from codebook.records import Extraction, Line, Page, PageKind, Place, Reader
from tasks.parsing.outline import known_headings, read_outline
from tasks.parsing.prose.lines import prose_lines
from tasks.parsing.prose.statistics import search_of


def explain(text: str) -> Iterator[str]:
    """Yield a line for each hit of a phrase in ``text``: the phrase, the hit, and what it reads or which condition refuses it."""
    extraction = Extraction("text/plain", (Page(1, PageKind.TEXT, "", Reader.TXT, (Line(text, Place(1, None, 1, 1)),)),))
    search = search_of(read_outline(prose_lines(extraction, {}, known_headings)), None, None)
    for phrase in (*load_phrases().statistics, *load_phrases().statements):
        read = {mention.start: mention.value for mention in search.mentions((phrase,))}
        for match in phrase.pattern.finditer(search.text):
            if match.group():
                verdict = f"refused: {search.refusal(phrase, match) or 'no number of its unit'}"
                found = f"= {read[match.start()]}" if match.start() in read else verdict
                yield f"{', '.join(phrase.row.means)}  {phrase.row.id}  {match.group()}  {found}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in explain(" ".join(sys.argv[1:])))
