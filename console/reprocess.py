"""Deciding about many documents, as the command line and the pages do it: which of them can be read again, and starting them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec
from sqlalchemy import Engine

from codebook.stages import REGISTER, StageName
from database import ledger
from database.collecting.adding import fetch_again
from database.collecting.listing import known_urls
from database.intake.refusals import RefusedDocument, refusals
from database.ledger import Selection
from database.session import reading, run_transaction
from database.users.audit import note
from ingest.archives.limits import Limits
from ingest.files.refused import read_again
from runtime.settings import Settings
from runtime.store import Store

TRANSACTION = 1000  # documents that are started in one


def readable(settings: Settings, engine: Engine, chosen: Selection) -> tuple[list[int], list[int]]:
    """The chosen documents whose content was kept or can be fetched again, and those that were refused at registration without
    being kept.
    """
    with reading(engine) as connection:
        ids = ledger.select_documents(connection, chosen)
        refused = refusals(connection, ids)
        known = known_urls(connection, [one.path for one in refused])
    kept = _kept(settings, refused)
    absent = {one.document_id for one in refused if one.document_id not in kept and one.path not in known}
    return [number for number in ids if number not in absent], sorted(absent)


def _kept(settings: Settings, refused: Sequence[RefusedDocument]) -> set[int]:
    """The refused documents whose content is in the store."""
    store = Store(settings.store)
    return {one.document_id for one in refused if store.exists(one.sha256)}


def start(
    settings: Settings, engine: Engine, chosen: Selection, ids: list[int], stage: StageName | None, *, who: str, reason: str
) -> int:
    """Start these documents again, in transactions of bounded size, each with its entry in the audit trail. Return how many are
    processed now.

    What was refused when it was registered is read again as if it came in now: it is admitted, gives way to its members if it is
    an archive, or stays refused. An address that could not be fetched is queued for the collector.
    """
    with reading(engine) as connection:
        refused = refusals(connection, ids)
    kept = _kept(settings, refused)
    at_registration = {one.document_id for one in refused}
    rest = [number for number in ids if number not in at_registration]
    count = 0
    if refused:
        asked = {"selection": msgspec.to_builtins(chosen), "from": REGISTER}
        run_transaction(engine, lambda c: note(c, "reprocess", who, reason=reason, documents=sorted(at_registration), **asked))
        urls = [one.path for one in refused if one.document_id not in kept]
        count += len(run_transaction(engine, lambda c: fetch_again(c, urls)))
        there = [one for one in refused if one.document_id in kept]
        again = read_again(there, engine=engine, store=Store(settings.store), limits=Limits.of(settings), who=who)
        count += again.started
    for at in range(0, len(rest), TRANSACTION):
        part = msgspec.structs.replace(chosen, documents=tuple(rest[at : at + TRANSACTION]))  # all of it goes into the audit
        count += run_transaction(engine, partial(ledger.reprocess, chosen=part, stage=stage, who=who, reason=reason))
    return count
