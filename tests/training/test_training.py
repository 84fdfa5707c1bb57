"""The recogniser of numbers is made from its recipe: the same seed makes the same crops and the same file."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from tasks.ocr.engines.framing import HEIGHT
from tasks.ocr.engines.printed import printed_texts
from training import labels
from training.crops import Fonts
from training.dataset import Shard, draw_shard, load, save
from training.lessons import lesson
from training.recipe import OTHER, alphabet, folded, fonts, number_sample

FOLDERS = [Path("/usr/share/fonts")]


@pytest.fixture(scope="module")
def known() -> Fonts:
    """The fonts of the recipe that are installed."""
    found = Fonts(fonts("chinese", FOLDERS), fonts("latin", FOLDERS))
    if not found.chinese or not found.latin:
        pytest.skip("none of the fonts of the recipe: install fonts-noto-cjk and fonts-dejavu")
    return found


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("１２３", "123"),
        ("1，234", "1,234"),
        ("——", "-"),
        ("12件", "12件"),
        ("7①", f"7{OTHER}"),
        ("7²", f"7{OTHER}"),
        ("自然人", f"{OTHER}人"),
        ("2.其他", f"2.{OTHER}"),
    ],
)
def test_what_is_said_of_a_printed_text(printed: str, said: str) -> None:
    assert folded(printed) == said


def test_all_targets_are_of_the_alphabet() -> None:
    rng = random.Random(5)
    targets = {number_sample(rng).target for _ in range(3000)}
    assert set("".join(targets)) <= set(alphabet())
    assert {"", "-", "/", OTHER} <= targets


def test_all_targets_of_labels_are_of_their_alphabet() -> None:
    rng = random.Random(5)
    targets = {labels.sample(rng).target for _ in range(3000)}
    assert set("".join(targets)) <= set(labels.alphabet())
    assert OTHER in targets


@pytest.mark.parametrize(
    ("printed", "said"),
    [("（一）予以公开", "(一)予以公开"), ("总 计", "总计"), ("行政奖励", f"行政{OTHER}"), ("本年增/减", "本年增/减")],
)
def test_what_is_said_of_a_printed_label(printed: str, said: str) -> None:
    assert labels.folded(printed) == said


def test_the_network_knows_the_characters_of_all_labels() -> None:
    """When the codebook has a label with another character, train again; until then the general reader reads it."""
    unknown = {text for text in printed_texts() if OTHER in labels.folded(text)}
    assert not unknown


def test_fonts_that_are_held_out_are_not_trained_on() -> None:
    trained = {path.name for kind in ("chinese", "latin") for group in fonts(kind, FOLDERS) for path in group.files}
    apart = {path.name for group in fonts("held_out", FOLDERS) for path in group.files}
    assert not trained & apart


def test_the_same_seed_draws_the_same_crops(known: Fonts, tmp_path: Path) -> None:
    first, second, other = (draw_shard(lesson("numbers"), "test", number, known, count=40) for number in (1, 1, 2))
    assert first.targets == second.targets
    assert np.array_equal(first.pixels, second.pixels)
    assert first.targets != other.targets
    save(tmp_path / "a.npz", first)
    stored = load(tmp_path / "a.npz")
    assert stored.targets == first.targets
    assert stored.line(3).shape == (HEIGHT, first.widths()[3])


@pytest.fixture(scope="module")
def few(known: Fonts) -> Shard:
    return draw_shard(lesson("numbers"), "test", 3, known, count=60)


def test_the_same_seed_makes_the_same_file(few: Shard, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training/requirements.txt is not installed")
    pytest.importorskip("onnx", reason="training/requirements.txt is not installed")
    from tasks.ocr.engines.numbers import NumberReader  # noqa: PLC0415
    from training.train import train  # noqa: PLC0415

    save(tmp_path / "few.npz", few)
    files = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        train(lesson("numbers"), tmp_path / name, [tmp_path / "few.npz"], {}, passes=2, seed=7, metadata={"alphabet": alphabet()})
        files.append(tmp_path / name / "numbers.onnx")
    assert files[0].read_bytes() == files[1].read_bytes()
    readings = NumberReader(1, files[0]).read_framed([few.line(i) for i in range(20)])
    assert len(readings) == 20
    assert all(0 <= reading.score <= 1 for reading in readings)


def test_the_file_of_labels_is_made_and_read(known: Fonts, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training/requirements.txt is not installed")
    pytest.importorskip("onnx", reason="training/requirements.txt is not installed")
    from tasks.ocr.engines.labels import LabelReader  # noqa: PLC0415
    from training.train import train  # noqa: PLC0415

    about = lesson("labels")
    shard = draw_shard(about, "test", 4, known, count=40)
    save(tmp_path / "few.npz", shard)
    train(about, tmp_path, [tmp_path / "few.npz"], {}, passes=1, seed=7, metadata={"alphabet": about.alphabet})
    made = tmp_path / "labels.onnx"
    assert made.stat().st_size < 2 * 2**20
    assert len(LabelReader(1, made).read_framed([shard.line(i) for i in range(20)])) == 20


def test_training_goes_on_where_it_was_stopped(few: Shard, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training/requirements.txt is not installed")
    pytest.importorskip("onnx", reason="training/requirements.txt is not installed")
    from training.train import train  # noqa: PLC0415

    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    for path in paths:
        save(path, few)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    train(lesson("numbers"), whole, paths, {}, passes=1, seed=7, metadata={})
    train(lesson("numbers"), parts, paths, {}, passes=1, seed=7, metadata={}, until=1)
    train(lesson("numbers"), parts, paths, {}, passes=1, seed=7, metadata={})
    assert (whole / "numbers.onnx").read_bytes() == (parts / "numbers.onnx").read_bytes()
