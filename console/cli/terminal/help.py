"""Help texts and errors of usage in the language of the environment. The library of the command line says them in English."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import Any

import typer
import typer.core
from rich.cells import cell_len

from console.cli.terminal.output import Exit
from runtime.language import CHINESE, in_chinese, language, said

_HELP = re.compile(r"(?P<text>.*?)(?:  \[(?P<notes>[^\[\]]*)\])?", re.DOTALL)
_SENTENCE = "\u3002"
_FIRST_COLUMN = 30  # cells of a terminal
_Formatter: Any = typer.core.TyperCommand.context_class.formatter_class
_ClickError: Any = typer.BadParameter.__mro__[2]


class ChineseFormatter(_Formatter):  # type: ignore[misc]
    """A writer of help texts that says them in Chinese, and breaks lines by the width of characters."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write how the command is given."""
        super().write_usage(prog, args, prefix if prefix is not None else in_chinese("Usage: {}").format(""))

    def write_heading(self, heading: str) -> None:
        """Write the heading of a list."""
        super().write_heading(in_chinese(heading))

    def write_text(self, text: str) -> None:
        """Write paragraphs."""
        paragraphs = (in_chinese(" ".join(paragraph.split())) for paragraph in text.split("\n\n"))
        width = max(self.width - self.current_indent, 11)
        lines = ("\n".join(" " * self.current_indent + line for line in broken(each, width)) for each in paragraphs)
        self.write("\n\n".join(lines) + "\n")

    def write_dl(self, rows: Sequence[tuple[str, str]], *_: int) -> None:
        """Write names and what they mean, side by side."""
        listed = [(name, _explained(text)) for name, text in rows]
        indent = self.current_indent
        first = min(max((cell_len(name) for name, _ in listed), default=0), _FIRST_COLUMN) + 2
        for name, text in listed:
            margin = "\n" + " " * (first + indent)
            gap = margin if cell_len(name) > first - 2 else " " * (first - cell_len(name))
            lines = margin.join(broken(text, max(self.width - first - indent, 20)))
            self.write(f"{' ' * indent}{name}{gap}{lines}\n")


def _explained(text: str) -> str:
    match = _HELP.fullmatch(text)
    if match is None or match["notes"] is None:
        return in_chinese(" ".join(text.split()))
    notes = ", ".join(in_chinese(note) for note in match["notes"].split("; "))
    return f"{in_chinese(' '.join(match['text'].split()))} [{notes}]"


def broken(text: str, width: int) -> Iterator[str]:
    """Return a text in lines of at most ``width`` cells. A line ends at a blank or after a Chinese character.

    >>> list(broken("one two three", 8))
    ['one two', 'three']
    """
    line = ""
    for piece in re.findall(r"[\x21-\x7e]+\s*|\s+|.", text):
        if line and cell_len(line + piece.rstrip()) > width:
            yield line.rstrip()
            line = ""
        line += piece
    if line:
        yield line.rstrip()


def first_sentence(text: str) -> str:
    """Return the first sentence of a help text in the language of the environment, without its full stop."""
    paragraph = " ".join(text.split("\n\n", maxsplit=1)[0].split())
    return said(paragraph).split(_SENTENCE, maxsplit=1)[0].split(". ", maxsplit=1)[0].rstrip(".")


def translated(command: Any) -> Any:
    """Return a command whose help is in the language of the environment; its own commands too."""
    if language() != CHINESE:
        return command
    context = type("ChineseContext", (command.context_class,), {"formatter_class": ChineseFormatter})
    command.context_class = context
    for each in getattr(command, "commands", {}).values():
        each.short_help = first_sentence(each.help or "")
        translated(each)
    return command


class ChineseErrors:
    """A context manager in which errors of usage are said in Chinese; they end the program with their exit code."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, _ClickError):
            written = StringIO()
            error.show(file=written)
            for line in written.getvalue().splitlines():
                sys.stderr.write(f"{in_chinese(line)}\n")
            raise SystemExit(error.exit_code) from None
        if isinstance(error, typer.Abort):
            sys.stderr.write(f"{in_chinese('Aborted.')}\n")
            raise SystemExit(Exit.FAULT) from None
