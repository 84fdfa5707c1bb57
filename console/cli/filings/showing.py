"""Showing one filing: what `gongkai show AGENCY YEAR` and the commands about filings print."""

from __future__ import annotations

from sqlalchemy import Connection

from console.cli import environment
from console.cli.filings.choice import one_filing
from console.cli.terminal.filing_tables import filing_parts
from console.cli.terminal.output import show, show_json, wrong
from database.filings import listing
from database.session import reading


def show_filing(agency: str, year: int | None, *, as_json: bool) -> None:
    """Show the filing of an agency on a year, or (no year) that of a number. Ends with exit code 2 when there is none."""
    with environment.database(environment.settings()) as engine, reading(engine) as connection:
        show_one(connection, one_filing(connection, agency, year), as_json=as_json)


def show_one(connection: Connection, number: int, *, as_json: bool) -> None:
    """Show a filing. Ends with exit code 2 when there is none of this number."""
    item = listing.filing_item(connection, number)
    if item is None:
        wrong(f"there is no filing {number}; `gongkai filings` lists them")
    if as_json:
        show_json(item)
    else:
        show(*filing_parts(item))
