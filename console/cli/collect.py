"""The command that collects reports from portals, and shows what became of the addresses."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from codebook.errors import UsageError
from codebook.records import Record
from codebook.text.portals import AddressKind
from console.cli import environment
from console.cli.ingest import AsJson, Outcome, outcome_of, workforce
from console.cli.terminal.output import Exit, counted, meaning, plain, say, show, show_json, table, wrong
from console.cli.terminal.progress import Bar, wait
from database.collecting import listing
from database.collecting.adding import Added, add_list, resume
from database.collecting.listing import AddressFilter, AddressLine, HostLine
from database.models import AddressState, VisitOutcome
from database.monitoring import queries
from database.monitoring.queries import DocumentScope
from database.session import reading, run_transaction
from ingest.collecting.address_list import AddressList, read_lists
from ingest.collecting.collector import PortalCollector, context_of
from ingest.files.register_paths import check_batch
from ingest.lists.manifest import region_of
from runtime.settings import Settings
from runtime.store import Store

_LINES = 100
_LOOK_SECONDS = 0.5
_LINE_SECONDS = 30.0


class Collected(Record, frozen=True):
    """What was collected: addresses by state and by what their last visit brought, hosts that were stopped, and the documents."""

    added: Added | None
    states: dict[AddressState, int]
    outcomes: dict[VisitOutcome, int]
    stopped: tuple[HostLine, ...]
    documents: Outcome | None

    @property
    def exit_code(self) -> Exit:
        """0 when every address was fetched and every document accepted, else 3."""
        whole = all(state is AddressState.DONE for state in self.states)
        good = self.documents is None or self.documents.exit_code is Exit.GOOD
        return Exit.GOOD if whole and good else Exit.ATTENTION


class CollectStanding(Record, frozen=True):
    """What `gongkai collect --status` shows."""

    states: dict[AddressState, int]
    outcomes: dict[VisitOutcome, int]
    left_out: int
    """Addresses that link to more than was followed."""
    hosts: tuple[HostLine, ...]
    addresses: tuple[AddressLine, ...]


def collect_reports(
    lists: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LIST]...", help="Lists of addresses (CSV or text files), or addresses. None: go on with what is due."
        ),
    ] = None,
    *,
    batch: Annotated[str | None, typer.Option(help="Name of the batch. Default: collected, and today's date.")] = None,
    region: Annotated[str | None, typer.Option(help="Region of all reports, from the province down: 江苏省/淮安市.")] = None,
    kind: Annotated[
        AddressKind, typer.Option(help="What the addresses are where the list does not say: auto, column, report.")
    ] = AddressKind.AUTO,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Take the addresses in only; a collector elsewhere fetches them.")
    ] = False,
    status: Annotated[bool, typer.Option("--status", help="Show addresses and hosts; fetch nothing.")] = False,
    state: Annotated[AddressState | None, typer.Option(help="With --status: addresses in this state.")] = None,
    resume_host: Annotated[
        str | None, typer.Option("--resume", metavar="HOST", help="Go on with a host that was stopped; `all` for every one.")
    ] = None,
    warc: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all answers that were kept into one file of WARC.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch reports from portals by their addresses, one host at a time, and process them.

    Exit code 0: every address was fetched and every document accepted. 3: some were not. 2: wrong usage. 1: the machine stood in
    the way.
    """
    found = environment.settings()
    if status or warc is not None:
        with environment.database(found) as engine:
            if warc is not None:
                _write_warc(found, engine, warc, batch)
            if status:
                _show_status(engine, AddressFilter(batch=batch, state=state), as_json=as_json)
        return
    environment.tell_home(found)
    with environment.database(found, make=True) as engine:
        if resume_host is not None:
            _resume(engine, resume_host)
        chosen = read_lists(lists, kind, region_of(region or "")) if lists else None
        result = _collect(found, engine, chosen, _batch(batch), waits=not no_wait)
    for problem in chosen.problems if chosen else ():
        say(f"[yellow]list[/]: {plain(problem)}")
    if as_json:
        show_json(result)
    else:
        _show(result)
    raise typer.Exit(Exit.GOOD if no_wait else result.exit_code)


def _batch(name: str | None) -> str:
    check_batch(name)
    return name or f"collected {date.today().isoformat()}"


def _collect(found: Settings, engine: Engine, chosen: AddressList | None, batch: str, *, waits: bool) -> Collected:
    added = run_transaction(engine, lambda c: add_list(c, batch, chosen.addresses)) if chosen is not None else None
    with reading(engine) as connection:
        since = queries.moment(connection)
    documents = _fetch(found, engine, since_scope=DocumentScope(since=since)) if waits else None
    with reading(engine) as connection:
        return Collected(
            added,
            listing.state_counts(connection),
            listing.outcome_counts(connection),
            tuple(listing.host_lines(connection, stopped=True)),
            documents,
        )


