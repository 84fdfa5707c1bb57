"""The process that reads files, with a flaw: some contents end it, or never let it end. ``python -m tests.ingest.odd_reader``."""

from __future__ import annotations

import os
import signal
import time
from typing import BinaryIO

from ingest.files import read_file, reader_process
from ingest.files.identify import FileIdentity

MODULE = "tests.ingest.odd_reader"
EVIL = b"evil: "
_REAL = read_file.identify


def identify(file: BinaryIO) -> FileIdentity:
    """As the real one, but for what begins with ``EVIL``."""
    head = file.read(20)
    if head.startswith(EVIL):
        match head.removeprefix(EVIL).split()[0]:
            case b"loop":
                while True:
                    pass
            case b"sleep":
                time.sleep(1000)
            case b"kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case b"abort":
                os.abort()
            case b"exit":
                os._exit(3)
            case b"memory":
                bytearray(1 << 40)
            case _:
                raise RuntimeError("asked for")
    return _REAL(file)


if __name__ == "__main__":
    read_file.identify = identify
    reader_process.main()
