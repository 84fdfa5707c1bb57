"""The pure functions in a bare loop over the files of a folder, in two processes: ``python -m tests.benchmarks.bare FOLDER``.

Prints one line of JSON: documents, how many were read, seconds of the loop without the start of the processes.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from pathlib import Path

from codebook.errors import GongkaiError
from codebook.records import Hints, encode
from tasks.flow import read_document


def read(path: Path) -> int:
    """Read one text file to its verdict, encoded as it would be kept; 1 when it could be read, else 0."""
    try:
        encode(read_document(path.read_bytes(), "text/plain", Hints(path=path.name)))
    except GongkaiError:
        return 0
    return 1


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bare", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    paths = sorted(given.folder.iterdir())
    with multiprocessing.Pool(given.processes) as pool:
        pool.map(read, paths[: given.processes * 2], chunksize=1)  # codebook and patterns are loaded before the clock starts
        began = time.perf_counter()
        done = sum(pool.imap_unordered(read, paths, chunksize=8))
        seconds = time.perf_counter() - began
    print(json.dumps({"documents": len(paths), "read": done, "seconds": seconds}))  # noqa: T201


if __name__ == "__main__":
    main()
