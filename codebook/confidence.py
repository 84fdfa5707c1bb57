"""How sure a reading must be: the thresholds of ``surety.yaml``."""

from __future__ import annotations

from functools import cache

import msgspec

from codebook.data import read
from codebook.records import Record


class Surety(Record, frozen=True):
    """Scores below which a cell of a table, or a number in a line of text, is a doubt; ``first``: of a number read by one reader
    of pictures alone, below which the second one is asked, too; ``agreed``: the first reader's score of a number, below which it
    is a doubt although the second one reads the same; ``label``: the same as ``first`` of a label of the forms; ``proposed``: of
    a doubt, below which a review offers none of its values as chosen."""

    cell: float
    line: float
    proposed: float
    first: float
    agreed: float
    label: float


@cache
def surety() -> Surety:
    """The data file as a frozen record. Raises msgspec.ValidationError when the file has a key that is not known."""
    return msgspec.yaml.decode(read("surety.yaml"), type=Surety)
