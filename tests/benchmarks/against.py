"""The pure functions beside those of other versions: ``python -m tests.benchmarks.against FOLDER...``.

Each FOLDER holds the code of one (``git archive COMMIT | tar x -C FOLDER``). All read the same generated documents, one version
after the other in processes of their own, several times over. What is printed is processor time, for each document the least of
the rounds, which other work on the machine disturbs less than their sum, and how many times as fast the code here is.
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.measure import REPOSITORY
from tests.generator.documents import TEXT_LAYOUTS, make_documents

_LAYOUTS = {
    "text": [name for name in TEXT_LAYOUTS if name != "vanished"],
    "html": ["html", "html_layout", "html_plain", "html_word"],
    "docx": ["docx"],
}
_WARM = 6  # documents of a kind that are read before the clock starts
# Only what every version has is used in the process of each.
_PROGRAM = """
import json, pickle, sys, time
root, path, warm = sys.argv[1:]
sys.path.insert(0, root)
from codebook.errors import GongkaiError
from codebook.records import Hints, encode
from tasks.flow import read_document

def read(name, media_type, data):
    try:
        encode(read_document(data, media_type, Hints(path=name)))
    except GongkaiError:
        pass

spent = {}
with open(path, "rb") as file:
    kinds = pickle.load(file)
for kind, documents in kinds.items():
    for document in documents[: int(warm)]:
        read(*document)
    spent[kind] = []
    for document in documents:
        began = time.process_time()
        read(*document)
        spent[kind].append(time.process_time() - began)
print(json.dumps(spent))
"""


def measure(root: Path, documents: Path) -> dict[str, list[float]]:
    """Return the processor seconds of each document, by kind, that the code in ``root`` takes."""
    command = [sys.executable, "-P", "-c", _PROGRAM, str(root), str(documents), str(_WARM)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    spent: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return spent


def _mean_of_least(rounds: list[dict[str, list[float]]], kind: str) -> float:
    """The mean over the documents of a kind of the least that each took in any round."""
    least = list(map(min, zip(*(each[kind] for each in rounds), strict=True)))
    return sum(least) / len(least)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.against", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--count", type=int, default=60, help="documents of each kind")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=4711)
    given = parser.parse_args()
    kinds = {
        kind: [(one.name, one.media_type, one.data) for one in make_documents(given.count, given.seed, layouts)]
        for kind, layouts in _LAYOUTS.items()
    }
    with tempfile.NamedTemporaryFile(suffix=".pickle") as file:
        pickle.dump(kinds, file)
        file.flush()
        roots = [*(folder.resolve() for folder in given.folders), REPOSITORY]
        rounds = [[measure(root, Path(file.name)) for root in roots] for _ in range(given.rounds)]
    *others, own = ([each[at] for each in rounds] for at in range(len(roots)))
    table = Table(title=f"processor milliseconds a document, least of {given.rounds} rounds")
    for head in ("kind", "here", *(head for folder in given.folders for head in (folder.name, "times as fast"))):
        table.add_column(head, justify="left" if head == "kind" else "right")
    for kind in kinds:
        here = _mean_of_least(own, kind)
        beside = [_mean_of_least(there, kind) for there in others]
        cells = (cell for there in beside for cell in (f"{1000 * there:.1f}", f"{there / here:.2f}"))
        table.add_row(kind, f"{1000 * here:.1f}", *cells)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
