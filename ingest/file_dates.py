"""Dates of files: when a file was changed last, as its file system or archive says.

>>> moment_of(1700000000)
datetime.datetime(2023, 11, 14, 22, 13, 20, tzinfo=datetime.timezone.utc)
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))
"""The time in which zip files name dates: the local time of the machine on which they were made."""

_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC).timestamp()
_DAY = 86_400.0


def moment_of(seconds: float) -> datetime | None:
    """Return the moment of a time stamp in seconds since 1970; None for one that cannot be: before 1990 (programs write the first
    moment that they know where they know none), or after tomorrow.
    """
    return datetime.fromtimestamp(seconds, UTC) if _EARLIEST <= seconds <= time.time() + _DAY else None
