"""Which run of values belongs to which label: the cheapest monotone alignment, and how much worse the next best one is.

Labels and runs of values both keep their reading order in flattened text, though a run may stand behind, between or before the
lines of its label. A pair is sure only when every alignment that pairs them otherwise is clearly worse.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

from codebook.errors import GongkaiError
from codebook.records import LightRecord
from tasks.parsing.tables.labels import LabelPart

# What it costs to leave a row's label without values (rows are left blank), and to leave a full run of values without a label.
SKIP_ROW = 4.0
SKIP_FULL_RUN = 6.0
# An alternative that costs less than this more than the best one makes the pair doubtful.
MARGIN = 1.5
# What it costs that a label stands behind its values: little where the text shows such labels, else as good as excluded.
_EITHER_SIDE = 1.0
_BEHIND_ONLY = 3.0
# This many runs without a label before them show that labels stand behind their values.
_WITNESSES = 2.0
# The cost of what never is: dearer than missing the label and leaving the run.
_FAR = 30.0
# A label and its values are never further apart than this many atoms.
_REACH = 40


class Item(LightRecord, frozen=True):
    """A label in reading order: its ``first`` and ``last`` atom, the line of its last piece, and how many values it asks for.

    ``blank`` says that the text shows as many blanks right behind it. A GROUP is a header: it owns nothing and keeps apart.
    """

    part: LabelPart
    slug: str
    first: int
    last: int
    line: int
    size: int
    score: float = 1.0
    text: str = ""
    blank: bool = False


class ValueRun(LightRecord, frozen=True):
    """Consecutive values in reading order: ``first`` and ``last`` are atoms, ``values`` those that hold a value.

    ``inline`` says that its line holds more than one value, so that line breaks mean something; ``cut``, that it was cut off a
    longer run and so has no label right before it.
    """

    first: int
    last: int
    line: int
    values: tuple[int, ...]
    slots: tuple[int, ...]
    inline: bool
    cut: bool = False


_MOST = 2_000  # labels and runs of one table; the time to align them grows with the product, and no form has a hundred


class AlignedPair(LightRecord, frozen=True):
    """An item with its run (index into the runs, None: it has none) and the margin to the next best choice, ``second``."""

    item: int
    run: int | None
    margin: float
    second: int | None


# ---- the three moves and what each costs ----------------------------------------------------------------------------------


def _label_missed(item: Item) -> float:
    """Return what it costs to leave a label without values: nothing for what is no row, or where blanks stand behind it."""
    return SKIP_ROW if item.part is LabelPart.ROW and not item.blank else 0.0


def _run_left(run: ValueRun, sizes: frozenset[int]) -> float:
    """Return what it costs to leave a run without a label: much for one that has the size of a row."""
    count = len(run.values)
    if not count:
        return 0.0
    if count in sizes and (count > 1 or max(sizes) == 1):
        return SKIP_FULL_RUN
    return 1.0 if count <= 2 and max(sizes) > 3 else 3.0


def _size_cost(count: int, size: int) -> float:
    if count == size:
        return 0.0
    if count > size:
        return 2.0
    return 1.5 if count <= 2 and size > 3 else 0.7


_PART_COST = {LabelPart.ROW: 0.0, LabelPart.SUBTOTAL: 0.8}  # what it costs that the label is no row's


class _Between(NamedTuple):
    """Where labels begin that name something (``known``), and runs that hold values (``filled``): atoms, ascending."""

    known: list[int]
    filled: list[int]

    def begun(self, left: int, right: int) -> int:
        """Return how many labels and runs begin between the atoms ``left`` and ``right``."""
        labels = bisect_left(self.known, right) - bisect_right(self.known, left)
        return labels + bisect_left(self.filled, right) - bisect_right(self.filled, left)


def _paired(item: Item, run: ValueRun, between: _Between, stranger: bool, either: bool) -> float:
    """Return what it costs to pair a label with a run.

    Nothing for a row whose values follow it in the right number; more for each label and run between the two, for a label that is
    no row's, for a run that is next to another label (``stranger``), and for values before their label: little if the text
    has labels on ``either`` side of their values.
    """
    if not run.values or item.blank or item.part is LabelPart.GROUP:
        return _FAR
    cost = _PART_COST.get(item.part, 1.0) + (3.0 if stranger else 0.0)
    step = 1.2 if either else 3.0
    size = _size_cost(len(run.values), item.size)
    if item.first < run.first and item.last > run.last:  # the label's pieces stand around its values
        return cost + size
    if item.last < run.first:
        steps = between.begun(item.last, run.first)
        if steps and item.part is not LabelPart.ROW:
            return _FAR  # what is no row owns nothing beyond its neighbour
        return cost + (step * steps + (0.5 if run.inline and item.line != run.line else 0.0)) + size
    steps = between.begun(run.last, item.first)
    if item.part is LabelPart.SUBTOTAL and (steps or not either):
        return _FAR
    return cost + (step * steps + (_EITHER_SIDE if either else _BEHIND_ONLY)) + size


# ---- what the text shows -------------------------------------------------------------------------------------------------


def _owners(items: list[Item], runs: list[ValueRun]) -> list[int | None]:
    """For each run, the item that ends right before it on its own line, or whose pieces stand around it."""
    result: list[int | None] = []
    start = 0
    for run in runs:
        found = None
        for index in range(start, len(items)):
            item = items[index]
            if item.first > run.first:
                break
            if item.last < run.first and item.line < run.line:
                continue
            if (item.last < run.first and item.line == run.line) or item.last > run.first:
                found = index
        result.append(found)
    return result


def _displaced(items: list[Item], runs: list[ValueRun], complete: bool) -> bool:
    """Return whether runs do not follow a label of a row: then labels may stand behind their values in this text.

    One is no witness: its label may just be lost; unless a row is missing, when nothing may be taken for sure. A run behind an
    unknown text is half a witness.
    """
    ends = sorted((item.last, item.part) for item in items)
    lasts = [last for last, _ in ends]
    previous = -1
    most = max(item.size for item in items)
    witnesses = 0.0
    for run in runs:
        if not run.values:
            continue
        at = bisect_left(lasts, run.first)
        if most > 3 and len(run.values) >= 2 * most - 3:
            witnesses += _WITNESSES  # two rows run together, one of them before its label
        if run.cut and complete:
            witnesses += _WITNESSES  # all labels are there, so that of this run stands behind it
        if previous >= 0 and not run.cut:
            if not at or lasts[at - 1] < previous:
                witnesses += 1
            elif ends[at - 1][1] in (LabelPart.UNKNOWN, LabelPart.GROUP):
                witnesses += 0.5
        previous = run.last
    return witnesses >= (_WITNESSES if complete else _WITNESSES / 2)


def _plain(items: list[Item], runs: list[ValueRun]) -> list[AlignedPair] | None:
    """The pairs when every row's label is followed by one run of its size and no run is left; else None."""
    pairs: list[AlignedPair] = []
    at = 0
    for index, item in enumerate(items):
        while at < len(runs) and not runs[at].values:
            at += 1
        limit = items[index + 1].first if index + 1 < len(items) else runs[-1].last + 1 if runs else 0
        follows = at < len(runs) and item.last < runs[at].first < limit
        if not follows:
            if item.part is LabelPart.UNKNOWN or (item.part is LabelPart.ROW and not item.blank):
                return None
            pairs.append(AlignedPair(index, None, _FAR, None))
            continue
        if item.part in (LabelPart.UNKNOWN, LabelPart.GROUP) or item.blank or len(runs[at].values) != item.size:
            return None
        pairs.append(AlignedPair(index, at, _FAR, None))
        at += 1
    return pairs if not any(run.values for run in runs[at:]) else None


