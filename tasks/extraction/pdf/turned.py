"""Text that stands on its side: pages, tables and labels turned by a quarter are read upright; their places stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from codebook.text.fold import is_han
from tasks.extraction.grid import Box
from tasks.extraction.pdf.layout import Char


def upright(box: Box, turn: int, width: float, height: float) -> Box:
    """A box on a page of ``width`` x ``height`` points as it stands when ``turn`` quarter turns clockwise are undone."""
    x0, top, x1, bottom = box
    if turn == 1:  # lines run down the page
        return top, width - x1, bottom, width - x0
    if turn == 2:
        return width - x1, height - bottom, width - x0, height - top
    if turn == 3:
        return height - bottom, x0, height - top, x1
    return box


def as_shown(box: Box, turn: int, width: float, height: float) -> Box:
    """The box on the page as it is shown, of one that :func:`upright` returned for the same turn, width and height."""
    sides = (height, width) if turn % 2 else (width, height)
    return upright(box, -turn % 4, *sides)


def turned_back(chars: Sequence[Char], turn: int, width: float, height: float) -> list[Char]:
    """The characters of a page as they stand when it is turned back by ``turn`` quarters."""
    if turn == 0:
        return list(chars)
    return [
        Char(
            char.text, *upright((char.x0, char.top, char.x1, char.bottom), turn, width, height), char.run, (char.turn - turn) % 4
        )
        for char in chars
    ]


def main_turn(chars: Sequence[Char]) -> int:
    """The quarter turns by which most of the characters stand, 0 for none."""
    counts = Counter(char.turn for char in chars if not char.text.isspace())
    return max(sorted(counts), key=lambda turn: counts[turn], default=0)


def readable(chars: Sequence[Char]) -> Sequence[Char]:
    """The characters of a cell; where they stand on their side, turned back around the corner of the page."""
    turn = main_turn(chars) if any(char.turn for char in chars) else 0
    return turned_back(chars, turn, 0.0, 0.0) if turn else chars


def by_turn(chars: Sequence[Char], grids: Callable[[int], Sequence[Box]]) -> list[tuple[int, list[Char], list[Box]]]:
    """(turn, characters, boxes of grids) of each direction in which a page is read, the main one first.

    ``grids`` returns the boxes of the ruled grids of the page when it is read in a direction (tables leave out their sides, not
    their top), and is asked only where characters stand in several directions.
    All characters in a grid are read as most of them stand.
    """
    main = main_turn(chars)
    if all(char.turn == main or char.text.isspace() for char in chars):
        return [(main, list(chars), [])]
    boxes = list(grids(main))
    inside: list[list[Char]] = [[] for _ in boxes]
    groups: dict[int, list[Char]] = {main: []}
    for char in chars:
        x, y = (char.x0 + char.x1) / 2, (char.top + char.bottom) / 2
        at = next((i for i, box in enumerate(boxes) if box[0] <= x <= box[2] and box[1] <= y <= box[3]), None)
        (inside[at] if at is not None else groups.setdefault(char.turn, [])).append(char)
    places: dict[int, list[Box]] = {main: []}
    for box, found in zip(boxes, inside, strict=True):
        turn = main_turn(found) if found else main
        if (turn - main) % 4 == 2 and not any(is_han(char.text) for char in found):
            turn = main  # values of form fields, which stand upright whatever the page does
        groups.setdefault(turn, []).extend(found)
        places.setdefault(turn, []).append(box)
    return [(turn, found, places.get(turn, [])) for turn, found in groups.items()]
