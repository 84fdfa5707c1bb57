"""``python -m tasks.flow FILE`` prints what each stage made of one document."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tasks.show_flow import show

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples" / "reports"


def run(*arguments: str) -> list[str]:
    command = [sys.executable, "-X", "utf8", "-m", "tasks.flow", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout.splitlines()


def test_every_stage_of_a_document_is_printed() -> None:
    path = next(SAMPLES.glob("*教育局2024*.docx"))
    lines = run(str(path))
    stages = [line.partition(":")[0] for line in lines if not line.startswith(" ")]
    assert stages == ["extract", "parse", "validate"]
    assert any(line.startswith("    table: ") for line in lines)
    assert "  block: requests, form 2021, page 1 line 30 column 1" in lines
    reading = next(line for line in lines if line.startswith("  reading: requests.new_received.total = "))
    assert reading.endswith(" = 3, read, docx '3', page 1 line 30 column 10")
    assert any(line.startswith("  finding: error requests.balance: ") for line in lines)


def test_a_doubt_is_printed_with_its_candidates() -> None:
    fees = "第二十条第（八）项\n信息内容 本年收费金额（单位：元）\n行政事业性收费 251000\n"
    others = "第二十条第（六）项\n信息内容 本年处理决定数量\n行政处罚 40\n行政强制 3"
    lines = list(show(f"示例市教育局2022年政府信息公开工作年度报告\n{fees}{others}".encode(), "text/plain"))
    doubt = "disclosure.fees.amount = 251000, doubtful, unit, candidates [251000, 25.1], txt '251000', page 1 line 4 column 9"
    assert [line for line in lines if line.startswith("  doubt: ") and ", not_seen," not in line] == [f"  doubt: {doubt}"]


def test_the_error_of_a_document_that_cannot_be_read_comes_last() -> None:
    lines = list(show("会议通知。".encode(), "text/plain"))
    assert lines[0].startswith("extract: text/plain, pages 1")
    assert lines[-1].startswith("error: report.not_a_report")


def test_the_media_type_may_be_given(tmp_path: Path) -> None:
    path = tmp_path / "report.bin"
    path.write_bytes("<html><body><p>示例市教育局2022年政府信息公开工作年度报告".encode())
    assert run(str(path), "--media-type", "text/html")[0].startswith("extract: text/html")


def test_the_flow_stays_on_one_screen() -> None:
    assert len((ROOT / "tasks/flow.py").read_text(encoding="utf-8").splitlines()) < 50
