"""The recogniser of numbers reads what is drawn, says what is none, and is as sure as it may be."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tasks.ocr.engines.framing import HEIGHT, framed
from tasks.ocr.engines.numbers import MODEL, OTHER, NumberReader, number_reader
from tests.scans.fonts import chinese_fonts, latin_fonts

Grey = np.ndarray


@pytest.fixture(scope="module")
def numbers() -> NumberReader:
    return number_reader()


def crop(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, *, raised: str = "") -> Grey:
    """A line cut close to its ink; ``raised`` is set small and high behind it."""
    width = int(font.getlength(text + raised)) + 60
    image = Image.new("L", (width, 120), 255)
    pen = ImageDraw.Draw(image)
    pen.text((20, 70), text, font=font, fill=20, anchor="ls")
    if raised:
        small = font.font_variant(size=round(font.size * 0.6))  # type: ignore[union-attr]
        pen.text((20 + font.getlength(text), 70 - font.size * 0.38), raised, font=small, fill=20, anchor="ls")
    rows, columns = np.nonzero(np.asarray(image) < 140)
    return np.asarray(image)[rows.min() - 1 : rows.max() + 2, columns.min() - 2 : columns.max() + 3]


@pytest.mark.parametrize("text", ["0", "7", "11", "95", "186", "20567", "9476.52", "1,234", "0.5%", "-3", "12件"])
def test_numbers_are_read(numbers: NumberReader, text: str) -> None:
    fonts = [*chinese_fonts()] if not text.isascii() else [*chinese_fonts(), *latin_fonts()]
    if not fonts:
        pytest.skip("no font to draw with")
    said = numbers.read([crop(text, ImageFont.truetype(str(font), size)) for font in fonts for size in (18, 29, 46)])
    # a comma of two pixels may be a point: then it must not be sure
    assert {reading.text for reading in said if reading.score > 0.9} == {text}
    assert sum(reading.text == text for reading in said) >= 0.9 * len(said)  # in the fonts that a machine happens to have


@pytest.mark.parametrize("text", ["总计", "自然人", "行政许可", "无"])
@pytest.mark.usefixtures("fonts")
def test_what_is_no_number_is_not_read_as_one(numbers: NumberReader, text: str) -> None:
    said = numbers.read([crop(text, ImageFont.truetype(str(font), 30)) for font in chinese_fonts()])
    assert all(OTHER in reading.text and not any(map(str.isdigit, reading.text)) for reading in said)


@pytest.mark.usefixtures("fonts")
@pytest.mark.parametrize("mark", ["2", "①"])
def test_a_raised_mark_is_no_digit(numbers: NumberReader, mark: str) -> None:
    said = numbers.read([crop("7", ImageFont.truetype(str(font), 34), raised=mark) for font in chinese_fonts()])
    assert "72" not in {reading.text for reading in said if reading.score > 0.9}


def test_paper_is_blank(numbers: NumberReader) -> None:
    rng = np.random.default_rng(1)
    papers = [np.clip(rng.normal(235, noise, (30, 60)), 0, 255).astype(np.uint8) for noise in (0, 2, 5)]
    assert [reading.text for reading in numbers.read(papers)] == [""] * 3


def test_a_crop_alone_reads_as_among_others(numbers: NumberReader) -> None:
    font = ImageFont.load_default(40)
    crops = [crop(str(n), font) for n in range(0, 3000, 37)]
    together = numbers.read(crops)
    for one, reading in zip(crops, together, strict=True):
        alone = numbers.read([one])[0]
        assert alone.text == reading.text
        assert alone.score == pytest.approx(reading.score, abs=1e-3)


def test_what_cannot_be_framed(numbers: NumberReader) -> None:
    wide, none = np.full((20, 900), 255, np.uint8), np.zeros((0, 5), np.uint8)
    assert [(r.text, r.score) for r in numbers.read([wide, none])] == [(OTHER, 0.0)] * 2
    assert numbers.read([]) == []


def test_a_frame_has_one_height_and_does_not_depend_on_the_light() -> None:
    font = ImageFont.load_default(30)
    clean = crop("38", font)
    dim = (clean * 0.6 + 30).astype(np.uint8)
    first, second = framed(clean), framed(dim)
    assert first is not None
    assert second is not None
    assert first.shape[0] == HEIGHT
    assert np.abs(first.astype(int) - second.astype(int)).max() <= 6


def test_the_file_is_small() -> None:
    assert MODEL.stat().st_size <= 3_000_000
