"""The process that reads documents for a dry run, with the limits of a worker: ``python -m console.dry_run_process``.

It takes requests from standard input, one JSON object a line, and answers each with one line. A document that needs too much
memory or breaks the readers ends this process alone.
"""

from __future__ import annotations

import sys
from typing import BinaryIO

import msgspec

from codebook.errors import GongkaiError
from codebook.records import Correction, Hints, Record, Verdict
from runtime.store import Store
from tasks.flow import read_document
from workers.run import limit_memory


class ReadRequest(Record, frozen=True):
    """A document in a store. ``memory_bytes`` bounds the address space of the process (0: no bound)."""

    store: str
    sha256: str
    media_type: str
    hints: Hints
    decided: tuple[Correction, ...]
    memory_bytes: int


class ReadAnswer(Record, frozen=True):
    """What was read, or the code and message of the error that stopped it."""

    verdict: Verdict | None = None
    code: str = ""
    found: str = ""


def _read(request: ReadRequest) -> ReadAnswer:
    try:
        data = Store(request.store).get(request.sha256)
        limit_memory(request.memory_bytes)
        return ReadAnswer(read_document(data, request.media_type, request.hints, corrections=request.decided))
    except GongkaiError as error:
        return ReadAnswer(code=error.code, found=error.found)
    except MemoryError:
        return ReadAnswer(code="worker.out_of_memory", found="more memory than a worker may use")


def main(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    decoder = msgspec.json.Decoder(ReadRequest)
    for line in requests:
        answers.write(msgspec.json.encode(_read(decoder.decode(line))) + b"\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
