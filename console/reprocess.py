"""Deciding about many documents, as the command line and the pages do it: which of them can be read again, and starting them."""

from __future__ import annotations

from functools import partial

import msgspec
from sqlalchemy import Engine

from codebook.stages import StageName
from database import ledger
from database.ledger import Selection
from database.monitoring import queries
from database.session import reading, run_transaction
from runtime.settings import Settings
from runtime.store import Store

TRANSACTION = 1000  # documents that are started in one


def readable(settings: Settings, engine: Engine, chosen: Selection) -> tuple[list[int], list[int]]:
    """The chosen documents whose content was kept, and those that were refused at registration without being kept."""
    store = Store(settings.store)
    with reading(engine) as connection:
        ids = ledger.select_documents(connection, chosen)
        refused = queries.refused_at_the_door(connection, ids)
    absent = {number for number, sha256 in refused.items() if not store.exists(sha256)}
    return [number for number in ids if number not in absent], sorted(absent)


def start(engine: Engine, chosen: Selection, ids: list[int], stage: StageName | None, *, who: str, reason: str) -> int:
    """Start these documents again, in transactions of bounded size, each with its entry in the audit trail. Return how
    many.
    """
    count = 0
    for at in range(0, len(ids), TRANSACTION):
        part = msgspec.structs.replace(chosen, documents=tuple(ids[at : at + TRANSACTION]))  # all of it goes into the audit
        count += run_transaction(engine, partial(ledger.reprocess, chosen=part, stage=stage, who=who, reason=reason))
    return count
