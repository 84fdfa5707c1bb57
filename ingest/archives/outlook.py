"""Messages of Outlook (.msg) as mails are: what is attached to them comes in, each attachment a file.

A message is a compound file in which each property is a stream, and each attachment a folder of such streams ([MS-OXMSG] 2). Of a
message that is attached to another, the folder of its data is a message again.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

import olefile

from codebook.errors import GongkaiError
from codebook.text.decoding import decode_sample
from ingest.archives.limits import Limits
from ingest.archives.mails import LOGO, Attachment, about, content_id, holds_report, shown_parts, too_large, with_pictures

OUTLOOK = "application/vnd.ms-outlook"
_PROPERTIES = "__properties_version1.0"
_ATTACHED = "__attach_version1.0_#"
# Identifiers of properties ([MS-OXPROPS]): of a message, and of what is attached to it.
_SUBJECT, _SENDERS, _TEXT, _HTML = "0037", ("0C1A", "0042"), "1000", "1013"
_DATA, _NAMES, _TITLE, _CONTENT_ID, _KIND = "3701", ("3707", "3704"), "3001", "3712", "370E"
_HIDDEN, _IS_BOOLEAN = 0x7FFE, 0x000B  # whether an attachment is hidden from the reader, and the type of such a value
_HEADER_OF_ATTACHED = 8  # bytes before the properties of what is attached
_SENT, _IS_TIME = 0x0039, 0x0040  # the moment of sending, and the type of a time
_BYTES, _UNICODE, _ANSI, _MESSAGE = "0102", "001F", "001E", "000D"  # types of values
_HEADERS = {True: 32, False: 24}  # bytes before the properties of a message: of the file itself, and of one that is attached
_DEEPEST = 20
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_BROKEN = (OSError, ValueError, IndexError, TypeError, AttributeError, struct.error, OverflowError, RecursionError)


def is_message(file: BinaryIO) -> bool:
    """Return whether a compound file is a message: a Word file may hold one, and a message a Word file."""
    file.seek(0)
    try:
        with olefile.OleFileIO(file) as ole:
            return bool(ole.exists(_PROPERTIES)) and not ole.exists("WordDocument")
    except _BROKEN:
        return False
    finally:
        file.seek(0)


def outlook_attachments(file: BinaryIO, limits: Limits) -> Iterator[Attachment]:
    """What is attached to a message, and to messages that are attached to it; its own text where nothing is, or where it is a
    report.

    Raises GongkaiError: file.too_large for a message above the size of a document, file.bomb for one whose parts are larger than
    it, file.corrupt for one that cannot be read.
    """
    file.seek(0)
    data = file.read(limits.file_bytes + 1)
    if len(data) > limits.file_bytes:
        raise too_large(limits)
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as ole:
            yield from _Message(ole, len(data)).attached(())
    except _BROKEN as error:
        raise GongkaiError(
            "file.corrupt", f"a message that cannot be read ({error!r})", "a whole message, or the attached file"
        ) from error


class _Message:
    def __init__(self, ole: olefile.OleFileIO, size: int) -> None:
        self._ole, self._size, self._left = ole, size, size
        self._found = 0
        self._streams = {tuple(path) for path in ole.listdir(streams=True, storages=False)}

    def attached(self, top: tuple[str, ...]) -> Iterator[Attachment]:
        """What is attached to the message in this folder."""
        if len(top) > 2 * _DEEPEST:
            raise GongkaiError("file.bomb", f"messages {_DEEPEST} deep in each other", "a message")
        sender = next((name for key in _SENDERS if (name := self._text(top, key))), "")
        says, sent_at = about(sender, self._text(top, _SUBJECT)), self._sent_at(top)
        below = {path[len(top)] for path in self._streams if path[: len(top)] == top and len(path) > len(top) + 1}
        before = self._found
        page = self._bytes(top, _HTML).rstrip(b"\0")
        shown = shown_parts(page)
        pictures: dict[str, tuple[str, bytes]] = {}
        for name in sorted(name for name in below if name.startswith(_ATTACHED)):
            folder = (*top, name)
            inner = (*folder, f"__substg1.0_{_DATA}{_MESSAGE}")
            if (*inner, _PROPERTIES) in self._streams:
                yield from self.attached(inner)
            elif any(path[: len(inner)] == inner for path in self._streams):
                called = self._name(folder) or self._text(folder, _TITLE).replace("/", " ").replace("\\", " ")
                error = GongkaiError("file.unsupported", "an object of another program in a message", "it attached as a file")
                yield Attachment(called or f"object {int(name[-8:], 16) + 1}", b"", sent_at, says, error)
            elif (in_text := self._in_text(folder, shown)) is not None:
                kind, identifier = in_text
                if identifier in shown:
                    pictures[identifier] = (kind, self._bytes(folder, _DATA))
            elif content := self._bytes(folder, _DATA):
                self._found += 1
                yield Attachment(self._name(folder) or str(self._found), content, sent_at, says)
        texts = [("html", page), ("txt", self._text(top, _TEXT).encode())]
        for ending, content in texts:
            has_scan = ending == "html" and any(len(picture) > LOGO for _, picture in pictures.values())
            if content and (self._found == before or holds_report(content) or has_scan):
                self._found += 1
                archive = with_pictures(content, pictures) if ending == "html" else None
                name, body = (f"{self._found}.{ending}", content) if archive is None else (f"{self._found}.mht", archive)
                yield Attachment(name, body, sent_at, says)
                return

    def _name(self, folder: tuple[str, ...]) -> str:
        """The name of what is attached; "" where it has none."""
        named = next((text for key in _NAMES if (text := self._text(folder, key))), "")
        return named.replace("\\", "/").rpartition("/")[2]

    def _in_text(self, folder: tuple[str, ...], shown: frozenset[str]) -> tuple[str, str] | None:
        """The media type and identifier of a picture in the text of its message: the text shows it, or it is hidden. None for
        what is attached.

        A Content-ID alone says nothing: some programs give one to every attached file.
        """
        if not (kind := self._text(folder, _KIND)).startswith("image/"):
            return None
        identifier = content_id(self._text(folder, _CONTENT_ID))
        is_hidden = identifier not in shown and bool((self._fixed(folder, _HIDDEN, _IS_BOOLEAN) or 0) & 1)
        return (kind, identifier) if identifier in shown or is_hidden else None

    def _read(self, path: tuple[str, ...]) -> bytes:
        size = int(self._ole.get_size(list(path)))
        if size > self._size:
            raise ValueError("a stream that goes on beyond the end of the file")
        self._left -= size
        if self._left < 0:
            raise GongkaiError("file.bomb", "a message whose parts are larger than it", "an ordinary message")
        return bytes(self._ole.openstream(list(path)).read())

    def _bytes(self, folder: tuple[str, ...], key: str) -> bytes:
        path = (*folder, f"__substg1.0_{key}{_BYTES}")
        return self._read(path) if path in self._streams else self._text(folder, key).encode() if key == _HTML else b""

    def _text(self, folder: tuple[str, ...], key: str) -> str:
        """A property that is a text; "" where there is none."""
        if (path := (*folder, f"__substg1.0_{key}{_UNICODE}")) in self._streams:
            return self._read(path).decode("utf-16-le", "replace").rstrip("\0").strip()
        if (path := (*folder, f"__substg1.0_{key}{_ANSI}")) in self._streams:
            return (decode_sample(self._read(path).rstrip(b"\0")) or "").strip()
        return ""

    def _sent_at(self, top: tuple[str, ...]) -> datetime | None:
        value = self._fixed(top, _SENT, _IS_TIME)
        try:
            return None if value is None else _EPOCH + timedelta(microseconds=value // 10)
        except OverflowError:
            return None

    def _fixed(self, folder: tuple[str, ...], wanted: int, wanted_kind: int) -> int | None:
        """The value of a property of fixed length of a message or of what is attached to it; None where it has none."""
        path = (*folder, _PROPERTIES)
        is_attached = bool(folder) and folder[-1].startswith(_ATTACHED)
        header = _HEADER_OF_ATTACHED if is_attached else _HEADERS[not folder]
        properties = self._read(path)[header:] if path in self._streams else b""
        for kind, number, _, value in struct.iter_unpack("<HHIQ", properties[: len(properties) // 16 * 16]):
            if (number, kind) == (wanted, wanted_kind):
                return int(value)
        return None
