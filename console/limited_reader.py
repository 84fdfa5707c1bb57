"""A process that reads documents with the limits of a worker, for what is read without being taken in: dry runs and drafts."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from codebook.records import Correction, Hints
from console.reading_messages import ReadAnswer, ReadRequest
from runtime.child_command import module_command
from runtime.process_limits import SILENT

if TYPE_CHECKING:
    from runtime.settings import Settings

_LIGHT_STAGES = 3  # extract, parse, validate: each may take light_seconds


class Original(NamedTuple):
    """A content in a store, with what it is and what is known of it."""

    store: str
    sha256: str
    media_type: str
    hints: Hints


def reading_seconds(settings: Settings, pages: int) -> float:
    """Return how long a document of ``pages`` pages may take a worker."""
    return _LIGHT_STAGES * settings.light_seconds + pages * settings.ocr_seconds


class LimitedReader:
    """The process that reads. When a document breaks it or takes too long it is ended; the next document starts another,
    as it does where the process ended while it waited.

    Its settings are asked for when it reads, so that it can load its modules before they are known. With ``everything`` it
    loads at its start what documents of any kind need, and not only what all need.
    """

    def __init__(self, *, everything: bool = False) -> None:
        self._arguments = ("everything",) if everything else ()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> LimitedReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._end()

    def start(self) -> None:
        """Start the process, which loads its modules while others work."""
        self._running()

    def read(self, original: Original, settings: Settings, decided: Sequence[Correction] = (), *, seconds: float) -> ReadAnswer:
        """Return what is read of a document within ``seconds``; ``stage.timeout`` or ``worker.crashed`` when the process did not
        answer, the code of the store's fault when the original cannot be read.
        """
        packs = settings.rule_packs
        request = ReadRequest(
            *original, tuple(decided), settings.memory_bytes, "" if packs is None else str(packs), settings.office_seconds
        )
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Timer(seconds, process.kill)
        late.start()
        try:
            process.stdin.write(msgspec.json.encode(request) + b"\n")
            process.stdin.flush()
            return msgspec.json.decode(process.stdout.readline(), type=ReadAnswer)
        except (OSError, msgspec.DecodeError):
            over = not late.is_alive()
            self._end()
            if over:
                return ReadAnswer(code="stage.timeout", found=f"more than {seconds:.0f} s")
            return ReadAnswer(code="worker.crashed", found="the process that read the document ended")
        finally:
            late.cancel()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self._end()  # the machine ended it while it waited: no document is to blame
        if self._process is None:
            command = module_command("console.dry_run_process", *self._arguments)
            environment = {**os.environ, **SILENT}
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
