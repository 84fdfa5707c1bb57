"""From a file to what is registered of it: one document, or one for each in an archive.

Nothing is ever just printed: a file that cannot be taken is a document too, with the code that says why.
"""

from __future__ import annotations

import errno
import hashlib
import io
import itertools
import os
import re
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol, TypeVar

from msgspec.structs import replace

from codebook import image_package
from codebook.errors import GongkaiError
from codebook.sheets import row_file
from ingest.archives.archive import BROKEN_MEMBER, Budget, Member, unpack, unpack_volumes
from ingest.archives.limits import Limits
from ingest.archives.portfolios import may_have_files, portfolio_of
from ingest.archives.streams import RAR, RAR_MAGIC
from ingest.archives.summaries import may_be_summary, part_summary
from ingest.archives.volume_sets import named
from ingest.archives.volumes import joined
from ingest.files.fingerprint import Content, content_from, content_of, hashed_in_place, opened, stand_in
from ingest.files.identify import HTML, MHTML, PDF, FileIdentity, FileRole, identify, looks_packed
from ingest.files.messages import FoundDocument, path_with
from ingest.files.page_images import PageImageReport, Reports, flat_folders, page_numbers
from ingest.files.page_parts import Read, held_documents, with_parts
from ingest.files.saved_pages import parts_of_pages
from ingest.files.walk import OneReport
from ingest.names import shown

UNKNOWN = "application/octet-stream"
_Inside = TypeVar("_Inside")  # the content of a file inside a document, or why there is none
_NO_PARTS: Mapping[str, str] = {}
_PAGE_NAME = "page.html"  # in a web archive of ours: the name of the file does not count


class Outlet(Protocol):
    """Who gets what is found while a file is read."""

    def looking(self, path: str, content: Content) -> None:
        """``content`` at ``path`` is looked at from now on."""

    def keep(self, content: Content, file: BinaryIO) -> None:
        """Keep a content, which ``file`` holds from its start."""


def refusal(path: str, error: GongkaiError) -> FoundDocument:
    """Something whose content is not known."""
    return _document(Content(stand_in(error.code, path), 0, b"", None), FileIdentity(UNKNOWN), path, error)


def _document(content: Content, identity: FileIdentity, path: str, error: GongkaiError | None = None) -> FoundDocument:
    rejection = (error.code, _storable(str(error).removeprefix(f"{error.code}: "))) if error else None
    return FoundDocument(content.sha256, identity.media_type, content.size, path, rejection, content.dated_at)


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


