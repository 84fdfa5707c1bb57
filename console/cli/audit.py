"""The audit trail."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli import environment
from console.cli.terminal.output import Exit, say, show, show_json
from database.session import reading
from database.users import audit as auditing

audit = typer.Typer(help=__doc__, no_args_is_help=True, rich_markup_mode=None)


@audit.command("verify")
def verify(
    contains: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="Digest of an earlier head, which must still be part of the chain.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")] = False,
) -> None:
    """Check that no entry of the audit trail was changed, removed or inserted; name the first row that was.

    Exit code 0: the chain is whole. 3: it is not, or does not contain the digest. Keep the digest of the head on paper or on
    another machine: who can write the whole database can write the whole chain again, but not that copy.
    """
    with environment.database(environment.settings()) as engine, reading(engine) as connection:
        report = auditing.verify(connection, contains.strip().lower() if contains else None)
    if as_json:
        show_json(report)
    elif report.fault is None:
        show(f"{report.entries:,} entries, the chain is whole", f"head: {report.head}")
    else:
        place = {
            auditing.ChainFault.CHANGED: f"row {report.row} was changed",
            auditing.ChainFault.INSERTED: f"row {report.row} was inserted",
            auditing.ChainFault.REMOVED: f"entries after row {report.row} were removed",
        }
        say(f"{place[report.fault]}; the {report.entries:,} entries before are whole. Compare gk_audit with a backup")
    if report.contains is False:
        say("the digest is not part of the chain: entries were written again since it was kept")
    if report.fault is not None or report.contains is False:
        raise typer.Exit(Exit.ATTENTION)
