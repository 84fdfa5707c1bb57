"""The pictures of filings, agencies and the questions about them, for the documentation, of the shipped samples and of editions
that were made of them: ``python -m tests.console.web.pictures_filings``.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import Engine

from codebook.records import Hints
from console import filing as filings
from console import passwords
from database import migrations
from database.filings import agencies, listing
from database.filings.listing import FilingFilter
from database.models import Role
from database.session import make_engine, reading, run_transaction
from database.users import accounts
from tests.conftest import REPOSITORY
from tests.console.web import serving
from tests.console.web.pictures import FOLDER, keep
from tests.inline import Inline

_PASSWORD = "示例密码示例密码"
_WIDTH = 1280
_REGION = ("江苏省", "淮安市", "洪泽区")
_TYPES = {
    ".txt": "text/plain",
    ".html": "text/html",
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
SAMPLE = "示例市示例区教育局2023年政府信息公开工作年度报告（示例）.txt"
_CORRECTED = {"网站发布信息1350条": "网站发布信息1530条", "行政许可 | 760": "行政许可 | 706", "行政强制 | 12": "行政强制 | 21"}


def edition(changes: Mapping[str, str], year: int = 2023, day: str = "2024年1月19日") -> bytes:
    """The sample of the education bureau with other words, of another year, printed on ``day``."""
    text = (REPOSITORY / "samples" / "reports" / SAMPLE).read_text()
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    text = text.replace("2024年1月19日", day).replace("2022年", f"{year - 1}年").replace("2023年", f"{year}年")
    return text.encode()


def page_of(text: bytes) -> bytes:
    """The report as a web page: a line a paragraph, a row of bars a row of a table."""
    body: list[str] = []
    rows: list[str] = []
    for line in [*text.decode().splitlines(), ""]:
        if "|" in line:
            rows.append("<tr>" + "".join(f"<td>{cell.strip()}</td>" for cell in line.rstrip("| ").split("|")) + "</tr>")
            continue
        if rows:
            body.append(f"<table>{''.join(rows)}</table>")
            rows = []
        body.append(f"<p>{line}</p>")
    return f"<html><head><meta charset=utf-8></head><body>{''.join(body)}</body></html>".encode()


def fill(engine: Engine, home: Path) -> None:
    """The samples; a report of which a rendition and a corrected edition came in; agencies that may be one."""
    inline = Inline(engine, home)

    def add(data: bytes, name: str, batch: str = "2024年度") -> None:
        inline.add(data, _TYPES[Path(name).suffix], name, batch, Hints(path=name, region=_REGION))
        inline.work()

    for path in sorted((REPOSITORY / "samples" / "reports").iterdir()):
        add(path.read_bytes(), f"示例市/{path.name}")
    add(page_of(edition({})), "示例区教育局网页/教育局2023年度报告.html")
    add(edition(_CORRECTED, day="2024年3月6日"), "示例区教育局/2023年度报告（更正）.txt")
    add(page_of(edition(_CORRECTED, day="2024年3月6日")), "示例区教育局网页/2023年度报告更正版.html", "2024年度补报")
    for name, years in (("教育体育局", (2021, 2022)), ("教育和体育局", (2020,))):
        for year in years:
            changed = {"教育局": name, "行政许可 | 760": f"行政许可 | {year - 1500}"}
            add(edition(changed, year, f"{year + 1}年1月19日"), f"示例区{name}/{year}年度报告.txt")
    kept = passwords.hashed(_PASSWORD)
    run_transaction(engine, lambda c: accounts.add_user(c, "李强", kept, Role.OPERATE, who="root@示例机"))


def main(arguments: Sequence[str]) -> None:
    """Write the pictures to ``docs/pictures``, or to the folder that is given."""
    folder = Path(arguments[0]) if arguments else FOLDER
    os.environ["TZ"] = "Asia/Shanghai"
    time.tzset()
    with tempfile.TemporaryDirectory() as made:
        home = Path(made)
        url = f"sqlite:///{made}/pictures.db"
        engine = make_engine(url)
        migrations.upgrade(engine)
        fill(engine, home)
        with reading(engine) as connection:
            (several,) = listing.filing_lines(connection, FilingFilter(editions=True))
            case = agencies.open_cases(connection, agency_id=several.agency_id)[0]
        shots = (
            ("filings", "/filings", 560),
            ("filing", f"/filings/{several.id}", 700),
            ("agencies", "/agencies", 420),
            ("agency_case", f"/agencies/cases?case={case.id}", 600),
            ("agency", f"/agencies/{several.agency_id}", 700),
        )
        one, other = case.one.agency.id, case.other.agency.id
        with serving.served(url, home) as address, serving.browsing() as browser:
            page = browser.new_page(viewport={"width": _WIDTH, "height": 700})
            serving.log_in(page, address, "李强", _PASSWORD)
            for name, path, height in shots:
                if name == "agency":
                    run_transaction(engine, lambda c: filings.join(c, one, other, who="李强", reason="同一机关，改革后更名"))
                page.set_viewport_size({"width": _WIDTH, "height": height})
                page.goto(f"{address}{path}", wait_until="networkidle")
                keep(page.screenshot(full_page=True), folder / f"{name}.png")
        engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1:])