class FileReader:
    """Reads files. ``archives`` counts those that were looked into, ``unpacked`` are the contents whose members all came in,
    ``notices`` what people should know of what was read; ``refused`` are paths of members that are passed over.
    """

    def __init__(self, outlet: Outlet, limits: Limits, one_report: OneReport, refused: frozenset[str] = frozenset()) -> None:
        self._outlet = outlet
        self._limits = limits
        self._one_report = one_report
        self._refused_members = refused
        self._given: dict[str, bytes] = {}  # pictures of the page that is read, by their addresses in it
        self.archives = 0
        self.unpacked: list[str] = []
        self.notices: list[str] = []

    def read(
        self,
        path: str,
        known_as: str,
        *,
        pages: Sequence[str] = (),
        volumes: Sequence[str] = (),
        missing: Sequence[str] = (),
        beside: str | None = None,
        parts: Mapping[str, str] = _NO_PARTS,
        follow: bool = False,
    ) -> Iterator[FoundDocument]:
        """All that is to be registered of the file at ``path``, of the page images ``pages`` of the folder there, or of the
        archive in these ``volumes``; ``missing`` are volumes that do not lie beside the one at ``path``. What a web page shows
        lies in the folder ``beside`` (default: that of ``path``), or at the paths ``parts``, by its addresses.

        Raises NoRoomError when a temporary file cannot be written.
        """
        try:
            if pages:
                yield self._folder_of_pages(known_as, pages)
                return
            if volumes:
                with joined(_each(volumes), self._limits) as whole:
                    content = hashed_in_place(whole)
                    budget = Budget(self._limits, content.size)
                    if content.head.startswith(RAR_MAGIC):
                        archive = FileIdentity(RAR, FileRole.ARCHIVE)
                        members = partial(unpack_volumes, volumes)
                        self._outlet.looking(known_as, content)
                        yield from self._archive(content, whole, archive, known_as, budget=budget, depth=1, members=members)
                    else:
                        yield from self._content(content, known_as, budget=budget, depth=1)
                return
            with content_of(path, follow=follow) as content:
                self._given = dict(_read_parts(parts, self._limits.file_bytes))
                folder = partial(_in_folder, beside or os.path.dirname(path), self._limits.file_bytes)
                for found in self._content(content, known_as, budget=Budget(self._limits, content.size), depth=1, beside=folder):
                    yield _without(found, missing) if missing and found.path == known_as else found
        except GongkaiError as error:
            yield refusal(known_as, error)
        except OSError as error:
            yield refusal(known_as, _of_system(error))
        except MemoryError:
            yield refusal(known_as, _out_of_memory())

    def _content(
        self,
        content: Content,
        path: str,
        *,
        budget: Budget,
        depth: int,
        beside: Read | None = None,
        about: tuple[str, ...] = (),
    ) -> Iterator[FoundDocument]:
        """``beside`` reads what lies in the folder of the content, for a web page that shows it; ``about`` as of Member."""
        self._outlet.looking(path, content)
        identity = identify(content.file or io.BytesIO(content.head))
        if content.file is None or (identity.role is not FileRole.ARCHIVE and content.size > self._limits.file_bytes):
            found = f"{content.size:,} bytes"
            yield _document(
                content, identity, path, GongkaiError("file.too_large", found, f"at most {self._limits.file_bytes:,}")
            )
        elif identity.role is FileRole.ARCHIVE:
            yield from self._archive(content, content.file, identity, path, budget=budget, depth=depth)
        elif (yield from self._parted(content, content.file, identity, path, budget=budget, depth=depth, about=about)):
            return
        else:
            if identity.media_type == HTML and beside is not None:
                content, identity, shown_documents = self._with_parts(content, content.file, identity, beside)
                for name in shown_documents:
                    yield from self._shown_document(name, path, beside, budget=budget, depth=depth)
            if content.size and content.file is not None:
                self._outlet.keep(content, content.file)
            if identity.code:
                yield _document(content, identity, path, GongkaiError(identity.code, identity.found, identity.expected))
            else:
                yield _document(content, identity, path)

    def _parted(
        self,
        content: Content,
        file: BinaryIO,
        identity: FileIdentity,
        path: str,
        *,
        budget: Budget,
        depth: int,
        about: tuple[str, ...],
    ) -> Generator[FoundDocument, None, bool]:
        """The documents that a document holds. Return whether it is no more than that."""
        if identity.media_type == PDF:
            return (yield from self._attached(content, file, path, budget=budget, depth=depth))
        if identity.media_type in (HTML, MHTML):
            yield from self._held(content, file, identity, path, budget=budget, depth=depth)
            return False
        return (yield from self._rows(content, file, identity, path, budget=budget, about=about))

    def _rows(
        self, content: Content, file: BinaryIO, identity: FileIdentity, path: str, *, budget: Budget, about: tuple[str, ...]
    ) -> Generator[FoundDocument, None, bool]:
        """The rows of a summary, each a document. Return whether that is all of the content."""
        if identity.role is not FileRole.DOCUMENT or not may_be_summary(identity.media_type, content.head):
            return False
        data = file.read()
        file.seek(0)
        found = part_summary(data, identity.media_type, re.split(r"[/\\!]", path_with(about, path)))
        if found is None:
            return False
        self.notices += [f"{path}{notice}" for notice in found.notices]
        try:
            budget.take(len(found.rows), sum(len(row.data) for row in found.rows))
        except GongkaiError as error:
            self._outlet.keep(content, file)
            yield _document(content, identity, path, error)
            return True
        for row in found.rows:
            place = f"{path}!{shown(row.sheet)}!{row.row}" if row.sheet else f"{path}!{row.row}"
            one = Content.of(row.data, content.dated_at)
            self._outlet.keep(one, io.BytesIO(row.data))
            yield _document(one, FileIdentity(row_file.MEDIA_TYPE), place)
        if not found.has_more:
            self.unpacked.append(content.sha256)
        return not found.has_more

    def _attached(
        self, content: Content, file: BinaryIO, path: str, *, budget: Budget, depth: int
    ) -> Generator[FoundDocument, None, bool]:
        """The documents and archives that are attached to a PDF. Return whether its own page is no more than their cover: not
        where one of them did not come in, since the extraction of the PDF names what it carries.
        """
        if depth > self._limits.archive_depth or not may_have_files(file):
            return False
        found = portfolio_of(file, self._limits)
        came_in, left_out = False, False
        for name, data in _named_apart(found.files):
            if data is None or identify(io.BytesIO(data)).role is FileRole.REFUSED:
                left_out = True
                continue
            try:
                budget.take(1, len(data))
            except GongkaiError as error:
                yield refusal(f"{path}!{shown(name)}", error)
                return False
            yield from self._inner(name, data, content, path, budget=budget, depth=depth)
            came_in = True
        is_cover = came_in and not left_out and found.is_cover
        if is_cover:
            self.unpacked.append(content.sha256)
        return is_cover

    def _inner(
        self, name: str, data: bytes, around: Content, path: str, *, budget: Budget, depth: int
    ) -> Iterator[FoundDocument]:
        """What comes of a file inside a document."""
        inner = f"{path}!{shown(name)}"
        if inner not in self._refused_members:
            yield from self._content(Content.of(data, around.dated_at), inner, budget=budget, depth=depth + 1)

    def _held(
        self, content: Content, file: BinaryIO, identity: FileIdentity, path: str, *, budget: Budget, depth: int
    ) -> Iterator[FoundDocument]:
        """The documents that a web page holds in itself."""
        data = file.read()
        file.seek(0)
        for name, inner in _named_apart(held_documents(data, identity.media_type)):
            try:
                if isinstance(inner, GongkaiError):
                    raise inner
                if depth > self._limits.archive_depth:
                    raise _too_deep(depth, self._limits)
                budget.take(1, len(inner))
            except GongkaiError as error:
                yield refusal(f"{path}!{shown(name)}", error)
                continue
            yield from self._inner(name, inner, content, path, budget=budget, depth=depth)

    def _with_parts(
        self, content: Content, file: BinaryIO, identity: FileIdentity, beside: Read
    ) -> tuple[Content, FileIdentity, tuple[str, ...]]:
        """A web page with the pictures and frames that lie in its folder, and the names of the documents that it shows."""
        page = file.read()
        file.seek(0)
        found = with_parts(page, _PAGE_NAME, beside, self._limits.file_bytes, self._given)
        if found.archive is None:
            return content, identity, found.documents
        return Content.of(found.archive, content.dated_at), FileIdentity(MHTML), found.documents

    def _shown_document(self, name: str, page: str, beside: Read, *, budget: Budget, depth: int) -> Iterator[FoundDocument]:
        """The document that a page shows in a frame: it would not come in otherwise."""
        data = beside(name)
        if data:
            yield from self._content(Content.of(data), f"{page}!{shown(name)}", budget=budget, depth=depth)

    def _folder_of_pages(self, known_as: str, paths: Sequence[str]) -> FoundDocument:
        """Raises GongkaiError and OSError of the first page that cannot be read: a report with a page less is another report."""
        images, size, dates = [], 0, []
        for path in paths:
            with content_of(path, follow=False) as content:
                size += content.size
                dates += [content.dated_at] if content.dated_at else []
                if content.file is not None and size <= self._limits.file_bytes:
                    images.append((path, content.file.read()))
        return self._pages(PageImageReport(known_as, images, size, max(dates, default=None)))

    def _pages(self, report: PageImageReport) -> FoundDocument:
        """The document of page images that are one report; of more than a document may have, without their content."""
        path, images, size, dated_at = report
        identity = FileIdentity(image_package.MEDIA_TYPE)
        if size > self._limits.file_bytes:
            error = GongkaiError("file.too_large", f"{size:,} bytes", f"at most {self._limits.file_bytes:,}")
            return _document(Content(stand_in(error.code, path), size, b"", None, dated_at), identity, path, error)
        packed = image_package.pack(images, page_numbers([PurePosixPath(name).name for name, _ in images]))
        content = Content.of(packed, dated_at)
        self._outlet.keep(content, io.BytesIO(packed))
        return _document(content, identity, path)

    def _archive(
        self,
        content: Content,
        file: BinaryIO,
        identity: FileIdentity,
        path: str,
        *,
        budget: Budget,
        depth: int,
        members: Callable[[Budget], Iterator[Member]] | None = None,
    ) -> Iterator[FoundDocument]:
        """The members of an archive, as ``members`` unpacks them (default: as its kind is unpacked), each with what is in it."""
        self.archives += 1
        unpacked = members or partial(unpack, file, identity.media_type, path)
        count = 0
        try:
            if depth > self._limits.archive_depth:
                raise _too_deep(depth, self._limits)
            names = [member.name for member in unpacked(copy(budget)) if member.refusal is None]
            left = parts_of_pages(names)
            parts = self._parts_of_pages(unpacked(copy(budget)), left) if left else {}
            reports = Reports(self._groups([name for name in names if name not in left], path), self._limits.file_bytes)
            for one in unpacked(budget):
                count += 1
                if one.refusal is not None:
                    yield replace(refusal(f"{path}!{shown(one.name)}", one.refusal), about=one.about)
                    continue
                if one.name in left:
                    continue
                member = one._replace(dated_at=one.dated_at or content.dated_at)
                if reports.path_of(member.name) is None:
                    beside = partial(_in_archive, parts, PurePosixPath(member.name).parent)
                    inner = f"{path}!{shown(member.name)}"
                    for found in self._member(member, inner, budget=budget, depth=depth, beside=beside):
                        yield replace(found, about=member.about) if member.about and not found.about else found
                else:
                    yield from self._page(reports, member)
            if not count:
                raise GongkaiError("file.empty", "an archive without files", "an archive with documents")
            self.unpacked.append(content.sha256)
        except GongkaiError as error:
            if content.size <= self._limits.file_bytes:
                self._outlet.keep(content, file)  # to be looked at, and read again when it can be
            yield _document(content, identity, path, error)

    def _parts_of_pages(self, members: Iterator[Member], wanted: Collection[str]) -> dict[str, bytes]:
        """What belongs to saved pages of an archive, as far as it may be held."""
        parts: dict[str, bytes] = {}
        left = self._limits.file_bytes
        for member in members:
            if member.name not in wanted or left <= 0:
                continue
            try:
                content = member.reader.read(left + 1)
            except BROKEN_MEMBER:
                continue  # the page lacks it, and its reader says so
            if len(content) <= left:
                parts[member.name] = content
                left -= len(content)
        return parts

    def _groups(self, names: Sequence[str], path: str) -> dict[str, list[str]]:
        """The paths in the archive, as they are shown, whose members are the pages of one report, with these members in order."""
        found = {}
        for folder, files in flat_folders(names).items():
            place = path if len(files) == len(names) else f"{path}!{shown(folder)}"
            if self._one_report(place, [PurePosixPath(file).name for file in files]):
                found[place] = files
        return found

    def _page(self, reports: Reports, page: Member) -> Iterator[FoundDocument]:
        """The report of which ``page`` is the last page that was missing. A page that is broken is a report that is broken."""
        path = reports.path_of(page.name) or ""
        try:
            report = reports.add(page.name, page.reader, page.dated_at)
        except BROKEN_MEMBER as error:
            reports.drop(path)
            yield refusal(path, _of_member(error))
            return
        if report is not None:
            yield self._pages(report)

    def _member(
        self, member: Member, path: str, *, budget: Budget, depth: int, beside: Read | None = None
    ) -> Iterator[FoundDocument]:
        if path in self._refused_members:
            return

        def limit(head: bytes) -> int:
            return self._limits.archive_bytes if looks_packed(head) else self._limits.file_bytes

        try:
            with content_from(member.reader, limit, member.dated_at) as content:
                yield from self._content(content, path, budget=budget, depth=depth + 1, beside=beside, about=member.about)
        except BROKEN_MEMBER as error:
            yield refusal(path, _of_member(error))
        except MemoryError:
            yield refusal(path, _out_of_memory())


