"""From bytes to text, in any encoding that Chinese offices use.

Order of trial: byte order marks, UTF-8 (which random bytes do not satisfy), then GB18030, Big5 and UTF-16 without a mark, of
which the most plausible wins: a wrong decoding often succeeds, but makes rare characters. What a page declares only breaks a tie.
A general detector is the last resort and is held to the same measure. What cannot be decoded for sure is an error, never a guess.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

import charset_normalizer
import msgspec

from codebook import data as data_files
from codebook.errors import GongkaiError
from codebook.records import Record
from codebook.text.fold import is_han

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
# Big5 as browsers read it, with the additions of Hong Kong.
_CANDIDATES = (("gb18030", "gb18030"), ("big5", "big5hkscs"), ("utf-16-le", "utf-16-le"), ("utf-16-be", "utf-16-be"))
_ALIASES = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "cp936": "gb18030",
    "big5": "big5",
    "big5-hkscs": "big5",
    "cp950": "big5",
}
_PLAUSIBLE = 0.35  # right decodings reach 0.6 to 0.95, wrong ones of Chinese text stay below 0.2
_CLEARLY = 0.8  # the second best must stay below this share of the best
_SAMPLE = 20_000  # characters
_BROKEN = 0.002  # share of characters that may be undecodable (a cut sequence, a stray byte)
_LOST = 0.1  # share of replacement characters in the source itself beyond which it is not text any more
_BINARY = 0.02  # share of control characters beyond which bytes are no text
_FEW_NULS = 0.01
_ASCII = re.compile("[\0-\x7f]+")
_CONTROL = re.compile("[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_CONTROL_BYTES = bytes(set(range(32)) - set(b"\0\t\n\r\f\v\x1a\x1b")) + b"\x7f"


class CommonCharacters(Record, frozen=True):
    """The characters that make up most of any official text, in both scripts, and the marks that belong to any text."""

    simplified: str
    traditional: str
    marks: str


@cache
def _common() -> frozenset[str]:
    known = msgspec.yaml.decode(data_files.read("text/common_characters.yaml"), type=CommonCharacters)
    return frozenset(known.simplified + known.traditional + known.marks) - {" ", "\n"}


class _WithoutCommon(dict[int, int | None]):
    """The table by which a text is translated to the characters that are not common, filled as they come."""

    def __missing__(self, number: int) -> int | None:
        self[number] = None if chr(number) in _common() else number
        return self[number]


@cache
def _without_common() -> _WithoutCommon:
    return _WithoutCommon()


class Decoded(NamedTuple):
    """Text without its byte order mark, the name of its encoding, and what was noticed on the way."""

    text: str
    encoding: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Trial:
    name: str
    text: str
    broken: int

    @cached_property
    def score(self) -> float:
        """How plausible the text is; nobody asks for that of valid UTF-8."""
        return plausibility(self.text)


def decode(data: bytes, declared: str | None = None) -> Decoded:
    """Return the text of ``data`` (a whole file). ``declared`` is the charset that the file itself names, a hint only.

    Raises GongkaiError: ``file.empty``, ``file.corrupt`` (binary data), ``text.encoding`` (no encoding makes it plausible text).
    """
    if not data:
        raise GongkaiError("file.empty", "0 bytes")
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            trial = _try(data[len(mark) :], name, name)
            if trial is not None:
                return _finish(trial, ())
    data, notes = _without_nuls(data)
    trial = None if 0 in data else _try(data, "utf-8", "utf-8")
    if trial is not None and (trial.broken == 0 or trial.score >= _PLAUSIBLE):
        return _finish(trial, notes)
    return _finish(_most_plausible(data, _ALIASES.get((declared or "").lower())), notes)


def plausibility(text: str) -> float:
    """The share of common Chinese characters and marks among the characters outside ASCII, 0 to 1; 0 when there are none.

    Long texts are judged by samples from the beginning, the middle and the end.

    >>> plausibility("政府信息公开") > 0.9, plausibility("薢攪訧陓昵") < 0.5
    (True, True)
    """
    if len(text) > _SAMPLE:
        third, middle = _SAMPLE // 3, len(text) // 2
        text = text[:third] + text[middle : middle + third] + text[-third:]
    beyond = _ASCII.sub("", text)  # most of a page is markup
    return (len(beyond) - len(beyond.translate(_without_common()))) / len(beyond) if beyond else 0.0


def _try(data: bytes, name: str, codec: str) -> _Trial | None:
    """The decoding when at most a few characters fail, else None."""
    try:
        text, broken = data.decode(codec), 0
    except UnicodeDecodeError as first:
        if _hopeless(data, codec, first.start):
            return None
        text = data.decode(codec, errors="replace")
        broken = text.count("\ufffd")
        if broken > max(1, len(text) * _BROKEN):
            return None
    return _Trial(name, text, broken)


def _hopeless(data: bytes, codec: str, start: int) -> bool:
    """Return whether a piece after the first failure fails all over, so that the whole need not be decoded to know."""
    piece = data[start : start + 4096].decode(codec, errors="replace")
    return len(piece) > 20 and piece.count("\ufffd") > len(piece) * 0.1


def _without_nuls(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Bytes without stray NULs; UTF-16 without a mark, where half of the bytes of ASCII are NUL, is left as it is."""
    nuls = data.count(0)
    if not nuls or nuls > max(1, len(data) * _FEW_NULS) or _is_utf16(data, nuls):
        return data, ()
    return data.replace(b"\0", b""), (f"text.nul_bytes={nuls}",)


