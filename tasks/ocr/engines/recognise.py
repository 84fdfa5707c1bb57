"""Readers of single lines of text: pictures of lines in, texts with scores out.

Two engines stand behind one interface: RapidOCR's recognition model (the default) and Tesseract. A crop is a grey image of
one line, dark on light, cut close to its ink.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.ocr.lexicon import POSSIBLE, UNSURE, is_word, likelier
from tasks.ocr.prepare_image import Grey

_HEIGHT = 48  # pixels; what the model was trained on
_STEP = 32  # crops whose widths fall into one step of this are read together
_BATCH = 24
_MARGIN = 0.1  # of the line's height, white, around the ink
_NARROWEST = 64  # pixels; single digits in less than that are read unsurely


class LineReading(NamedTuple):
    """What a line says. ``score`` is the probability of its least sure character, 0 to 1.

    ``words`` is that of the least sure among its digits, letters and Chinese characters, ``mean`` their mean, and ``numbers``
    that of its least sure digit (1 where it has none): brackets and commas of full and half width are often mistaken for each
    other, and it does not matter. ``digits`` is the best reading that consists of digits and number marks alone, with its score:
    what a narrow crop says when only a number can stand there.
    """

    text: str
    score: float
    digits: tuple[str, float] = ("", 0.0)
    mean: float = 0.0
    numbers: float = 1.0
    words: float = 1.0


@runtime_checkable
class SecondLooker(Protocol):
    """A reader that can look at a crop again in ways that err differently."""

    def read_again(self, crops: Sequence[Grey]) -> list[tuple[LineReading, ...]]:
        """Other readings of each crop, each from another framing of it."""


class LineReader(Protocol):
    """An engine that reads single lines."""

    @property
    def name(self) -> str:
        """Engine, model and version: part of the key under which results are kept."""

    def read(self, crops: Sequence[Grey]) -> list[LineReading]:
        """Read each crop; the result is as long as ``crops``."""


class RapidReader:
    """The recognition model of the RapidOCR wheel, run in batches of equal width instead of padded to one width.

    One instance per process; ``threads`` is the number of threads of one run.
    """

    def __init__(self, threads: int = 1) -> None:
        # From 1.31 on it would write under the user's home and send what it counts over the network. It asks once, when loaded.
        os.environ.update(ORT_DISABLE_TELEMETRY="1")
        import onnxruntime  # noqa: PLC0415 - heavy, and not needed where no page is read
        import rapidocr  # noqa: PLC0415

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        path = Path(rapidocr.__file__).parent / "models" / "PP-OCRv6_rec_small.onnx"
        self._session = onnxruntime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        listed = self._session.get_modelmeta().custom_metadata_map["character"].split("\n")
        # class 0 is the blank of CTC, the last one a space
        self._characters = np.array(["", *listed, " "], dtype=object)
        allowed = [i for i, c in enumerate(self._characters) if c == "" or c in "0123456789.,-/%"]
        self._digit_classes = np.array(allowed)
        self._name = f"rapidocr-{version('rapidocr')}-{path.stem}"

    @property
    def name(self) -> str:
        """See :class:`LineReader`."""
        return self._name

    def read(self, crops: Sequence[Grey]) -> list[LineReading]:
        """See :class:`LineReader`."""
        return self._read([_scaled(crop, _MARGIN) for crop in crops], _NARROWEST)

    def read_again(self, crops: Sequence[Grey]) -> list[tuple[LineReading, ...]]:
        """See :class:`SecondLooker`: with more margin and a wider frame, and softened."""
        wider = self._read([_scaled(crop, 3 * _MARGIN) for crop in crops], 2 * _HEIGHT)
        softer = [cv2.GaussianBlur(crop, (0, 0), max(0.5, crop.shape[0] / 24)).astype(np.uint8) for crop in crops]
        return list(zip(wider, self._read([_scaled(crop, 2 * _MARGIN) for crop in softer], 3 * _HEIGHT), strict=True))

    def _read(self, scaled: list[Grey], narrowest: int) -> list[LineReading]:
        readings: list[LineReading] = [LineReading("", 0.0)] * len(scaled)
        order = sorted(range(len(scaled)), key=lambda i: scaled[i].shape[1])
        start = 0
        while start < len(order):
            width = max(narrowest, -(-scaled[order[start]].shape[1] // _STEP) * _STEP)
            end = start
            while end < len(order) and end - start < _BATCH and scaled[order[end]].shape[1] <= width:
                end += 1
            # grey beside the line, as in training: with white beside it, a lone 0 is read as a bracket or not at all
            batch = np.zeros((end - start, 3, _HEIGHT, width), np.float32)
            for slot, index in enumerate(order[start:end]):
                line = scaled[index].astype(np.float32) / 127.5 - 1.0
                batch[slot, :, :, : line.shape[1]] = line
            for slot, frames in enumerate(self._session.run(None, {self._input: batch})[0]):
                readings[order[start + slot]] = self._decode(frames)
            start = end
        return readings

    def _decode(self, frames: NDArray[np.float32]) -> LineReading:
        text, peaks = self._greedy(frames, None)
        digits, sure = self._greedy(frames, self._digit_classes)
        if not peaks:
            return LineReading("", 0.0, (digits, min(sure, default=0.0)))
        words = [peak for character, peak in zip(text, peaks, strict=True) if character.isalnum()] or peaks
        numbers = min((peak for character, peak in zip(text, peaks, strict=True) if character.isdigit()), default=1.0)
        return LineReading(text, min(peaks), (digits, min(sure, default=0.0)), sum(words) / len(words), numbers, min(words))

    def _greedy(self, frames: NDArray[np.float32], classes: NDArray[np.int64] | None) -> tuple[str, list[float]]:
        """The text and the score of each of its characters, of all ``classes`` or some."""
        part = frames if classes is None else frames[:, classes]
        best = part.argmax(axis=1)
        starts = np.flatnonzero(np.concatenate([[True], best[1:] != best[:-1]]))
        ends = np.append(starts[1:], len(best))
        said, peaks, where = [], [], []
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            if index := int(best[start]):
                # a character may last several frames: its surest frame counts
                where.append(start + int(part[start:end, index].argmax()))
                peaks.append(float(part[where[-1], index]))
                said.append(self._characters[index if classes is None else classes[index]])
        if classes is None:
            self._reconsider(said, peaks, part, where)
        return "".join(said), peaks

    def _reconsider(self, said: list[str], peaks: list[float], frames: NDArray[np.float32], where: list[int]) -> None:
        """Replace Chinese characters read unsurely by such as make words with their neighbours."""
        for i, (character, peak) in enumerate(zip(said, peaks, strict=True)):
            if peak < UNSURE and is_word(character):
                scores = frames[where[i]]
                likely = [(self._characters[k], float(scores[k])) for k in np.flatnonzero(scores >= POSSIBLE)]
                neighbours = said[i - 1] if i else "", said[i + 1] if i + 1 < len(said) else ""
                if found := likelier(neighbours[0], character, neighbours[1], likely):
                    said[i], peaks[i] = found[0], peak + found[1]


def _scaled(crop: Grey, share: float) -> Grey:
    """The crop with a white margin of ``share`` of its height, brought to the height of the model.

    In half of its width, which would cost half, a line of prose loses one of two equal digits beside each other, surely.
    """
    margin = max(1, round(crop.shape[0] * share))
    framed = cv2.copyMakeBorder(crop, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=255)
    width = max(8, round(framed.shape[1] * _HEIGHT / framed.shape[0]))
    method = cv2.INTER_AREA if framed.shape[0] > _HEIGHT or width < framed.shape[1] else cv2.INTER_CUBIC
    return cv2.resize(framed, (width, _HEIGHT), interpolation=method).astype(np.uint8)


@cache
def rapid_reader(threads: int = 1) -> RapidReader:
    """The reader of this process: the model is loaded once."""
    return RapidReader(threads)
