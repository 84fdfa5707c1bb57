"""The pictures of the pages in the documentation, of invented documents: ``python -m tests.console.web.pictures``."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from sqlalchemy import Engine

from console import passwords
from database import ledger, migrations
from database.ledger import Selection
from database.models import Role
from database.session import make_engine, run_transaction
from database.users import accounts
from tests.benchmarks.filling import fill
from tests.conftest import REPOSITORY
from tests.console.web import serving

FOLDER = REPOSITORY / "docs" / "pictures"
_PASSWORD = "示例密码示例密码"
_WIDTH, _COLOURS = 1280, 160

# Name of the picture, the page, its height in pixels, and whether it is in English.
PICTURES = (
    ("batches", "/batches", 560, False),
    ("batch", "/batches/61", 760, False),
    ("documents", "/documents?status=needs_review", 620, False),
    ("errors", "/errors?code=page.timeout", 700, False),
    ("decide", "/decide?act=reprocess&code=page.timeout", 560, False),
    ("downloads", "/downloads", 520, False),
    ("users", "/users", 480, False),
    ("audit", "/audit", 360, False),
    ("account", "/account", 640, False),
    ("batches.en", "/batches", 560, True),
    ("errors.en", "/errors", 560, True),
)


def _people(engine: Engine) -> None:
    who, kept = "root@示例机", passwords.hashed(_PASSWORD)
    for name, role in (("张敏", Role.ADMINISTER), ("李强", Role.OPERATE), ("王芳", Role.VIEW)):
        run_transaction(engine, lambda c, n=name, r=role: accounts.add_user(c, n, kept, r, who=who, reason="示例"))
    run_transaction(engine, lambda c: accounts.set_role(c, "王芳", Role.OPERATE, who="张敏", reason="一月起参与复核"))
    for act, code, reason in (
        (ledger.discard, "file.encrypted", "已退回报送单位，等待新文件"),
        (ledger.reprocess, "worker.crashed", "内存已扩容"),
    ):
        chosen = Selection(code=code, batch="示例省2024年度")
        run_transaction(engine, lambda c, a=act, s=chosen, r=reason: a(c, s, who="李强", reason=r))
    run_transaction(engine, lambda c: ledger.beat(c, "示例机:1:1", 60))


def main(arguments: Sequence[str]) -> None:
    """Write the pictures to ``docs/pictures``, or to the folder that is given."""
    folder = Path(arguments[0]) if arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["TZ"] = "Asia/Shanghai"
    time.tzset()
    with tempfile.TemporaryDirectory() as made:
        url = f"sqlite:///{made}/pictures.db"
        engine = make_engine(url)
        migrations.upgrade(engine)
        fill(engine, 4200)
        _people(engine)
        with serving.served(url, Path(made)) as address, serving.browsing() as browser:
            page = browser.new_page(viewport={"width": _WIDTH, "height": 700})
            page.goto(f"{address}/login")
            keep(page.screenshot(clip={"x": 0, "y": 0, "width": _WIDTH, "height": 420}), folder / "login.png")
            serving.log_in(page, address, "张敏", _PASSWORD)
            english = False
            for name, path, height, wanted in PICTURES:
                if wanted != english:
                    page.click("button[name=language]")
                    english = wanted
                page.set_viewport_size({"width": _WIDTH, "height": height})
                page.goto(f"{address}{path}", wait_until="networkidle")
                keep(page.screenshot(), folder / f"{name}.png")
        engine.dispose()


def keep(picture: bytes, path: Path) -> None:
    """A few colours are enough, and the file is a fifth as large."""
    opened = Image.open(io.BytesIO(picture)).convert("RGB")
    opened.quantize(_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    sys.stdout.write(f"{path}: {path.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1:])
