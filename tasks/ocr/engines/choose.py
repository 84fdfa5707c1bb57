"""Which engine reads, and the version of all that makes a reading: the engine, its model, and the code of this room."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from tasks.ocr.engines.labels import label_reader
from tasks.ocr.engines.numbers import number_reader
from tasks.ocr.engines.pair import ReaderPair
from tasks.ocr.engines.printed import printed_texts
from tasks.ocr.engines.recognise import LineReader, rapid_reader
from tasks.ocr.engines.tesseract import tesseract_reader
from tasks.ocr.lexicon import known_pairs
from tasks.ocr.render import PageImage

RAPIDOCR = "rapidocr"
TESSERACT = "tesseract"


@cache
def reader(engine: str, threads: int = 1) -> ReaderPair:
    """The readers of this process, their models loaded once, with ``threads`` threads at work in all that they call.

    The first readers of numbers and of labels are always our own; ``engine`` reads all else, and is the second witness
    of numbers.

    Raises GongkaiError ``page.unreadable`` when the engine, or its data, is not installed; ValueError for an unknown engine.
    """
    cv2.setNumThreads(threads)
    if engine == RAPIDOCR:
        return ReaderPair(number_reader(threads), rapid_reader(threads), label_reader(threads))
    if engine == TESSERACT:
        return ReaderPair(number_reader(threads), tesseract_reader(), label_reader(threads))
    raise ValueError(f"{engine!r} is no OCR engine; expected {RAPIDOCR} or {TESSERACT}")


@cache
def code_version() -> str:
    """A digest of the files of this room and the words it knows: when reading changes, nobody has to raise a number."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for file in sorted(package.rglob("*.py")):
        if file.name not in ("task.py", "merge.py"):
            digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    digest.update("".join(sorted(known_pairs() | printed_texts().keys())).encode())
    return digest.hexdigest()[:12]


def picture_key(image: PageImage, made_by: str) -> str:
    """The digest of a page image and of what reads it, by which the same reading is found again (64 hex digits)."""
    about = f"{made_by}\0{image.pixels.shape}\0{image.scale:.6f}\0{image.is_upright}\0"
    return hashlib.sha256(about.encode() + np.ascontiguousarray(image.pixels).tobytes()).hexdigest()


@contextmanager
def memory_told() -> Iterator[None]:
    """Yield what OpenCV raises when memory is short is a MemoryError, as it is everywhere else."""
    try:
        yield
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(error.err) from error
        raise


def version(engine: LineReader) -> str:
    """Return what makes a reading with ``engine``; readings with another version are not taken for it."""
    return f"{engine.name}+{code_version()}"