def _without(found: FoundDocument, missing: Sequence[str]) -> FoundDocument:
    """What is said of a volume that is refused: which others are missing."""
    if found.rejection is None or found.rejection[0] not in ("file.corrupt", "file.unsupported"):
        return found
    error = GongkaiError("file.corrupt", "one of several volumes of an archive", f"with it in one folder: {named(missing)}")
    return replace(found, rejection=(error.code, _storable(str(error).removeprefix(f"{error.code}: "))))


def _named_apart(files: Iterable[tuple[str, _Inside]]) -> Iterator[tuple[str, _Inside]]:
    """The files inside a document by the last parts of their names; of those with one name the later ones have a number. What
    comes again, with the same name and content, is left out.
    """
    seen: set[tuple[str, bytes]] = set()
    names: set[str] = set()
    for given, content in files:
        name = PurePosixPath(given.replace("\\", "/")).name or given
        key = name, hashlib.sha256(content).digest() if isinstance(content, bytes) else b""
        if key in seen:
            continue
        seen.add(key)
        stem, suffix = os.path.splitext(name)
        called = next(
            each for number in itertools.count(1) if (each := f"{stem} ({number}){suffix}" if number > 1 else name) not in names
        )
        names.add(called)
        yield called, content


def _too_deep(depth: int, limits: Limits) -> GongkaiError:
    return GongkaiError("file.bomb", f"archives {depth} deep in each other", f"at most {limits.archive_depth}")