def _is_utf16(data: bytes, nuls: int) -> bool:
    """Return whether (nearly) all NULs stand at bytes of one parity and the bytes make plausible UTF-16."""
    even = data[::2].count(0)
    if min(even, nuls - even) * 20 > nuls or nuls < 2:
        return False
    trial = _try(data, "", "utf-16-be" if even * 2 > nuls else "utf-16-le")
    return trial is not None and trial.score >= _PLAUSIBLE


def _most_plausible(data: bytes, declared: str | None) -> _Trial:
    """Return the decoding with most common characters. Raises ``text.encoding`` or ``file.corrupt`` when none or two do."""
    trials = [trial for name, codec in _CANDIDATES if (trial := _try(data, name, codec)) is not None]
    trials.sort(key=lambda trial: trial.score, reverse=True)
    best = trials[0] if trials else None
    if best is not None and best.score >= _PLAUSIBLE:
        rivals = [trial for trial in trials[1:] if trial.score > best.score * _CLEARLY]
        if not rivals:
            return best
        for trial in (best, *rivals):
            if trial.name == declared:
                return trial
        names = ", ".join(f"{trial.name} {trial.score:.2f}" for trial in (best, *rivals))
        raise GongkaiError("text.encoding", f"equally plausible: {names}", "an encoding that gives common Chinese characters")
    if (last := _last_resort(data)) is not None:
        return last
    sample = data[:65536]
    controls = sum(byte < 9 or 13 < byte < 32 for byte in sample)
    if controls > len(sample) * _BINARY:
        raise GongkaiError("file.corrupt", f"binary data: {controls} control bytes in the first {len(sample)}", "text")
    found = f"{best.name} gives only {best.score:.0%} common characters" if best else "no encoding decodes the bytes"
    raise GongkaiError("text.encoding", found, "GB18030, Big5, UTF-8 or UTF-16")


def _last_resort(data: bytes) -> _Trial | None:
    """Return what the general detector says, when it passes the same measure."""
    match = charset_normalizer.from_bytes(data[:65536]).best()
    if match is None:
        return None
    trial = _try(data, match.encoding, match.encoding)
    return trial if trial is not None and trial.score >= _PLAUSIBLE else None


def _finish(trial: _Trial, notes: tuple[str, ...]) -> Decoded:
    """The text without NULs and marks. Raises ``file.corrupt`` or ``text.encoding`` for what decodes and yet is no text."""
    text = trial.text.removeprefix("\ufeff")
    if nuls := text.count("\0"):
        if nuls > max(1, len(text) * _FEW_NULS):
            raise GongkaiError("file.corrupt", f"{nuls} NUL characters in {len(text)}", "text")
        text = text.replace("\0", "")
        notes = (*notes, f"text.nul_bytes={nuls}")
    controls = len(_CONTROL.findall(text[:_SAMPLE]))
    if controls > max(2, len(text[:_SAMPLE]) * _BINARY):
        raise GongkaiError("file.corrupt", f"binary data: {controls} control characters", "text")
    if lost := text.count("\ufffd"):
        if lost > max(2, len(text) * _LOST):
            raise GongkaiError("text.encoding", f"{lost} of {len(text)} characters were lost before the file was saved", "text")
        notes = (*notes, f"text.undecodable={lost}")
    return Decoded(text, trial.name, notes)


# ---- samples ----------------------------------------------------------------------------------------------------------------

_PUNCTUATION = frozenset(chr(c) for c in (*range(0x3000, 0x3020), *range(0xFF00, 0xFF5F), *range(0x2010, 0x2027), 0xB7))


def decode_sample(head: bytes) -> str | None:
    """The beginning of a text in whatever encoding, good enough to look for tags in; None when the bytes are not text.

    Text in UTF-8, GB18030 or Big5 has no control bytes, whatever it says; random or compressed bytes have one in nine. A few
    stray ones, and NULs between the characters, do not make a text binary.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, "replace")
    wide = _wide(head)
    if wide is not None:
        return wide
    body = head.replace(b"\0", b"")
    if len(body) * 2 < len(head) or len(body) - len(body.translate(None, _CONTROL_BYTES)) > len(body) // 100:
        return None
    best: str | None = None
    for encoding in ("utf-8", "gb18030", "big5hkscs"):
        text = body.decode(encoding, "replace")
        bad = text.count("\ufffd")
        if bad <= 1:  # one for the character that the end of the sample cuts
            return text
        if best is None or bad < best.count("\ufffd"):
            best = text
    return best if best is not None and best.count("\ufffd") * 20 < len(best) else None


def _wide(head: bytes) -> str | None:
    """UTF-16 without a mark: it has NULs (of digits and line ends) on one side of its pairs, and reads as Chinese and ASCII."""
    if len(head) < 4 or b"\0" not in head:
        return None
    even = head[: len(head) // 2 * 2]
    for encoding in ("utf-16-le", "utf-16-be"):
        text = even.decode(encoding, "replace")
        usual = sum(c in "\t\r\n" or " " <= c <= "~" or is_han(c) or c in _PUNCTUATION for c in text)
        if usual * 10 >= len(text) * 9:
            return text
    return None