def align(items: list[Item], runs: list[ValueRun], complete: bool = True, from_print: bool = False) -> list[AlignedPair]:
    """Pair the items with the runs, both in reading order. Each item gets a Pair, with its margin.

    ``complete`` says that every row of the form has a label among the items, ``from_print`` that the text was taken from printed
    pages, where a label may stand on either side of its values.
    """
    pairs = _align(items, runs, complete, from_print)
    together = Counter(item.first for item in items if item.part is LabelPart.ROW)
    # Two rows whose labels stand in one cell: the line between them was not seen, and their values are mixed.
    return [pair.but(margin=0.0) if together[items[pair.item].first] > 1 else pair for pair in pairs]


def _align(items: list[Item], runs: list[ValueRun], complete: bool, from_print: bool) -> list[AlignedPair]:
    """Align by the cheapest way through the matrix of costs.

    Three moves lead through it, in the reading order of both: a label is missed (its row is blank), a run is left (its label
    is lost), or the two are paired. ``规章 2 许可 处罚 5``, where labels stand before their values::

                     2      5    label missed
        规章        0.0    9.0       4.0
        许可        3.0    3.0       4.0
        处罚        6.0    0.0       4.0
        run left    6.0    6.0

    The cheapest way pairs 规章 with 2 (0.0), misses 许可 (4.0) and pairs 处罚 with 5 (0.0). Every way that pairs 许可 leaves a
    run or misses another label and costs at least 7.0, so that all three margins are 3.0.

    The margin of a pair is how much more the cheapest way costs that pairs its label otherwise.
    """
    if not items:
        return []
    if len(items) + len(runs) > _MOST:
        found = f"{len(items)} labels and {len(runs)} runs of values in one table"
        raise GongkaiError("table.unreadable", found, f"at most {_MOST} of both")
    if pairs := _plain(items, runs):
        return pairs
    many_lines = len({item.line for item in items}) > 1
    either = from_print or (many_lines and any(run.inline for run in runs)) or _displaced(items, runs, complete)
    owner: list[int | None] = _owners(items, runs) if many_lines else [None] * len(runs)
    between = _Between(
        [item.first for item in items if item.part is not LabelPart.UNKNOWN], [run.first for run in runs if run.values]
    )
    firsts, lasts = [run.first for run in runs], [run.last for run in runs]
    cost = []
    for i, item in enumerate(items):
        row = [_FAR] * len(runs)
        for j in range(bisect_left(lasts, item.first - _REACH), bisect_right(firsts, item.last + _REACH)):
            row[j] = _paired(item, runs[j], between, owner[j] not in (None, i), either)
        cost.append(row)
    pairs = _margins(items, runs, cost, frozenset(item.size for item in items))
    if not either:
        return [pair if _follows(items, runs, pair, between) else _doubted(pair) for pair in pairs]
    return _unanchored(items, runs, pairs, owner, complete)


