"""The pictures of the coverage and of a list before it is taken in, for the documentation, of the shipped samples and an invented
list: ``python -m tests.console.web.pictures_coverage``.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import openpyxl
from sqlalchemy import Engine

from console import passwords
from database import migrations
from database.models import Role
from database.session import make_engine, run_transaction
from database.users import accounts
from tests.conftest import REPOSITORY
from tests.console.web import serving
from tests.console.web.pictures import FOLDER, keep
from tests.inline import Inline

_PASSWORD = "示例密码示例密码"
_WIDTH = 1366
_TYPES = {
    ".txt": "text/plain",
    ".html": "text/html",
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
_LIST = (
    ("示例市示例区2024年应编制年报单位名单",),
    ("序号", "单位名称", "所属地区", "截止日期", "联系人"),
    ("一、区政府及其部门",),
    (1, "示例市示例区人民政府", None, None, "张敏"),
    (2, "示例市示例区教育局", None, None, "王芳"),
    (3, "示例市示例区民政局", None, "2025-01-20", "赵伟"),
    (4, "示例市示例区财政局", None, None, "孙丽"),
    (5, "示例市示例区水利局", None, None, "钱进"),
    (6, "示例市示例区卫生健康局", None, "一月底", "周涛"),
    ("二、镇街",),
    (7, "示例市示例镇人民政府", None, "2025-03-31", "吴敏"),
    (8, "示例市示例街道办事处", "示列区", None, "郑强"),
    ("注：垂直管理部门不在此列。",),
)


def _fill(engine: Engine, home: Path) -> None:
    inline = Inline(engine, home)
    for path in sorted((REPOSITORY / "samples" / "reports").iterdir()):
        inline.add(path.read_bytes(), _TYPES[path.suffix], f"示例市/{path.name}", "2024年度")
    inline.add(b"%PDF-1.7 cut off", "application/pdf", "示例市/示例市示例区民政局2024年年报（扫描件）.pdf", "2024年度")
    inline.work()
    inline.add(b"%PDF-1.7 for a worker", "application/pdf", "示例市/示例市示例区财政局/2024年度报告.pdf", "2024年度")
    kept = passwords.hashed(_PASSWORD)
    run_transaction(engine, lambda c: accounts.add_user(c, "李强", kept, Role.OPERATE, who="root@示例机"))


def _write_list(path: Path) -> None:
    book = openpyxl.Workbook()
    for row in _LIST:
        book.active.append(row)
    book.active.merge_cells("A1:E1")
    book.save(path)


def main(arguments: Sequence[str]) -> None:
    """Write the pictures to ``docs/pictures``, or to the folder that is given."""
    folder = Path(arguments[0]) if arguments else FOLDER
    os.environ["TZ"] = "Asia/Shanghai"
    time.tzset()
    with tempfile.TemporaryDirectory() as made:
        home = Path(made)
        url, path = f"sqlite:///{made}/pictures.db", home / "示例区应报单位.xlsx"
        _write_list(path)
        engine = make_engine(url)
        migrations.upgrade(engine)
        _fill(engine, home)
        with serving.served(url, home) as address, serving.browsing() as browser:
            page = browser.new_page(viewport={"width": _WIDTH, "height": 1080})
            serving.log_in(page, address, "李强", _PASSWORD)
            page.goto(f"{address}/coverage/list")
            page.set_input_files("input[type=file]", path)
            page.fill('form[action="/coverage/list"] input[name=year]', "2024")
            page.click('form[action="/coverage/list"] button')
            page.wait_for_selector('form[action="/coverage/list/take"]')
            keep(page.screenshot(full_page=True), folder / "expected.png")
            page.check("input[name=skip_refused]")
            page.click("button.main")
            page.wait_for_url("**/coverage?year=2024")
            page.set_viewport_size({"width": _WIDTH, "height": 560})
            page.goto(f"{address}/coverage?year=2024", wait_until="networkidle")
            keep(page.screenshot(), folder / "coverage.png")
        engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1:])
