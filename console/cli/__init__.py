"""The command line ``gongkai``: each command lies in a module of its subject, which is imported when the command is run.

:data:`COMMANDS` is the table of contents. A command reads its arguments, asks or acts through the packages below, and shows the
answer (:mod:`console.cli.terminal.output`); it ends with one of the exit codes of :class:`console.cli.terminal.output.Exit`.
"""

from __future__ import annotations

import ast
import os
import sys
from functools import cache
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from console.cli.terminal.help import ChineseErrors, first_sentence, translated
from console.cli.terminal.output import Exit
from runtime.language import CHINESE, language, said

COMMANDS = {
    "ingest": "console.cli.ingest:ingest_files",
    "collect": "console.cli.collect:collect_reports",
    "status": "console.cli.documents:show_status",
    "failures": "console.cli.documents:list_failures",
    "show": "console.cli.documents:show_document",
    "export": "console.cli.sheets.export:export_documents",
    "release": "console.cli.sheets.release:write_release",
    "indicators": "console.cli.analysis.indicators:show_indicators",
    "rollup": "console.cli.analysis.rollup:roll_up_region",
    "check": "console.cli.coverage:check_reports",
    "check-draft": "console.cli.rules.drafts:check_draft",
    "rules": "console.cli.rules.packs:rules",
    "notices": "console.cli.sheets.notices:notices",
    "labels": "console.cli.coverage:list_labels",
    "purge": "console.cli.upkeep:purge_document",
    "verify": "console.cli.upkeep:verify_originals",
    "reprocess": "console.cli.reprocess:reprocess_documents",
    "discard": "console.cli.reprocess:discard_documents",
    "correct": "console.cli.corrections:correct_cell",
    "corrections": "console.cli.corrections:list_corrections",
    "filings": "console.cli.filings.filings:filings",
    "findings": "console.cli.filings.findings:findings",
    "agencies": "console.cli.filings.agencies:agencies",
    "expect": "console.cli.coverage:expect_agencies",
    "coverage": "console.cli.coverage:show_coverage",
    "watch": "console.cli.watch:watch_folders",
    "up": "console.cli.watch:run_everything",
    "metrics": "console.cli.services:serve_metrics",
    "console": "console.cli.services:serve_pages",
    "worker": "console.cli.services:run_worker",
    "recover": "console.cli.services:run_rescuer",
    "flower": "console.cli.services:run_flower",
    "doctor": "console.cli.doctor:examine_machine",
    "alive": "console.cli.health:check_alive",
    "user": "console.cli.users:user",
    "token": "console.cli.api.tokens:token",
    "audit": "console.cli.audit:audit",
    "db": "console.cli.database:db",
}


def load(name: str) -> Any:
    """Return the command that is called ``name``, imported: a function, or a group of commands. Raises KeyError."""
    return _load(name, language())


@cache
def _load(name: str, _: str) -> Any:
    module, _, attribute = COMMANDS[name].partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        return translated(typer.main.get_group(found))
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name)(found)
    return translated(typer.main.get_command(single))


def summary(place: str) -> str:
    """Return the first sentence of the help text at ``place``, read from the source without importing it.

    That is the docstring of a function, or, for a group, of its module.
    """
    module, _, attribute = place.partition(":")
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ImportError(place)
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    text = ast.get_docstring(functions.get(attribute, tree)) or ""
    return first_sentence(text)


class LazyGroup(typer.core.TyperGroup):
    """A group that imports a command when it is run. The help of the whole program imports none."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 (as the base class has it)
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 (as the base class has it)
        return load(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 (as the base class has it)
        with formatter.section(said("Commands")):
            formatter.write_dl([(name, summary(place)) for name, place in COMMANDS.items()])


app = typer.Typer(
    name="gongkai",
    cls=LazyGroup,
    help="From a province's annual reports on government information disclosure to one database that can be trusted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"gongkai {version('gongkai')}")
        raise typer.Exit(Exit.GOOD)


@app.callback()
def _program(
    *,
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def all_commands() -> dict[str, Any]:
    """Return every command by its full name (``gongkai db upgrade``), imported."""
    found: dict[str, Any] = {}
    for name in COMMANDS:
        command = load(name)
        found |= {f"gongkai {name} {each}": one for each, one in getattr(command, "commands", {}).items()} or {
            f"gongkai {name}": command
        }
    return found


def main() -> None:
    """Run the program ``gongkai``."""
    try:
        if language() == CHINESE:
            with ChineseErrors():
                raise SystemExit(translated(typer.main.get_command(app))(standalone_mode=False))
        else:
            app()
    except BrokenPipeError:  # the reader of our output has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(Exit.FAULT) from None
