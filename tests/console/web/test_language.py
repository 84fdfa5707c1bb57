"""Every page in Chinese shows no English, and in English no Chinese, but for names, codes and what documents say."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from markupsafe import escape
from starlette.testclient import TestClient

from codebook.records import Decided
from console.web.app import create_app
from console.web.pages import routes
from database.models import Role
from database.reports import corrections
from database.session import make_engine, run_transaction
from database.users import accounts
from runtime.settings import Settings
from tests.console.web.conftest import Desk
from tests.console.web.filed import CELL, EVIL, file_scan, file_text, report
from tests.inline import Inline

_HAN = re.compile(r"[\u4e00-\u9fff]{2,}")
# What a page in Chinese may show in Latin letters: formats, programs, standards, keys, and what is typed as it is.
_KEPT = {
    "GB",
    "UTF",
    "UTC",
    "SVG",
    "https",
    "SHA",
    "CSV",
    "PDF",
    "OFD",
    "HTML",
    "XML",
    "DOCX",
    "ZIP",
    "zip",
    "JSON",
    "Lines",
    "Excel",
    "Word",
    "Parquet",
}
_KEPT |= {
    "JavaScript",
    "Parquet",
    "OCR",
    "CPU",
    "English",
    "Enter",
    "xlsx",
    "kB",
    "MB",
    "gongkai",
    "expect",
    "FILE",
    "csv",
    "year",
    "internal",
}
_KEPT |= {"viewer", "administrator", "operator", "test", "testclient"}  # names of users, of the batch, of the browser
_CODES = re.compile(
    r"[\w./!@#()-]*[/_@=][\w./!@#()-]*|\b[a-z]+(?:\.[a-z_]+)+\b|\b[0-9a-f]{12,}\b|\b[A-Z]\b|\b[\w-]+\.(?:html|pdf|txt|docx|xlsx|csv)\b"
)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, password_hash: str) -> Iterator[Desk]:
    """A scan and a web page with doubts, a letter that is no report, a file that is no package, and what people did."""
    folder = tmp_path_factory.mktemp("language")
    engine = make_engine(f"sqlite:///{folder / 'gongkai.db'}")
    from database import migrations  # noqa: PLC0415 - one test needs it

    migrations.upgrade(engine)
    inline = Inline(engine, folder)
    file_scan(inline, "in/扫描件.pdf", report(agency="示例市教育局"))
    file_text(inline, "in/网页.html")
    inline.add("关于会议的来信，请查收。".encode(), "text/plain", "in/来信.txt")
    broken = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    inline.add(b"PK\x03\x04 broken", broken, "in/破损.docx")
    inline.work()
    decided = {"who": "管理员", "reason": "与原件一致"}
    run_transaction(engine, lambda c: corrections.correct(c, 1, CELL, Decided.VALUE, 5, **decided))
    inline.work()
    for name, role in (("viewer", Role.VIEW), ("administrator", Role.ADMINISTER)):
        run_transaction(engine, lambda c, n=name, r=role: accounts.add_user(c, n, password_hash, r, who="管理员"))
    settings = Settings(home=folder)
    made = Desk(engine, create_app(settings, engine), settings)
    run_transaction(engine, lambda c: accounts.set_role(c, "viewer", Role.OPERATE, who="管理员", reason="调岗"))
    yield made
    engine.dispose()


def paths() -> list[str]:
    """The pages that are read, for the documents 1 to 4, the first batch, filing and agency."""
    given = {"{id:int}": ["1", "2", "3", "4"], "{code}": ["file.corrupt"]}
    found = []
    for route in routes():
        if "GET" not in (route.methods or ()) or re.search(r"png|/sso|healthz|metrics|logout|progress|count|left", route.path):
            continue
        kinds = re.findall(r"\{[^}]*\}", route.path)
        if any(kind not in given for kind in kinds) or len(kinds) > 1:
            continue
        many = given[kinds[0]] if kinds and route.path.startswith("/documents") else ["1"]
        found += [route.path.replace(kinds[0], each) for each in many] if kinds else [route.path]
    more = ("/errors?code=report.not_a_report", "/errors?code=file.corrupt", "/decide?act=discard&code=file.corrupt")
    return sorted({*found, *more})


def shown(client: TestClient, path: str, language: str) -> str:
    """What a page shows, without what is quoted from documents."""
    client.cookies.set("gongkai_language", language)
    answer = client.get(path)
    if answer.status_code != 200 or not answer.headers["content-type"].startswith("text/html"):
        return ""
    quoted = r'<(script|style|title)\b.*?</\1>|<[^>]*\blang="[^"]*"[^>]*>[^<]*</[^>]+>|<!doctype html>'
    text = re.sub(quoted, " ", answer.text.replace(str(escape(EVIL)), " "), flags=re.S)
    text = re.sub(r'<(?:td|p|small|div) class="(?:path|raw|text|line|code)[^"]*".*?</(?:td|p|small|div)>', " ", text, flags=re.S)
    labels = " ".join(re.findall(r'(?:title|alt|aria-label|placeholder)="([^"]*)"', text))
    return f"{re.sub(r'<[^>]+>', ' ', text)} {labels}".replace(EVIL, " ")


def test_the_pages_that_are_looked_at(office: Desk) -> None:
    seen = [path for path in paths() if shown(office.administrator, path, "zh")]
    assert len(seen) > 20


@pytest.mark.parametrize("path", paths())
def test_a_page_in_chinese_shows_no_english(office: Desk, path: str) -> None:
    text = shown(office.administrator, path, "zh")
    words = re.findall(r"[A-Za-z]{2,}", _CODES.sub(" ", re.sub(r"&[a-z]+;", " ", text)))
    assert [word for word in words if word not in _KEPT] == []


def test_a_failed_document_says_why_in_chinese(office: Desk) -> None:
    page = shown(office.administrator, "/errors?code=file.corrupt", "zh")
    assert "不是 ZIP 文件包" in page
    assert "no ZIP package" in shown(office.administrator, "/errors?code=file.corrupt", "en")


def test_the_audit_trail_names_what_was_done(office: Desk) -> None:
    page = shown(office.administrator, "/audit", "zh")
    assert "更改角色" in page
    assert "示例市教育局" in page
    assert "表三" in page
    assert "本年新收政府信息公开申请数量" in page
    assert re.search(r'<a href="/documents/1">示例市教育局 \d{4}</a>', office.administrator.get("/audit").text)
    assert "viewer" in page


_LABEL = re.compile("表[二三四]|自然人|本年新收政府信息公开申请数量")


@pytest.mark.parametrize(
    ("path", "english"),
    [
        (
            "/documents/2/cells/requests.new_received.natural_person",
            "Table three: requests newly received in the year (N) / natural",
        ),
        ("/review", "Table three: requests newly received in the year (N) natural persons 3 ≠ total 5"),
        ("/audit", "Table three: requests newly received in the year (N) / natural persons"),
    ],
)
def test_a_page_in_english_calls_cells_and_sums_in_english(office: Desk, path: str, english: str) -> None:
    text = shown(office.administrator, path, "en")
    assert english in re.sub(r"\s+", " ", text)
    printed = office.administrator.get(path).text
    tables = r"<table.*?</table>" if path != "/audit" else "$^"  # the original itself stays as it is
    assert _LABEL.findall(re.sub(rf'title="[^"]*"|alt="[^"]*"|{tables}', "", printed, flags=re.S)) == []


def test_a_finding_in_english_names_its_cells_in_english_and_as_the_form_does(office: Desk) -> None:
    office.administrator.cookies.set("gongkai_language", "en")
    page = office.administrator.get("/documents/1").text
    assert 'title="表三 本年新收政府信息公开申请数量·自然人"' in page
    assert "requests newly received in the year (N) / natural persons" in page