def _each(paths: Sequence[str]) -> Iterator[BinaryIO]:
    for path in paths:
        with opened(path, follow=False) as file:
            yield file


def _read_parts(parts: Mapping[str, str], most: int) -> Iterator[tuple[str, bytes]]:
    """The contents of pictures that were fetched with a page, as far as they may be held."""
    for address, path in parts.items():
        with opened(path, follow=False) as file:
            data = file.read(most + 1)
        if len(data) <= most:
            most -= len(data)
            yield address, data


def _in_archive(parts: Mapping[str, bytes], folder: PurePosixPath, name: str) -> bytes | None:
    return parts.get(str(folder / name))


def _in_folder(folder: str, most: int, name: str) -> bytes | None:
    """The content of an ordinary file in a folder; None where there is none of ``most`` bytes. Links are not followed."""
    path = os.path.join(folder, name)
    if os.path.realpath(path) != os.path.join(os.path.realpath(folder), os.path.normpath(name)):
        return None
    try:
        with opened(path, follow=False) as file:
            data = file.read(most + 1)
    except (OSError, GongkaiError):
        return None
    return data if len(data) <= most else None


_FULL = (errno.ENOSPC, errno.EDQUOT)


def _of_member(error: Exception) -> GongkaiError:
    """Return what an error in reading a member of an archive means. Raises as _of_system."""
    if isinstance(error, OSError) and error.errno:
        return _of_system(error)
    return GongkaiError("file.corrupt", f"a member that cannot be unpacked ({error})", "a whole archive")


def _of_system(error: OSError) -> GongkaiError:
    """Return what an error of the system means for a file. Raises NoRoomError when the disk that is written to is full."""
    if error.errno in _FULL:  # of the temporary file: what is read cannot be full
        raise NoRoomError(error.strerror or str(error)) from error
    code = "file.changed" if isinstance(error, FileNotFoundError) else "file.unreadable"
    return GongkaiError(code, error.strerror or str(error), "a file that can be read")


def _out_of_memory() -> GongkaiError:
    return GongkaiError("worker.out_of_memory", "a file that takes more memory than there is to read it", "an ordinary file")


class NoRoomError(Exception):
    """A temporary file cannot be written: a fault of the machine, carried past the handling of bad files."""
