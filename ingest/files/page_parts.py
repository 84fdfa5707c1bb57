"""What a web page shows from files that came in with it: pictures and frames become one file with it, documents come in too.

The page and its parts are written as a web archive (MHTML, RFC 2557) in which nothing depends on when or where they came in: the
same page with the same parts has the same sha256. Only parts that lie in the page's own folder, or below it, are taken. Documents
that a page holds in itself, as parts of a web archive or in ``data:`` addresses, come in by themselves.
"""

from __future__ import annotations

import base64
import binascii
import html
import io
import re
from collections.abc import Callable, Iterator, Mapping
from email import message_from_bytes
from email.policy import default
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from codebook.errors import GongkaiError
from codebook.text.decoding import decode_sample
from ingest.files.identify import HTML, MHTML, FileRole, identify
from ingest.names import is_named_like_a_document, is_picture
from ingest.web_archive import web_archive

_SHOWS = re.compile(r"<(?:img|iframe|frame|embed|object)\b([^<>]{0,4000})", re.I)
_ADDRESS = re.compile(
    r"""(?<=\s)(?:src|data|data-src|data-original)\s{0,5}=\s{0,5}(?:"([^"<>]{1,500})"|'([^'<>]{1,500})'|([^\s"'<>]{1,500}))""",
    re.I,
)
_DATA = re.compile(rb"data:(application/[a-z0-9.+-]{1,100});base64,([A-Za-z0-9+/=%\s]{100,})", re.I)
_OTHER_PART = re.compile(rb"^content-type:\s{0,9}(?!text/|image/|multipart/)", re.I | re.M)
# Types by which a part is a document, whatever its content is: others that are not known are fonts and the like.
_DOCUMENT_TYPE = re.compile(r"pdf|word|excel|officedocument|opendocument|rtf|ofd|zip|rar|7z", re.I)
_MOST_PARTS = 500
_NOTHING: Mapping[str, bytes] = {}


class PageParts(NamedTuple):
    """A page with what it shows: ``archive``, the web archive (None: it shows neither pictures nor frames that came in), and the
    paths of the documents that it shows in frames.
    """

    archive: bytes | None
    documents: tuple[str, ...]


Read = Callable[[str], bytes | None]
"""Reads a file by its path in the folder of the page; None where it is not there or may not be read."""


def with_parts(page: bytes, name: str, read: Read, most: int, given: Mapping[str, bytes] = _NOTHING) -> PageParts:
    """Put a page together with what it shows. ``name`` is that of the page, ``most`` the bytes that all of it may have; ``given``
    are pictures by their addresses, wherever these lead.
    """
    parts: dict[str, tuple[str, bytes]] = {}
    documents: dict[str, None] = {}
    size = len(page)
    for address in _shown(page):
        path = _path_of(address)
        if path == name or address in parts or len(parts) >= _MOST_PARTS:
            continue
        content = given.get(address) or (read(path) if path is not None else None)
        if not content:
            continue
        identity = identify(io.BytesIO(content))
        if identity.role is not FileRole.DOCUMENT:
            continue
        if identity.media_type == HTML or identity.media_type.startswith("image/"):
            if size + len(content) > most:
                continue  # the page says which picture it lacks
            size += len(content)
            parts[address] = (identity.media_type, content)
        elif path is not None:
            documents[path] = None
    return PageParts(web_archive(page, name, parts) if parts else None, tuple(documents))


class HeldDocument(NamedTuple):
    """A document or archive that a web page holds in itself: its name, and its content, or why that is not taken."""

    name: str
    content: bytes | GongkaiError


class _HeldPart(NamedTuple):
    name: str
    media_type: str
    content: bytes | None


def held_documents(data: bytes, media_type: str) -> Iterator[HeldDocument]:
    """The documents and archives that a web page, or web archive, holds in itself, those too that no reader takes."""
    count = 0
    for number, part in enumerate(_other_parts(data) if media_type == MHTML else _data_addresses(data), 1):
        content = part.content if part.content is not None and _is_document(part, part.content) else None
        if content is None and (part.content is not None or not _DOCUMENT_TYPE.search(part.media_type)):
            continue
        name = part.name or str(number)
        count += 1
        if count > _MOST_PARTS:
            error = GongkaiError(
                "file.bomb", f"a web page with more than {_MOST_PARTS} documents in it", "the documents themselves"
            )
            yield HeldDocument(name, error)
            return
        damaged = GongkaiError("file.corrupt", "a document in a web page whose base64 is damaged", "the document itself")
        yield HeldDocument(name, damaged if content is None else content)


def _is_document(part: _HeldPart, content: bytes) -> bool:
    identity = identify(io.BytesIO(content))
    if identity.role is FileRole.REFUSED:
        is_named = is_named_like_a_document(part.name) and not is_picture(part.name)
        return is_named or bool(_DOCUMENT_TYPE.search(part.media_type))
    return not identity.media_type.startswith(("text/", "image/"))


def _other_parts(data: bytes) -> Iterator[_HeldPart]:
    if not _OTHER_PART.search(data):
        return
    try:
        for part in message_from_bytes(data, policy=default).walk():
            if part.is_multipart() or part.get_content_maintype() in ("text", "image"):
                continue
            content = part.get_payload(decode=True)
            if isinstance(content, bytes) and content:
                location = str(part.get("Content-Location") or part.get_filename() or "")
                name = unquote(location.partition("?")[0].replace("\\", "/").rpartition("/")[2])
                yield _HeldPart(name, part.get_content_type(), content)
    except (LookupError, AttributeError, TypeError, ValueError):  # what the parser of headers raises on odd ones
        return


def _data_addresses(page: bytes) -> Iterator[_HeldPart]:
    for match in _DATA.finditer(page):
        try:
            content = base64.b64decode(unquote(match[2].decode("ascii")))
        except (binascii.Error, ValueError):
            content = None
        yield _HeldPart("", match[1].decode("ascii"), content)


def _shown(page: bytes) -> Iterator[str]:
    """The addresses of what a page shows, as they stand in it, each once."""
    text = decode_sample(page) or ""
    found = (address for tag in _SHOWS.finditer(text) for address in _ADDRESS.finditer(tag[1]))
    yield from dict.fromkeys(html.unescape(match[1] or match[2] or match[3]).strip() for match in found)


def _path_of(address: str) -> str | None:
    """The path in the page's folder that an address leads to; None for one that leads elsewhere."""
    try:
        parts = urlsplit(address.replace("\\", "/"))
    except ValueError:
        return None
    path = PurePosixPath(unquote(parts.path))
    if parts.scheme or parts.netloc or not parts.path or path.is_absolute() or ".." in path.parts or "\0" in str(path):
        return None
    return str(path)
