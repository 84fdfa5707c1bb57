"""The command that examines the machine."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli import environment
from console.cli.terminal.output import Exit, show, show_json, table, words
from console.doctor import Grade, examine
from runtime.language import said


def examine_machine(
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")] = False,
) -> None:
    """What is installed, reachable and writable, and the remedy where it is not. Exit code 1 when something does not work."""
    checks = list(examine(environment.settings()))
    if as_json:
        show_json(checks)
    else:
        made = table("", "state", "found", "remedy")
        colours = {Grade.GOOD: "green", Grade.WARNING: "yellow", Grade.ERROR: "red"}
        for check in checks:
            made.add_row(check.name, f"[{colours[check.state]}]{said(check.state)}[/]", words(check.found), words(check.remedy))
        show(made)
    raise typer.Exit(Exit.FAULT if any(check.state is Grade.ERROR for check in checks) else Exit.GOOD)
