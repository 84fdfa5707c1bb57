"""Many generated documents through the pure functions, and what came out by layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.accuracy.compare import Score, Truth, read_and_compare
from tests.generator.documents import Document, make_documents


@dataclass
class Tally:
    """The sums over the documents of one layout."""

    documents: int = 0
    cells: int = 0
    exact: int = 0
    doubtful: int = 0
    doubtful_right: int = 0
    silent: int = 0
    refused: int = 0
    right: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("form", "year", "agency", "region", "published_on"), 0))
    false_errors: int = 0
    planted: int = 0
    missed: int = 0

    def add(self, document: Document, score: Score) -> None:
        """Count one document."""
        self.documents += 1
        self.cells += score.cells
        self.exact += score.exact
        self.doubtful += score.doubtful
        self.doubtful_right += score.doubtful_right
        self.silent += len(score.silent)
        self.refused += score.failure is not None
        for name in self.right:
            self.right[name] += name not in score.wrong and score.failure is None
        self.false_errors += bool(score.false_errors)
        self.planted += len(document.plants)
        self.missed += len(score.missed_rules)

    def plus(self, other: Tally) -> Tally:
        """The sum of two tallies."""
        numbers = {name: getattr(self, name) + getattr(other, name) for name in vars(self) if name != "right"}
        return Tally(**numbers, right={name: self.right[name] + other.right[name] for name in self.right})


def truth_of(document: Document) -> Truth:
    """The truth of a generated document. A hybrid may be called by the form of any of its tables."""
    return Truth(
        {document.form, *document.forms.values()},
        document.agency,
        document.region,
        document.year,
        document.published_on,
        document.indicators,
        document.blanks,
        {plant.rule for plant in document.plants},
    )


def sweep(count: int, seed: int, layouts: Sequence[str] | None = None) -> Iterator[tuple[Document, Score]]:
    """Generated documents with their scores."""
    for document in make_documents(count, seed, layouts):
        yield document, read_and_compare(document.data, document.media_type, document.name, truth_of(document))
