"""A child process that reads what comes in, and that is replaced when a file ends it.

>>> with BoundedReader() as reader:                        # doctest: +SKIP
...     for answer in reader.ask(ReadFile(b"/in/a.zip", "/in/a.zip", Limits())):
...         print(answer)
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from ingest.files.messages import Answer, End, Kept, ManifestEnd, Message, Request, SeenPage, UsePaths, packed, received
from runtime.child_command import module_command
from runtime.settings import inherited

MODULE = "ingest.files.reader_process"
_ROOT = str(Path(__file__).resolve().parents[2])
# What a process needs to run. It gets no address of a database, a broker or a store, and no password.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONHOME")
_SILENCE = 10.0  # of the allowed processor seconds may pass by the clock without a word, when the disk is slow or others work
_WAIT = 5.0  # seconds for the process to end by itself
_BLOCK = 1024 * 1024


class Ended(NamedTuple):
    """The process ended in the middle of an answer: the code and the words for what was looked at."""

    code: str
    found: str


class BoundedReader:
    """One process, started by the ``with`` statement or when it is first needed. Not for two threads at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._decode = msgspec.msgpack.Decoder(Answer).decode
        self._paths: tuple[str, ...] | None = None
        self._silence = 0.0
        self._buffer = b""
        self._at = 0

    def __enter__(self) -> BoundedReader:
        self._start()  # it loads its modules while others look for files
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        try:
            process.wait(_WAIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def use_paths(self, paths: tuple[str, ...] | None) -> None:
        """Which paths a manifest speaks of, for the requests that follow (None: there is no manifest)."""
        if paths != self._paths:
            self._paths = paths
            if self._process is not None:
                self._send(UsePaths(paths))

    def ask(self, request: Request, seconds: float) -> Iterator[Answer | bytes | Ended]:
        """The answers to a request, to their end; the content behind each :class:`Kept` as bytes. :class:`Ended` is the last
        where the process ended. ``seconds``: processor seconds that it may take without showing progress.

        Use all of it, or :meth:`close`.
        """
        self._silence = _SILENCE * seconds
        if self._process is None:
            self._start()
        self._send(request)
        while True:
            answer = received(self._read, self._decode)
            if answer is None:
                yield self._ended()
                return
            yield answer
            if isinstance(answer, Kept):
                content = self._read(answer.size)
                if len(content) < answer.size:
                    yield self._ended()
                    return
                yield content
            elif isinstance(answer, End | ManifestEnd | SeenPage):
                return

    # ---- the process ----

    def _start(self) -> None:
        environment = inherited(*_ENVIRONMENT, "PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join([_ROOT, *filter(None, [environment.get("PYTHONPATH")])])
        self._buffer, self._at = b"", 0
        self._process = subprocess.Popen(
            module_command(MODULE),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
        )
        if self._paths is not None:
            self._send(UsePaths(self._paths))

    def _send(self, message: Message) -> None:
        """Send a message. That nobody is there to receive it is noticed when the answer is awaited."""
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(packed(message))
            self._process.stdin.flush()
        except BrokenPipeError:
            return

    def _read(self, size: int) -> bytes:
        """``size`` bytes of the answer; fewer when the process has ended, or said nothing for too long and was ended."""
        assert self._process is not None
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        parts: list[bytes] = []
        while size:
            if self._at == len(self._buffer):
                if not self._speaks(descriptor):
                    self._process.kill()
                    break
                self._buffer, self._at = os.read(descriptor, _BLOCK), 0
                if not self._buffer:
                    break
            part = self._buffer[self._at : self._at + size]
            parts.append(part)
            self._at += len(part)
            size -= len(part)
        return b"".join(parts)

    def _speaks(self, descriptor: int) -> bool:
        """Wait for the process to say something; False when it was silent for too long."""
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(self._silence * 1000))

    def _ended(self) -> Ended:
        """Return what ended the process."""
        assert self._process is not None
        process = self._process
        if process.stdin is not None:
            process.stdin.close()
        try:
            status = process.wait(_WAIT)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        self.close()
        if status == -signal.SIGXCPU:
            return Ended("stage.timeout", "reading it takes more processor time than any document needs")
        if status == -signal.SIGKILL:
            return Ended("worker.crashed", "the process that read it was killed, or said nothing for too long")
        name = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        return Ended("worker.crashed", f"the process that read it ended with {name}")
