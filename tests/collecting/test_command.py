"""The command `gongkai collect` with its own workers: from a list to reports, and what it shows of the addresses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator

from tests.collecting.site import Portal, Reply, html, links
from tests.collecting.test_collect import sample
from tests.conftest import REPOSITORY


def gongkai(home: Path, *arguments: str) -> tuple[int, Any]:
    """Run the command with JSON; its exit code and what it says."""
    settings = {"HOME": str(home), "COLLECT_LEAST_SECONDS": "0", "COLLECT_MOST_SECONDS": "0", "COLLECT_ALLOW": "127.0.0.1"}
    variables = {**os.environ, **{f"GONGKAI_{name}": value for name, value in settings.items()}, "LANG": "C", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-m", "console.cli", *arguments, "--json"],
        env=variables,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


@pytest.mark.slow
def test_a_list_is_collected_processed_and_shown(site: Portal, tmp_path: Path) -> None:
    report = "示例区教育局2023年政府信息公开工作年度报告"
    site.pages = {
        "/nb/": html(links(("1.html", report), ("2.html", report.replace("2023", "2022"))), "gb2312"),
        "/nb/1.html": Reply(sample("示例区教育局2023")),
    }
    given = tmp_path / "portals.csv"
    given.write_bytes(f"网址,类型,地区\n{site.url}/nb/,栏目页,江苏省/淮安市\n".encode("gb18030"))
    home = tmp_path / "home"
    code, said = gongkai(home, "collect", str(given), "--batch", "portals")
    assert code == 3, said
    assert said["states"] == {"done": 2, "failed": 1}
    assert said["documents"]["progress"]["statuses"] == {"accepted": 1, "rejected": 1}
    code, said = gongkai(home, "collect", "--status", "--batch", "portals")
    assert code == 0
    found = {one["url"].removeprefix(site.url): (one["outcome"], one["code"]) for one in said["addresses"]}
    assert found == {
        "/nb/": ("listed", None),
        "/nb/1.html": ("new", None),
        "/nb/2.html": ("failed", "fetch.not_found"),
    }
    seen = next(one["seen_at"] for one in said["addresses"] if one["document_id"] is not None and one["code"] is None)
    assert seen is not None
    warc = tmp_path / "all.warc.gz"
    assert gongkai(home, "collect", "--warc", str(warc))[0] == 0
    with warc.open("rb") as file:
        kept = [record.rec_type for record in ArchiveIterator(file, check_digests="raise")]
    assert kept == ["response", "request"] * 2
    lines = tmp_path / "reports.jsonl"
    variables = {**os.environ, "GONGKAI_HOME": str(home)}
    command = [sys.executable, "-m", "console.cli", "export", "--format", "jsonl", "--all", "--out", str(lines)]
    subprocess.run(command, env=variables, cwd=REPOSITORY, check=True, capture_output=True, timeout=120)
    exported = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    sources = {line["sources"][0]["path"].removeprefix(site.url): line["sources"][0] for line in exported}
    assert set(sources) == {"/nb/1.html", "/nb/2.html"}
    assert sources["/nb/1.html"]["seen_at"]
    errors = {line["source"]["path"].removeprefix(site.url): line["error"] and line["error"]["code"] for line in exported}
    assert errors == {"/nb/1.html": None, "/nb/2.html": "fetch.not_found"}
