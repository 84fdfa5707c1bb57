"""How values are written on pages: numbers, moments, times, sizes. Filters of the templates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

NOTHING = "—"


def count(value: float | None) -> str:
    """A number with its thousands apart; whole numbers without a fraction.

    >>> count(12345), count(0.5), count(None)
    ('12,345', '0.5', '—')
    """
    if value is None:
        return NOTHING
    return f"{int(value):,}" if float(value).is_integer() else f"{value:,.6g}"


def moment(value: datetime | None, form: str = "%Y-%m-%d %H:%M") -> str:
    """A moment in this machine's time zone."""
    return value.astimezone().strftime(form) if value is not None else NOTHING


def share(part: float, whole: float) -> str:
    """A part in per cent; never 100 % or 0 % for what is not all or nothing.

    >>> share(1, 3), share(9999, 10000), share(0, 0)
    ('33%', '99%', '0%')
    """
    if not whole or not part:
        return "0%"
    return f"{min(99, max(1, round(100 * part / whole)))}%" if part < whole else "100%"


def lasting(seconds: float | None) -> str:
    """A span of time as hours:minutes:seconds, with days before them.

    >>> lasting(75), lasting(90061), lasting(None)
    ('0:01:15', '1d 1:01:01', '—')
    """
    if seconds is None:
        return NOTHING
    whole = max(0, round(seconds))
    days, rest = divmod(whole, 86400)
    clock = f"{rest // 3600}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days}d {clock}" if days else clock


def size(value: float) -> str:
    """A number of bytes, in units of 1,024.

    >>> size(512), size(2_500_000)
    ('512 B', '2.4 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1024 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("unreachable: the last unit takes everything")


def brief(text: str, longest: int = 160) -> str:
    """A text on one line, cut in the middle: both ends of a path tell something.

    >>> brief("a" * 10, 5)
    'aa…aa'
    """
    line = " ".join(text.split())
    if len(line) <= longest:
        return line
    half = (longest - 1) // 2
    return f"{line[:half]}…{line[len(line) - half :]}"


def told(detail: dict[str, Any], longest: int = 80) -> list[tuple[str, str]]:
    """Return what an entry of the audit trail says besides: names and values; of a list its length, of counts by name their sum.

    >>> told({"selection": {"code": "internal", "documents": [1, 2, 3]}, "from": None, "rows": {"gk_value": 200, "gk_report": 1}})
    [('code', 'internal'), ('documents', '3'), ('rows', '201')]
    """
    flat: dict[str, Any] = {}
    for name, value in detail.items():
        if isinstance(value, dict) and value and all(isinstance(each, int) for each in value.values()):
            flat[name] = sum(value.values())
        else:
            flat |= value if isinstance(value, dict) else {name: value}
    given = {name: value for name, value in flat.items() if value not in (None, "", [], {})}
    return [(name, brief(str(len(value) if isinstance(value, list) else value), longest)) for name, value in given.items()]


def file_name(path: str | None) -> str:
    """The last part of a path, also of one in an archive.

    >>> file_name("a/b.zip!c/d.txt"), file_name("a.zip!b.txt"), file_name(None)
    ('d.txt', 'b.txt', '')
    """
    return (path or "").rsplit("/", maxsplit=1)[-1].rsplit("!", maxsplit=1)[-1]


FILTERS: dict[str, Callable[..., Any]] = {
    "count": count,
    "moment": moment,
    "share": share,
    "lasting": lasting,
    "size": size,
    "brief": brief,
    "told": told,
    "file_name": file_name,
}
