"""Progress of reading, for the process that bounds the time that it may take: bytes that really came out of a file or a stream.

What works without end shows none; what is only large does.
"""

from __future__ import annotations

from collections.abc import Callable

STEP = 16 * 1024 * 1024  # bytes between two reports


class _Progress:
    def __init__(self) -> None:
        self.left = STEP
        self.report: Callable[[], None] | None = None


_PROGRESS = _Progress()


def report_to(report: Callable[[], None] | None) -> None:
    """Call ``report`` from now on after each ``STEP`` bytes."""
    _PROGRESS.report, _PROGRESS.left = report, STEP


def advanced(size: int) -> None:
    """Count ``size`` bytes that were read."""
    _PROGRESS.left -= size
    if _PROGRESS.left <= 0:
        _PROGRESS.left = STEP
        if _PROGRESS.report is not None:
            _PROGRESS.report()