def _fetch(found: Settings, engine: Engine, since_scope: DocumentScope) -> Outcome:
    """Fetch what is due, here and wherever collectors run, and wait until it is processed."""
    began = time.monotonic()
    with workforce(found, engine) as hands, Bar() as bar:
        try:
            context = context_of(found, engine, hands.notify)
        except ValueError as error:
            raise UsageError(f"GONGKAI_COLLECT_ALLOW: {error}") from error
        hands.begin()
        collector = PortalCollector(context, threads=found.collect_hosts, until_idle=True)
        collector.start()
        try:
            _watch(engine, collector)
        finally:
            collector.stop()
            collector.join()
        wait(engine, since_scope, bar, hands.advice)
        return outcome_of(engine, since_scope, time.monotonic() - began)


def _watch(engine: Engine, collector: PortalCollector) -> None:
    """Say now and then how far it is, until nothing is left."""
    line = time.monotonic() + _LINE_SECONDS
    while collector.runs():
        time.sleep(_LOOK_SECONDS)
        if time.monotonic() >= line:
            line = time.monotonic() + _LINE_SECONDS
            with reading(engine) as connection:
                counts = listing.state_counts(connection)
            left = sum(counts.get(state, 0) for state in listing.OPEN)
            say(f"collected {sum(counts.values()) - left:,} of {sum(counts.values()):,} addresses so far")


def _resume(engine: Engine, host: str) -> None:
    count = run_transaction(engine, lambda c: resume(c, None if host == "all" else host))
    if not count and host != "all":
        wrong(f"--resume {host}: no host of this name was stopped; `gongkai collect --status` lists them")
    say(f"{counted(count, 'host')} resumed")


def _write_warc(found: Settings, engine: Engine, target: Path, batch: str | None) -> None:
    store, count = Store(found.store), 0
    with reading(engine) as connection:
        names = list(listing.kept_visits(connection, batch))
    try:
        with target.open("wb") as file:
            for name in names:
                data = store.visit(name)
                if data is not None:
                    file.write(data)
                    count += 1
    except OSError as error:
        wrong(f"--warc {target}: {error.strerror or error}; expected a file that can be written to")
    say(f"{counted(count, 'answer')} written to {plain(str(target))}")


def _show_status(engine: Engine, wanted: AddressFilter, *, as_json: bool) -> None:
    with reading(engine) as connection:
        if wanted.batch is not None and not queries.has_batch(connection, wanted.batch):
            wrong(f"no batch is called {wanted.batch!r}; `gongkai status` lists them")
        lines = listing.address_lines(connection, wanted, limit=1_000_000 if as_json else _LINES)
        standing = CollectStanding(
            listing.state_counts(connection, wanted),
            listing.outcome_counts(connection, wanted),
            listing.left_out_count(connection, wanted),
            tuple(listing.host_lines(connection)),
            tuple(lines),
        )
    if as_json:
        show_json(standing)
        return
    made = table("address", "kind", "state", "result", "fetched", "first seen", "document", right=["document"])
    for one in lines:
        result = meaning(one.code) if one.code and one.state is not AddressState.DONE else one.outcome or ""
        if one.left_out:
            result = f"{result}; links left out: {one.left_out:,}"
        made.add_row(
            plain(one.url), one.kind, one.state, result, _moment(one.fetched_at), _moment(one.seen_at), str(one.document_id or "")
        )
    show(made)
    total = sum(standing.states.values())
    if total > len(lines):
        say(f"{len(lines):,} of {total:,} addresses shown; --json lists all")
    if standing.left_out:
        say(
            f"[yellow]{standing.left_out:,}[/] of the addresses link to more than was followed: "
            "GONGKAI_COLLECT_PAGES, GONGKAI_COLLECT_FILES"
        )
    _show_stopped(standing.hosts)


def _moment(moment: object) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


def _show(result: Collected) -> None:
    counts = table("addresses", "count", right=["count"])
    for state, count in result.states.items():
        counts.add_row(state, f"{count:,}")
    for outcome, count in result.outcomes.items():
        counts.add_row(f"  {outcome}", f"{count:,}")
    show(counts)
    if result.documents is not None and result.documents.progress.statuses:
        made = table("documents", "count", right=["count"])
        for status, count in result.documents.progress.statuses.items():
            made.add_row(status, f"{count:,}")
        show(made)
    _show_stopped(result.stopped)


def _show_stopped(hosts: tuple[HostLine, ...]) -> None:
    for host in hosts:
        if host.stopped_code is not None:
            say(f"[red]{plain(host.name)}[/] {meaning(host.stopped_code)}; go on: `gongkai collect --resume {plain(host.name)}`")
