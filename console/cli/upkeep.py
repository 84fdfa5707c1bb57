"""Commands that keep the books: verifying what was kept, and purging what must not be kept."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from console.cli import environment
from console.cli.terminal.output import Exit, plain, say, show, show_json, table, wrong
from console.filing import purge
from console.notices.jobs import forget
from console.verify import Verification
from database.monitoring import verifications
from database.session import reading, run_transaction
from runtime.language import said
from runtime.store import Store

_SHOWN = 200  # problems


def purge_document(
    document: Annotated[int, typer.Argument(min=1, metavar="DOCUMENT", help="The number of the document.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with who asked.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete the content of a document and all that was derived from it. A tombstone and the audit entry stay.

    For a classified file or personal data that came in by mistake. The content is not taken in again. Copies in the folders that
    it came from, in backups and in exports are not deleted; the paths are printed.
    """
    if not reason.strip():
        wrong("--reason is empty; expected why the document is purged")
    if not yes:
        typer.confirm(said(f"Purge document {document}? Its content cannot be restored"), abort=True, err=True)
    found = environment.settings()
    with environment.database(found) as engine:
        try:
            gone = run_transaction(engine, lambda c: purge(c, document, who=environment.who(), reason=reason))
        except LookupError:
            wrong(f"there is no document {document}; `gongkai show` takes a number, a sha256 or a path")
        Store(found.store).delete(gone.sha256, gone.visits)
        forget(found.home, document)
    say(f"document {document} is purged: {sum(gone.rows.values()):,} rows and the original")
    for path in filter(None, gone.paths):
        say(f"a copy may still be at {plain(path)}")
    say("backups and exports made before still hold it")


def verify_originals(
    quick: Annotated[bool, typer.Option("--quick", help="Look for the originals without reading them.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")] = False,
) -> None:
    """Verify that every original is in the store and whole, and that the rows are those of the verdicts. Exit code 1 if not."""
    found = environment.settings()
    with environment.database(found) as engine:
        with reading(engine) as connection:
            began = verifications.moment(connection)
        verification = Verification(engine, Store(found.store), quick=quick)
        problems = list(verification)
        counts, told = msgspec.structs.asdict(verification.counts), msgspec.to_builtins(problems)
        who = environment.who()
        run_transaction(engine, lambda c: verifications.record(c, began, counts, told, who=who, quick=quick))
    if as_json:
        show_json({"counts": verification.counts, "problems": problems})
    else:
        if problems:
            made = table("problem", "document", "found", "expected")
            for problem in problems[:_SHOWN]:
                made.add_row(problem.harm, str(problem.document_id or ""), plain(problem.found), plain(problem.expected))
            show(made)
        say(", ".join(f"{count:,} {said(name)}" for name, count in counts.items()))
    raise typer.Exit(Exit.FAULT if problems else Exit.GOOD)
