"""How this program starts another process of itself."""

from __future__ import annotations

import sys


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs ``module`` with ``arguments`` in this Python.

    ``-P`` keeps the current folder out of ``sys.path``: a file there that is called like a module of ours, or of a library, is
    never run.
    """
    return [sys.executable, "-P", "-m", module, *arguments]
