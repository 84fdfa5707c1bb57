"""Filings: one report for each agency and year, with its editions and their documents."""

from __future__ import annotations

from typing import Annotated

import typer

from console import filing as acts
from console.cli import environment
from console.cli.filings.choice import AsJson, Limit, ListingGroup, Reason, Region, one_document, region_code, why
from console.cli.filings.showing import show_filing, show_one
from console.cli.terminal.filing_tables import filings_table
from console.cli.terminal.output import counted, say, show, show_json, wrong
from database.filings import listing
from database.filings.listing import FilingFilter
from database.session import reading, run_transaction

filings = typer.Typer(help=__doc__, cls=ListingGroup, rich_markup_mode=None)


@filings.command("list")
def listed(
    *,
    year: Annotated[int | None, typer.Option(help="Only those on this year.")] = None,
    region: Region = None,
    agency: Annotated[str | None, typer.Option(metavar="TEXT", help="Only those of agencies with this in a name.")] = None,
    editions: Annotated[bool, typer.Option("--editions", help="Only those with more than one edition.")] = False,
    chosen: Annotated[bool, typer.Option("--chosen", help="Only those whose edition a person put in force.")] = False,
    limit: Limit = 1000,
    as_json: AsJson = False,
) -> None:
    """The filings, the newest year first, each with its document in force. The word `list` can be left out."""
    wanted = FilingFilter(year, region_code(region), agency, editions=editions, chosen=chosen)
    with environment.database(environment.settings()) as engine, reading(engine) as connection:
        lines = listing.filing_lines(connection, wanted, limit=limit)
        count = len(lines) if len(lines) < limit else listing.count_filings(connection, wanted)
    if as_json:
        show_json(lines)
        return
    if lines:
        show(filings_table(lines))
    more = f", the first {limit:,} of them shown; see --limit" if count > len(lines) else ""
    say(f"{counted(count, 'filing')}{more}")


@filings.command("show")
def shown_filing(
    agency: Annotated[str, typer.Argument(metavar="AGENCY", help="The agency's name or number; or, alone, a filing's number.")],
    year: Annotated[int | None, typer.Argument(metavar="YEAR", help="The year of the report.")] = None,
    as_json: AsJson = False,
) -> None:
    """One filing with its history: editions, documents, what each edition changed, and the cells side by side."""
    show_filing(agency, year, as_json=as_json)


@filings.command("choose")
def choose(
    number: Annotated[int, typer.Argument(metavar="FILING", help="The filing's number (see `gongkai filings`).")],
    document: Annotated[
        str | None, typer.Argument(metavar="DOCUMENT", help="A document of the edition that is to be in force.")
    ] = None,
    *,
    by_evidence: Annotated[
        bool, typer.Option("--by-evidence", help="Leave it to the evidence again which edition is in force.")
    ] = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Put the edition of a document in force, whatever the evidence says. It holds when documents are processed again."""
    with environment.database(environment.settings()) as engine:
        if (document is None) != by_evidence:
            wrong("expected a DOCUMENT of the filing, or --by-evidence")
        chosen = None if document is None else one_document(engine, document)
        because, who = why(reason), environment.who()
        run_transaction(engine, lambda c: acts.choose(c, number, chosen, who=who, reason=because))
        with reading(engine) as connection:
            show_one(connection, number, as_json=as_json)
