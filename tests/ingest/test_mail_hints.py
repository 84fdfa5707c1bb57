"""What a mail says of its attachments, its sender and its subject, is known of them as their folders are."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

from sqlalchemy import Engine, select

from codebook.records import Clue, Hints
from database.models import Source
from database.session import reading
from ingest.archives.limits import Limits
from ingest.files.register_paths import ingest_paths, plan
from tasks.flow import read_document
from tests.inline import Inline

TABLE = (
    "<table><tr><td>信息内容<td>本年制发件数<td>本年废止件数<td>现行有效件数<tr><td>规章<td>1<td>0<td>3"
    "<tr><td>行政规范性文件<td>2<td>0<td>4</table>"
)


def test_sender_and_subject_of_a_mail_are_hints(engine: Engine, tmp_path: Path) -> None:
    worker = Inline(engine, tmp_path / "home")
    mail = EmailMessage()
    mail["From"], mail["To"] = "洪泽区教育局 <a@example.org>", "b@example.org"
    mail["Subject"], mail["MIME-Version"] = "报送：洪泽区教育局2023年政府信息公开工作年度报告", "1.0"
    page = f"<html><body><p>政府信息公开工作年度报告</p>{TABLE}</body></html>".encode()
    mail.add_attachment(page, "text", "html", filename="表格.html")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.eml").write_bytes(mail.as_bytes())
    ingest_paths(plan([str(folder)], batch="one"), engine=engine, store=worker.store, limits=Limits())
    with reading(engine) as connection:
        ((path, hints),) = connection.execute(select(Source.path, Source.hints)).all()
    assert path == f"{folder}/a.eml!表格.html"
    assert hints["path"] == f"{folder}/a.eml!From: 洪泽区教育局!报送：洪泽区教育局2023年政府信息公开工作年度报告!表格.html"
    report = read_document(page, "text/html", Hints(path=hints["path"])).report
    assert (report.agency, report.year) == ("洪泽区教育局", 2023)


def test_the_sender_of_a_mail_is_not_who_a_report_is_by() -> None:
    """An office sends the reports of others: one that names nobody waits for a person, who sees the sender."""
    page = f"<html><body><p>政府信息公开工作年度报告</p><p>2023年度</p>{TABLE}</body></html>".encode()
    verdict = read_document(page, "text/html", Hints(path="in/a.eml!From: 洪泽区教育局!报送材料!表格.html"))
    assert (verdict.report.agency, verdict.status) == (None, "needs_review")
    assert Clue("agency", "洪泽区教育局", "sender", "洪泽区教育局") in verdict.report.clues
    subject = "报送：洪泽区民政局2023年政府信息公开工作年度报告"
    verdict = read_document(page, "text/html", Hints(path=f"in/a.eml!From: 洪泽区教育局!{subject}!表格.html"))
    assert verdict.report.agency == "洪泽区民政局"
