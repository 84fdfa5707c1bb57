"""What the prose of reports on 2019 and later says about the numbers of the tables, kept for the rules on contradictions.

Such a sentence never fills a cell. Precision comes first: a false contradiction is worse than one that was missed.
"""

from __future__ import annotations

from codebook.confidence import surety
from codebook.phrases import load_phrases
from codebook.records import Statement, StatementKind
from tasks.parsing.prose.search import Mention, Search


def read_statements(search: Search) -> tuple[Statement, ...]:
    """The statements about table indicators, in reading order. Approximate numbers, and those of a
    line that was not surely read, are no statements.
    """
    found: list[tuple[int, Statement]] = []
    taken: set[tuple[int, tuple[str, ...]]] = set()
    for mention in search.mentions(load_phrases().statements):
        key = (mention.first, mention.phrase.row.means)
        if mention.approximate or key in taken or search.passage.hit(mention.first, mention.last).score < surety().line:
            continue
        taken.add(key)
        found.append((mention.start, _statement(mention, search)))
    return tuple(statement for _, statement in sorted(found, key=lambda item: item[0]))


def _statement(mention: Mention, search: Search) -> Statement:
    row = mention.phrase.row
    hit = search.passage.hit(mention.first, mention.last)
    return Statement(
        indicators=row.means,
        value=mention.value,
        kind=StatementKind(row.kind),
        raw=hit.raw,
        sentence=hit.sentence,
        place=hit.place,
        pattern=row.id,
        alternatives=row.may_also_mean,
        scope="own_office" if mention.own_office else None,
    )
