"""Records as compressed JSON, the way results of stages are kept in the database."""

from __future__ import annotations

import zlib
from typing import TypeVar

from codebook.records import Record, decode, encode

R = TypeVar("R", bound=Record)

# Level 1: a third larger than level 6 and several times as fast, which counts where each stage of each document is kept.
_LEVEL = 1


def pack(record: Record) -> bytes:
    """The record as zlib-compressed UTF-8 JSON."""
    return zlib.compress(encode(record), _LEVEL)


def unpack(blob: bytes, kind: type[R]) -> R:
    """The record of type ``kind`` from :func:`pack`. Raises zlib.error or msgspec.ValidationError for anything else."""
    return decode(zlib.decompress(blob), kind)
