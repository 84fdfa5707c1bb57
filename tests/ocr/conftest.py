"""What the tests of reading pictures share: the reader, loaded once, and fonts, without which pages cannot be drawn."""

from __future__ import annotations

import cv2
import pytest

from tasks.ocr.recognise import RapidReader, rapid_reader
from tests.scans.fonts import chinese_fonts


@pytest.fixture(scope="session")
def reader() -> RapidReader:
    cv2.setNumThreads(1)
    return rapid_reader()


@pytest.fixture
def fonts() -> None:
    if not chinese_fonts():
        pytest.skip("no font with Chinese characters: install fonts-noto-cjk, or name a folder in GONGKAI_FONTS")
