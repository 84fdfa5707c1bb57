"""The engines behind one interface, what their readings are kept under, and what is said where one is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytesseract
import pytest
from PIL import Image, ImageDraw, ImageFont

from codebook.errors import GongkaiError
from tasks.ocr.engines import tesseract
from tasks.ocr.engines.choose import code_version, memory_told, picture_key, reader, version
from tasks.ocr.read_page import read_picture
from tasks.ocr.render import PageImage


def line(text: str) -> np.ndarray:
    """A line of digits as a crop close to its ink."""
    font = ImageFont.load_default(40)
    image = Image.new("L", (60 + 30 * len(text), 70), 255)
    ImageDraw.Draw(image).text((20, 10), text, font=font, fill=0)
    rows, columns = np.nonzero(np.asarray(image) < 128)
    return np.asarray(image)[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def has_tesseract() -> bool:
    program = shutil.which("tesseract")
    if program is None:
        return False
    listed = subprocess.run([program, "--list-langs"], capture_output=True, text=True, check=False).stdout.split()
    return tesseract.LANGUAGE in listed


@pytest.mark.parametrize(
    "engine",
    [
        "rapidocr",
        pytest.param(
            "tesseract",
            marks=pytest.mark.skipif(not has_tesseract(), reason="the program tesseract with chi_sim is not installed"),
        ),
    ],
)
def test_an_engine_reads_lines(engine: str) -> None:
    chosen = reader(engine)
    assert engine in chosen.name
    numbers = ["95", "186", "20567"]
    readings = chosen.read([line(number) for number in numbers])
    assert [reading.text for reading in readings] == numbers
    assert all(0.0 < reading.score <= 1.0 and reading.score <= reading.mean for reading in readings)
    assert chosen.read([]) == []
    assert reader(engine) is chosen


def test_where_tesseract_is_missing_the_page_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pytesseract.pytesseract, "tesseract_cmd", str(tmp_path / "tesseract"))
    monkeypatch.setattr(pytesseract, "get_tesseract_version", pytesseract.get_tesseract_version.__wrapped__)  # it remembers
    with pytest.raises(GongkaiError, match=r"page\.unreadable.*not installed.*GONGKAI_OCR_ENGINE"):
        tesseract.TesseractReader()


def test_where_its_language_is_missing_the_page_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pytesseract, "get_tesseract_version", lambda: "5")
    monkeypatch.setattr(pytesseract, "get_languages", lambda: ["eng"])
    with pytest.raises(GongkaiError, match=r"page\.unreadable.*chi_sim"):
        tesseract.TesseractReader()


def test_an_unknown_engine() -> None:
    with pytest.raises(ValueError, match="no OCR engine"):
        reader("crystal ball")


def test_readings_are_kept_under_picture_scale_and_version() -> None:
    white = PageImage(np.full((20, 30, 3), 255, np.uint8), 1.0)
    other = white.pixels.copy()
    other[3, 3] = 254
    wide = PageImage(white.pixels.reshape(30, 20, 3), 1.0)
    keys = [
        picture_key(white, "a"),
        picture_key(white, "b"),
        picture_key(white._replace(scale=0.36), "a"),
        picture_key(white._replace(pixels=other), "a"),
        picture_key(wide, "a"),
    ]
    assert len(set(keys)) == len(keys)
    assert picture_key(PageImage(white.pixels.copy(order="F"), 1.0), "a") == keys[0]
    assert all(len(key) == 64 for key in keys)


def test_the_version_is_that_of_engine_model_and_code() -> None:
    engine = reader("rapidocr")
    assert version(engine) == f"{engine.name}+{code_version()}"
    assert "PP-OCR" in engine.name


def test_memory_that_is_short_is_told_as_such() -> None:
    def short() -> None:
        error = cv2.error("no memory")
        error.code, error.err = cv2.Error.StsNoMem, "no memory"
        raise error

    with pytest.raises(MemoryError), memory_told():
        short()
    with pytest.raises(cv2.error), memory_told():
        cv2.resize(np.zeros((0, 0), np.uint8), (3, 3))


def test_threads_are_bounded() -> None:
    reader("rapidocr", 1)
    assert cv2.getNumThreads() == 1


def test_an_engine_writes_nothing_and_reports_nothing(tmp_path: Path) -> None:
    """The runtime of the default engine has telemetry of its own, which is on unless it is told otherwise."""
    places = {name: str(tmp_path / name) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
    for place in places.values():
        Path(place).mkdir()
    root = Path(__file__).resolve().parents[2]
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {**places, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    use = "import numpy; from tasks.ocr.engines.choose import reader; "
    use += "reader('rapidocr').read([numpy.full((30, 90), 255, numpy.uint8)])"
    subprocess.run([sys.executable, "-c", use], env=environment, cwd=root, check=True, timeout=120)
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(places)


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (3, 3000), (3000, 3), (11, 40)])
@pytest.mark.parametrize("colour", [0, 255])
def test_a_picture_without_room_for_characters_is_an_empty_page(shape: tuple[int, int], colour: int) -> None:
    page = read_picture(np.full((*shape, 3), colour, np.uint8), 1, reader("rapidocr"))
    assert (page.height, page.width, page.blocks) == (*shape, ())
