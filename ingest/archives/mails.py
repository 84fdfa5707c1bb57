"""Mails (RFC 5322) as archives: what is attached to them comes in, each attachment a file."""

from __future__ import annotations

import html
import re
from codecs import BOM_UTF8
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr, parsedate_to_datetime
from itertools import islice
from mimetypes import guess_extension
from typing import BinaryIO, NamedTuple
from urllib.parse import unquote

from codebook.errors import GongkaiError
from codebook.records import SENDER
from codebook.text.decoding import decode_sample
from codebook.text.fold import fold
from codebook.text.portals import portal_words
from ingest.archives.limits import Limits
from ingest.web_archive import web_archive

MAIL = "message/rfc822"
_LONGEST = 200  # characters of a sender or a subject
_TEXTS = ("text/plain", "text/html")
_TAG = re.compile(r"<[^<>]{0,2000}>|&nbsp;")
_SHOWN_PART = re.compile(r"\bcid:([^\s\"'<>()]{1,500})", re.I)  # RFC 2392
_FORM_WORDS = 2
LOGO = 100_000  # bytes: a larger picture in the text of a mail to which something is attached may be a scan


class Attachment(NamedTuple):
    """An attachment: its name as the mail gives it, its content, when the mail was sent (None: it does not say), its sender
    and subject as far as it has them, and ``refusal``, why its content cannot be read (None: it can).
    """

    name: str
    content: bytes
    sent_at: datetime | None
    about: tuple[str, ...] = ()
    refusal: GongkaiError | None = None


def attachments(file: BinaryIO, limits: Limits) -> Iterator[Attachment]:
    """What is attached to a mail, and to mails that are attached to it; its own text where nothing is.

    Raises GongkaiError: file.too_large for a mail above the size of a document, file.bomb for more parts than an
    archive may have, file.corrupt for one that cannot be read.
    """
    file.seek(0)
    data = file.read(limits.file_bytes + 1)
    if len(data) > limits.file_bytes:
        raise too_large(limits)
    try:
        yield from _parts(message_from_bytes(data, policy=default), limits)
    except (LookupError, AttributeError, TypeError, ValueError) as error:  # what the parser of headers raises on odd ones
        raise GongkaiError(
            "file.corrupt", f"a mail that cannot be read ({error!r})", "a whole mail, or the attached file"
        ) from error


def _parts(message: EmailMessage, limits: Limits) -> Iterator[Attachment]:
    sent_at = _sent_at(message)
    parts = list(islice(message.walk(), limits.archive_members + 1))
    if len(parts) > limits.archive_members:
        raise GongkaiError("file.bomb", "a mail of too many parts", f"at most {limits.archive_members:,}")
    leaves = [part for part in parts if not part.is_multipart()]
    pages = (part.get_payload(decode=True) for part in leaves if part.get_content_type() == "text/html")
    shown = {identifier for page in pages if isinstance(page, bytes) for identifier in shown_parts(page)}
    attached = [part for part in leaves if _is_attached(part, shown)]
    pictures = {content_id(str(part["Content-ID"] or "")): _picture(part) for part in leaves if _is_shown(part, shown)}
    texts = [part for part in leaves if part.get_content_type() in _TEXTS and part not in attached]
    reports = [part for part in texts if holds_report(part.get_payload(decode=True))]  # with a logo attached, as a rule
    # The last of several ways to say the same is the richest (RFC 2046, 5.1.4).
    found = [*attached, *(reports[-1:] if attached else texts)]
    if attached and not reports:
        found += [part for part in texts if _shows_scan(part, pictures)][-1:]
    says = about(parseaddr(str(message["From"] or ""))[0], str(message["Subject"] or ""))
    for number, part in enumerate(found, 1):
        content = part.get_payload(decode=True)
        if isinstance(content, bytes) and content:
            name, archive = _name(part, number), with_pictures(_page(part, content), pictures) if part in texts else None
            name = name if archive is None else f"{name.removesuffix('.html')}.mht"
            yield Attachment(name, content if archive is None else archive, sent_at, says)


def _is_shown(part: EmailMessage, shown: Collection[str]) -> bool:
    return content_id(str(part["Content-ID"] or "")) in shown


