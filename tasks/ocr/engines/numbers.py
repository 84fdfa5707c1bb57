"""A recogniser of our own for numbers and number marks: a small network made by ``training/``, another witness than PP-OCR.

It knows the digits, ``. , - / % ( )`` and the units of the forms, and says ``OTHER`` for anything else, so that a label, a
note mark or dirt is not read as a number. It is fast: 0.1 to 0.3 ms a crop with one thread.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.ocr.engines.framing import HEIGHT, framed
from tasks.ocr.engines.recognise import LineReading
from tasks.ocr.prepare_image import Grey

OTHER = "\u25a1"  # what it says for any character that is not of its alphabet, and for several of them
MODEL = Path(__file__).parents[1] / "models" / "numbers.onnx"

_STEP = 32  # crops whose widths fall into one step of this are read together
_BATCH = 64
_MARKS = "0123456789.,-/%"
_LEAST = 1e-9  # a probability is never taken to be less, so that its logarithm is finite


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
        os.environ.update(ORT_DISABLE_TELEMETRY="1")
        import onnxruntime  # noqa: PLC0415 - heavy, and not needed where no page is read

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        content = model.read_bytes()
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        about = self._session.get_modelmeta().custom_metadata_map
        self._characters = ("", *about["alphabet"])  # class 0 is the blank of CTC
        self._slope, self._offset = json.loads(about.get("calibration", "[1.0, 0.0]"))
        self._digit_classes = np.array([i for i, c in enumerate(self._characters) if c == "" or c in _MARKS])
        self._name = f"numbers-{hashlib.sha256(content).hexdigest()[:12]}"

    @property
    def name(self) -> str:
        """See tasks.ocr.engines.recognise.LineReader."""
        return self._name

    def read(self, crops: Sequence[Grey]) -> list[LineReading]:
        """See the class; the result is as long as ``crops``. A crop too wide for a number is ``OTHER`` with score 0."""
        return self.read_framed([framed(crop) for crop in crops])

    def read_framed(self, lines: Sequence[Grey | None]) -> list[LineReading]:
        """Read lines that are framed already (see tasks.ocr.engines.framing); None is a crop that could not be."""
        readings = [LineReading(OTHER, 0.0)] * len(lines)
        for members, frames in self._run({i: line for i, line in enumerate(lines) if line is not None}):
            for index, reading in zip(members, self._decoded(frames), strict=True):
                readings[index] = reading
        return readings

    def _run(self, lines: dict[int, Grey]) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """The probabilities (lines, frames, classes) of lines of about one width, and which lines they are."""
        rooms: dict[int, list[int]] = {}
        for index, line in lines.items():
            rooms.setdefault(-(-line.shape[1] // _STEP) * _STEP, []).append(index)
        for room, members in rooms.items():
            for at in range(0, len(members), _BATCH):
                part = members[at : at + _BATCH]
                pixels = np.zeros((len(part), 1, HEIGHT, room), np.uint8)
                for slot, index in enumerate(part):
                    pixels[slot, 0, :, : lines[index].shape[1]] = lines[index]
                yield part, self._session.run(None, {"lines": pixels})[0]

    def _decoded(self, frames: NDArray[np.float32]) -> list[LineReading]:
        texts = _best_paths(frames)
        scores = self._calibrated(_probabilities(frames, texts))
        narrow = frames[:, :, self._digit_classes]
        marked = [[int(self._digit_classes[c]) for c in text] for text in _best_paths(narrow)]
        # only a text that is not sure needs another candidate
        asked = [i for i, (text, score) in enumerate(zip(texts, scores, strict=True)) if score < 0.999 and marked[i] != text]
        others = (
            dict(zip(asked, self._calibrated(_probabilities(frames[asked], [marked[i] for i in asked])), strict=True))
            if asked
            else {}
        )
        readings = []
        for i, (text, score) in enumerate(zip(texts, scores, strict=True)):
            said = self._text(text)
            digits = (self._text(marked[i]), others[i]) if i in others else (said, score) if marked[i] == text else ("", 0.0)
            numbers = score if any(c.isdigit() for c in said) else 1.0
            readings.append(LineReading(said, score, digits, score, numbers, score))
        return readings

    def _text(self, classes: Sequence[int]) -> str:
        return "".join(self._characters[c] for c in classes)

    def _calibrated(self, probabilities: NDArray[np.float64]) -> list[float]:
        bounded = np.clip(probabilities, _LEAST, 1 - _LEAST)
        odds = self._slope * np.log(bounded / (1 - bounded)) + self._offset
        return [float(score) for score in 1 / (1 + np.exp(-odds))]


def _best_paths(frames: NDArray[np.float32]) -> list[list[int]]:
    """The classes on the best path of each line, repetitions and blanks taken out."""
    best = frames.argmax(axis=2)
    starts = np.concatenate([np.ones((len(best), 1), bool), best[:, 1:] != best[:, :-1]], axis=1) & (best > 0)
    return [path[begins].tolist() for path, begins in zip(best, starts, strict=True)]


def _probabilities(frames: NDArray[np.float32], texts: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """The probability of each text, all alignments with its frames together (CTC), of lines (lines, frames, classes)."""
    count, length, _ = frames.shape
    longest = max((len(text) for text in texts), default=0)
    states = np.zeros((count, 2 * longest + 1), np.int64)  # blank, first character, blank, second, …
    last = np.array([2 * len(text) for text in texts])
    for i, text in enumerate(texts):
        states[i, 1 : 2 * len(text) : 2] = text
    skips = np.zeros(states.shape, bool)  # a character may follow another one without a blank, unless they are the same
    skips[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    chances = np.take_along_axis(frames, states[:, None, :], axis=2).astype(np.float64)
    alpha = np.zeros(states.shape)
    alpha[:, :2] = chances[:, 0, :2]
    for t in range(1, length):
        moved = alpha.copy()
        moved[:, 1:] += alpha[:, :-1]
        moved[:, 2:] += np.where(skips[:, 2:], alpha[:, :-2], 0.0)
        alpha = moved * chances[:, t]
    rows = np.arange(count)
    ends = alpha[rows, last] + np.where(last > 0, alpha[rows, np.maximum(last - 1, 0)], 0.0)
    return np.asarray(np.clip(ends, 0.0, 1.0))


@cache
def number_reader(threads: int = 1) -> NumberReader:
    """The reader of this process: the model is loaded once."""
    return NumberReader(threads)
