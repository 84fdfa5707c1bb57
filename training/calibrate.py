"""What a score is worth: fitted on lines of fonts that the network was not trained on, and written into the model.

``python -m training.calibrate --model FILE --shards FILE...`` prints wrong of read by score, and with ``--write`` puts the
fit into the model's metadata.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from tasks.ocr.engines.labels import LabelReader
from tasks.ocr.engines.numbers import NumberReader
from tasks.ocr.engines.printed import known_label
from training.dataset import load

_BANDS = (0.0, 0.5, 0.9, 0.98, 0.99, 0.995, 0.999, 0.9995, 0.9999, 1.0001)
_ROUNDS = 50


class Said(NamedTuple):
    """A line that was read: what it is, what was read, and how surely."""

    target: str
    text: str
    score: float


def read_shards(reader: NumberReader | LabelReader, paths: Sequence[Path]) -> list[Said]:
    """All lines of some shards, read."""
    said = []
    for path in paths:
        shard = load(path)
        lines = [shard.line(index) for index in range(len(shard.targets))]
        readings = reader.read_framed(lines)
        said += [Said(target, r.text, r.score) for target, r in zip(shard.targets, readings, strict=True)]
    return said


def fit(said: Sequence[Said]) -> tuple[float, float]:
    """(slope, offset) for the logarithm of the odds of a score, by which it becomes the share of right readings."""
    scores = np.clip(np.array([s.score for s in said]), 1e-9, 1 - 1e-9)
    x = np.stack([np.log(scores / (1 - scores)), np.ones(len(scores))], axis=1)
    y = np.array([s.text == s.target for s in said], np.float64)
    w: NDArray[np.float64] = np.array([1.0, 0.0])
    for _ in range(_ROUNDS):
        p = 1 / (1 + np.exp(-x @ w))
        step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(2), x.T @ (y - p))
        w = w + step
        if np.abs(step).max() < 1e-8:
            break
    return float(w[0]), float(w[1])


def bands(said: Sequence[Said]) -> list[str]:
    """Lines of a table: wrong of read, by score."""
    rows = []
    for low, high in pairwise(_BANDS):
        inside = [s for s in said if low <= s.score < high]
        rows.append(f"{low:g} to {min(high, 1):g}: {sum(s.text != s.target for s in inside)} of {len(inside)}")
    return rows


def is_number(text: str) -> bool:
    """Whether a text is digits and the marks within numbers, and nothing else."""
    return any(c.isdigit() for c in text) and all(c in "0123456789.,-/%" for c in text)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.calibrate", description=__doc__)
    parser.add_argument("--lesson", choices=("numbers", "labels"), default="numbers")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--shards", type=Path, nargs="+", required=True)
    parser.add_argument("--write", type=Path, help="the model with the fit, to this file")
    given = parser.parse_args()
    is_labels = given.lesson == "labels"
    reader = LabelReader(1, given.model) if is_labels else NumberReader(1, given.model)
    said = read_shards(reader, given.shards)
    print(f"{len(said)} lines, right {100 * np.mean([s.text == s.target for s in said]):.2f} %")  # noqa: T201
    taken = [s for s in said if (known_label(s.text) is not None if is_labels else is_number(s.text))]
    print(f"said to be {given.lesson}:", *bands(taken), sep="\n  ")  # noqa: T201
    for s in sorted((s for s in taken if s.text != s.target), key=lambda s: -s.score)[:25]:
        print(f"  {s.target!r} read as {s.text!r} {s.score:.5f}")  # noqa: T201
    if given.write:
        model = onnx.load(given.model)
        metadata = {p.key: p.value for p in model.metadata_props}
        slope, offset = fit(said)
        before = json.loads(metadata.get("calibration", "[1.0, 0.0]"))
        fitted = [round(slope * before[0], 4), round(slope * before[1] + offset, 4)]
        print("calibration", fitted)  # noqa: T201
        del model.metadata_props[:]
        helper.set_model_props(model, dict(sorted({**metadata, "calibration": json.dumps(fitted)}.items())))
        given.write.parent.mkdir(parents=True, exist_ok=True)
        given.write.write_bytes(model.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
