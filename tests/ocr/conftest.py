"""Fixtures of this folder."""

from __future__ import annotations

import cv2
import pytest

from tasks.ocr.engines.choose import RAPIDOCR
from tasks.ocr.engines.choose import reader as chosen_reader
from tasks.ocr.engines.pair import ReaderPair
from tests.ocr.papers import SAMPLES
from tests.scans.fonts import chinese_fonts


@pytest.fixture(scope="session")
def sample() -> bytes:
    """A shipped sample, a PDF with ruled tables."""
    return next(iter(sorted(SAMPLES.glob("*.pdf")))).read_bytes()


@pytest.fixture(scope="session")
def reader() -> ReaderPair:
    """The default readers with one thread, loaded once."""
    cv2.setNumThreads(1)
    return chosen_reader(RAPIDOCR)


@pytest.fixture
def fonts() -> None:
    """Skips where no page can be drawn."""
    if not chinese_fonts():
        pytest.skip("no font with Chinese characters: install fonts-noto-cjk, or name a folder in GONGKAI_FONTS")
