"""A recogniser of our own for the labels of the forms: a closed set, of which a text is one only when all of it is read so.

It knows the characters of the forms' labels, digits and marks, and says ``OTHER`` for the rest. It never looks for
the label that is most like a line: what it reads must be a label, character by character, and surely. Any other text is left
to the general reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import accumulate, pairwise
from pathlib import Path

from tasks.ocr.engines.framing import WIDEST_LABEL, framed
from tasks.ocr.engines.network import MODELS, OTHER, OwnNetwork, best_paths, text_probabilities
from tasks.ocr.engines.printed import known_label
from tasks.ocr.engines.recognise import LineReading
from tasks.ocr.prepare_image import Grey

MODEL = MODELS / "labels.onnx"


class LabelReader:
    """One instance per process; ``threads`` is the number of threads of one run.

    A crop is a line as tasks.ocr.engines.recognise.LineReader takes it.
    """

    def __init__(self, threads: int = 1, model: Path = MODEL) -> None:
        self._network = OwnNetwork(model, threads)

    @property
    def name(self) -> str:
        """See tasks.ocr.engines.recognise.LineReader."""
        return self._network.name

    def read(self, crops: Sequence[Grey]) -> list[LineReading]:
        """Read each crop: half width, without spaces, ``OTHER`` for each run of characters that it does not know.

        The score is the probability that the text is right as a whole. A crop too wide for a label is ``OTHER`` with score 0.
        """
        return self.read_framed([framed(crop, WIDEST_LABEL) for crop in crops])

    def read_framed(self, lines: Sequence[Grey | None]) -> list[LineReading]:
        """Read lines that are framed already (see tasks.ocr.engines.framing); None is a crop that could not be."""
        readings = [LineReading(OTHER, 0.0)] * len(lines)
        for members, frames in self._network.run({i: line for i, line in enumerate(lines) if line is not None}):
            paths = best_paths(frames)
            scores = self._network.calibrated(text_probabilities(frames, paths))
            for index, path, score in zip(members, paths, scores, strict=True):
                readings[index] = LineReading(self._network.text(path), score, mean=score, words=score)
        return readings

    def labels(self, texts: Sequence[Sequence[Grey]]) -> list[tuple[LineReading, ...] | None]:
        """Return, for each text given as its lines from top to bottom, what these say where together they are a label.

        Lines are as the form prints them. Each has the score of the whole: the probability that all lines are right. None where
        the lines together are no label of the forms.
        """
        readings = iter(self.read([line for lines in texts for line in lines]))
        return [as_label([next(readings) for _ in lines]) for lines in texts]


def as_label(lines: Sequence[LineReading]) -> tuple[LineReading, ...] | None:
    """Return the lines of a text as the form prints them where together they are a label; None where not."""
    if not lines or (label := known_label("".join(line.text for line in lines))) is None:
        return None
    score = 1.0
    for line in lines:
        score *= line.score
    ends = accumulate((len(line.text) for line in lines), initial=0)
    pieces = [label[start:end] for start, end in pairwise(ends)]
    return tuple(LineReading(piece, score, mean=score, words=score) for piece in pieces)


@cache
def label_reader(threads: int = 1) -> LabelReader:
    """The reader of this process: the model is loaded once."""
    return LabelReader(threads)
