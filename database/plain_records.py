"""Records that programs share with the database and use without asking it: importing this module imports no SQLAlchemy.

A command that checks a draft, say, has an answer sooner than SQLAlchemy is imported.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from codebook.records import Hints, Record


class Arrival(Record, frozen=True):
    """A file that came in: content (sha256 in hex, media type, size in bytes), path as given, and what is known of it
    beforehand.

    ``rejection`` is (code, message) when the content was refused; it is registered all the same, as a failure. ``dated_at`` is
    when the file was changed last, as its file system or archive says.
    """

    sha256: str
    media_type: str
    size: int
    path: str
    hints: Hints = Hints()
    priority: int = 0
    rejection: tuple[str, str] | None = None
    dated_at: datetime | None = None


class Policy(Record, frozen=True):
    """How often a stage is tried again. Seconds; limits count tries that failed in the same way."""

    base_seconds: float = 2.0
    cap_seconds: float = 600.0
    system_seconds: float = 15.0
    transient_limit: int = 8
    crash_limit: int = 3
    loss_limit: int = 10


class Role(StrEnum):
    """What a person may do on the operators' pages; each may do what the ones before may."""

    VIEW = "view"
    OPERATE = "operate"
    ADMINISTER = "administer"

    def includes(self, other: Role) -> bool:
        """Return whether who has this role may do what ``other`` may.

        >>> Role.OPERATE.includes(Role.VIEW), Role.VIEW.includes(Role.OPERATE)
        (True, False)
        """
        order = list(Role)
        return order.index(self) >= order.index(other)
