"""Flower as a process: ``python -m workers.flower OPTION...``, with the options of ``celery flower``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from flower.views import BaseHandler

from codebook.stages import QUEUES
from workers.app import app


def _all_queues(_: BaseHandler) -> list[str]:
    return sorted(QUEUES)


def main(argv: Sequence[str]) -> None:
    """Run Flower until it is stopped."""
    # By itself it lists the queues of the workers that it knows: pages wait in `ocr` before a worker for it is started.
    BaseHandler.get_active_queue_names = _all_queues
    os.chdir("/")  # Celery imports from the current folder first, whatever Python was told
    # Started by its application, and not by `celery -A`, which would import code from the current folder.
    app.start(["flower", *argv])


if __name__ == "__main__":
    main(sys.argv[1:])
