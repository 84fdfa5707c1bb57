"""How fast the command line answers: processor seconds of ``gongkai --help`` and of single commands' help, each as a ratio to the
import of the libraries that every command needs.

    python -m tests.benchmarks.startup [--rounds 5]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys

_BARE = [sys.executable, "-c", "import typer, rich.console, rich.table, msgspec"]
_COMMANDS = ("--help", "status --help", "alive --help", "ingest --help", "doctor --help")


def seconds(command: list[str]) -> float:
    """Return the processor seconds of a command and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the medians of some rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    commands = {"libraries alone": _BARE}
    commands |= {f"gongkai {words}": [sys.executable, "-m", "console.cli", *words.split()] for words in _COMMANDS}
    measured: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            measured[name].append(seconds(command))
    bare = statistics.median(measured["libraries alone"])
    for name, found in measured.items():
        sys.stdout.write(f"{name:24} {statistics.median(found):6.2f} s  {statistics.median(found) / bare:5.2f}\n")


if __name__ == "__main__":
    main()
