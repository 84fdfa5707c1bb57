"""The process that reads documents for dry runs and drafts, with the limits of a worker: ``python -m console.dry_run_process``.

It takes requests from standard input, one JSON object a line, and answers each with one line. A document that needs too much
memory or breaks the readers ends this process alone. What every document needs is loaded before the first request; with the
argument ``everything`` also the modules that read PDF.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

import msgspec

from codebook.agencies import load_agencies
from codebook.book import load_book
from codebook.errors import GongkaiError
from codebook.phrases import load_phrases
from codebook.regions import load_regions
from codebook.rule_packs.packs import Packs, install
from codebook.rule_packs.reading import read_packs
from codebook.rules import load_rules
from console.reading_messages import ReadAnswer, ReadRequest
from runtime.process_limits import limit_memory
from runtime.store import Store
from tasks.extraction.limits import ExtractionLimits
from tasks.flow import read_document

_READERS = ("tasks.extraction.pdf.read_pdf", "tasks.witness.confirm")


@cache
def _packs(folder: str) -> Packs:
    return read_packs(Path(folder)) if folder else Packs()


def _read(request: ReadRequest) -> ReadAnswer:
    try:
        install(_packs(request.rule_packs))
        data = Store(request.store).get(request.sha256)
        limit_memory(request.memory_bytes)
        limits = ExtractionLimits(office_seconds=request.office_seconds)
        return ReadAnswer(read_document(data, request.media_type, request.hints, corrections=request.decided, limits=limits))
    except GongkaiError as error:
        return ReadAnswer(code=error.code, found=error.found)
    except MemoryError:
        return ReadAnswer(code="worker.out_of_memory", found="more memory than a worker may use")


def _load(*, everything: bool) -> None:
    for loaded in (load_book, load_phrases, load_rules, load_agencies, load_regions):
        loaded()
    if everything:
        for module in _READERS:
            import_module(module)


def main(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    decoder = msgspec.json.Decoder(ReadRequest)
    for line in requests:
        answers.write(msgspec.json.encode(_read(decoder.decode(line))) + b"\n")
        answers.flush()


if __name__ == "__main__":
    _load(everything="everything" in sys.argv[1:])
    main(sys.stdin.buffer, sys.stdout.buffer)
