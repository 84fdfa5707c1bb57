"""The command line speaks the language of its environment, and everything that it can say has its Chinese."""

from __future__ import annotations

import json
import os
import re
import string
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import msgspec
import pytest

from codebook.errors import GongkaiError
from codebook.records import Status
from codebook.stages import StageName
from console.cli import COMMANDS, all_commands, load, main
from database.models import Role
from runtime.language import catalogue, in_chinese, language
from tests.conftest import REPOSITORY
from tests.language.texts import in_source

FOLDERS = ("codebook", "database", "runtime", "workers", "tasks", "ingest", "console")
FILES = sorted((REPOSITORY / "runtime" / "language" / "chinese").glob("*.yaml"))
HAN = re.compile(r"[\u4e00-\u9fff]")
# Latin that Chinese lines may hold: names of programs, formats and settings, commands, options, paths, ids, units.
_PROGRAMS = {
    "tesseract",
    "rapidocr",
    "onnxruntime",
    "chi_sim",
    "chi_tra",
    "noeviction",
    "maxmemory-policy",
    "shell",
    "utf",
    "sha256",
}
_FORMATS = {"jsonl", "xlsx", "csv", "parquet", "zip", "tar"}
_NAMES = {word for name in all_commands() for word in name.split()} | set(StageName) | set(Status) | set(Role)
KEPT = re.compile(
    r"`[^`]*`|python -m pytest|“[^”]*”|'[^']*'"
    r"|--?[\w-]+|<[^>]*>|\[[A-Z. ]+\]|\{[\w ]+\}|\S*[/._=]\S*|\b[A-Z][A-Za-z0-9]*\d*\b|\b\w*\d\w*\b"
    rf"|gongkai(?: [a-z-]+)*|\b(?:{'|'.join([*_PROGRAMS, *_FORMATS, *_NAMES])})\b"
)


def helps() -> Iterator[tuple[str, str]]:
    """The help texts of all commands, groups, options and arguments, with the command."""
    commands = all_commands() | {f"gongkai {name}": load(name) for name in COMMANDS}
    for name, command in commands.items():
        yield from ((" ".join(each.split()), name) for each in (command.help or "").split("\n\n"))
        for parameter in command.params:
            if help_text := getattr(parameter, "help", None):
                yield " ".join(help_text.split()), f"{name} {parameter.name}"


def test_everything_that_is_said_has_its_chinese() -> None:
    """What this names is added to a file of runtime/language/chinese, with ``{}`` for values (CONTRIBUTING.md)."""
    texts = in_source(FOLDERS) | {text: place for text, place in helps() if text and not HAN.search(text.split(":")[0])}
    missing = {text: place for text, place in texts.items() if text not in catalogue().whole}
    assert missing == {}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_chinese_of_a_text_has_its_values_and_is_chinese(path: Path) -> None:
    for english, chinese in msgspec.yaml.decode(path.read_bytes(), type=dict[str, str]).items():
        values = len(re.findall(r"\{[^{}]*\}", english))
        named = [name for _, name, _, _ in string.Formatter().parse(chinese) if name is not None]
        numbers = [int(name) for name in named if name]
        assert max([*numbers, len(named) - 1 if not numbers else -1], default=-1) < values, english
        assert HAN.search(chinese) or not re.search(r"[a-z]{3}", KEPT.sub("", chinese)), chinese


def test_a_text_is_in_one_file() -> None:
    counts = Counter(text for path in FILES for text in msgspec.yaml.decode(path.read_bytes(), type=dict[str, str]))
    assert [text for text, count in counts.items() if count > 1] == []


def test_a_text_whose_values_are_filled_in_is_found() -> None:
    error = GongkaiError("file.corrupt", "no ZIP package: File is not a zip file", "a DOCX document")
    said = in_chinese(str(error).removeprefix("file.corrupt: "))
    assert said == "不是 ZIP 文件包：不是 zip 文件；应为：DOCX 文档"
    paged = GongkaiError("page.too_large", "9 x 8 pixels", "at most 5", page=3)
    assert in_chinese(str(paged).removeprefix("page.too_large: ")) == "9 × 8 像素（第 3 页）；应为：不超过 5"
    assert in_chinese("something that nobody says") == "something that nobody says"
    assert in_chinese("file names utf-8, text utf8") == "文件名 utf-8，文本 utf8"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN"}, "zh"),
        ({"LANG": "C.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
    ],
)
def test_the_language_is_that_of_the_locale(environment: dict[str, str], expected: str) -> None:
    assert language(environment) == expected


