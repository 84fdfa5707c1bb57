"""A PostgreSQL role for each kind of part, with the rights that its statements need and no others.

The owner of the tables runs `gongkai db upgrade` and nothing else. The statements are printed by `gongkai db roles`; an upgrade
grants again what new tables and views need, to those of the roles that exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, text

from database.models import Base

WORKER, PAGES, READER = "gongkai_worker", "gongkai_pages", "gongkai_reader"
ROLES: Mapping[str, str] = {
    WORKER: "workers, rescuers, watchers, and the commands that take in and process documents",
    PAGES: "the operators' pages, and the commands that manage users",
    READER: "metrics, and people who evaluate the data",
}
_ALL = ("select", "insert", "update", "delete")
_APPEND = ("select", "insert")
_PRIVATE = ("gk_user", "gk_session", "gk_login_step", "gk_login_place", "gk_knock", "gk_api_token")
# What differs from "all" of a worker and of the pages, and from "select" of a reader.
_RIGHTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    WORKER: {
        **dict.fromkeys(_PRIVATE, ()),
        "gk_audit": _APPEND,
        "gk_audit_head": ("select", "insert", "update"),
        "gk_tombstone": ("select",),
        "gk_correction": ("select", "update"),
        "gk_finding_case": ("select", "insert", "update"),
        "gk_finding_act": ("select",),
        "gk_finding_move": _APPEND,
        "gk_expected": ("select",),
        "gk_document": ("select", "insert", "update"),
    },
    PAGES: {
        "gk_finding_act": ("select", "insert", "update"),
        "gk_finding_move": ("select", "insert", "update (detail)", "delete"),
        "gk_audit": _APPEND,
        "gk_audit_head": ("select", "insert", "update"),
        "gk_tombstone": _APPEND,
        "gk_document": ("select", "insert", "update"),
        "gk_source": ("select", "insert", "update"),
        "gk_batch": ("select", "insert", "update"),
        "gk_user": ("select", "insert", "update"),
        "gk_api_token": ("select", "insert", "update"),
        **dict.fromkeys(("gk_watcher", "gk_batch_spent", "gk_spent_until"), ("select",)),
    },
    READER: {**dict.fromkeys(_PRIVATE, ()), "gk_audit": (), "gk_audit_head": ()},
}
_VIEWS = "select format('%I', viewname) from pg_views where schemaname = current_schema() and viewname like 'gk\\_%' order by 1"


def rights(role: str, table: str) -> tuple[str, ...]:
    """Return what ``role`` may do with ``table``. Raises KeyError for a role that is not in :data:`ROLES`."""
    return _RIGHTS[role].get(table, ("select",) if role == READER else _ALL)


def statements(role: str) -> Iterator[str]:
    """Yield the statements that grant ``role`` its rights, and revoke what it had before."""
    yield f"grant usage on schema public to {role}"
    yield f"revoke all on all tables in schema public from {role}"
    for table in sorted(Base.metadata.tables):
        if granted := rights(role, table):
            yield f"grant {', '.join(granted)} on {table} to {role}"
    yield f"grant select on gk_alembic_version to {role}"
    if role != READER:
        yield f"grant usage on all sequences in schema public to {role}"


def script(views: tuple[str, ...]) -> str:
    """Return the SQL that makes all roles, for psql. They cannot log in before somebody sets their passwords."""
    lines = ["-- Run it as the owner of the tables, in their database; then set a password for each role (\\password NAME)"]
    lines.append("revoke create on schema public from public;")
    for role, purpose in ROLES.items():
        lines.append(f"\n-- {purpose}")
        make = f"create role {role} login nosuperuser nocreatedb nocreaterole noinherit"
        lines.append(f"do $$ begin if not exists (select from pg_roles where rolname = '{role}') then {make}; end if; end $$;")
        lines += [f"{statement};" for statement in statements(role)]
        lines += [f"grant select on {view} to {role};" for view in views]
    return "\n".join(lines) + "\n"


def views_of(connection: Connection) -> tuple[str, ...]:
    """Return the names of the views of this program, quoted."""
    return tuple(connection.scalars(text(_VIEWS)))


def grant_again(connection: Connection) -> None:
    """Grant the rights to those roles that exist; on SQLite there are none."""
    if connection.dialect.name != "postgresql":
        return
    there = set(connection.scalars(text("select rolname from pg_roles where rolname like 'gongkai\\_%'")))
    views = views_of(connection) if there & set(ROLES) else ()
    for role in there & set(ROLES):
        for statement in statements(role):
            connection.execute(text(statement))
        for view in views:
            connection.execute(text(f"grant select on {view} to {role}"))
