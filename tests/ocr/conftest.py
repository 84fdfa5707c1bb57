"""Fixtures of this folder."""

from __future__ import annotations

import cv2
import pytest

from tasks.ocr.engines.recognise import RapidReader, rapid_reader
from tests.ocr.papers import SAMPLES
from tests.scans.fonts import chinese_fonts


@pytest.fixture(scope="session")
def sample() -> bytes:
    """A shipped sample, a PDF with ruled tables."""
    return next(iter(sorted(SAMPLES.glob("*.pdf")))).read_bytes()


@pytest.fixture(scope="session")
def reader() -> RapidReader:
    """The default reader with one thread, loaded once."""
    cv2.setNumThreads(1)
    return rapid_reader()


@pytest.fixture
def fonts() -> None:
    """Skips where no page can be drawn."""
    if not chinese_fonts():
        pytest.skip("no font with Chinese characters: install fonts-noto-cjk, or name a folder in GONGKAI_FONTS")
