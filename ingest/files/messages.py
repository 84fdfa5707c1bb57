"""What the process that takes files in and the one that reads them say to each other.

Each message is its length in four bytes and a MessagePack map with the name of its type. Behind :class:`Kept` come ``size``
bytes of content.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import msgspec

from codebook.records import Hints
from ingest.archives.limits import Limits
from ingest.webpages.links import PageView

_LENGTH = struct.Struct(">I")
_Decoded = TypeVar("_Decoded")


class Message(msgspec.Struct, frozen=True, tag=True):
    """Base of all messages."""


# ---- to the reader ----


class ReadFile(Message, frozen=True):
    """Read the file at ``path`` (bytes as the system has it), the page images ``pages`` of the folder there, or the archive whose
    ``volumes`` lie there.

    ``shown`` is the path under which it is registered. ``follow``: the file may be a link. ``past`` documents were received
    before, and are left out; members with the paths ``refused`` ended the process that read them, and are passed over. What a web
    page shows lies in ``beside`` (default: its own folder). ``missing`` are volumes that do not lie beside this one, ``parts``
    pictures of a web page: the address that each has there, and where it lies.
    """

    path: bytes
    shown: str
    limits: Limits
    follow: bool = False
    pages: tuple[bytes, ...] = ()
    past: int = 0
    refused: tuple[str, ...] = ()
    volumes: tuple[bytes, ...] = ()
    beside: bytes | None = None
    missing: tuple[str, ...] = ()
    parts: tuple[tuple[str, bytes], ...] = ()


class UsePaths(Message, frozen=True):
    """The paths of which a manifest speaks: they decide which folders of an archive are one report. None: no manifest."""

    paths: tuple[str, ...] | None


class ReadManifest(Message, frozen=True):
    """Read the manifest at ``path``."""

    path: bytes
    limits: Limits


class LookThrough(Message, frozen=True):
    """Look through the page at ``path``, which was fetched from ``address``."""

    path: bytes
    address: str
    limits: Limits


Request = ReadFile | UsePaths | ReadManifest | LookThrough


# ---- from the reader ----


class Looking(Message, frozen=True):
    """The content ``sha256`` of ``size`` bytes at ``path`` is looked at from now on."""

    path: str
    sha256: str
    size: int


class Kept(Message, frozen=True):
    """A content to be kept; its ``size`` bytes follow."""

    sha256: str
    size: int


class FoundDocument(Message, frozen=True):
    """Something to be registered. ``rejection`` is (code, message) where it is refused; ``dated_at`` when it was changed last;
    ``about`` what came with it says of it: the sender and the subject of a mail.
    """

    sha256: str
    media_type: str
    size: int
    path: str
    rejection: tuple[str, str] | None = None
    dated_at: datetime | None = None
    about: tuple[str, ...] = ()


def path_with(about: tuple[str, ...], path: str) -> str:
    """The path of a document with the sender and the subject of its mail as folders, before the names in the mail: these are
    nearer to it.
    """
    outside, mark, inside = path.partition("!")
    return "!".join((outside, *about, inside)) if mark and about else path


class ManifestRow(Message, frozen=True):
    """A row of the manifest."""

    line: int
    path: str
    hints: Hints
    batch: str | None


class ManifestEnd(Message, frozen=True):
    """The manifest was read; ``wrong`` says why it cannot be used."""

    problems: tuple[str, ...] = ()
    wrong: str | None = None


class SeenPage(Message, frozen=True):
    """What was seen in a page."""

    view: PageView


class Bug(Message, frozen=True):
    """An error that is none of those foreseen, with its traceback, for the log."""

    path: str
    traceback: str


class NoRoom(Message, frozen=True):
    """A temporary file could not be written: a fault of the machine."""

    found: str


class End(Message, frozen=True):
    """The file was read. ``archives`` counts those that were looked into, ``unpacked`` are the contents whose members came in,
    ``notices`` what people should know of it.
    """

    archives: int = 0
    unpacked: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


Answer = Looking | Kept | FoundDocument | ManifestRow | ManifestEnd | SeenPage | Bug | NoRoom | End

_encode = msgspec.msgpack.Encoder().encode


def packed(message: Message) -> bytes:
    """A message as it is sent."""
    body = _encode(message)
    return _LENGTH.pack(len(body)) + body


def received(read: Callable[[int], bytes], decode: Callable[[bytes], _Decoded]) -> _Decoded | None:
    """The next message; None at the end of the stream. ``read`` returns as many bytes as asked for, or fewer at the end."""
    head = read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    size = _LENGTH.unpack(head)[0]
    body = read(size)
    return decode(body) if len(body) == size else None
