"""What the commands about filings and agencies share: their groups, and which agency, filing or document an argument means."""

from __future__ import annotations

from typing import Annotated, Any

import typer
import typer.core
from sqlalchemy import Connection, Engine

from codebook.errors import UsageError
from codebook.regions import load_regions
from console.cli.terminal.output import wrong
from database.filings import agencies, listing
from database.filings.listing import FilingFilter
from database.filings.register import Agency
from database.monitoring import queries
from database.session import reading
from ingest.names import shown

AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with who decided. An act needs it.")]
Region = Annotated[str | None, typer.Option(help="Only those of this region: its name, its code, or the beginning of the code.")]
Limit = Annotated[int, typer.Option(min=1, help="Maximum number of lines.")]


class ListingGroup(typer.core.TyperGroup):
    """A group of commands of which ``usual`` need not be named: ``gongkai agencies 民政`` is ``gongkai agencies list 民政``."""

    usual = "list"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Return the arguments, with the usual command before them unless they name a command or ask for help."""
        if not args or (args[0] not in self.commands and args[0] not in self.get_help_option_names(ctx)):
            args = [self.usual, *args]
        return list(super().parse_args(ctx, args))


def why(reason: str) -> str:
    """Return the reason of an act; ends with exit code 2 when there is none."""
    if not reason.strip():
        wrong("a decision needs a reason; expected --reason TEXT")
    return reason.strip()


def region_code(named: str | None) -> str | None:
    """Return the code, or beginning of codes, of a region as a person names it; ends with exit code 2 when there is none."""
    if named is None or (named.isascii() and named.isdecimal() and 2 <= len(named) <= 12):
        return named
    found = load_regions().read(named.replace("/", "")).found
    if len(found) != 1:
        wrong(f"region {named!r}: it fits {len(found)} regions; expected a code, the beginning of one, or names")
    return found[0].code


def one_agency(connection: Connection, text: str, *, exactly: bool = False) -> Agency:
    """Return the agency that ``text`` means: its number, a name, or (not ``exactly``) a part of a name.

    Raises UsageError with the agencies that match when it is not one.
    """
    found = agencies.find_agencies(connection, text, partly=not exactly)
    if not found:
        expected = "its number or one of its names" if exactly else "its number, or a name or a part of it"
        raise UsageError(f"no agency {text!r}; expected {expected} (`gongkai agencies` lists them)")
    if len(found) > 1:
        listed = ", ".join(f"{agency.id} {agency.name} ({agency.region_code or 'no region'})" for agency in found)
        raise UsageError(f"{text!r} fits several agencies: {listed}; give the number")
    return found[0]


def one_filing(connection: Connection, text: str, year: int | None) -> int:
    """Return the filing that an agency and a year mean, or the number of a filing alone. Raises UsageError when there is none, or
    the agency has several and no year is named.
    """
    if year is None and is_number(text):
        if not listing.lines_of(connection, [int(text)]):
            raise UsageError(f"there is no filing {text}; `gongkai filings` lists them; with an agency, a year is expected too")
        return int(text)
    agency = one_agency(connection, text)
    filed = listing.filing_lines(connection, FilingFilter(agency_id=agency.id), limit=100)
    matching = [line for line in filed if year in (None, line.year)]
    if len(matching) != 1:
        years = f"has filings on {', '.join(str(line.year) for line in filed)}" if filed else "has no filings"
        raise UsageError(f"agency {agency.id} ({agency.name}) {years}; expected {'one of them' if year else 'a year'}")
    return matching[0].id


def is_number(text: str) -> bool:
    """Return whether ``text`` can be the number of a row."""
    return text.isascii() and text.isdecimal() and len(text) < 19


def one_document(engine: Engine, key: str) -> int:
    """Return the document that ``key`` means. Raises UsageError when it is not one."""
    with reading(engine) as connection:
        ids = queries.find_documents(connection, shown(key))
    if len(ids) != 1:
        expected = "exactly one: its number, the beginning of its sha256, or its path"
        raise UsageError(f"{key!r} fits {len(ids)} documents; expected {expected}")
    return ids[0]
