"""Findings as cases: what became of each, and what people decide about one or many."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from sqlalchemy import Connection, Engine

from codebook.errors import UsageError
from console.cli import environment
from console.cli.filings.choice import AsJson, Limit, ListingGroup, Region, region_code
from console.cli.terminal.finding_tables import case_parts, cases_of_findings
from console.cli.terminal.output import Exit, counted, say, show, show_json, wrong
from console.filing import undo_on_findings
from database.access import region_prefix
from database.findings import decisions, listing
from database.findings.listing import OPEN, WITHDRAWN, CaseFilter, CaseOrder
from database.findings.transitions import BY_PERSON
from database.models import FindingState
from database.monitoring import queries
from database.session import reading, run_transaction

findings = typer.Typer(help=__doc__, cls=ListingGroup, rich_markup_mode=None)

Numbers = Annotated[list[int] | None, typer.Argument(metavar="[NUMBER]...", help="Their numbers; or options choose them.")]
State = Annotated[
    str | None,
    typer.Option(help="Those in this state: new, confirmed, dismissed, sent, answered, settled, reopened, withdrawn; or open."),
]
Rule = Annotated[str | None, typer.Option(help="Those of this rule.")]
Severity = Annotated[str | None, typer.Option(help="Those of this severity: error, warning, info.")]
Year = Annotated[int | None, typer.Option(help="Those of reports on this year.")]
Kind = Annotated[str | None, typer.Option(help="Those of this kind of agency: government, department, town, zone, …")]
Batch = Annotated[str | None, typer.Option(help="Those of documents that came in first with this batch.")]
Text = Annotated[str | None, typer.Option(help="Those with these words in the agency's name.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept with who decided. To dismiss, settle or reopen needs one.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without this, options that choose findings are only counted.")]


def _filter(
    connection: Connection,
    *,
    state: str | None,
    rule: str | None,
    severity: str | None,
    region: str | None,
    year: int | None,
    kind: str | None,
    batch: str | None,
    text: str | None,
) -> CaseFilter:
    if state not in (None, OPEN, WITHDRAWN, *FindingState):
        wrong(f"state {state!r}: not one of {', '.join((OPEN, *FindingState, WITHDRAWN))}")
    number = None if batch is None else queries.batch_number(connection, batch)
    if batch is not None and number is None:
        wrong(f"there is no batch {batch!r}; `gongkai status` lists them")
    code = region_code(region)
    prefix = region_prefix(code) if code else None
    return CaseFilter(state, rule, severity, prefix, year, kind, number, text)


@findings.command("list")
def listed(
    *,
    state: State = None,
    rule: Rule = None,
    severity: Severity = None,
    region: Region = None,
    year: Year = None,
    kind: Kind = None,
    batch: Batch = None,
    text: Text = None,
    limit: Limit = 200,
    as_json: AsJson = False,
) -> None:
    """The findings with their states, the newest first. The word `list` can be left out."""
    chosen = {"state": state, "rule": rule, "severity": severity, "year": year, "kind": kind, "batch": batch, "text": text}
    with environment.database(environment.settings()) as engine, reading(engine) as connection:
        wanted = _filter(connection, **chosen, region=region)  # type: ignore[arg-type]
        lines = listing.case_lines(connection, listing.case_numbers(connection, wanted, order=CaseOrder.NEWEST, limit=limit))
        counts = listing.case_counts(connection, wanted)
    if as_json:
        show_json(lines)
        return
    if lines:
        show(cases_of_findings(lines))
    more = f", the first {limit:,} of them shown; see --limit" if counts.total > len(lines) else ""
    say(f"{counted(counts.total, 'finding')}{more}")


@findings.command("show")
def shown(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="The finding's number.")], as_json: AsJson = False
) -> None:
    """One finding with its history."""
    with environment.database(environment.settings()) as engine, reading(engine) as connection:
        line = listing.case_line(connection, number)
        if line is None:
            raise UsageError(f"there is no finding {number}; `gongkai findings` lists them")
        history = listing.moves(connection, number)
    if as_json:
        show_json({"finding": line, "history": history})
    else:
        show(*case_parts(line, history))


def _decider(to: FindingState, help_text: str, name: str) -> None:
    """Add the command that sets the state ``to``."""

    def command(
        numbers: Numbers = None,
        *,
        state: State = None,
        rule: Rule = None,
        severity: Severity = None,
        region: Region = None,
        year: Year = None,
        kind: Kind = None,
        batch: Batch = None,
        text: Text = None,
        reason: Why = "",
        yes: Yes = False,
        as_json: AsJson = False,
    ) -> None:
        chosen = {"state": state, "rule": rule, "severity": severity, "year": year, "kind": kind, "batch": batch, "text": text}
        is_chosen = region is not None or any(value is not None for value in chosen.values())
        if is_chosen == bool(numbers):
            wrong("expected numbers of findings, or options that choose them; `gongkai findings` lists them")
        with environment.database(environment.settings()) as engine:
            with reading(engine) as connection:
                wanted = _filter(connection, **chosen, region=region) if is_chosen else None  # type: ignore[arg-type]
                ids = listing.case_numbers(connection, wanted) if wanted is not None else list(numbers or ())
                states = listing.states_of(connection, ids)
            absent = [str(number) for number in ids if number not in states]
            if absent:
                raise UsageError(f"there is no finding {', '.join(absent)}; `gongkai findings` lists them")
            allowed = [number for number in ids if states[number][0] in BY_PERSON[to]]
            if wanted is not None and not yes:
                say(f"{counted(len(allowed), 'finding')} would be set to {to.value}; add --yes to do it")
                raise typer.Exit(Exit.USAGE)
            _decide(engine, allowed, to, wanted, reason, others=len(ids) - len(allowed), as_json=as_json)

    command.__doc__ = help_text
    findings.command(name)(command)


def _decide(
    engine: Engine, numbers: list[int], to: FindingState, wanted: CaseFilter | None, reason: str, *, others: int, as_json: bool
) -> None:
    who = environment.who()
    given = msgspec.to_builtins(wanted) if wanted is not None else None
    done = run_transaction(engine, lambda c: decisions.decide(c, numbers, to, who=who, reason=reason, wanted=given))
    if as_json:
        show_json({"act": done.act, "findings": done.cases, "others": others})
        return
    more = f"; {others:,} are in a state that cannot be set so, and stay as they are" if others else ""
    say(f"{counted(done.cases, 'finding')} set to {to.value}{more}")


_decider(FindingState.CONFIRMED, "Confirm findings: the source is wrong.", "confirm")
_decider(FindingState.DISMISSED, "Dismiss findings: they are right as they are, or not worth a notice.", "dismiss")
_decider(FindingState.SENT, "Note that a notice about findings went out.", "sent")
_decider(FindingState.ANSWERED, "Note that the agency answered.", "answered")
_decider(FindingState.SETTLED, "Settle findings whose end no edition shows.", "settle")
_decider(FindingState.REOPENED, "Open findings again.", "reopen")


@findings.command("undo")
def undo(as_json: AsJson = False) -> None:
    """Take back your last act on findings. Those that moved on since stay as they are."""
    who = environment.who()
    with environment.database(environment.settings()) as engine:
        with reading(engine) as connection:
            last = decisions.last_act(connection, who)
        if last is None:
            raise UsageError("there is no act of yours to be undone")
        done = undo_on_findings(engine, last.id, who=who)
    if as_json:
        show_json({"act": last.id, "findings": done.cases, "others": sum(done.others.values())})
    else:
        say(f"act {last.id} undone: {counted(done.cases, 'finding')} as before, {sum(done.others.values()):,} moved on since")
