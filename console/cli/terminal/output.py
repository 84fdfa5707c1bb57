"""What goes to people and programs: tables and JSON on standard output, errors in one line on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from enum import IntEnum
from typing import Any, NoReturn

import msgspec
import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from codebook.errors import CODES, GongkaiError
from runtime.language import error_words, language, said

_PIPE_WIDTH = 220  # columns when nobody looks at it: nothing is cut off


class Exit(IntEnum):
    """Exit codes. ``FAULT``: the machine (database, broker, store) stood in the way; the command can be given again."""

    GOOD = 0
    FAULT = 1
    USAGE = 2
    ATTENTION = 3  # some documents need review, failed or were rejected


def console(*, stderr: bool = False) -> Console:
    """The console of this moment (tests replace the streams). Plain and wide when it is no terminal; NO_COLOR is respected."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=not stream.isatty())


def say(text: str) -> None:
    """A line for people, on standard error, in their language."""
    console(stderr=True).print(said(text))


def show(*parts: Any) -> None:
    """Tables and lines on standard output, in the language of the environment."""
    screen = console()
    for part in parts:
        screen.print(said(part) if isinstance(part, str) and not isinstance(part, Plain) else part)


def show_json(value: Any) -> None:
    """``value`` (records, mappings, sequences) as JSON on standard output, and nothing else."""
    encoded = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.write(encoded.decode() + "\n")
    sys.stdout.flush()


class Plain(str):
    """A text of a document, which is not translated."""

    __slots__ = ()


class WordTable(Table):
    """A table whose words are in the language of the environment; what went through :func:`plain` stays as it is."""

    def add_row(self, *cells: Any, **options: Any) -> None:
        """Add a row, its words translated."""
        shown = (said(cell) if isinstance(cell, str) and not isinstance(cell, Plain) else cell for cell in cells)
        super().add_row(*shown, **options)


def table(*columns: str, title: str | None = None, right: Iterable[str] = ()) -> Table:
    """A table with these columns; those in ``right`` hold numbers. Without lines when it is not for a terminal."""
    lines = box.SIMPLE_HEAD if sys.stdout.isatty() else None
    made = WordTable(
        title=said(title) if title else None, title_justify="left", box=lines, pad_edge=False, show_header=any(columns)
    )
    numbers = set(right)
    for column in columns:
        made.add_column(said(column), justify="right" if column in numbers else "left", overflow="fold")
    return made


def plain(text: object) -> Plain:
    """A text of a document for a table: no markup, no control characters, not translated."""
    kept = "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))
    return Plain(escape(kept))


def words(text: object) -> Plain:
    """What the program says of a document, such as the details of an error, for a table: translated, then as :func:`plain`."""
    return plain(said(str(text)))


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun, in the plural (by default with an s) unless it is one.

    >>> counted(1, "report"), counted(1200, "report"), counted(2, "agency", "agencies")
    ('1 report', '1,200 reports', '2 agencies')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def meaning(code: str) -> str:
    """Return what a code of the closed list means; nothing for an unknown one."""
    return error_words(language())[code].meaning if code in CODES else ""


def next_step(code: str) -> str:
    """Return what to do about a code of the closed list; nothing for an unknown one."""
    return error_words(language())[code].next_step if code in CODES else ""


def error_line(error: GongkaiError) -> str:
    """Code, what it means, what was found and expected, and the next step."""
    found = str(error).removeprefix(f"{error.code}: ")
    return f"{error.code} ({meaning(error.code)}): {said(found)}. {next_step(error.code)}"


def wrong(message: str) -> NoReturn:
    """End with exit code 2 and one line that says what is wrong with the request."""
    console(stderr=True).print(f"[bold red]{said('error')}[/]: {words(message)}")
    raise typer.Exit(Exit.USAGE)


def fault(error: GongkaiError) -> NoReturn:
    """End with exit code 1 and one line: the machine stood in the way."""
    console(stderr=True).print(f"[bold red]{said('error')}[/]: {plain(error_line(error))}")
    raise typer.Exit(Exit.FAULT)
