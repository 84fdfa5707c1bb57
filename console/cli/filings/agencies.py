"""The register of agencies: their names, the questions whether two are one, and what people decide about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer
from sqlalchemy import Connection

from codebook.agency_kinds import kind_names
from codebook.records import Record
from console import filing as acts
from console.cli import environment
from console.cli.filings.choice import AsJson, Limit, ListingGroup, Reason, Region, is_number, one_agency, region_code, why
from console.cli.terminal.filing_tables import agencies_table, agency_parts, cases_table, decisions_table
from console.cli.terminal.output import counted, say, show, show_json, wrong
from database.filings import agencies as register
from database.filings import decisions as deciding
from database.filings.agencies import AgencyFilter, DecisionItem
from database.session import reading, run_transaction

agencies = typer.Typer(help=__doc__, cls=ListingGroup, rich_markup_mode=None)

One = Annotated[str, typer.Argument(metavar="AGENCY", help="The agency's number, or one of its names in full.")]
Other = Annotated[str, typer.Argument(metavar="OTHER", help="The other agency's number, or one of its names in full.")]


class DecidedItem(Record, frozen=True):
    """A decision as JSON, with the number of documents that it put into another filing."""

    decision: DecisionItem
    filed_again: int


@agencies.command("list")
def listed(
    text: Annotated[str | None, typer.Argument(metavar="TEXT", help="Only those with this in a name.")] = None,
    *,
    region: Region = None,
    kind: Annotated[str | None, typer.Option(help="Only those of this kind: government, department, town, zone, …")] = None,
    limit: Limit = 1000,
    as_json: AsJson = False,
) -> None:
    """The agencies of the register. The word `list` can be left out."""
    if kind not in (None, *kind_names()):
        wrong(f"kind {kind!r}: not one of {', '.join(kind_names())}")
    wanted = AgencyFilter(text, region_code(region), kind)
    with environment.database(environment.settings()) as engine, reading(engine) as connection:
        lines = register.agency_lines(connection, wanted, limit=limit)
        count = register.count_agencies(connection, wanted)
        asked = register.count_cases(connection)
    if as_json:
        show_json(lines)
        return
    if lines:
        show(agencies_table(lines))
    more = f", the first {limit:,} of them shown; see --limit" if count > len(lines) else ""
    open_ = f"; {counted(asked, 'question')} open: see `gongkai agencies cases`" if asked else ""
    say(f"{counted(count, 'agency', 'agencies')}{more}{open_}")


@agencies.command("show")
def shown(
    agency: Annotated[str, typer.Argument(metavar="AGENCY", help="The agency's number, a name or a part of one.")],
    as_json: AsJson = False,
) -> None:
    """One agency: its names and where each comes from, keys, agencies before and after it, filings, decisions, questions."""
    with environment.database(environment.settings()) as engine, reading(engine) as connection:
        item = register.agency_item(connection, int(agency)) if is_number(agency) else None
        item = item or register.agency_item(connection, one_agency(connection, agency).id)
    assert item is not None
    if as_json:
        show_json(item)
    else:
        show(*agency_parts(item))


@agencies.command("cases")
def cases(*, region: Region = None, limit: Limit = 1000, as_json: AsJson = False) -> None:
    """The open questions: one agency or two? With the evidence of both, to be answered with join, apart or succession."""
    with environment.database(environment.settings()) as engine, reading(engine) as connection:
        found = register.open_cases(connection, region=region_code(region), limit=limit)
    if as_json:
        show_json(found)
        return
    if found:
        show(cases_table(found))
    say(f"{counted(len(found), 'question')}{'; see --limit' if len(found) == limit else ''}")


@agencies.command("join")
def join(keep: One, other: Other, *, reason: Reason = "", as_json: AsJson = False) -> None:
    """Make two agencies one: all names of OTHER mean AGENCY from now on, also in documents that come later."""

    def act(connection: Connection, who: str, because: str) -> tuple[int, int]:
        one, two = _number(connection, keep), _number(connection, other)
        return one, acts.join(connection, one, two, who=who, reason=because)

    _act(act, reason, as_json=as_json)


@agencies.command("part")
def part(
    agency: One,
    *,
    name: Annotated[list[str], typer.Option(help="A name or key that is to be the other agency's; can be repeated.")],
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Make an agency of its own of some names of an agency."""

    def act(connection: Connection, who: str, because: str) -> tuple[int, int]:
        one = _number(connection, agency)
        return one, acts.part(connection, one, _keys(connection, one, name), who=who, reason=because)[1]

    _act(act, reason, as_json=as_json)


