"""robots.txt (RFC 9309): which addresses of a host may be asked for, and how fast. Patterns of all kinds match in linear time."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from codebook.records import Record
from codebook.text.decoding import decode_sample

MOST_BYTES = 512 * 1024
"""Of a longer file the beginning counts, as the standard allows."""
SECONDS = 86_400.0
"""How long what a file says holds."""
_MOST_RULES = 2000
_LONGEST_RULE = 500
_LONGEST_DELAY = 60.0


class RobotRules(Record, frozen=True):
    """What a host lets a program fetch: patterns of paths, and whether they are allowed. ``delay``: seconds between requests that
    it asks for.
    """

    rules: tuple[tuple[str, bool], ...] = ()
    delay: float = 0.0

    def allow(self, address: str) -> bool:
        """Return whether the address may be fetched: the longest pattern decides, and of two an allowance."""
        parts = urlsplit(address)
        path = unquote(parts.path or "/") + (f"?{unquote(parts.query)}" if parts.query else "")
        if path == "/robots.txt":
            return True
        fitting = [(len(pattern), allowed) for pattern, allowed in self.rules if _fits(unquote(pattern), path)]
        return max(fitting)[1] if fitting else True


ALL = RobotRules()
NOTHING = RobotRules((("/", False),))


def read_robots(body: bytes, agent: str) -> RobotRules:
    """Return what a file says to the program ``agent``: the groups that name it, else those for all."""
    text = decode_sample(body[:MOST_BYTES]) or ""
    groups: dict[str, list[tuple[str, str]]] = {}
    names: list[str] = []
    open_group = False
    for line in text.splitlines():
        key, colon, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not colon:
            continue
        if key == "user-agent":
            names = [*names, value.lower()] if open_group else [value.lower()]
            open_group = True
            for name in names:
                groups.setdefault(name, [])
        elif key in ("allow", "disallow", "crawl-delay"):
            open_group = False
            for name in names:
                groups[name].append((key, value))
    mine = [lines for name, lines in groups.items() if name and name != "*" and name in agent.lower()]
    chosen = [line for lines in mine for line in lines] if mine else groups.get("*", [])
    rules = [(value, key == "allow") for key, value in chosen if key != "crawl-delay" and value and len(value) <= _LONGEST_RULE]
    delay = max((_delay(value) for key, value in chosen if key == "crawl-delay"), default=0.0)
    return RobotRules(tuple(rules[:_MOST_RULES]), delay)


def _delay(value: str) -> float:
    try:
        found = float(value)
    except ValueError:
        return 0.0
    return min(found, _LONGEST_DELAY) if found > 0 else 0.0


def _fits(pattern: str, path: str) -> bool:
    """Return whether a path begins as a pattern says; ``*`` is any text, ``$`` at its end the end of the path."""
    at_end = pattern.endswith("$")
    first, *rest = (pattern[:-1] if at_end else pattern).split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    for number, piece in enumerate(rest):
        if at_end and number == len(rest) - 1:
            return len(path) - len(piece) >= at and path.endswith(piece)
        found = path.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return not at_end or at == len(path)
