"""The pictures of the review and of a document for the documentation, of the shipped samples:
``python -m tests.console.web.pictures_review``. One sample is worn down to a bad scan and recognised, which takes a minute.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pypdfium2
from PIL import Image
from sqlalchemy import Engine

import tasks.ocr.task  # noqa: F401 (registers the stage)
from codebook.records import Decided
from console import passwords
from console.web.views.case import in_order
from database import migrations
from database.models import Role
from database.reports import corrections
from database.reports.reviewing import ReviewScope, doubtful_cells, waiting
from database.session import make_engine, reading, run_transaction
from database.users import accounts
from tests.conftest import REPOSITORY
from tests.console.web import serving
from tests.console.web.pictures import FOLDER, keep
from tests.inline import Inline
from tests.scans.degrade import Wear, worn

_PASSWORD = "示例密码示例密码"
_WIDTH = 1366
_TYPES = {
    ".txt": "text/plain",
    ".html": "text/html",
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
_WEAR = Wear(skew=0.8, blur=1.35, noise=14, shade=0.15, jpeg=33, scale=0.58)  # bad enough that some numbers are doubtful


def scanned(pdf: bytes) -> bytes:
    """The document as a bad scan."""
    pages = []
    for at, page in enumerate(pypdfium2.PdfDocument(pdf)):
        pixels = np.array(page.render(scale=200 / 72, rev_byteorder=True).to_numpy()[..., :3], np.uint8)
        pages.append(Image.fromarray(worn(pixels, _WEAR, at)[0]))
    target = io.BytesIO()
    pages[0].save(target, "PDF", save_all=True, append_images=pages[1:], resolution=200 * _WEAR.scale)
    return target.getvalue()


def _fill(engine: Engine, home: Path) -> int:
    """The samples, and one of them as a scan, whose number is given."""
    inline, number = Inline(engine, home), 0
    for path in sorted((REPOSITORY / "samples" / "reports").iterdir()):
        inline.add(path.read_bytes(), _TYPES[path.suffix], f"示例市/{path.name}", "2024年度")
        if path.suffix == ".pdf":
            number = inline.add(scanned(path.read_bytes()), "application/pdf", f"示例市/扫描件/{path.name}", "2024年度")
    inline.work()
    kept = passwords.hashed(_PASSWORD)
    run_transaction(engine, lambda c: accounts.add_user(c, "李强", kept, Role.OPERATE, who="root@示例机"))
    with reading(engine) as connection:
        cells = [value.indicator for value in doubtful_cells(connection, number)]
    told = {"who": "王芳", "reason": "与原件一致"}
    if cells:
        run_transaction(engine, lambda c: corrections.correct(c, number, cells[-1], Decided.VALUE, 0, **told))
    inline.work()
    return number


def main(arguments: Sequence[str]) -> None:
    """Write the pictures to ``docs/pictures``, or to the folder that is given."""
    folder = Path(arguments[0]) if arguments else FOLDER
    os.environ["TZ"] = "Asia/Shanghai"
    time.tzset()
    with tempfile.TemporaryDirectory() as made:
        url = f"sqlite:///{made}/pictures.db"
        engine = make_engine(url)
        migrations.upgrade(engine)
        number = _fill(engine, Path(made))
        with reading(engine) as connection:
            open_cells = [value.indicator for value in doubtful_cells(connection, number)]
            left = waiting(connection, ReviewScope())
        sys.stdout.write(f"document {number}: {len(open_cells)} doubts; {len(left)} documents wait\n")
        cell = in_order(open_cells)[0]
        shots = (
            ("document", f"/documents/{number}?cell={cell}", 860, False),
            ("review", f"/review?document={number}&cell={cell}", 640, False),
            ("review.en", f"/review?document={number}&cell={cell}", 640, True),
        )
        with serving.served(url, Path(made)) as address, serving.browsing() as browser:
            page = browser.new_page(viewport={"width": _WIDTH, "height": 700})
            serving.log_in(page, address, "李强", _PASSWORD)
            english = False
            for name, path, height, wanted in shots:
                if wanted != english:
                    page.click("button[name=language]")
                    english = wanted
                page.set_viewport_size({"width": _WIDTH, "height": height})
                page.goto(f"{address}{path}", wait_until="networkidle")
                page.evaluate("scrollTo(0, 0)")
                keep(page.screenshot(), folder / f"{name}.png")
        engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1:])
