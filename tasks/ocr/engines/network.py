"""The small networks of our own, made by ``training/``: framed lines in, probabilities of characters out."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.ocr.engines.framing import HEIGHT
from tasks.ocr.prepare_image import Grey

OTHER = "\u25a1"  # what they say for any character that is not of their alphabet, and for several of them
MODELS = Path(__file__).parents[1] / "models"

_STEP = 32  # crops whose widths fall into one step of this are read together
_BATCH = 64
_LEAST = 1e-9  # a probability is never taken to be less, so that its logarithm is finite


class OwnNetwork:
    """One network, loaded once; ``threads`` is the number of threads of one run.

    ``characters`` are its classes in order, the first of them the blank of CTC. ``name`` changes with the file.
    """

    def __init__(self, model: Path, threads: int) -> None:
        os.environ.update(ORT_DISABLE_TELEMETRY="1")
        import onnxruntime  # noqa: PLC0415 - heavy, and not needed where no page is read

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        content = model.read_bytes()
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        about = self._session.get_modelmeta().custom_metadata_map
        self.characters = ("", *about["alphabet"])
        self._slope, self._offset = json.loads(about.get("calibration", "[1.0, 0.0]"))
        self.name = f"{model.stem}-{hashlib.sha256(content).hexdigest()[:12]}"

    def run(self, lines: dict[int, Grey]) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
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

    def text(self, classes: Sequence[int]) -> str:
        """The text of some classes."""
        return "".join(self.characters[c] for c in classes)

    def calibrated(self, probabilities: NDArray[np.float64]) -> list[float]:
        """The share of right texts among those that have these probabilities, as measured on fonts that it was not trained on."""
        bounded = np.clip(probabilities, _LEAST, 1 - _LEAST)
        odds = self._slope * np.log(bounded / (1 - bounded)) + self._offset
        return [float(score) for score in 1 / (1 + np.exp(-odds))]


def best_paths(frames: NDArray[np.float32]) -> list[list[int]]:
    """The classes on the best path of each line, repetitions and blanks taken out."""
    best = frames.argmax(axis=2)
    starts = np.concatenate([np.ones((len(best), 1), bool), best[:, 1:] != best[:, :-1]], axis=1) & (best > 0)
    return [path[begins].tolist() for path, begins in zip(best, starts, strict=True)]


def text_probabilities(frames: NDArray[np.float32], texts: Sequence[Sequence[int]]) -> NDArray[np.float64]:
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
