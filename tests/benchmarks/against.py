"""The pure functions beside those of another version: ``python -m tests.benchmarks.against FOLDER``, where FOLDER holds its code.

    git archive COMMIT | tar x -C FOLDER

Both read the same generated documents, one version after the other in processes of their own, several times over; what is printed
is processor time, the least of the rounds, and the ratio of the two.
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
    began = time.process_time()
    for document in documents:
        read(*document)
    spent[kind] = (time.process_time() - began) / len(documents)
print(json.dumps(spent))
"""


def measure(root: Path, documents: Path) -> dict[str, float]:
    """Return the processor seconds for each document, by kind, of the code in ``root``."""
    command = [sys.executable, "-P", "-c", _PROGRAM, str(root), str(documents), str(_WARM)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    return {str(kind): float(seconds) for kind, seconds in json.loads(done.stdout.splitlines()[-1]).items()}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.against", description=__doc__)
    parser.add_argument("folder", type=Path)
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
        rounds = [[measure(root, Path(file.name)) for root in (given.folder.resolve(), REPOSITORY)] for _ in range(given.rounds)]
    table = Table(title=f"processor milliseconds a document, least of {given.rounds} rounds")
    for head in ("kind", "there", "here", "times as fast"):
        table.add_column(head, justify="left" if head == "kind" else "right")
    for kind in kinds:
        there, here = (min(pair[side][kind] for pair in rounds) for side in (0, 1))
        table.add_row(kind, f"{1000 * there:.1f}", f"{1000 * here:.1f}", f"{there / here:.2f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
