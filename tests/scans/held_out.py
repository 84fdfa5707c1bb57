"""Scans that nothing was tuned to: ``python -m tests.scans.held_out --reports 2``.

Reports are printed by other programs in fonts of their own, and worn by the library ``augraphy``. That, LibreOffice, WeasyPrint
are no part of the development environment (``pip install augraphy weasyprint``); what is not installed is named. No parameter is
set by these figures: look for the causes of errors with other seeds.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from tests.scans.batches import PACKINGS, Clean, Scan
from tests.scans.chain import Tally, read_scan, table_of
from tests.scans.printing import Print, families, printed, programs

Pixels = NDArray[np.uint8]

# kind of wear: how it is printed, then what is done to its pages
KINDS: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "plain": ({}, ("light",)),
    "seal, grey": ({}, ("seal", "grey", "light")),
    "seal, red": ({}, ("seal", "light")),
    "hairline rules": ({"rules": "hairline"}, ("light",)),
    "grey rules": ({"rules": "grey"}, ("low ink", "light")),
    "dotted rules": ({"rules": "dotted"}, ("light",)),
    "dashes": ({"zero": "-"}, ("light",)),
    "long dashes": ({"zero": "—"}, ("light",)),
    "slashes": ({"zero": "/"}, ("light",)),
    "bilevel": ({}, ("bilevel",)),
    "bilevel, grey rules": ({"rules": "grey"}, ("bilevel",)),
    "photocopy": ({}, ("photocopy",)),
    "120 dpi": ({}, ("light", "120")),
    "fax": ({}, ("bilevel", "fax")),
    "no rules": ({"rules": "none"}, ("light",)),
}
_FIRST = 7_000_000  # seeds that no other set uses


def _worn(page: Pixels, how: tuple[str, ...], seed: int) -> Pixels:
    """A page worn by ``augraphy`` and by what it does not know: seals, few levels, few dots."""
    import augraphy  # noqa: PLC0415 - not part of the development environment

    random.seed(seed)
    np.random.seed(seed)  # the library draws from this generator
    rng = np.random.default_rng(seed)
    height, width = page.shape[:2]
    for step in how:
        if step == "seal":
            page = _sealed(page, rng)
        elif step == "grey":
            page = np.dstack([cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)] * 3)
        elif step == "light":
            page = augraphy.LightingGradient(max_brightness=255, min_brightness=150, numba_jit=0, p=1)(page)
            page = augraphy.SubtleNoise(subtle_range=8, p=1)(augraphy.InkBleed(intensity_range=(0.1, 0.3), p=1)(page))
            page = augraphy.Jpeg(quality_range=(45, 80), p=1)(page)
        elif step == "low ink":
            page = augraphy.LowInkRandomLines(count_range=(5, 10), p=1)(page)
        elif step == "photocopy":
            page = augraphy.BadPhotoCopy(noise_type=1, noise_side="random", noise_iteration=(1, 1), p=1)(page)
            page = augraphy.DirtyDrum(line_width_range=(1, 3), line_concentration=0.05, p=1)(page)
        elif step == "bilevel":
            page = augraphy.InkBleed(intensity_range=(0.1, 0.3), p=1)(page)
            page = np.where(page > rng.integers(120, 180), 255, 0).astype(np.uint8)
        elif step in ("120", "fax"):
            size = (round(width * 0.6), round(height * 0.6)) if step == "120" else (width, height // 2)
            page = cv2.resize(page, size, interpolation=cv2.INTER_AREA)
            page = np.where(page > 150, 255, 0).astype(np.uint8) if step == "fax" else page
        page = np.ascontiguousarray(page if page.ndim == 3 else np.dstack([page] * 3))
    turn = cv2.getRotationMatrix2D((page.shape[1] / 2, page.shape[0] / 2), rng.uniform(-0.8, 0.8), 1)
    return cv2.warpAffine(page, turn, page.shape[1::-1], flags=cv2.INTER_LINEAR, borderValue=(255, 255, 255)).astype(np.uint8)


def _sealed(page: Pixels, rng: np.random.Generator) -> Pixels:
    """A page with a seal of its own: an oval ring nearly round, a ring of blocks, a star."""
    height, width = page.shape[:2]
    ink = np.zeros((height, width), np.uint8)
    radius = round(width * rng.uniform(0.085, 0.11))
    x, y = round(width * rng.uniform(0.3, 0.8)), round(height * rng.uniform(0.25, 0.7))
    cv2.circle(ink, (x, y), radius, 255, max(3, radius // 14))
    for angle in np.linspace(np.pi * 0.8, np.pi * 2.2, 10):
        at = (x + 0.74 * radius * np.cos(angle), y + 0.74 * radius * np.sin(angle))
        cv2.putText(
            ink, "EHBKR"[int(angle * 7) % 5], (int(at[0]) - radius // 9, int(at[1]) + radius // 9), 0, radius / 90, 255, 4
        )
    points = [
        (x + r * np.sin(i * np.pi / 5), y - r * np.cos(i * np.pi / 5)) for i in range(10) for r in [radius * (0.34, 0.14)[i % 2]]
    ]
    cv2.fillPoly(ink, [np.array(points, np.int32)], 255)
    share = (cv2.GaussianBlur(ink, (0, 0), 1.0) / 255 * rng.uniform(0.7, 0.9))[..., None]
    return np.clip(page * (1 - share * (1 - np.array([200, 40, 50]) / 255)), 0, 255).astype(np.uint8)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.scans.held_out", description=__doc__)
    parser.add_argument("--reports", type=int, default=2, help="of each kind")
    parser.add_argument("--seed", type=int, default=_FIRST, help="others than the default are for looking at, not for figures")
    parser.add_argument("--kinds", nargs="*", choices=list(KINDS), metavar="KIND", default=list(KINDS))
    parser.add_argument("--keep", type=Path, help="write the pages of imperfect reports to this folder")
    parser.add_argument("--tell", action="store_true", help="say what went wrong")
    given = parser.parse_args()
    console = Console(width=200)
    missing = {name: why for name, why in programs().items() if why}
    for name, why in missing.items():
        console.print(f"{name} is not measured: {why}", markup=False)
    present = [name for name in ("weasyprint", "libreoffice") if name not in missing]
    fonts = [family for family in families() if family.startswith(("AR PL U", "WenQuanYi"))] or list(families())
    if not present or not fonts or not find_spec("augraphy"):
        console.print("held-out scans are not measured: they need augraphy, WeasyPrint or LibreOffice, and fonts for Chinese")
        return
    tallies: dict[str, Tally] = defaultdict(Tally)
    for kind in given.kinds:
        wishes, wear = KINDS[kind]
        for number in range(given.reports):
            seed = given.seed + 1000 * list(KINDS).index(kind) + number
            # a look of rules is given in a style sheet, which LibreOffice's own documents do not have
            program = "weasyprint" if "rules" in wishes and "weasyprint" in present else present[number % len(present)]
            clean = printed(seed, Print(program, fonts[seed % len(fonts)], **wishes))
            scan = _scan(clean, wear, seed)
            score, verdict = read_scan(scan, clean.truth)
            tally = tallies[kind]
            tally.pages += len(scan.pages)
            before = len(tally.notes)
            tally.add(score, verdict)
            for line in tally.notes[before:] if given.tell else ():
                console.print(f"  {kind} {seed} {program}: {line}", markup=False, highlight=False)
            if given.keep and tally.notes[before:]:
                given.keep.mkdir(parents=True, exist_ok=True)
                for page, image in enumerate(scan.pages, 1):
                    cv2.imwrite(
                        str(given.keep / f"{kind.replace(', ', '-').replace(' ', '-')}-{seed}-{page}.png"), image[:, :, ::-1]
                    )
    console.print(table_of(tallies, "held-out scans, after the identities (shares in per cent)"))


def _scan(clean: Clean, wear: tuple[str, ...], seed: int) -> Scan:
    images = [_worn(page, wear, seed * 10 + number) for number, page in enumerate(clean.pages)]
    packing = sorted(PACKINGS)[seed % len(PACKINGS)] if "fax" not in wear else "png"
    data, media_type = PACKINGS[packing]([Image.fromarray(image) for image in images], 120 if "120" in wear else 200)
    return Scan(f"{clean.name}.{packing}", packing, data, media_type, images)


if __name__ == "__main__":
    main()
