"""Contents that were refused at registration and kept are read again: more can be read by now, or a limit was raised."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Protocol

import msgspec
from sqlalchemy import Engine

from codebook.records import Record
from database.intake.refusals import RefusedDocument, refuse_again, replace_by_members
from database.ledger import Queued
from database.session import run_transaction
from ingest.archives.limits import Limits
from ingest.files.bounded_reader import BoundedReader
from ingest.files.intake import Intake, Taken
from ingest.files.keeping import ContentStore, Keeper, StoreFaultError
from ingest.files.register_paths import Run
from ingest.files.walk import Found
from ingest.names import unshown


class OriginalStore(ContentStore, Protocol):
    """Where originals are kept and found again by their hash (see runtime.store)."""

    def get(self, sha256: str) -> bytes:
        """Return a content. Raises GongkaiError store.unavailable."""


class ReadAgain(Record, frozen=True):
    """What became of refused documents: ``admitted`` are processed now, ``unpacked`` archives gave way to ``members`` files,
    ``refused`` were refused again.
    """

    admitted: int = 0
    unpacked: int = 0
    members: int = 0
    refused: int = 0

    @property
    def started(self) -> int:
        """How many documents are processed now."""
        return self.admitted + self.members


def read_again(
    refused: Sequence[RefusedDocument],
    *,
    engine: Engine,
    store: OriginalStore,
    limits: Limits,
    who: str,
    notify: Callable[[Sequence[Queued]], None] = lambda _: None,
) -> ReadAgain:
    """Read these contents as if they came in now, under their path, batch and hints.

    Each must be in ``store``. Raises GongkaiError for faults of the machine: what was read before stays so, and calling it again
    goes on.
    """
    counts = ReadAgain()
    with Keeper(store) as keeper, BoundedReader() as reader:
        try:
            for batch, group in groupby(refused, key=attrgetter("batch")):
                run = Run(engine, keeper, batch=batch, notify=notify)
                for one in group:
                    taken = list(_taken(one, store.get(one.sha256), Intake(reader, keeper, limits, region=one.hints.region)))
                    for each in taken:
                        run.add(each)
                    run.flush()
                    counts = _settle(engine, one, taken, counts, who)
        except StoreFaultError as fault:
            raise fault.error from None
    return counts


def _taken(one: RefusedDocument, content: bytes, intake: Intake) -> Iterator[Taken]:
    """The arrivals of a content. What was known of it beforehand holds for itself; its region for its members too."""
    with _as_file(content) as path:
        for taken in intake.take(Found(path, known_as=unshown(one.path))):
            if taken.arrival.path == one.path:
                yield msgspec.structs.replace(taken, arrival=msgspec.structs.replace(taken.arrival, hints=one.hints))
            else:
                yield taken


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    with tempfile.NamedTemporaryFile(prefix="gongkai-") as file:
        file.write(content)
        file.flush()
        yield file.name


def _settle(engine: Engine, one: RefusedDocument, taken: Iterable[Taken], counts: ReadAgain, who: str) -> ReadAgain:
    """Record what became of a refused content whose arrivals are registered. One that was admitted is started by that."""
    arrivals = [each.arrival for each in taken]
    itself = next((arrival for arrival in arrivals if arrival.path == one.path), None)
    if itself is None:
        run_transaction(engine, partial(replace_by_members, document=one.document_id, members=len(arrivals), who=who))
        admitted = sum(arrival.rejection is None for arrival in arrivals)
        return msgspec.structs.replace(counts, unpacked=counts.unpacked + 1, members=counts.members + admitted)
    if itself.rejection is None:
        return msgspec.structs.replace(counts, admitted=counts.admitted + 1)
    run_transaction(
        engine, partial(refuse_again, document=one.document_id, media_type=itself.media_type, rejection=itself.rejection)
    )
    return msgspec.structs.replace(counts, refused=counts.refused + 1)
