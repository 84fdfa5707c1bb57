"""Leases of the review: of several people who ask at the same moment, one gets the document; shares keep others away."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, update

from database.clock import now
from database.models import ReviewLease, Role
from database.reports import review_leases as leases
from database.reports.reviewing import ReviewScope, waiting
from database.session import reading, run_transaction
from database.users import accounts, audit
from tests.database.test_corrections import DOUBTFUL, a_report
from tests.inline import Inline


@pytest.fixture
def inline(engine: Engine, tmp_path: Path) -> Inline:
    """Four documents with a doubt, the last two of another batch, each second one of another region."""
    made = Inline(engine, tmp_path)
    here = a_report(DOUBTFUL)
    there = msgspec.structs.replace(here, region=("江苏省", "淮安市", "洪泽区"), region_code="320813")
    for at, (batch, report) in enumerate((("one", here), ("one", there), ("two", here), ("two", there))):
        made.have_read(made.add(str(at).encode(), "application/pdf", f"in/{at}.pdf", batch), report)
    for name in ("li", "wang"):
        run_transaction(engine, lambda c, n=name: accounts.add_user(c, n, "", Role.OPERATE, who="test"))
    return made


def found(inline: Inline, who: str, **scope: Any) -> list[int]:
    with reading(inline.engine) as connection:
        wanted = ReviewScope(reviewer=who, shares=tuple(leases.shares(connection)), **scope)
        return [item.document_id for item in waiting(connection, wanted)]


def test_of_two_who_take_a_document_at_once_one_has_it(inline: Inline) -> None:
    for document in (1, 2, 3, 4):
        ready, taken = threading.Barrier(2), dict[str, bool]()

        def take(who: str, document: int = document, ready: threading.Barrier = ready, taken: dict[str, bool] = taken) -> None:
            ready.wait()
            taken[who] = run_transaction(inline.engine, lambda c: leases.take(c, document, who))

        threads = [threading.Thread(target=take, args=(who,)) for who in ("li", "wang")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken.values()) == [False, True]


def test_what_one_has_the_other_is_not_sent_to(inline: Inline) -> None:
    assert run_transaction(inline.engine, lambda c: leases.take(c, 1, "li"))
    assert (found(inline, "li"), found(inline, "wang")) == ([1, 2, 3, 4], [2, 3, 4])
    assert not run_transaction(inline.engine, lambda c: leases.take(c, 1, "wang"))
    run_transaction(inline.engine, lambda c: leases.free(c, 1, "wang"))  # it is not theirs to free
    assert found(inline, "wang") == [2, 3, 4]
    assert run_transaction(inline.engine, lambda c: leases.take(c, 1, "li"))  # renewed
    run_transaction(inline.engine, lambda c: leases.free(c, 1, "li"))
    assert found(inline, "wang") == [1, 2, 3, 4]


def test_a_lease_runs_out_and_can_be_taken_over(inline: Inline) -> None:
    run_transaction(inline.engine, lambda c: leases.take(c, 1, "li"))
    run_transaction(inline.engine, lambda c: c.execute(update(ReviewLease).values(lease_until=now(-1))))
    with reading(inline.engine) as connection:
        assert leases.holder(connection, 1) is None
    assert run_transaction(inline.engine, lambda c: leases.take(c, 1, "wang"))
    assert not run_transaction(inline.engine, lambda c: leases.take(c, 1, "li"))
    assert run_transaction(inline.engine, lambda c: leases.take_over(c, 1, "li")) == "wang"
    with reading(inline.engine) as connection:
        held = leases.holder(connection, 1)
        entry = audit.trail(connection, action="review.take_over")[0]
    assert held is not None
    assert (held.who, held.taken_from) == ("li", "wang")
    assert (entry.who, entry.subject) == ("li", "wang")
    assert run_transaction(inline.engine, lambda c: leases.take_over(c, 2, "li")) is None  # nobody had it


def test_of_two_who_take_a_document_over_at_once_the_later_takes_it_from_the_first(inline: Inline) -> None:
    for document in (1, 2, 3, 4):
        run_transaction(inline.engine, lambda c, number=document: leases.take(c, number, "chen"))
        ready, taken = threading.Barrier(2), dict[str, str | None]()

        def take_over(
            who: str, document: int = document, ready: threading.Barrier = ready, taken: dict[str, str | None] = taken
        ) -> None:
            ready.wait()
            taken[who] = run_transaction(inline.engine, lambda c: leases.take_over(c, document, who))

        threads = [threading.Thread(target=take_over, args=(who,)) for who in ("li", "wang")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with reading(inline.engine) as connection:
            held = leases.holder(connection, document)
        assert held is not None
        assert taken == {held.taken_from: "chen", held.who: held.taken_from}


def test_parts_are_handed_out_by_batch_and_region(inline: Inline) -> None:
    def out(to: str, batch: int | None = None, region: str | None = None) -> bool:
        return run_transaction(inline.engine, lambda c: leases.hand_out(c, to, batch=batch, region=region, who="lead"))

    assert not out("nobody", batch=1)
    assert not out("li")
    assert out("li", batch=1)
    assert (found(inline, "li"), found(inline, "wang")) == ([1, 2, 3, 4], [3, 4])
    assert out("wang", region="320800")  # a part of what is another's is theirs
    assert (found(inline, "li"), found(inline, "wang")) == ([1, 2, 3], [2, 3, 4])
    assert found(inline, "li", person="li") == [1, 2]
    assert found(inline, "li", person="wang") == [2, 4]
    with reading(inline.engine) as connection:
        first = leases.shares(connection)[0]
    run_transaction(inline.engine, lambda c: leases.take_back(c, first.id, who="lead"))
    assert found(inline, "wang") == [1, 2, 3, 4]
