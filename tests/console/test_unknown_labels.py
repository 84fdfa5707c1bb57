"""The labels of tables that no form has, over a batch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from codebook.errors import UsageError
from console.cli import app, environment
from console.unknown_labels import Example, LabelKind, unknown_labels
from database.monitoring.queries import DocumentScope
from database.session import make_engine, reading
from runtime.settings import Settings
from tests.inline import Inline

HTML = """<html><body><h1>示例市示例区教育局2016年政府信息公开工作年度报告</h1><p>一、概述</p>
<p>2016年主动公开政府信息数{number}条。收到政府信息公开申请3件。未发生行政复议。</p>
<table><tr><td>指标名称</td><td>单位</td><td>本年度</td></tr>
<tr><td>{first}</td><td>件</td><td>31</td></tr><tr><td>公报赠阅数</td><td>份</td><td>{number}</td></tr>
<tr><td>听证会次数</td><td>次</td><td>2</td></tr><tr><td>公开栏更新数</td><td>条</td><td>611</td></tr></table></body></html>"""


def filled(engine: Engine, home: Path) -> Inline:
    """Three reports with a table of their own in two batches; one calls a row in other marks."""
    made = Inline(engine, home)
    for number, batch, first in ((1, "one", "窗口接待数"), (2, "one", "窗口 接待数"), (3, "two", "热线接听数")):
        made.add(HTML.format(number=number, first=first).encode(), "text/html", f"in/{number}.html", batch)
    made.work()
    return made


def test_labels_are_counted_over_documents(engine: Engine, tmp_path: Path) -> None:
    inline = filled(engine, tmp_path)
    with reading(inline.engine) as connection:
        found = {(each.kind, each.label): each for each in unknown_labels(connection, DocumentScope())}
        one = unknown_labels(connection, DocumentScope(batch="two"))
    assert {name: each.documents for name, each in found.items()} == {
        (LabelKind.ROW, "公报赠阅数"): 3,
        (LabelKind.ROW, "听证会次数"): 3,
        (LabelKind.ROW, "公开栏更新数"): 3,
        (LabelKind.ROW, "窗口接待数"): 2,
        (LabelKind.ROW, "热线接听数"): 1,
        (LabelKind.HEADER, "指标名称"): 3,
        (LabelKind.HEADER, "单位"): 3,
        (LabelKind.HEADER, "本年度"): 3,
    }
    assert found[LabelKind.ROW, "窗口接待数"].examples == (Example(1, "in/1.html", 1), Example(2, "in/2.html", 1))
    assert "热线接听数" in {each.label for each in one}
    assert {each.documents for each in one} == {1}


def test_the_command_lists_them(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=tmp_path, database_url=sqlite_url)
    monkeypatch.setattr(environment, "settings", lambda: settings)
    filled(make_engine(sqlite_url), tmp_path)
    answer = CliRunner().invoke(app, ["labels", "--unknown", "--batch", "two", "--json"])
    assert answer.exit_code == 0, answer.output
    labels = {each["label"]: each for each in json.loads(answer.stdout)}
    assert labels["热线接听数"]["documents"] == 1
    assert labels["热线接听数"]["examples"] == [[3, "in/3.html", 1]]
    text = CliRunner().invoke(app, ["labels", "--unknown", "--limit", "2"]).output
    assert "8 labels of tables that no form has, 2 shown" in text
    assert isinstance(CliRunner().invoke(app, ["labels"]).exception, UsageError)
