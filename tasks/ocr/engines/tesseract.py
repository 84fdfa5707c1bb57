"""Tesseract as a reader of single lines: a process for each line, so much slower than the default engine, and another witness.

Its scores are Tesseract's own confidence (of the least sure word), not calibrated: nearly all stay below what counts as sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import cv2

from codebook.errors import GongkaiError
from tasks.ocr.engines.recognise import LineReading
from tasks.ocr.prepare_image import Grey

LANGUAGE = "chi_sim"
REMEDY = "install the program tesseract with its language data chi_sim, or set GONGKAI_OCR_ENGINE=rapidocr"

_CONFIG = "--psm 7 -c preserve_interword_spaces=1"
_SECONDS = 60  # for one line
_HEIGHT = 48  # pixels; characters of 30 to 40 pixels are read best
_MARGIN = 12  # pixels of white around a line, without which single digits are not found


class TesseractReader:
    """Reads line by line through pytesseract. Raises GongkaiError ``page.unreadable`` where it is not installed."""

    def __init__(self) -> None:
        import pytesseract  # noqa: PLC0415 - not needed where another engine is chosen

        try:
            self._name = f"tesseract-{pytesseract.get_tesseract_version()}-{LANGUAGE}"
            languages = pytesseract.get_languages()
        except (pytesseract.TesseractNotFoundError, pytesseract.TesseractError, OSError) as error:
            raise GongkaiError("page.unreadable", "OCR by Tesseract was asked for, which is not installed", REMEDY) from error
        if LANGUAGE not in languages:
            found = f"OCR by Tesseract was asked for, which has no language data {LANGUAGE}"
            raise GongkaiError("page.unreadable", found, REMEDY)
        self._engine = pytesseract

    @property
    def name(self) -> str:
        """See tasks.ocr.engines.recognise.LineReader."""
        return self._name

    def read(self, crops: Sequence[Grey]) -> list[LineReading]:
        """See tasks.ocr.engines.recognise.LineReader. Raises GongkaiError ``page.unreadable`` when Tesseract fails."""
        return [self._line(crop) for crop in crops]

    def _line(self, crop: Grey) -> LineReading:
        if crop.size == 0:
            return LineReading("", 0.0)
        factor = _HEIGHT / crop.shape[0]
        size = (max(8, round(crop.shape[1] * factor)), _HEIGHT)
        line = cv2.resize(crop, size, interpolation=cv2.INTER_CUBIC)
        line = cv2.copyMakeBorder(line, _MARGIN, _MARGIN, _MARGIN, _MARGIN, cv2.BORDER_CONSTANT, value=255)
        kind = self._engine.Output.DICT
        try:
            words = self._engine.image_to_data(line, lang=LANGUAGE, config=_CONFIG, output_type=kind, timeout=_SECONDS)
        except (self._engine.TesseractError, RuntimeError, OSError) as error:
            raise GongkaiError("page.unreadable", f"Tesseract failed: {str(error)[:300]}", REMEDY) from error
        found = [
            (text, max(0.0, float(sure)) / 100) for text, sure in zip(words["text"], words["conf"], strict=True) if text.strip()
        ]
        if not found:
            return LineReading("", 0.0)
        scores = [score for _, score in found]
        least = min(scores)
        text = "".join(text.strip() for text, _ in found)
        return LineReading(text, least, mean=sum(scores) / len(scores), numbers=least, words=least)


@cache
def tesseract_reader() -> TesseractReader:
    """The reader of this process."""
    return TesseractReader()
