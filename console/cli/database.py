"""The database."""

from __future__ import annotations

from typing import Annotated

import typer
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from console.cli import environment
from console.cli.terminal.output import counted, say, wrong
from console.filing import upgrade_database
from database import migrations
from database.roles import script, views_of
from database.session import make_engine, reading
from runtime.language import said
from runtime.private import make_home

db = typer.Typer(help=__doc__, no_args_is_help=True, rich_markup_mode=None)


@db.command("upgrade")
def upgrade() -> None:
    """Make the tables, or bring them to the version of this program."""
    found = environment.settings()
    if found.database_url is None:
        make_home(found)
    try:
        engine = make_engine(found.database)
        before = migrations.current(engine)
        filed = upgrade_database(engine)
    except (SQLAlchemyError, ValueError) as error:
        message = str(getattr(error, "orig", None) or error).splitlines()[0]
        wrong(f"the database cannot be upgraded: {message}; expected a PostgreSQL or SQLite that can be written to")
    documents = f"; {counted(filed, 'document')} filed" if filed else ""
    say(f"from version {before or 'none'} to {migrations.current(engine)}{documents}")
    engine.dispose()


@db.command("downgrade")
def downgrade(
    revision: Annotated[
        str, typer.Argument(metavar="REVISION", help="The revision to go back to, as `gongkai doctor` names it.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take the tables back to an earlier revision, to go back to an earlier program. What was added since is gone."""
    with environment.database(environment.settings()) as engine:
        before = migrations.current(engine)
        if not yes:
            typer.confirm(
                said(f"from version {before} back to {revision}: what was added since, and all in it, will be gone"), abort=True
            )
        try:
            migrations.downgrade(engine, revision)
        except CommandError as error:
            wrong(f"{error}; expected an earlier revision")
        say(f"from version {before} to {migrations.current(engine)}")


@db.command("roles")
def roles() -> None:
    """Print the SQL that makes a PostgreSQL role for each part: workers, pages, readers. An upgrade grants again what is new."""
    found = environment.settings()
    with environment.database(found) as engine:
        if engine.dialect.name != "postgresql":
            wrong("the database is SQLite; expected PostgreSQL, where parts on several hosts have roles of their own")
        with reading(engine) as connection:
            written = script(views_of(connection))
    typer.echo(written, nl=False)
