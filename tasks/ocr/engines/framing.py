"""Crops of lines as the recognisers of our own want them: one height, ink bright on black, whatever paper and light were."""

from __future__ import annotations

import cv2
import numpy as np

from tasks.ocr.prepare_image import Grey

HEIGHT = 32  # pixels of a framed line
WIDEST = 384  # pixels; a crop that would be wider is no number
WIDEST_LABEL = 1024  # pixels; nor a line of a label
_MARGIN = 2
_LEAST_CONTRAST = 48  # grey levels between paper and ink; less is not stretched to full contrast


def framed(crop: Grey, widest: int = WIDEST) -> Grey | None:
    """A grey crop (height, width), dark on light, as (HEIGHT, any width): 0 for paper, 255 for the darkest ink.

    None for a crop without pixels, or wider than ``widest`` at that height.
    """
    if crop.size == 0:
        return None
    inner = HEIGHT - 2 * _MARGIN
    width = max(4, round(crop.shape[1] * inner / crop.shape[0]))
    if width > widest - 2 * _MARGIN:
        return None
    method = cv2.INTER_AREA if crop.shape[0] > inner else cv2.INTER_LINEAR
    line = cv2.resize(crop, (width, inner), interpolation=method).astype(np.float32)
    levels = np.sort(line, axis=None)
    paper, dark = levels[int(0.95 * (levels.size - 1))], levels[int(0.02 * (levels.size - 1))]
    ink = np.clip((paper - line) * (255 / max(paper - dark, _LEAST_CONTRAST)), 0, 255)
    bordered = cv2.copyMakeBorder(ink, _MARGIN, _MARGIN, _MARGIN, _MARGIN, cv2.BORDER_CONSTANT, value=0)
    return np.asarray(bordered, np.uint8)
