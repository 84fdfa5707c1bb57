"""The second factor: codes of an authenticator (TOTP, RFC 6238, by pyotp) and recovery codes for its loss."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import re
import secrets

import pyotp
import segno

from database.users.logins import Factor, Proof

_STEP_SECONDS = 30
_KEY = re.compile(r"[A-Z2-7]{32}")  # 160 bits, as RFC 4226 recommends
_RECOVERY_CODES = 10
_BLANKS = re.compile(r"[\s-]+")


def new_key() -> str:
    """A new key, as people may type it into an authenticator."""
    return pyotp.random_base32(32)


def is_key(text: str) -> bool:
    """Return whether this is a key as :func:`new_key` makes them."""
    return _KEY.fullmatch(text) is not None


def address(key: str, name: str, site: str) -> str:
    """The address that an authenticator reads from a QR code."""
    return pyotp.TOTP(key).provisioning_uri(name=name, issuer_name=site)


def picture(text: str) -> str:
    """``text`` as a QR code: an SVG element without styles."""
    target = io.BytesIO()
    segno.make(text, error="m").save(target, kind="svg", scale=5, xmldecl=False, svgns=True, omitsize=False)
    return target.getvalue().decode()


def step_of(key: str, code: str, last: int, at: float) -> int | None:
    """The time step of which ``code`` is the code at the time ``at`` (seconds since 1970), one step early or late included; None
    when it is of none, or of one that is not later than ``last``.
    """
    code = _BLANKS.sub("", code)
    now = int(at) // _STEP_SECONDS
    for step in (now, now - 1, now + 1):
        if step > last and hmac.compare_digest(pyotp.HOTP(key).at(step).encode(), code.encode()):
            return step
    return None


def new_recovery_codes() -> list[str]:
    """Codes of 80 bits, each of which takes the place of an authenticator once."""
    return [
        "-".join(re.findall("....", base64.b32encode(secrets.token_bytes(10)).decode().lower())) for _ in range(_RECOVERY_CODES)
    ]


def recovery_digest(code: str) -> str:
    """The kept form of a recovery code: its SHA-256. Case, blanks and hyphens do not matter."""
    return hashlib.sha256(_BLANKS.sub("", code).lower().encode()).hexdigest()


def proof(factor: Factor, code: str, at: float) -> Proof | None:
    """Return how ``code`` shows the factor: as a code of the authenticator, or as a recovery code; None when it does not."""
    step = step_of(factor.key, code, factor.step, at)
    if step is not None:
        return Proof(step=step)
    digest = recovery_digest(code)
    return Proof(recovery_code=digest) if digest in factor.recovery_codes else None
