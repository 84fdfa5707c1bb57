"""Passwords: hashed with Argon2id (RFC 9106) by argon2-cffi, with the parameters that it recommends; weighed by zxcvbn, which
knows common passwords, words, names, dates and keyboard rows.
"""

from __future__ import annotations

import secrets
import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

SHORTEST = 10  # characters
LONGEST = 200
_WEIGHED = 72  # characters; weighing takes longer than linear in them
_LEAST_SCORE = 3  # of 4: more than 10**8 guesses

# A hash takes 64 MiB for a moment: many attempts at once wait for each other.
_TURN = threading.BoundedSemaphore(2)
_HASHER = PasswordHasher()


def weakness(name: str, password: str) -> str | None:
    """Return why a password is refused: ``short``, ``long``, ``name`` (it is the user's name), ``same`` (one character again
    and again), ``common`` (it is known, or made of few known pieces); None when it is accepted.

    >>> weakness("zhang", "zhang"), weakness("zhang", "aaaaaaaaaaaa"), weakness("zhang", "correct horse battery")
    ('short', 'same', None)
    >>> weakness("zhang", "1234567890"), weakness("zhang", "Passw0rd123!")
    ('common', 'common')
    """
    if len(password) < SHORTEST:
        return "short"
    if len(password) > LONGEST:
        return "long"
    if name and name.casefold() == password.casefold():
        return "name"
    if len(set(password)) < 3:
        return "same"
    weighed = zxcvbn(password[:_WEIGHED], user_inputs=[name, "gongkai"], max_length=_WEIGHED)
    return "common" if weighed["score"] < _LEAST_SCORE else None


def hashed(password: str) -> str:
    """The hash that is kept."""
    with _TURN:
        return _HASHER.hash(password)


@cache
def _nobody() -> str:
    """The hash of a password that nobody has."""
    return hashed(secrets.token_urlsafe())


def verify(kept: str | None, password: str) -> bool:
    """Return whether ``password`` is the one of the hash ``kept``. Without a hash (no such user) it takes as long and is
    False.
    """
    against = kept if kept is not None else _nobody()
    try:
        with _TURN:
            return _HASHER.verify(against, password[: LONGEST + 1]) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def rehashed(kept: str, password: str) -> str | None:
    """The hash with today's parameters, when ``kept`` was made with others; None when nothing is to be done."""
    return hashed(password) if _HASHER.check_needs_rehash(kept) else None
