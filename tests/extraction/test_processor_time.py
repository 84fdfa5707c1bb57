"""What takes more processor time than its pages can need ends as a time limit, in the middle of a search too."""

from __future__ import annotations

import re
import signal
import threading

import pytest

from codebook.errors import GongkaiError
from tasks import processor_time
from tasks.processor_time import bounded
from tests.growth import in_child


def _search() -> object:
    processor_time.FOR_DOCUMENT = 0.2
    with bounded(1):
        return re.match(r"(?:a|a)*b", "a" * 60)


def test_a_search_without_end_ends_as_a_time_limit() -> None:
    with pytest.raises(GongkaiError, match=r"stage\.timeout"):
        in_child(_search)


def test_what_is_quick_goes_on_undisturbed() -> None:
    with bounded(1):
        assert signal.getitimer(signal.ITIMER_PROF)[0] > 10
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGPROF) == signal.SIG_DFL


def test_what_was_raised_is_let_through() -> None:
    with pytest.raises(ValueError, match="asked for"), bounded(1):
        raise ValueError("asked for")
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_other_threads_are_not_bounded() -> None:
    seen: list[float] = []

    def act() -> None:
        with bounded(1):
            seen.append(signal.getitimer(signal.ITIMER_PROF)[0])

    thread = threading.Thread(target=act)
    thread.start()
    thread.join()
    assert seen == [0.0]
