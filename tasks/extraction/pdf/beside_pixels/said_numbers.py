"""Numbers read from the pixels of a page whose text said others: believed where one lie explains them all.

A font that lies shows each digit always as the same other one. Where digits differ in one place and not in the other, it may be
the reader of pixels that errs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from codebook.records import Block, Cell, Table

Box = tuple[float, float, float, float]

_MOSTLY = 0.8  # of the places of a digit that show the same one
_UNSURE = 0.5  # score of a number of which nobody can tell whether text or pixels are right


def beside_said(blocks: Sequence[Block], said: Sequence[tuple[Box, str]]) -> tuple[Block, ...]:
    """The blocks of a page that was read from its pixels, beside the numbers that its text ``said``, each in its cell's box.

    A cell that shows no number where the text said one, or another that no exchange of digits explains, is not sure; what the
    text said is its second reading.
    """
    found = [(cell, number) for block in blocks if isinstance(block, Table) for cell, number in _pairs(block, said)]
    shown = _exchange(found)
    unsure = {
        id(cell): number
        for cell, number in found
        if _plain(cell.text) != number and "".join(shown.get(char, char) for char in number) != _plain(cell.text)
    }
    return tuple(
        msgspec.structs.replace(block, cells=tuple(_doubted(cell, unsure.get(id(cell))) for cell in block.cells))
        if isinstance(block, Table)
        else block
        for block in blocks
    )


def _pairs(table: Table, said: Sequence[tuple[Box, str]]) -> list[tuple[Cell, str]]:
    """The cells of a table with what the text said in them."""
    found = []
    for cell in table.cells:
        if (box := cell.place.box) is None:
            continue
        inside = [_plain(text) for (x0, y0, x1, y1), text in said if _holds(box, (x0 + x1) / 2, (y0 + y1) / 2)]
        if len(inside) == 1:
            found.append((cell, inside[0]))
    return found


def _holds(box: Box, x: float, y: float) -> bool:
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _exchange(found: Sequence[tuple[Cell, str]]) -> Mapping[str, str]:
    """What each character that the text says shows, as far as it mostly shows the same. Another one in one place alone is
    believed where other digits are exchanged too.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for cell, number in found:
        if len(read := _plain(cell.text)) == len(number):
            for char, other in zip(number, read, strict=True):
                counts[char][other] += 1
    most = {char: count.most_common(1)[0] for char, count in counts.items()}
    mostly = {char: (other, times) for char, (other, times) in most.items() if times >= _MOSTLY * counts[char].total()}
    others = sum(char != other and times > 1 for char, (other, times) in mostly.items())
    return {char: other for char, (other, times) in mostly.items() if char == other or times > 1 or others > 1}


def _doubted(cell: Cell, number: str | None) -> Cell:
    if number is None:
        return cell
    others = ((cell.text, cell.score), (number, _UNSURE)) if cell.text.strip() else ((number, _UNSURE),)
    return msgspec.structs.replace(cell, score=min(cell.score, _UNSURE), alternatives=others)


def _plain(text: str) -> str:
    return "".join(text.split())
