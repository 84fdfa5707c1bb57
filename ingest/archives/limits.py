"""How large, how many and how deep what comes in may be. The settings fill these in; the defaults here are theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebook.records import Record

if TYPE_CHECKING:
    from runtime.settings import Settings

MIB = 1024 * 1024


class Limits(Record, frozen=True):
    """Limits of ingest, in bytes and counts.

    ``file_bytes`` is the size of one document. For an archive with everything that is nested in it: ``archive_members`` files,
    ``archive_bytes`` unpacked, ``archive_depth`` archives inside each other (1: none in it). ``archive_ratio`` is how many
    times larger than its packed form a member, and all of it together, may be where that is more than ``archive_free`` bytes;
    ordinary text packs 5 to 20 times, and blank pages and rows that repeat pack like bombs, 1000 times. ``seconds`` of processor
    time without progress, and ``memory_bytes`` of address space (0: no limit), are for the process that reads a file.
    """

    file_bytes: int = 200 * MIB
    archive_members: int = 100_000
    archive_bytes: int = 20 * 1024 * MIB
    archive_ratio: int = 200
    archive_free: int = 32 * MIB
    archive_depth: int = 4
    seconds: float = 60
    memory_bytes: int = 2048 * MIB

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """The limits that are set."""
        return cls(
            file_bytes=settings.max_file_bytes,
            archive_members=settings.max_archive_files,
            archive_bytes=settings.max_archive_bytes,
            archive_ratio=settings.max_archive_ratio,
            archive_depth=settings.max_archive_depth,
            seconds=settings.intake_seconds,
            memory_bytes=settings.intake_memory_bytes,
        )


DIRECTORY_BYTES_PER_MEMBER = 600  # a zip's list of members is read into memory: a limit on it before it is opened
LZMA_DICTIONARY = 64 * MIB  # bytes of memory that an LZMA member may ask for: the most that 7-Zip and xz do by themselves
