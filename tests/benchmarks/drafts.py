"""How soon a draft is checked, and whether a check finds what the whole chain finds.

``python -m tests.benchmarks.drafts [--rounds 5] [--scan]``: `gongkai check-draft` on a text, a Word document and a PDF, without a
database and beside one, and the page, whose process is ready; ``--scan`` adds a scanned report. Prints medians of seconds, and of
processor seconds, which other work on the machine changes less. ``--same 500`` compares the findings of generated documents.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from console.drafts.check import check_drafts
from console.drafts.readers import ReadyReader
from database import migrations
from database.session import make_engine
from runtime.settings import Settings
from tests.benchmarks.measure import REPOSITORY, run
from tests.console.test_drafts import same_findings
from tests.ocr.papers import image_pdf
from tests.scans.degrade import LEVELS, worn
from tests.scans.measure import report_pages

_COMPILED = Path(tempfile.gettempdir()) / "gongkai-benchmark-compiled"
_LOADED = 8.0  # seconds that the process which is kept ready has for loading; a person chooses a file meanwhile


def samples() -> dict[str, Path]:
    """The reports that are checked, by kind."""
    folder = REPOSITORY / "samples" / "reports"
    return {
        "text": next(folder.glob("*镇人民政府2024*.txt")),
        "Word": next(folder.glob("*教育局2024*.docx")),
        "PDF": next(folder.glob("*人民政府2024*.pdf")),
    }


def make_scan(folder: Path) -> Path:
    """A scanned report of three pages as PDF."""
    pages = [worn(drawn.image, LEVELS["1"], number)[0] for number, drawn in enumerate(report_pages(5000))]
    path = folder / "scan.pdf"
    path.write_bytes(image_pdf([Image.fromarray(np.ascontiguousarray(each)) for each in pages]))
    return path


def command(path: Path, home: Path) -> tuple[float, float]:
    """Seconds and processor seconds of the command."""
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(_COMPILED)}  # as an installation has them
    took = run(["console.cli", "check-draft", str(path)], {"GONGKAI_HOME": str(home), **compiled})
    if took.code not in (0, 3):
        raise RuntimeError(took.errors)
    return took.seconds, took.processor


def page(path: Path, home: Path) -> tuple[float, float]:
    """Seconds of the check behind the page, whose process is ready."""
    ready = ReadyReader()
    ready.prepare()
    time.sleep(_LOADED)
    with ready.take() as reader:
        began = time.perf_counter()
        list(check_drafts([str(path)], Settings(home=home), reader=reader))
        return time.perf_counter() - began, 0.0


def report(name: str, path: Path, home: Path, ask: Callable[[Path, Path], tuple[float, float]], rounds: int) -> None:
    """Measure and print one line."""
    took = [ask(path, home) for _ in range(rounds)]
    seconds, processor = (statistics.median(each) for each in zip(*took, strict=True))
    spent = f"  {processor:5.2f} processor seconds" if processor else ""
    sys.stdout.write(f"{name:28} {seconds:6.2f} s{spent}\n")
    sys.stdout.flush()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scan", action="store_true", help="also a scanned report")
    parser.add_argument("--same", type=int, default=0, metavar="N", help="compare the findings of N generated documents instead")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        engine = make_engine(f"sqlite:///{home / 'gongkai.db'}")
        migrations.upgrade(engine)
        if chosen.same:
            found = same_findings(engine, Path(folder) / "same", chosen.same, 8)
            sys.stdout.write(f"{chosen.same:,} documents, {found:,} findings, the same by both ways\n")
            return
        engine.dispose()
        kinds = samples() | ({"scan": make_scan(Path(folder))} if chosen.scan else {})
        for kind, path in kinds.items():
            report(f"{kind}, no database", path, Path(folder) / "none", command, chosen.rounds)
            report(f"{kind}, beside a database", path, home, command, chosen.rounds)
            report(f"{kind}, page", path, home, page, chosen.rounds)


if __name__ == "__main__":
    main()
