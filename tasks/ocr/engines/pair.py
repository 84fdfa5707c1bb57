"""Readers as one: our own recognisers of numbers and of labels, and a general one for everything else and as second witness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from tasks.ocr.engines.recognise import LineReader, LineReading
from tasks.ocr.prepare_image import Grey


class LabelFinder(LineReader, Protocol):
    """A reader that knows the labels of the forms (tasks.ocr.engines.labels.LabelReader)."""

    def labels(self, texts: Sequence[Sequence[Grey]]) -> list[tuple[LineReading, ...] | None]:
        """Return, for each text given as its lines, what these say where together they are a label; None where they are none."""


class ReaderPair(NamedTuple):
    """A LineReader that reads as ``general`` does; who knows of pairs asks the others first (tasks.ocr.confidence).

    Without ``labels`` the general reader reads labels, too.
    """

    numbers: LineReader
    general: LineReader
    labels: LabelFinder | None = None

    @property
    def name(self) -> str:
        """See tasks.ocr.engines.recognise.LineReader: all names."""
        own = (self.numbers, self.labels) if self.labels else (self.numbers,)
        return "+".join(reader.name for reader in (*own, self.general))

    def read(self, crops: Sequence[Grey]) -> list[LineReading]:
        """See tasks.ocr.engines.recognise.LineReader."""
        return self.general.read(crops)
