"""Which state of a case a person may set, from which."""

from __future__ import annotations

from collections.abc import Mapping

from database.models import FindingState

_OPEN = (FindingState.NEW, FindingState.REOPENED)

BY_PERSON: Mapping[FindingState, tuple[FindingState, ...]] = {
    FindingState.CONFIRMED: (*_OPEN, FindingState.DISMISSED),
    FindingState.DISMISSED: (*_OPEN, FindingState.CONFIRMED, FindingState.SENT, FindingState.ANSWERED),
    FindingState.SENT: (FindingState.CONFIRMED,),
    FindingState.ANSWERED: (FindingState.SENT,),
    FindingState.SETTLED: (*_OPEN, FindingState.CONFIRMED, FindingState.SENT, FindingState.ANSWERED),
    FindingState.REOPENED: (FindingState.DISMISSED, FindingState.ANSWERED, FindingState.SETTLED),
}
"""For each state that a person may set, the states from which. Nobody sets ``new``."""

NEEDS_REASON = frozenset({FindingState.DISMISSED, FindingState.SETTLED, FindingState.REOPENED})
"""States that need a reason."""

AT_END = (FindingState.DISMISSED, FindingState.SETTLED)
"""States in which nobody has to do anything."""


def next_states(state: FindingState) -> tuple[FindingState, ...]:
    """Return the states that a person may set a case in ``state`` to, in their order.

    >>> [str(each) for each in next_states(FindingState.NEW)]
    ['confirmed', 'dismissed', 'settled']
    """
    return tuple(to for to, origins in BY_PERSON.items() if state in origins)