@agencies.command("rename")
def rename(
    agency: One,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The canonical name that it is to have.")],
    *,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Give an agency another canonical name, which means this agency from now on."""

    def act(connection: Connection, who: str, because: str) -> tuple[int, int]:
        one = _number(connection, agency)
        if not name.strip():
            wrong("expected a NAME that is not empty")
        deciding.rename(connection, one, name.strip(), who=who, reason=because)
        return one, 0

    _act(act, reason, as_json=as_json)


@agencies.command("apart")
def apart(one: One, other: Other, *, reason: Reason = "", as_json: AsJson = False) -> None:
    """Decide that two agencies are two: they are not asked about again."""

    def act(connection: Connection, who: str, because: str) -> tuple[int, int]:
        first, second = _number(connection, one), _number(connection, other)
        if first == second:
            wrong(f"agency {first} cannot be kept apart from itself; name two agencies")
        deciding.keep_apart(connection, first, second, who=who, reason=because)
        return first, 0

    _act(act, reason, as_json=as_json)


@agencies.command("succession")
def succession(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The agency that was: its number or one of its names.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The agency that took over: its number or one of its names.")],
    *,
    year: Annotated[int | None, typer.Option(help="The year in which it took over.")] = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Note that one agency took over from another when the government was reorganised. They stay two agencies."""

    def act(connection: Connection, who: str, because: str) -> tuple[int, int]:
        before, after = _number(connection, old), _number(connection, new)
        if before == after:
            wrong(f"agency {before} cannot take over from itself; name two agencies")
        deciding.succeed(connection, before, after, year=year, who=who, reason=because)
        return before, 0

    _act(act, reason, as_json=as_json)


@agencies.command("superior")
def superior(
    agency: One,
    above: Annotated[str, typer.Argument(metavar="ABOVE", help="The agency above it: its number or one of its names.")],
    *,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Decide which agency is above an agency, where that does not follow from its region."""

    def act(connection: Connection, who: str, because: str) -> tuple[int, int]:
        one, superior_id = _number(connection, agency), _number(connection, above)
        deciding.put_under(connection, one, superior_id, who=who, reason=because)
        return one, 0

    _act(act, reason, as_json=as_json)


@agencies.command("decisions")
def decisions(
    *,
    every: Annotated[bool, typer.Option("--all", help="Also those that were undone.")] = False,
    limit: Limit = 1000,
    as_json: AsJson = False,
) -> None:
    """What people decided about agencies, the newest first."""
    with environment.database(environment.settings()) as engine, reading(engine) as connection:
        found = register.decisions(connection, standing=not every, limit=limit)
    if as_json:
        show_json(found)
    elif found:
        show(decisions_table(found))
    else:
        say("no decisions")


@agencies.command("undo")
def undo(
    decision: Annotated[int, typer.Argument(metavar="DECISION", help="Its number (see `gongkai agencies decisions`).")],
    *,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Take back a decision about agencies. Later ones about the same agencies are undone first."""
    with environment.database(environment.settings()) as engine:
        because, who = why(reason), environment.who()
        moved = run_transaction(engine, lambda c: acts.undo(c, decision, who=who, reason=because))
        with reading(engine) as connection:
            ended = register.decision(connection, decision)
    assert ended is not None
    _show(DecidedItem(ended, moved), as_json=as_json)


def _act(act: Callable[[Connection, str, str], tuple[int, int]], reason: str, *, as_json: bool) -> None:
    """Decide in one transaction, and show the decision. ``act`` returns the agency and how many documents were filed again."""

    def decide(connection: Connection) -> DecidedItem:
        agency_id, moved = act(connection, who, because)
        return DecidedItem(register.decisions(connection, agency_id=agency_id, limit=1)[0], moved)

    with environment.database(environment.settings()) as engine:
        because, who = why(reason), environment.who()
        decided = run_transaction(engine, decide)
    _show(decided, as_json=as_json)


def _show(decided: DecidedItem, *, as_json: bool) -> None:
    if as_json:
        show_json(decided)
    else:
        show(decisions_table([decided.decision]))
        say(f"{counted(decided.filed_again, 'document')} filed again")


def _number(connection: Connection, text: str) -> int:
    """The agency that an act is about: by number as it is, or by one of its names in full."""
    return int(text) if is_number(text) else one_agency(connection, text, exactly=True).id


def _keys(connection: Connection, agency_id: int, wanted: list[str]) -> list[str]:
    """The keys of an agency that these names or keys mean; ends with exit code 2 when one is not the agency's."""
    item = register.agency_item(connection, agency_id)
    if item is None:
        wrong(f"there is no agency {agency_id}; `gongkai agencies` lists them")
    found: list[str] = []
    for text in wanted:
        keys = [text] if text in item.keys else [name.key for name in item.names if name.name == text]
        if not keys:
            known = ", ".join(f"{name.name} ({name.key})" for name in item.names)
            wrong(f"agency {agency_id} ({item.agency.name}) has no name or key {text!r}; it has {known}")
        found += keys
    return list(dict.fromkeys(found))
