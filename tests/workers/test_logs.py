"""Logs stay small: what says the same again and again is counted, and a file is emptied while others write to it."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from runtime import log as logs
from runtime.settings import Settings
from workers.local import child_process
from workers.local.child_process import LogFile


def test_lines_that_repeat_are_counted_and_others_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "stderr", written)
    try:
        logs.configure(Settings(log_format="json"))
        (handler,) = root.handlers
        for number in range(10_000):
            logging.getLogger("asyncio").error("no more sockets: %d", number)
            logs.get_logger("ours").warning("a page could not be given", path=f"/{number}")
        logging.getLogger("asyncio").error("something else")
        lines = written.getvalue().splitlines()
        assert len(lines) == 2 * logs.MOST_ALIKE + 1
        assert "something else" in lines[-1]
        assert isinstance(handler, logs.BoundedHandler)
        handler.minute_ends = 0.0  # a minute later
        logging.getLogger("asyncio").error("no more sockets: %d", 1)
        left = written.getvalue().splitlines()[len(lines) :]
        assert [str(10_000 - logs.MOST_ALIKE) in line for line in left] == [True, True, False]
    finally:
        root.handlers[:], root.level = before, level


def test_a_log_is_emptied_while_a_process_writes_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "_LOG_BYTES", 100_000)
    path = tmp_path / "log" / "part.log"
    log = LogFile(path)
    endless = "import os\nwhile True: os.write(2, b'again the same line, and no end of it\\n')"
    process = subprocess.Popen([sys.executable, "-c", endless], stderr=log.output)
    try:
        old = path.with_suffix(".log.1")
        for _ in range(3):
            old.unlink(missing_ok=True)
            while not old.exists():
                log.rotate()
        assert old.stat().st_size > 100_000
        assert b"again the same line" in old.read_bytes()[:80]
        assert b"\0" not in path.read_bytes()  # it goes on at the new end, without a hole
    finally:
        process.kill()
        process.wait()
        log.close()
