"""The error of the project: one class, a closed list of codes, and what each code means for a document.

The codes and their classes stand in ``data/errors.yaml``. An error says what was found, what was expected and what to do next.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from codebook.data import read
from codebook.records import Record, Status


class ErrorClass(StrEnum):
    """What happens by itself after an error: tried again, sent to the error queue, or counted towards quarantine."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    CRASH = "crash"


class ErrorCode(Record, frozen=True, rename={"kind": "class"}):
    """One row of the closed list."""

    kind: ErrorClass
    status: Status
    meaning: str
    next_step: str


CODES: dict[str, ErrorCode] = msgspec.yaml.decode(read("errors.yaml"), type=dict[str, ErrorCode])


class GongkaiError(Exception):
    """Something went wrong with one document, with a code of the closed list.

    Raises KeyError when ``code`` is not in the list: a code that is not documented cannot be raised.
    """

    def __init__(self, code: str, found: str, expected: str = "", *, page: int | None = None) -> None:
        self.code = code
        self.rule = CODES[code]
        self.found = found
        self.expected = expected
        self.page = page
        super().__init__(str(self))

    @property
    def next_step(self) -> str:
        """What a person should do, in Chinese."""
        return self.rule.next_step

    def __str__(self) -> str:
        wanted = f"; expected {self.expected}" if self.expected else ""
        where = f" (page {self.page})" if self.page else ""
        return f"{self.code}: {self.found}{where}{wanted}"

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:  # exceptions cross process borders by pickle
        return (_rebuild, (self.code, self.found, self.expected, self.page))


def _rebuild(code: str, found: str, expected: str, page: int | None) -> GongkaiError:
    return GongkaiError(code, found, expected, page=page)


class UsageError(ValueError):
    """A request that cannot be carried out as it was made. The message says what was found and what is expected.

    The command line prints it in one line and ends with exit code 2.
    """
