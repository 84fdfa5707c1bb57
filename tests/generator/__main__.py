"""Write generated documents and their truth: ``python -m tests.generator --out DIR --count 100 --seed 1``."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.generator.documents import RENDERERS, Wishes, make_documents


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.generator", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--layouts", nargs="*", choices=sorted(RENDERERS), metavar="LAYOUT", help=", ".join(RENDERERS))
    parser.add_argument("--clean", action="store_true", help="no noise, blanks or planted errors")
    given = parser.parse_args()
    for folder in ("documents", "truth"):
        (given.out / folder).mkdir(parents=True, exist_ok=True)
    for document in make_documents(given.count, given.seed, given.layouts, Wishes(clean=given.clean)):
        (given.out / "documents" / document.name).write_bytes(document.data)
        (given.out / "truth" / document.name).with_suffix(".json").write_bytes(document.truth_json())


if __name__ == "__main__":
    main()
