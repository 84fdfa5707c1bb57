"""What is read on the pages has the contrast of WCAG 2.1 AA, light and dark, and every colour is one of the palette."""

from __future__ import annotations

import re

import pytest

from tests.conftest import REPOSITORY

STATIC = REPOSITORY / "console" / "web" / "static"
SHEETS = sorted(path for path in STATIC.glob("*.css"))
TEXT = 4.5  # the least contrast of text
SHAPE = 3.0  # of borders of fields and of the mark of the focus

_GROUNDS = ("paper", "ground", "head", "tint")
_COLOURED = ("good", "review", "bad", "busy", "faint", "gone-bad", "good-ink", "bad-ink")
_WASHED = ("amber-wash", "amber-pale", "amber-strong", "good-pale", "bad-pale", "removed", "inserted", "gone-pale")
READ = [
    *((ink, ground) for ink in ("ink", "soft", "ink-soft", "link") for ground in _GROUNDS),
    *((ink, ground) for ink in _COLOURED for ground in ("paper", "tint")),
    *((ink, f"{ink}-pale") for ink in ("good", "review", "bad", "busy")),
    ("good-ink", "good-pale"),
    ("bad-ink", "bad-pale"),
    ("busy-ink", "busy-pale"),
    ("gone-bad", "bad-pale"),
    ("ink-soft", "gone-pale"),
    ("amber-ink", "review-pale"),
    ("amber-ink", "amber-pale"),
    ("violet-ink", "violet-pale"),
    ("on-deep", "deep"),
    ("paper", "bad"),
    ("on-deep", "bar"),
    ("bar-ink", "bar"),
    ("bar-soft", "bar"),
    *(("ink", ground) for ground in _WASHED),
    *(("soft", ground) for ground in ("amber-wash", "well")),
]
SEEN = [("edge", "paper"), ("focus", "paper"), ("focus", "ground"), ("amber", "paper"), ("violet", "paper")]


def palettes() -> dict[str, dict[str, str]]:
    """The colours of both modes by name."""
    blocks = re.findall(r":root \{(.*?)\}", (STATIC / "pages.css").read_text(), flags=re.S)
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]+)", block)) for block in blocks[:2])  # the third is of paper
    return {"light": light, "dark": light | dark}


def luminance(colour: str) -> float:
    """The relative luminance of a colour, as WCAG 2.1 defines it.

    >>> luminance("#fff"), luminance("#000")
    (1.0, 0.0)
    """
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize(("pairs", "least"), [(READ, TEXT), (SEEN, SHAPE)], ids=["text", "shapes"])
def test_what_is_read_has_contrast(mode: str, pairs: list[tuple[str, str]], least: float) -> None:
    colours = palettes()[mode]
    poor = {f"{ink} on {ground}": round(contrast(colours[ink], colours[ground]), 2) for ink, ground in pairs}
    assert {pair: value for pair, value in poor.items() if value < least} == {}


def test_both_modes_have_the_same_colours() -> None:
    colours = palettes()
    assert set(colours["light"]) == set(colours["dark"])
    assert contrast("#000", "#fff") == pytest.approx(21)


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.name)
def test_every_colour_is_one_of_the_palette(path: object) -> None:
    text = (STATIC / path.name).read_text()
    rules = re.sub(r"@media \(prefers-color-scheme: dark\) \{\s*:root \{.*?\}\s*\}|:root \{.*?\}|/\*.*?\*/", "", text, flags=re.S)
    white = {"#fff"} if "page" in rules else set()  # the paper of an original, in both modes
    assert set(re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;\s}])", rules)) <= white
    named = set(re.findall(r"var\(--([\w-]+)\)", rules))
    assert named <= set(palettes()["light"])
