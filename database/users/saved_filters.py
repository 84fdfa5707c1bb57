"""The filters of lists that a user keeps under names of their own."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from codebook.records import Record
from database.clock import now
from database.models import SavedFilter
from database.sql import insert_into

MOST = 50
"""Filters of one user and list; the oldest one goes when another is kept."""


class FilterItem(Record, frozen=True):
    """A kept filter: ``query`` are the parameters of its address."""

    id: int
    name: str
    query: str


def saved_filters(connection: Connection, who: str, page: str) -> list[FilterItem]:
    """The filters that a user keeps of a list, by name."""
    columns = (SavedFilter.id, SavedFilter.name, SavedFilter.query)
    query = select(*columns).where(SavedFilter.who == who, SavedFilter.page == page).order_by(SavedFilter.name)
    return [FilterItem(*row) for row in connection.execute(query)]


def save_filter(connection: Connection, who: str, page: str, name: str, query: str) -> None:
    """Keep a filter under a name; one of that name is replaced."""
    values = {"who": who, "page": page, "name": name, "query": query, "made_at": now()}
    made = insert_into(connection, SavedFilter).values(**values)
    kept = {"query": made.excluded.query, "made_at": made.excluded.made_at}
    connection.execute(made.on_conflict_do_update(index_elements=["who", "page", "name"], set_=kept))
    own = select(SavedFilter.id).where(SavedFilter.who == who, SavedFilter.page == page).order_by(SavedFilter.made_at.desc())
    connection.execute(delete(SavedFilter).where(SavedFilter.id.in_(list(connection.scalars(own.offset(MOST))))))


def remove_filter(connection: Connection, who: str, number: int) -> None:
    """Forget a filter of a user; nothing is done when it is another's."""
    connection.execute(delete(SavedFilter).where(SavedFilter.id == number, SavedFilter.who == who))
