"""Pictures of pages: drawn once by a process of their own, kept in the store, cut where a cell is shown."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, NamedTuple

import msgspec

from codebook.errors import GongkaiError
from console.rendering.renderer import Answer, StripsWanted, Wanted
from runtime.child_command import module_command
from runtime.log import get_logger
from runtime.store import Store
from tasks.extraction.extract import has_inner_pictures
from tasks.ocr.preview import WIDE, Size, crop_png, strips_png

if TYPE_CHECKING:
    from runtime.settings import Settings
    from tasks.ocr.render import Box

    Strips = Sequence[tuple[float, float]]

log = get_logger(__name__)

_SECONDS = 15.0  # for one page
_WAITING = 8  # requests that may wait for a picture: each holds a thread, and the other pages need theirs
_TURN_SECONDS = 5.0  # for one of them to get its turn
_REMEMBERED_SECONDS = 600.0  # a page that could not be drawn is not tried again before
_REMEMBERED = 1000  # such pages
_MEMORY = 2 << 30  # bytes of address space of the drawing process
_PICTURES = ("application/pdf", "application/x-gongkai-pages")


def has_pages(media_type: str) -> bool:
    """Return whether documents of this type are shown as pictures of pages; others are shown as text."""
    return media_type in _PICTURES or media_type.startswith("image/")


def has_drawings(media_type: str) -> bool:
    """Return whether some pages of documents of this type can be drawn: those with pages, and the pictures inside of others."""
    return has_pages(media_type) or has_inner_pictures(media_type) or media_type == "application/ofd"


class BusyError(Exception):
    """Too many pictures are wanted at once. ``seconds`` later there may be room."""

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.seconds = seconds


class _Failed(NamedTuple):
    """Why a page could not be drawn, and until when (monotonic seconds) that is believed."""

    error: GongkaiError
    until: float


class _Failures:
    """The pages that could not be drawn lately. A document of which one page took too long, or ended the process, is not tried
    with its other pages either: each of them would hold up the pictures of everybody.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], _Failed] = OrderedDict()

    def add(self, sha256: str, number: int, error: GongkaiError) -> None:
        """Remember the failure of page ``number``; 0: of all pages."""
        self._kept[sha256, number] = _Failed(error, time.monotonic() + _REMEMBERED_SECONDS)
        while len(self._kept) > _REMEMBERED:
            self._kept.popitem(last=False)

    def check(self, sha256: str, number: int) -> None:
        """Raise the GongkaiError of a page that failed lately."""
        for page in (0, number):
            found = self._kept.get((sha256, page))
            if found is not None and found.until > time.monotonic():
                raise GongkaiError(found.error.code, found.error.found, found.error.expected)


class Pictures:
    """The pictures of one application. At most one page is drawn at a time; what was drawn before is taken from the store."""

    def __init__(self, settings: Settings) -> None:
        self._url, self._store = settings.store, Store(settings.store)
        self._memory = min(_MEMORY, settings.memory_bytes) if settings.memory_bytes else _MEMORY
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(_WAITING)
        self._failures = _Failures()
        self._process: subprocess.Popen[bytes] | None = None

    def page(self, sha256: str, media_type: str, number: int) -> bytes:
        """Page ``number`` (from 1) as PNG.

        Raises GongkaiError (``page.unreadable``, ``page.too_large``, ``page.timeout``, ``store.unavailable`` and what opening the
        document raises), LookupError when there is no such page, BusyError when too many wait already.
        """
        name = f"{sha256}-{number}-{WIDE}.png"
        if (kept := self._store.derived(name)) is not None:
            return kept
        self._failures.check(sha256, number)
        if not self._room.acquire(blocking=False):
            raise BusyError(round(_TURN_SECONDS))
        try:
            return self._in_turn(Wanted(self._url, sha256, media_type, number, self._memory), name)
        finally:
            self._room.release()

    def _in_turn(self, wanted: Wanted, name: str) -> bytes:
        if not self._lock.acquire(timeout=_TURN_SECONDS):
            raise BusyError(round(_TURN_SECONDS))
        try:
            if (kept := self._store.derived(name)) is not None:  # another request has drawn it meanwhile
                return kept
            self._failures.check(wanted.sha256, wanted.page)
            try:
                made = self._drawn(wanted)
            except GongkaiError as error:
                if not error.code.startswith(("store.", "disk.")):
                    ended = self._process is None
                    self._failures.add(wanted.sha256, 0 if ended else wanted.page, error)
                raise
            self._keep(name, made)
            return made
        finally:
            self._lock.release()

    def cell(self, sha256: str, media_type: str, number: int, *, size: Size, box: Box, ahead: bool = False) -> bytes:
        """A cell of a page with its surroundings, as PNG. ``size`` is the page's in the measure of the boxes. Raises as
        :meth:`page` does.
        """
        return crop_png(self.page(sha256, media_type, number), size, box, ahead=ahead)

    def strips(self, sha256: str, media_type: str, number: int, *, size: Size, strips: Strips, box: Box | None = None) -> bytes:
        """Strips (top, bottom) of a page over its whole width, with ``box`` framed, as PNG. Raises as :meth:`page` does."""
        return strips_png(self.page(sha256, media_type, number), size, strips, box)

    def framed(self, sha256: str, media_type: str, number: int, asked: StripsWanted) -> bytes:
        """Strips of a page with several boxes framed, as PNG; the page is not kept. For one caller at a time.

        Raises as :meth:`page` does, but no BusyError.
        """
        wanted = Wanted(self._url, sha256, media_type, number, self._memory, asked)
        self._failures.check(sha256, number)
        with self._lock:
            try:
                return self._drawn(wanted)
            except GongkaiError as error:
                if self._process is None:
                    self._failures.add(sha256, 0, error)
                raise

    def close(self) -> None:
        """End the drawing process."""
        with self._lock:
            self._end()

    def _keep(self, name: str, data: bytes) -> None:
        try:
            self._store.keep_derived(name, data)
        except GongkaiError as error:  # it is shown all the same, and drawn again next time
            log.warning("the picture of a page could not be kept", name=name, error=str(error))

    def _drawn(self, wanted: Wanted) -> bytes:
        process = self._running()
        over = threading.Event()

        def expire() -> None:
            over.set()  # before the end of the process is noticed: it tells a time-out from a crash
            process.kill()

        late = threading.Timer(_SECONDS, expire)
        late.start()
        try:
            answer, png = _ask(process, wanted)
        except (OSError, EOFError, msgspec.MsgspecError) as error:
            self._end()
            if over.is_set():
                raise GongkaiError("page.timeout", f"more than {_SECONDS:.0f} s", "a page that can be drawn") from error
            raise GongkaiError("page.unreadable", "drawing it ended the process", "a page that can be drawn") from error
        finally:
            late.cancel()
        if answer.code == "":
            raise LookupError(answer.found)
        if answer.code is not None:
            raise GongkaiError(answer.code, answer.found, "a page that can be shown")
        return png

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            command = module_command("console.rendering.renderer")
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _ask(process: subprocess.Popen[bytes], wanted: Wanted) -> tuple[Answer, bytes]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(msgspec.json.encode(wanted) + b"\n")
    process.stdin.flush()
    answer = msgspec.json.decode(_line(process.stdout), type=Answer)
    png = process.stdout.read(answer.bytes)
    if len(png) != answer.bytes:
        raise EOFError
    return answer, png


def _line(stream: IO[bytes]) -> bytes:
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    return line
