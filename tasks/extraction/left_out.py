"""What of a document was not read, as an error when nothing else is in it."""

from __future__ import annotations

from collections.abc import Sequence

from codebook.errors import GongkaiError
from codebook.records import LeftOut, LeftOutKind

_CODES = {
    LeftOutKind.OBJECT: "report.tables_are_objects",
    LeftOutKind.PART: "report.tables_are_objects",
    LeftOutKind.SCRIPT: "report.tables_are_objects",
    LeftOutKind.PICTURE: "report.tables_are_pictures",
    LeftOutKind.FILE: "report.in_another_file",
}
_NAMED = 5  # that an error names


def nothing_read(left_out: Sequence[LeftOut], found: str) -> GongkaiError:
    """The error of a document in which nothing could be read: where its content is, or ``file.empty`` where it has none."""
    kind = kind_elsewhere(left_out, is_short=True)
    return GongkaiError("file.empty", found, "text") if kind is None else tables_elsewhere(kind, left_out)


def kind_elsewhere(left_out: Sequence[LeftOut], is_short: bool) -> LeftOutKind | None:
    """What the tables of a document without any are most likely in, None where nothing of it was left out. A page that is short
    shows the file, its pictures adorn it.
    """
    kinds = {one.kind for one in left_out}
    order = [LeftOutKind.FILE, *_CODES] if is_short else list(_CODES)
    return next((kind for kind in order if kind in kinds), None)


def tables_elsewhere(kind: LeftOutKind, left_out: Sequence[LeftOut]) -> GongkaiError:
    """The error of a document whose tables are in what was left out of that kind; it names the first of these."""
    names = list(dict.fromkeys(one.name for one in left_out if one.kind is kind))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return GongkaiError(_CODES[kind], ", ".join(names[:_NAMED]) + more)
