"""Two readers as one: the recogniser of numbers, and a general one for everything else and as second witness of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tasks.ocr.engines.recognise import LineReader, LineReading
from tasks.ocr.prepare_image import Grey


class ReaderPair(NamedTuple):
    """A LineReader that reads as ``general`` does; who knows of pairs asks ``numbers`` first (tasks.ocr.confidence)."""

    numbers: LineReader
    general: LineReader

    @property
    def name(self) -> str:
        """See tasks.ocr.engines.recognise.LineReader: both names."""
        return f"{self.numbers.name}+{self.general.name}"

    def read(self, crops: Sequence[Grey]) -> list[LineReading]:
        """See tasks.ocr.engines.recognise.LineReader."""
        return self.general.read(crops)
