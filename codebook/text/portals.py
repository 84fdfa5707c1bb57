"""How pages of portals are looked through: which links lead to reports, to further pages of a list, to files of a report."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache
from typing import NamedTuple

import msgspec

from codebook.data import read
from codebook.text.fold import fold

_SPACE = re.compile(r"\s")


class AddressKind(StrEnum):
    """What an address is taken for."""

    AUTO = "auto"
    """A column when it links to several reports and has no form's table, else a report."""
    COLUMN = "column"
    """A page that lists reports; it is no document itself."""
    REPORT = "report"
    """A page or file that is a report, with the files that it links to."""
    FILE = "file"
    """A file of a report: an attachment, or what the page shows in a frame."""


class CollectingFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The data file ``collecting.yaml``, where its fields are explained."""

    report: tuple[str, ...]
    not_report: tuple[str, ...]
    next: tuple[str, ...]
    paging: tuple[str, ...]
    challenge: tuple[str, ...]
    challenge_characters: int
    attachments: tuple[str, ...]
    sessions: tuple[str, ...]
    sessions_by_value: tuple[str, ...]
    form_words: tuple[str, ...]
    decorations: frozenset[str]
    columns: dict[str, tuple[str, ...]]
    kinds: dict[AddressKind, tuple[str, ...]]


class PortalWords(NamedTuple):
    """The words by which pages are looked through."""

    report: re.Pattern[str]
    not_report: tuple[str, ...]
    next: frozenset[str]
    paging: tuple[re.Pattern[str], ...]
    challenge: tuple[str, ...]
    challenge_characters: int
    attachments: tuple[str, ...]
    sessions: frozenset[str]
    sessions_by_value: frozenset[str]
    form_words: tuple[str, ...]
    decorations: frozenset[str]
    columns: dict[str, tuple[str, ...]]
    kinds: dict[str, AddressKind]


@cache
def portal_words() -> PortalWords:
    """Return the words of ``collecting.yaml``."""
    found = msgspec.yaml.decode(read("collecting.yaml"), type=CollectingFile)
    return PortalWords(
        report=re.compile("|".join(found.report)),
        not_report=found.not_report,
        next=frozenset(map(link_text, found.next)),
        paging=tuple(map(re.compile, found.paging)),
        challenge=found.challenge,
        challenge_characters=found.challenge_characters,
        attachments=found.attachments,
        sessions=frozenset(found.sessions),
        sessions_by_value=frozenset(found.sessions_by_value),
        form_words=found.form_words,
        decorations=found.decorations,
        columns=found.columns,
        kinds={word: kind for kind, words in found.kinds.items() for word in words},
    )


def link_text(text: str) -> str:
    """The text of a link as it is compared: folded, in lower case, without spaces.

    >>> link_text(" 下 一頁 ")
    '下一页'
    """
    return _SPACE.sub("", fold(text[:500]).text).lower()


def leads_to_report(text: str) -> bool:
    """Return whether a link with this text (as :func:`link_text` writes it) leads to a report.

    >>> leads_to_report("某局2023年政府信息公开工作年度报告"), leads_to_report("关于编制政府信息公开工作年度报告的通知")
    (True, False)
    """
    words = portal_words()
    return bool(words.report.search(text)) and not any(word in text for word in words.not_report)


STOPPING = ("fetch.refused", "fetch.challenge")
"""Codes after which no more is asked of a host until a person resumes it."""
