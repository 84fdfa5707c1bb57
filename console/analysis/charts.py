"""Charts as SVG, drawn here: ordered bars, lines over years, and funnels. Pure functions; nothing comes from elsewhere.

Shapes have classes, which the style sheet of the pages colours in light and dark and on paper, and attributes for a file that is
opened alone. Every mark has a title, and a link where it has an address. A table next to each chart says the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from math import ceil, floor, log10
from typing import NamedTuple

from markupsafe import Markup, escape

from codebook.analysis.figures import funnel_limits

_WIDTH = 760.0
_LABELS = 190.0  # for the names of bars
_VALUES = 84.0  # for the numbers behind them
_ROW = 22.0
_LABEL_LENGTH = 15  # characters of a name that are shown; its title has all
_HEIGHT = 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 16.0, 14.0, 34.0
_FUNNEL_STEPS = 60
_BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
_COLOURS = ("#2b669f", "#236b41", "#a82f27", "#7c63cf", "#85550f", "#56636f")


class ChartBar(NamedTuple):
    """A bar: its name, value (None: there is none), the ends of its interval, and where it leads. ``faint``: not to be ranked."""

    label: str
    value: float | None
    shown: str
    low: float | None = None
    high: float | None = None
    href: str | None = None
    faint: bool = False


class ChartLine(NamedTuple):
    """A line over years. A year without a value breaks it."""

    name: str
    points: tuple[tuple[int, float | None, str], ...]


class ChartPoint(NamedTuple):
    """A unit of a funnel."""

    label: str
    denominator: float
    value: float
    shown: str
    href: str | None = None


def _svg(width: float, height: float, title: str, parts: Iterable[str]) -> Markup:
    body = "".join(parts)
    role = "group" if "<a " in body else "img"  # within a picture, readers of screens pass links over
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {width:g} {height:g}" role="{role}"'
        f' font-family="sans-serif" font-size="13"><title>{escape(title)}</title>'
    )
    return Markup(head + body + "</svg>")


def _text(x: float, y: float, text: str, *, kind: str = "name", anchor: str = "start") -> str:
    fill = "#56636f" if kind == "tick" else "#1c2733"
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}">{escape(text)}</text>'


def _linked(href: str | None, title: str, shape: str) -> str:
    titled = f"<g>{shape}<title>{escape(title)}</title></g>"
    return f'<a href="{escape(href)}">{titled}</a>' if href else titled


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    stroke = {"grid": "#e2e7eb", "axis": "#7f8b96", "interval": "#44515d"}.get(kind, "#a82f27")
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"/>'


def ticks(greatest: float, count: int = 5) -> list[float]:
    """Return round numbers from 0 up to at least ``greatest``.

    >>> ticks(0.83), ticks(1234), ticks(0)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 500.0, 1000.0, 1500.0], [0.0, 1.0])
    """
    if greatest <= 0:
        return [0.0, 1.0]
    rough = greatest / count
    power = 10.0 ** floor(log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough * (1 - 1e-9))
    return [round(step * number, 10) for number in range(ceil(greatest / step - 1e-9) + 1)]


def signed_ticks(least: float, greatest: float) -> list[float]:
    """Return round numbers from at most ``least`` up to at least ``greatest``, with 0 among them.

    >>> signed_ticks(0, 0.83), signed_ticks(-30, 12)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [-30.0, -20.0, -10.0, 0.0, 10.0, 20.0])
    """
    if least >= 0:
        return ticks(greatest)
    step = ticks(max(greatest, -least))[1]
    below, above = ceil(-least / step - 1e-9), ceil(max(greatest, 0) / step - 1e-9)
    return [round(step * number, 10) for number in range(-below, above + 1)]


def framed(chart: Markup, title: str, note: str) -> Markup:
    """Return a chart as a picture that stands alone: its title above, what it is of below, on white."""
    found = _BOX.search(chart)
    if found is None:
        raise ValueError("no chart")
    width, height = (float(end) for end in found.groups())
    inner = str(chart).replace("<svg ", f'<svg y="34" width="{width:g}" height="{height:g}" ', 1)
    parts = [
        f'<rect width="{width:g}" height="{height + 62:g}" fill="#ffffff"/>',
        f'<text x="12" y="22" font-size="16" font-weight="bold" fill="#1c2733">{escape(title)}</text>',
        inner,
        _text(12, height + 54, note, kind="tick"),
    ]
    return _svg(width, height + 62, title, parts)


def bars(title: str, rows: Sequence[ChartBar], scale: Callable[[float], str]) -> Markup:
    """Return ordered bars with the ends of their intervals. ``scale`` writes a value.

    Values below 0 go to the left of 0. A share of over 100 %, of reports that contradict themselves, has its whole length.
    """
    ends = [end for row in rows for end in (row.value, row.high) if end is not None]
    marks = signed_ticks(min(ends, default=0.0), max(ends, default=0.0))
    least, most = marks[0], marks[-1]
    height = _ROW * len(rows) + 30
    room = _WIDTH - _LABELS - _VALUES

    def x(value: float) -> float:
        return _LABELS + room * (value - least) / (most - least)

    parts = []
    for mark in marks:
        parts += [
            _line(x(mark), 0, x(mark), height - 24, "grid"),
            _text(x(mark), height - 8, scale(mark), kind="tick", anchor="middle"),
        ]
    for number, row in enumerate(rows):
        y = number * _ROW
        name = row.label if len(row.label) <= _LABEL_LENGTH else f"{row.label[: _LABEL_LENGTH - 1]}…"
        shape = [_text(_LABELS - 8, y + 15, name, anchor="end")]
        if row.value is not None:
            kind = "amount faint" if row.faint else "amount"
            ends_at = sorted((x(0.0), x(row.value)))
            shape.append(
                f'<rect class="{kind}" x="{ends_at[0]:.1f}" y="{y + 4:.1f}" width="{ends_at[1] - ends_at[0]:.1f}" height="14"'
                f' fill="{"#b9cee2" if row.faint else "#2b669f"}"/>'
            )
            if row.low is not None and row.high is not None:
                shape.append(_line(x(row.low), y + 11, x(row.high), y + 11, "interval"))
        edge = x(max(0.0, *(end for end in (row.value, row.high) if end is not None)) if row.value is not None else 0.0)
        shape.append(_text(edge + 6, y + 15, row.shown, kind="value"))
        parts.append(_linked(row.href, f"{row.label} {row.shown}", "".join(shape)))
    return _svg(_WIDTH, height, title, parts)


def lines(title: str, series: Sequence[ChartLine], scale: Callable[[float], str]) -> Markup:
    """Return lines over years, with their names below."""
    years = sorted({year for line in series for year, _, _ in line.points})
    marks = ticks(max((value for line in series for _, value, _ in line.points if value is not None), default=0.0))
    height = _HEIGHT + 20 * len(series)

    def x(year: int) -> float:
        room = _WIDTH - _LEFT - _RIGHT
        return _LEFT + (room * (year - years[0]) / (years[-1] - years[0]) if len(years) > 1 else room / 2)

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value / marks[-1])

    parts = []
    for mark in marks:
        parts += [
            _line(_LEFT, y(mark), _WIDTH - _RIGHT, y(mark), "grid"),
            _text(_LEFT - 6, y(mark) + 4, scale(mark), kind="tick", anchor="end"),
        ]
    parts += [_text(x(year), _HEIGHT - 12, str(year), kind="tick", anchor="middle") for year in years]
    for number, line in enumerate(series):
        colour = _COLOURS[number % len(_COLOURS)]
        run: list[tuple[int, float]] = []
        for year, value, _ in (*line.points, (0, None, "")):
            if value is not None:
                run.append((year, value))
                continue
            if len(run) > 1:
                path = " ".join(f"{x(at):.1f},{y(found):.1f}" for at, found in run)
                parts.append(f'<polyline class="line s{number}" points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
            run = []
        for year, value, shown in line.points:
            if value is not None:
                dot = f'<circle class="dot s{number}" cx="{x(year):.1f}" cy="{y(value):.1f}" r="4" fill="{colour}"/>'
                parts.append(_linked(None, f"{line.name} {year} {shown}", dot))
        at = _HEIGHT + 20 * number + 8
        parts.append(f'<circle class="dot s{number}" cx="{_LEFT + 5:g}" cy="{at:.1f}" r="5" fill="{colour}"/>')
        parts.append(_text(_LEFT + 16, at + 4, line.name))
    return _svg(_WIDTH, height, title, parts)


def funnel(title: str, points: Sequence[ChartPoint], share: float, scale: Callable[[float], str], axis: str) -> Markup:
    """Return a funnel: shares by their denominators, with the limits within which units lie that do as all do (95 % and 99.8 %).

    Denominators are on a logarithmic axis. ``axis`` says what they are.
    """
    least = max(1.0, min((point.denominator for point in points), default=1.0))
    most = max(least * 10, max((point.denominator for point in points), default=10.0))
    marks = ticks(max([point.value for point in points] + [share], default=1.0))

    def x(denominator: float) -> float:
        room = _WIDTH - _LEFT - _RIGHT
        return _LEFT + room * (log10(denominator) - log10(least)) / (log10(most) - log10(least))

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - min(value, marks[-1]) / marks[-1])

    parts = []
    for mark in marks:
        parts += [
            _line(_LEFT, y(mark), _WIDTH - _RIGHT, y(mark), "grid"),
            _text(_LEFT - 6, y(mark) + 4, scale(mark), kind="tick", anchor="end"),
        ]
    power = ceil(log10(least))
    while 10**power <= most:
        parts.append(_text(x(10.0**power), _HEIGHT - 14, f"{10**power:,}", kind="tick", anchor="middle"))
        power += 1
    parts.append(_text(_WIDTH - _RIGHT, _HEIGHT - 1, axis, kind="tick", anchor="end"))
    steps = [least * (most / least) ** (number / _FUNNEL_STEPS) for number in range(_FUNNEL_STEPS + 1)]
    limits = [funnel_limits(share, step) for step in steps]
    for kind, ends in (("limit95", ("low95", "high95")), ("limit998", ("low998", "high998"))):
        for end in ends:
            # Beyond the axis a limit is not drawn: along its top it would look as if it were there.
            ends_at = [(x(each.denominator), getattr(each, end)) for each in limits]
            path = " ".join(f"{across:.1f},{y(value):.1f}" for across, value in ends_at if value <= marks[-1])
            dash = ' stroke-dasharray="5 4"' if kind == "limit95" else ""
            parts.append(f'<polyline class="{kind}" points="{path}" fill="none" stroke="#85550f"{dash}/>')
    parts.append(_line(_LEFT, y(share), _WIDTH - _RIGHT, y(share), "middle"))
    for point in points:
        found = funnel_limits(share, point.denominator)
        kind = "dot far" if not found.low998 <= point.value <= found.high998 else "dot"
        fill = "#a82f27" if kind == "dot far" else "#2b669f"
        at = f'cx="{x(max(least, point.denominator)):.1f}" cy="{y(point.value):.1f}"'
        dot = f'<circle class="{kind}" {at} r="4" fill="{fill}" fill-opacity="0.7"/>'
        parts.append(_linked(point.href, f"{point.label} {point.shown}", dot))
    return _svg(_WIDTH, _HEIGHT + 6, title, parts)