class Terminal:
    """Commands, run in this process, in a home of their own."""

    def __init__(self, folder: Path, environment: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.environment = environment

    def run(self, *words: str, locale: str = "zh_CN.UTF-8") -> tuple[int, str, str]:
        """Run a command under a locale. Return its exit code, and what it said on standard output and standard error."""
        self.environment.setenv("LANG", locale)
        self.environment.setattr(sys, "argv", ["gongkai", *words])
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                main()
            except SystemExit as end:
                return int(end.code or 0), out.getvalue(), err.getvalue()
        return 0, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A home with two documents that are not processed yet: a letter, and one that is no package."""
    folder = tmp_path_factory.mktemp("terminal")
    given = folder / "in"
    given.mkdir()
    with zipfile.ZipFile(given / "破损.docx", "w") as archive:
        archive.writestr("word/document.xml", "<")
        archive.writestr("[Content_Types].xml", "<Types/>")
    (given / "来信.txt").write_text("关于会议的来信，请查收。")
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith(("GONGKAI_", "LC_", "LANG"))]:
            environment.delenv(name)
        environment.setenv("GONGKAI_HOME", str(folder / "home"))
        environment.setenv("COLUMNS", "100")
        made = Terminal(folder, environment)
        made.run("ingest", str(given), "--batch", "测试批次", "--no-wait")
        yield made


def latin(text: str) -> list[str]:
    """The words of a Chinese output that should be Chinese."""
    return re.findall(r"[A-Za-z]{2,}", KEPT.sub("", text))


@pytest.mark.parametrize(
    ("words", "code", "chinese", "english"),
    [
        (["--help"], 0, "收取文件，等待处理完毕，并显示结果", "Take files in"),
        (["reprocess", "--help"], 0, "作改动，只显示将要做什么", "Change nothing; print what would be done."),
        (["user", "--help"], 0, "操作页面的用户", "The users of the operators' pages."),
        (["status"], 0, "处理环节", "documents"),
        (["status", "--batch", "没有"], 2, "没有批次", "no batch is called"),
        (["failures"], 0, "没有未处理的错误", "no failures"),
        (["show", "999"], 2, "没有文档", "no document '999'"),
        (["show", "1"], 0, "来源", "registered"),
        (["agencies"], 0, "0 家单位", "0 agencies"),
        (["filings"], 0, "0 份年报", "0 filings"),
        (["corrections"], 0, "没有人工核定", "no corrections"),
        (["user", "list"], 0, "最近登录", "last here"),
        (["audit", "verify"], 0, "记录链完整", "the chain is whole"),
        (["verify", "--quick"], 0, "原件", "originals"),
        (["coverage", "--year", "2024"], 2, "没有 2024 年度的应报单位名单", "no list of agencies for 2024"),
        (["discard"], 2, "应给出选择条件", "expected a selection"),
        (["nonsense"], 2, "没有命令", "No such command"),
        (["ingest"], 2, "缺少参数", "Missing argument"),
        (["reprocess", "--limit", "x"], 2, "应为整数", "valid integer"),
        (["check"], 0, "校验问题", "findings"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_a_command_speaks_both_languages(terminal: Terminal, words: list[str], code: int, chinese: str, english: str) -> None:
    ended, out, err = terminal.run(*words)
    assert ended == code, err
    assert chinese in re.sub(r"\s*\n\s*", "", out + err)
    assert latin(out + err) == []
    ended, out, err = terminal.run(*words, locale="C.UTF-8")
    assert ended == code
    assert english in " ".join((out + err).split())


def test_json_is_the_same_in_both_languages(terminal: Terminal) -> None:
    for words in (["failures", "--json"], ["show", "1", "--json"], ["agencies", "--json"]):
        one, other = (json.loads(terminal.run(*words, locale=locale)[1]) for locale in ("zh_CN.UTF-8", "C.UTF-8"))
        assert one == other


def test_nothing_of_the_catalogue_is_read_for_english(terminal: Terminal) -> None:
    catalogue.cache_clear()
    terminal.run("--help", locale="C.UTF-8")
    assert catalogue.cache_info().currsize == 0
