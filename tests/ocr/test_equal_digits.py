"""Equal digits beside each other in a line of prose: none of them is lost with a high score."""

from __future__ import annotations

import re
from random import Random

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tasks.ocr.confidence import SURE, read_surely
from tasks.ocr.engines.choose import reader
from tests.scans.fonts import chinese_fonts

SENTENCES = (
    "本年共收到政府信息公开申请{}件，其中网络申请{}件，信函申请{}件，上年结转{}件",
    "主动公开政府信息{}条，其中网站公开{}条，微信公众号{}条，微博{}条，其他{}条。",
)
NUMBERS = ("11", "111", "811", "1110", "100", "2111", "511", "77", "3311")


def drawn(sentence: str, size: int, blur: float) -> np.ndarray:
    font = ImageFont.truetype(str(chinese_fonts()[0]), size)
    image = Image.new("L", (int(font.getlength(sentence)) + 8, int(size * 1.5)), 255)
    ImageDraw.Draw(image).text((4, 3), sentence, font=font, fill=40)
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(blur)) if blur else image)
    rows, columns = np.where(pixels < 140)
    return np.ascontiguousarray(pixels[max(0, rows.min() - 1) : rows.max() + 2, max(0, columns.min() - 1) : columns.max() + 2])


@pytest.mark.skipif(not chinese_fonts(), reason="no font with Chinese characters: install fonts-noto-cjk")
def test_no_digit_of_a_line_is_lost_surely() -> None:
    random = Random(7)
    texts = [re.sub(r"\{\}", lambda _: random.choice(NUMBERS), random.choice(SENTENCES)) for _ in range(24)]
    crops = [drawn(text, random.choice((18, 22, 28, 34)), random.choice((0, 0.6, 1.2))) for text in texts]
    read = read_surely(crops, {}, reader("rapidocr"))
    lost = [
        (text, one.text) for text, one in zip(texts, read, strict=True) if _numbers(text) != _numbers(one.text) and _is_sure(one)
    ]
    assert lost == []


def _numbers(text: str) -> list[str]:
    return re.findall(r"\d+", text)


def _is_sure(one: object) -> bool:
    line = getattr(one, "line", None)
    return (getattr(one, "score", 0.0) if line is None else line) >= SURE
