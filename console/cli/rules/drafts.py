"""The command that checks drafts before they are published."""

from __future__ import annotations

from typing import Annotated

import typer

from console.limited_reader import LimitedReader


def check_draft(
    paths: Annotated[list[str], typer.Argument(metavar="FILE...", help="Drafts: files, folders of page images, archives.")],
    *,
    region: Annotated[str | None, typer.Option(help="Region of all files, from the province down: 江苏省/淮安市.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")] = False,
) -> None:
    """Check drafts of reports before they are published: what the rules find in them. Nothing is stored.

    Where there is a database, a draft is compared with the report of its agency on the year before, with that of the government
    above and with the texts of the region too; what could not be compared is listed.

    Exit code 0: nothing to do. 3: errors, warnings or doubts, or a file that could not be read. 2: wrong usage.
    """
    with LimitedReader() as reader:
        reader.start()  # it loads its modules while this process loads its own
        from console.cli.rules.draft_report import check  # noqa: PLC0415

        check(paths, reader, region=region, as_json=as_json)