def _picture(part: EmailMessage) -> tuple[str, bytes]:
    """The media type and content of a part of the text; none where it is no picture."""
    content = part.get_payload(decode=True) if part.get_content_maintype() == "image" else None
    return part.get_content_type(), content if isinstance(content, bytes) else b""


def _page(part: EmailMessage, content: bytes) -> bytes:
    """A text of a mail with its encoding, which may stand in the head of the part alone."""
    charset = part.get_content_charset()
    try:
        return content.decode(charset).encode("utf-8-sig") if charset and not content.startswith(BOM_UTF8) else content
    except (LookupError, UnicodeDecodeError):  # what it says is not so: it is found out as of any page
        return content


def _shows_scan(part: EmailMessage, pictures: Mapping[str, tuple[str, bytes]]) -> bool:
    """Return whether a text shows a picture that is no logo, as far as its size says."""
    content = part.get_payload(decode=True)
    shown = shown_parts(content) if isinstance(content, bytes) else frozenset()
    return any(len(content) > LOGO for identifier, (_, content) in pictures.items() if identifier in shown)


def with_pictures(page: bytes, pictures: Mapping[str, tuple[str, bytes]]) -> bytes | None:
    """The text of a mail in HTML with the pictures that it shows, as a web archive. ``pictures`` are media type and content by
    the identifier of the part. None where it shows none of them.
    """
    shown: dict[str, tuple[str, bytes]] = {}
    for each in _SHOWN_PART.finditer(page.replace(b"\0", b"").decode("latin-1")):
        media_type, content = pictures.get(content_id(unquote(html.unescape(each[1]))), ("", b""))
        if content:
            shown[html.unescape(each.group())] = (media_type, content)
    return web_archive(page, "mail.html", shown) if shown else None


def _is_attached(part: EmailMessage, shown: Collection[str]) -> bool:
    """Return whether a part is a file for the reader, and no text or picture of the mail itself.

    Some programs give every attached file a Content-ID: only a picture that the text shows is one of the text.
    """
    if part.get_content_disposition() == "attachment":
        return True
    if part.get_content_maintype() == "image":
        in_text = content_id(str(part["Content-ID"] or "")) in shown or (not part.get_filename() and part["Content-Location"])
        return not in_text
    return bool(part.get_filename()) or part.get_content_maintype() == "application"


def shown_parts(page: bytes) -> frozenset[str]:
    """The identifiers of the parts that the text of a mail in HTML shows."""
    found = _SHOWN_PART.findall(page.replace(b"\0", b"").decode("latin-1"))  # they are ASCII, in every encoding of a page
    return frozenset(content_id(unquote(html.unescape(each))) for each in found)


def content_id(text: str) -> str:
    """An identifier of a part of a mail, without the marks around it."""
    return text.strip().removeprefix("<").removesuffix(">").strip()


def holds_report(content: object) -> bool:
    """Return whether a text of a mail is a report itself: it holds words of the form's tables."""
    plain = "".join(fold(_TAG.sub("", decode_sample(content if isinstance(content, bytes) else b"") or "")).text.split())
    return sum(word in plain for word in portal_words().form_words) >= _FORM_WORDS


def _name(part: EmailMessage, number: int) -> str:
    given = (part.get_filename() or "").replace("\\", "/").rpartition("/")[2].strip()
    return given or f"{number}{guess_extension(part.get_content_type()) or ''}"


def about(sender: str, subject: str) -> tuple[str, ...]:
    """The name of a sender and a subject, as parts of a path."""
    found = ("".join(text.replace("/", " ").replace("!", " ").split("\0"))[:_LONGEST] for text in (sender, subject))
    return tuple(f"{mark}{text.strip()}" for mark, text in zip((SENDER, ""), found, strict=True) if text.strip())


def too_large(limits: Limits) -> GongkaiError:
    """The error of a mail above the size of a document."""
    return GongkaiError("file.too_large", f"a mail of more than {limits.file_bytes:,} bytes", f"at most {limits.file_bytes:,}")


def _sent_at(message: EmailMessage) -> datetime | None:
    try:
        found = parsedate_to_datetime(str(message["Date"])) if message["Date"] else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
