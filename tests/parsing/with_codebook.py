"""Run a module with the data files of another folder: ``python -m tests.parsing.with_codebook FOLDER MODULE [ARGUMENT …]``."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from codebook import data


def main() -> None:
    """Choose the folder before anything of the codebook is read, then run the module as ``__main__``."""
    folder, module, *arguments = sys.argv[1:]
    data.use(Path(folder))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__")


if __name__ == "__main__":
    main()