def doubt_beside_lost(
    items: list[Item], runs: list[ValueRun], pairs: list[AlignedPair], lost: Collection[tuple[str, str]]
) -> list[AlignedPair]:
    """Values that no line keeps with their label may be those of a row that is not printed.

    ``lost`` are pairs of neighbours in the form, of which one is printed and the other not. Values behind a label are in question
    if the next row is lost (unless a header follows them first), values before it if the row before is.
    """
    many_lines = len({item.line for item in items}) > 1
    before_lost, after_lost = {one for one, _ in lost}, {other for _, other in lost}
    result: list[AlignedPair] = []
    for pair in pairs:
        item = items[pair.item]
        run = runs[pair.run] if pair.run is not None else None
        if run is None or item.part is not LabelPart.ROW or (many_lines and run.line == item.line):
            result.append(pair)
            continue
        behind = run.first > item.first
        then = next((other.part for other in items if other.first > run.last and other.part is not LabelPart.UNKNOWN), None)
        unsure = (item.slug in before_lost and then is not LabelPart.GROUP) if behind else item.slug in after_lost
        result.append(_doubted(pair) if unsure else pair)
    return result


def _follows(items: list[Item], runs: list[ValueRun], pair: AlignedPair, between: _Between) -> bool:
    """Return whether nothing known stands between the label and its values behind it, or there are no values."""
    if pair.run is None:
        return True
    item, run = items[pair.item], runs[pair.run]
    return item.first < run.first and between.begun(item.last, run.first) <= 0


def _doubted(pair: AlignedPair) -> AlignedPair:
    return pair.but(margin=0.0)


def _unanchored(
    items: list[Item], runs: list[ValueRun], pairs: list[AlignedPair], owner: list[int | None], complete: bool
) -> list[AlignedPair]:
    """Return where labels may stand on either side of their values and a run has no label, or holds two rows, pairs may be
    off by one.

    Only those hold that a line, or the pieces of the label around the run, keep together.
    """
    owners = (LabelPart.ROW, LabelPart.SUBTOTAL) if complete else (LabelPart.ROW,)
    owned = {pair.run for pair in pairs if items[pair.item].part in owners}
    most = max(item.size for item in items)
    least = 2 if most > 2 else 1
    stray = any((n not in owned and len(run.values) >= least) or len(run.values) > most for n, run in enumerate(runs))
    if not stray:
        return pairs
    result: list[AlignedPair] = []
    for pair in pairs:
        kept_together = pair.run is not None and owner[pair.run] == pair.item
        row = items[pair.item].part is LabelPart.ROW
        result.append(_doubted(pair) if row and not kept_together else pair)
    return result


def _costs(skip_item: list[float], skip_run: list[float], cost: list[list[float]]) -> list[list[float]]:
    """The cost of the best alignment of the first i items with the first j runs, for all i and j."""
    first = [0.0]
    for skip in skip_run:
        first.append(first[-1] + skip)
    table = [first]
    for i, skip in enumerate(skip_item):
        above = table[-1]
        best = above[0] + skip
        row = [best]
        for left, missed, other, paired in zip(above, above[1:], skip_run, cost[i], strict=False):
            best += other
            if (of_pair := left + paired) < best:
                best = of_pair
            if (of_miss := missed + skip) < best:  # min() of all three takes three times as long
                best = of_miss
            row.append(best)
        table.append(row)
    return table


def _margins(items: list[Item], runs: list[ValueRun], cost: list[list[float]], sizes: frozenset[int]) -> list[AlignedPair]:
    """The best alignment by forward and backward costs, with each item's margin."""
    m, k = len(items), len(runs)
    skip_item = [_label_missed(item) for item in items]
    skip_run = [_run_left(run, sizes) for run in runs]
    forward = _costs(skip_item, skip_run, cost)
    turned = _costs(skip_item[::-1], skip_run[::-1], [row[::-1] for row in cost[::-1]])
    backward = [row[::-1] for row in turned[::-1]]
    pairs: list[AlignedPair] = []
    for i in range(m):
        before, behind, skip, costs = forward[i], backward[i + 1], skip_item[i], cost[i]
        none = min(one + skip + other for one, other in zip(before, behind, strict=True))
        options: list[tuple[float, int | None]] = [(none, None)]
        options += [(before[j] + costs[j] + behind[j + 1], j) for j in range(k) if costs[j] < _FAR]
        options.sort(key=lambda option: (option[0], option[1] is None))
        margin = options[1][0] - options[0][0] if len(options) > 1 else _FAR
        pairs.append(AlignedPair(i, options[0][1], margin, options[1][1] if len(options) > 1 else None))
    return pairs
