"""What the process that reads for dry runs and drafts is asked, and what it answers: one JSON object a line."""

from __future__ import annotations

from codebook.records import Correction, Hints, Record, Verdict


class ReadRequest(Record, frozen=True):
    """A document in a store. ``memory_bytes`` bounds the address space of the process (0: no bound), ``rule_packs`` is the folder
    with the rule packs ("": there are none), ``office_seconds`` what LibreOffice may take (0: it is not asked).
    """

    store: str
    sha256: str
    media_type: str
    hints: Hints
    decided: tuple[Correction, ...]
    memory_bytes: int
    rule_packs: str = ""
    office_seconds: int = 0


class ReadAnswer(Record, frozen=True):
    """What was read, or the code and message of the error that stopped it."""

    verdict: Verdict | None = None
    code: str = ""
    found: str = ""
