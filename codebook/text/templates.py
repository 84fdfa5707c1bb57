"""Templates of sentences, in a notation that an expert of the domain reads, made into regular expressions.

=================  =====================================================================================
``公开``           these characters
``[主动]``         may be left out; ``[主动|直接]`` one of them, or none
``(公开|发布)``    one of them
``(公开|发布)*``   any number of them, in any order, or none; ``(…)+`` at least one; ``(…)*12`` at most 12
``<is>``           the words or the template that the macro ``is`` stands for
``{n}``            the number, with its unit: the same as ``<n>``
``…14``            up to 14 other characters of the same clause, as few as possible: no comma, no digit
``……30``           the same over commas, in the same sentence; ``…#10`` digits too, in the same clause
``\\(``             the character itself, where it has a meaning above
=================  =====================================================================================

White space in a template means nothing. A :class:`Wording` adds what must or must not stand around the template.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from re import _parser  # type: ignore[attr-defined]

from codebook.records import Record
from codebook.text.fold import is_han

_GAPS = {"…": r"[^。;,\n\d]", "……": r"[^。;\n\d]", "…#": r"[^,。;\n]"}
_GAP = re.compile(r"(……|…#|…)(\d+)")
_MACRO = re.compile(r"<([a-z][a-z_0-9]*)>|\{(n)\}")
_AGAIN = re.compile(r"\*(\d+)|[*+]")
_CLOSES = {"(": ")", "[": "]"}
_IN_REGEX = re.compile(r"\{([a-z][a-z_0-9]*)\}")


class TemplateError(ValueError):
    """A template, or a macro, that cannot be read; the message says what was found and what was expected."""


class Wording(Record, frozen=True):
    """Templates with what must stand (``after``, ``before``) or must not stand (``not_after``, ``not_before``) around them.

    ``ends_in`` and ``not_ends_in`` are the last characters of the hit itself. What no template can say is a regular expression,
    ``regex``, with macros in braces.
    """

    says: tuple[str, ...] = ()
    regex: str | None = None
    after: tuple[str, ...] = ()
    not_after: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    not_before: tuple[str, ...] = ()
    ends_in: tuple[str, ...] = ()
    not_ends_in: tuple[str, ...] = ()

    @property
    def templates(self) -> tuple[str, ...]:
        """All templates of the wording."""
        return (*self.says, *self.after, *self.not_after, *self.before, *self.not_before, *self.ends_in, *self.not_ends_in)


Wordings = tuple[str | Wording, ...]


class _Reader:
    """Reads one template from left to right. ``cues`` are the Chinese words that every hit holds."""

    def __init__(self, template: str, macros: Mapping[str, str]) -> None:
        self.text = re.sub(r"\s+", "", template)
        self.macros = macros
        self.at = 0
        self.depth = 0
        self.cues = ""
        self.barred = False

    def wrong(self, found: str, expected: str) -> TemplateError:
        return TemplateError(f"template {self.text!r}, character {self.at + 1}: found {found}, expected {expected}")

    def choices(self, closing: str = "") -> str:
        """Read up to ``closing``: alternatives with a bar between them."""
        made = ""
        self.depth += 1
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == closing:
                break
            if char == "|":
                self.at += 1
                self.barred |= self.depth == 1
                made += "|"
            elif char in ")]}":
                raise self.wrong(f"{char!r}", f"{closing!r}" if closing else "no closing bracket, since none is open")
            else:
                made += self.piece(char)
        self.depth -= 1
        if closing and self.text[self.at : self.at + 1] != closing:
            raise self.wrong("the end", f"{closing!r}")
        self.at += len(closing)
        return made

    def piece(self, char: str) -> str:
        literal = char if char not in "([<{…*+\\" else ""
        if char == "\\":
            literal = self.text[self.at + 1 : self.at + 2]
            self.at += 1
        if literal:
            self.at += 1
            self.cues += literal if self.depth == 1 and is_han(literal) else "\0" * (self.depth == 1)
            return re.escape(literal)
        self.cues += "\0" * (self.depth == 1)
        if char in _CLOSES:
            self.at += 1
            inner = self.choices(_CLOSES[char])
            return f"(?:{inner})?" if char == "[" else f"(?:{inner}){self.again()}"
        if match := _MACRO.match(self.text, self.at):
            name = match[1] or match[2]
            if name not in self.macros:
                raise self.wrong(match[0], f"one of the macros {', '.join(sorted(self.macros))}")
            self.at = match.end()
            return f"(?:{self.macros[name]})"
        if match := _GAP.match(self.text, self.at):
            self.at = match.end()
            return f"{_GAPS[match[1]]}{{0,{match[2]}}}?"
        raise self.wrong(f"{char!r}", "a macro such as <is>, {n}, a gap such as …14, or \\ before a character that is meant")

    def again(self) -> str:
        match = _AGAIN.match(self.text, self.at)
        if not match:
            return ""
        self.at = match.end()
        return f"{{0,{match[1]}}}" if match[1] else match[0]


def template_regex(template: str, macros: Mapping[str, str]) -> str:
    """Return the regular expression of ``template``; ``macros`` are regular expressions. Raise TemplateError.

    >>> template_regex("重点领域[主动]公开(信息|事项)", {})
    '重点领域(?:主动)?公开(?:信息|事项)'
    """
    return _Reader(template, macros).choices()


def cues(template: str) -> tuple[str, ...]:
    """Return the Chinese words that every text of ``template`` holds: those outside of brackets; none where a bar is outside.

    >>> cues("重点领域[主动]公开<is>{n}")
    ('重点领域', '公开')
    """
    reader = _Reader(template, dict.fromkeys(macros_of(template), ""))
    reader.choices()
    return () if reader.barred else tuple(word for word in reader.cues.split("\0") if word)


def macros_of(template: str) -> set[str]:
    """Return the names of the macros that ``template`` uses."""
    return {name or n for name, n in _MACRO.findall(template)}


def wording_regex(wording: str | Wording, macros: Mapping[str, str]) -> str:
    """Return the regular expression of a template or a wording. Raise TemplateError, also for one with neither says nor regex."""
    if isinstance(wording, str):
        return template_regex(wording, macros)
    if bool(wording.says) == (wording.regex is not None):
        raise TemplateError(f"a wording {wording.templates}: found says and regex, or neither; expected one of them")
    if wording.regex is not None:
        body = regex_with(wording.regex, macros)
    else:
        body = "|".join(template_regex(template, macros) for template in wording.says)
    made = {
        name: [template_regex(template, macros) for template in getattr(wording, name)]
        for name in ("after", "not_after", "before", "not_before", "ends_in", "not_ends_in")
    }
    return "".join(
        [
            _behind(made["after"]),
            *(f"(?<!{words})" for words in made["not_after"]),
            f"(?:{body})",
            _behind(made["ends_in"]),
            *(f"(?<!{words})" for words in made["not_ends_in"]),
            f"(?={'|'.join(made['before'])})" if made["before"] else "",
            f"(?!{'|'.join(made['not_before'])})" if made["not_before"] else "",
        ]
    )


def _behind(words: list[str]) -> str:
    """A lookbehind for any of ``words``. Python wants one length in each, so words of one length share one."""
    by_length: dict[int, list[str]] = {}
    for word in words:
        by_length.setdefault(_parser.parse(word).getwidth()[0], []).append(word)
    parts = [f"(?<={'|'.join(group)})" for group in by_length.values()]
    return "|".join(parts) if len(parts) < 2 else f"(?:{'|'.join(parts)})"


def words_regex(words: Iterable[str | Wording], macros: Mapping[str, str]) -> str:
    """Return a regular expression for any of ``words``. Raise TemplateError."""
    return "|".join(wording_regex(word, macros) for word in words)


def regex_with(regex: str, macros: Mapping[str, str]) -> str:
    """Return ``regex`` without white space and with its macros, in braces, filled in. Raise TemplateError for an unknown one."""

    def fill(match: re.Match[str]) -> str:
        if match[1] not in macros:
            raise TemplateError(f"regex {regex!r}: found {match[0]}, expected one of the macros {', '.join(sorted(macros))}")
        return f"(?:{macros[match[1]]})"

    return _IN_REGEX.sub(fill, re.sub(r"\s+", "", regex))


def macros_in(word: str | Wording) -> set[str]:
    """Return the names of the macros that a template or a wording uses."""
    if isinstance(word, str):
        return macros_of(word)
    used = {name for template in word.templates for name in macros_of(template)}
    return used | set(_IN_REGEX.findall(word.regex or ""))


def expand(macros: Mapping[str, Wordings]) -> dict[str, str]:
    """Return the regular expression of each macro. A macro may use those above it.

    Raise TemplateError for a macro that is unknown, or used before it is defined.
    """
    made: dict[str, str] = {}
    for name, words in macros.items():
        made[name] = words_regex(words, made)
    return made
