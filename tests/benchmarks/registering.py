"""How fast files are registered: ``python -m tests.benchmarks.registering --count 5000``.

``gongkai ingest --no-wait`` over a folder of small generated text files, on SQLite; then once more, when all are duplicates.
Printed are processor seconds of the command with the process that reads for it, and files for each of them; the time by the
clock depends on the disk, to which every content and its folders are written. ``--profile FILE`` keeps a profile of the
command's own process.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.measure import run

_TEXT = "示例市示例区第{number}局2024年政府信息公开工作年度报告\n一、总体情况\n" + "认真做好政府信息公开工作。\n" * 200


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.registering", description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--profile", type=Path)
    given = parser.parse_args()
    table = Table(title=f"{given.count} text files of 8 kB")
    for head in ("", "s", "processor s", "files / processor s", "processor ms a file"):
        table.add_column(head, justify="right" if head else "left")
    with tempfile.TemporaryDirectory(prefix="gongkai-registering-") as name:
        home, folder = Path(name) / "home", Path(name) / "in"
        folder.mkdir()
        for number in range(given.count):
            (folder / f"{number}.txt").write_text(_TEXT.format(number=number), encoding="utf-8")
        profiled = ["cProfile", "-o", str(given.profile), "-m"] if given.profile else []
        command = [*profiled, "console.cli", "ingest", str(folder), "--batch", "benchmark", "--no-wait"]
        alone = run(["console.cli", "ingest", "--help"])
        table.add_row("the command's help", f"{alone.seconds:.1f}", f"{alone.processor:.2f}", "", "")
        for what in ("new", "again"):
            made = run(command, {"GONGKAI_HOME": str(home)})
            if made.code != 0:
                raise SystemExit(f"ingest ended with {made.code}:\n{made.errors[-2000:]}")
            each = (f"{given.count / made.processor:.0f}", f"{1000 * made.processor / given.count:.2f}")
            table.add_row(what, f"{made.seconds:.1f}", f"{made.processor:.2f}", *each)
            command = [one for one in command if one not in profiled or one == "console.cli"]
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
