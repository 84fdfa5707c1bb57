"""A recogniser of our own for numbers and number marks: a small network made by ``training/``, another witness than PP-OCR.

It knows the digits, ``. , - / % ( )`` and the units of the forms, and says ``OTHER`` for anything else, so that a label, a
note mark or dirt is not read as a number. It is fast: 0.1 to 0.3 ms a crop with one thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.ocr.engines.framing import framed
from tasks.ocr.engines.network import MODELS, OTHER, OwnNetwork, best_paths, text_probabilities
from tasks.ocr.engines.recognise import LineReading
from tasks.ocr.prepare_image import Grey

MODEL = MODELS / "numbers.onnx"

_MARKS = "0123456789.,-/%"


class NumberReader:
    """See tasks.ocr.engines.recognise.LineReader. One instance per process; ``threads`` is the number of threads of one run.

    A crop is grey, dark on light, cut close to its ink or with the paper of its cell around it, but without the rules of the
    cell. ``read`` returns for each crop a LineReading:

    - ``text``: digits, number marks and units, half width; any dash is ``-``; a gap wider than a digit is a space; ``OTHER``
      for what is none of them; ``""`` for a crop without a character. A number is to be believed only when the whole text is one.
    - ``score``: the probability that ``text`` is right as a whole, hence not more than that of its least sure character;
      calibrated on labelled crops of fonts and wear that the network was not trained on. ``words`` and ``mean`` are the same.
      The score of a text with ``OTHER`` says how sure it is that this is no number.
    - ``numbers``: ``score`` where the text has digits, else 1.
    - ``digits``: the best reading of digits and number marks alone, with its score, as a candidate where ``text`` is not sure.
    """

    def __init__(self, threads: int = 1, model: Path = MODEL) -> None:
        self._network = OwnNetwork(model, threads)
        self._characters = self._network.characters
        self._digit_classes = np.array([i for i, c in enumerate(self._characters) if c == "" or c in _MARKS])

    @property
    def name(self) -> str:
        """See tasks.ocr.engines.recognise.LineReader."""
        return self._network.name

    def read(self, crops: Sequence[Grey]) -> list[LineReading]:
        """See the class; the result is as long as ``crops``. A crop too wide for a number is ``OTHER`` with score 0."""
        return self.read_framed([framed(crop) for crop in crops])

    def read_framed(self, lines: Sequence[Grey | None]) -> list[LineReading]:
        """Read lines that are framed already (see tasks.ocr.engines.framing); None is a crop that could not be."""
        readings = [LineReading(OTHER, 0.0)] * len(lines)
        for members, frames in self._network.run({i: line for i, line in enumerate(lines) if line is not None}):
            for index, reading in zip(members, self._decoded(frames), strict=True):
                readings[index] = reading
        return readings

    def _decoded(self, frames: NDArray[np.float32]) -> list[LineReading]:
        texts = best_paths(frames)
        scores = self._network.calibrated(text_probabilities(frames, texts))
        narrow = frames[:, :, self._digit_classes]
        marked = [[int(self._digit_classes[c]) for c in text] for text in best_paths(narrow)]
        # only a text that is not sure needs another candidate
        asked = [i for i, (text, score) in enumerate(zip(texts, scores, strict=True)) if score < 0.999 and marked[i] != text]
        others = (
            dict(zip(asked, self._network.calibrated(text_probabilities(frames[asked], [marked[i] for i in asked])), strict=True))
            if asked
            else {}
        )
        readings = []
        for i, (text, score) in enumerate(zip(texts, scores, strict=True)):
            said = self._network.text(text)
            digits = (
                (self._network.text(marked[i]), others[i]) if i in others else (said, score) if marked[i] == text else ("", 0.0)
            )
            numbers = score if any(c.isdigit() for c in said) else 1.0
            readings.append(LineReading(said, score, digits, score, numbers, score))
        return readings


@cache
def number_reader(threads: int = 1) -> NumberReader:
    """The reader of this process: the model is loaded once."""
    return NumberReader(threads)
