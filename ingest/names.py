"""Names of files: as text that can be stored, in an order that a person would expect, and those that are passed over.

Names on Linux are bytes. A path is shown as text that can always be stored and turned back (:func:`shown`, :func:`unshown`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from fnmatch import fnmatchcase, translate
from pathlib import PurePosixPath

from codebook.image_package import SUFFIXES

_DIGITS = re.compile(r"(\d++)")
_ESCAPED = re.compile(r"\\(\\|x[0-9a-f]{2})")
# What systems and programs leave beside documents: indexes, thumbnails, lock files of Office, half-finished downloads.
_JUNK = (
    ".*", "~$*", "*.tmp", "*.part", "*.partial", "*.filepart", "*.crdownload", "*.download", "*.lock", "*.lck", "*~",
    "thumbs.db", "desktop.ini", "__macosx",
)  # fmt: skip
_DOCUMENTS = (
    ".txt", ".htm", ".html", ".mht", ".mhtml", ".doc", ".docx", ".wps", ".rtf", ".odt", ".xls", ".xlsx", ".xlsb", ".et", ".ods",
    ".csv", ".pdf", ".ofd", ".zip", ".rar", ".7z", ".eml", ".msg",
)  # fmt: skip
_ANY_JUNK = re.compile("|".join(map(translate, _JUNK)))


def shown(path: str) -> str:
    r"""A path as storable text: bytes that are not UTF-8 become ``\xNN``, a backslash is doubled. Other names stay as they are.

    >>> shown("2024/\udcb1.txt")
    '2024/\\xb1.txt'
    """
    return "".join(f"\\x{ord(c) - 0xDC00:02x}" if "\udc80" <= c <= "\udcff" else "\\\\" if c == "\\" else c for c in path)


def unshown(text: str) -> str:
    """The path of which ``text`` is :func:`shown`."""
    return _ESCAPED.sub(lambda m: "\\" if m[1] == "\\" else chr(0xDC00 + int(m[1][1:], 16)), text)


def is_junk(path: str, more: Sequence[str] = ()) -> bool:
    """Return whether a name, or a folder on the way to it, is hidden, temporary, or left by a system, or fits a pattern of
    ``more`` (in lower case).
    """
    parts = [part.lower() for part in PurePosixPath(path).parts if part not in (".", "..", "/")]
    return any(_ANY_JUNK.match(part) or any(fnmatchcase(part, pattern) for pattern in more) for part in parts)


def natural(name: str) -> tuple[object, ...]:
    """A sort key by which report2 stands before report10.

    >>> sorted(["b10", "b2", "a"], key=natural)
    ['a', 'b2', 'b10']
    """
    return tuple(number_key(part) if at % 2 else part for at, part in enumerate(_DIGITS.split(name)))


def number_key(digits: str) -> tuple[int, str, str]:
    """A sort key of a number in digits of any script that is as good as its value, however many digits there are: Python
    refuses to convert more than 4,300 of them.

    >>> sorted(["10", "9", "09", "0"], key=number_key)
    ['0', '09', '9', '10']
    """
    plain = "".join(str(unicodedata.decimal(digit)) for digit in digits).lstrip("0")
    return len(plain), plain, digits


def is_picture(name: str) -> bool:
    """Return whether a file is a picture by its name."""
    return name.lower().endswith(SUFFIXES)


def is_named_like_a_document(name: str) -> bool:
    """Return whether something is called what a document, a picture or an archive would be called."""
    return name.lower().endswith((*_DOCUMENTS, *SUFFIXES))
