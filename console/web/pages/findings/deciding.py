"""Deciding about one case, or about many: counted first, then confirmed; and taking the last of it back."""

from __future__ import annotations

from collections import Counter

from starlette.exceptions import HTTPException
from starlette.responses import Response

from codebook.errors import UsageError
from console.filing import undo_on_findings
from console.web import i18n
from console.web.addresses import local
from console.web.pages.findings import cases, filters
from console.web.request import PageRequest
from console.web.routing import get, post
from console.web.security import Fields, number
from database.findings import decisions, listing
from database.findings.transitions import BY_PERSON, NEEDS_REASON
from database.models import FindingState, Role

_SHOWN = 20  # cases that a question shows
_REASON = 500  # characters
_MARK = 64  # characters of decisions.mark_of


def one(request: PageRequest) -> Response:
    """Set the state of one case, from its page."""
    case, to, reason = request.number("id"), _state(request.form), request.form.text("reason", _REASON)
    if not _visible(request, [case]):
        raise HTTPException(404)
    if to in NEEDS_REASON and not reason.strip():
        request.notify("findings.no_reason", good=False)
        return cases.page(request, case, 422)
    mark = request.form.text("mark", _MARK)
    done = request.write(lambda c: decisions.decide(c, [case], to, who=request.user_name, reason=reason, mark=mark))
    if not done.cases:  # another person was first
        request.notify("findings.moved_on", good=False)
        return cases.page(request, case, 409, reason)
    request.notify("findings.decided_one", state=i18n.label(request.language, "finding_state", to.value))
    return request.redirect(f"/findings/{case}")


def asked(request: PageRequest) -> Response:
    """How many cases, and which, an act would set."""
    return _question(request, request.query)


def _state(fields: Fields) -> FindingState:
    to = fields.text("to", 20)
    if to not in list(FindingState) or FindingState(to) not in BY_PERSON:
        raise HTTPException(404)
    return FindingState(to)


def _visible(request: PageRequest, numbers: list[int]) -> list[int]:
    """Those of these cases that the person may see."""
    with request.reading() as connection:
        return list(listing.states_of(connection, numbers))


def _marked(fields: Fields) -> list[int]:
    return [each for each in map(number, fields.each("case")) if each is not None]


def _question(request: PageRequest, fields: Fields, status: int = 200, problem: str = "") -> Response:
    to, marked, parameters = _state(fields), _marked(fields), filters.given(fields)
    wanted = filters.wanted(parameters)
    with request.reading() as connection:
        if marked:
            there = listing.states_of(connection, marked)
            counts = dict(Counter(state for state, _ in there.values()))
            numbers = [each for each, (state, _) in there.items() if state in BY_PERSON[to]]
        else:
            counts = listing.count_states(connection, wanted) if wanted is not None else {}
            numbers = listing.case_numbers(connection, wanted, states=BY_PERSON[to]) if wanted is not None else []
        lines = listing.case_lines(connection, numbers[:_SHOWN])
        mark = decisions.mark_of(connection, numbers)
    count = len(numbers)
    return request.render(
        "findings_decide.html",
        status,
        to=to,
        count=count,
        mark=mark,
        others={state: number for state, number in counts.items() if state not in BY_PERSON[to]},
        rows=lines,
        more=max(0, count - _SHOWN),
        given={} if marked else {name: value for name, value in parameters.items() if value},
        marked=marked,
        reason=fields.text("reason", _REASON),
        needs_reason=to in NEEDS_REASON,
        back=local(fields.text("back", 1000), "/findings"),
        problem=problem,
    )


def decided(request: PageRequest) -> Response:
    """Set the state of many cases. When they are others than the person saw, or one of them moved, it is asked again."""
    form = request.form
    to, reason, marked, parameters = _state(form), form.text("reason", _REASON), _marked(form), filters.given(form)
    if to in NEEDS_REASON and not reason.strip():
        return _question(request, form, 422, "findings.no_reason")
    wanted = filters.wanted(parameters)
    with request.reading() as connection:
        if marked:
            allowed = [each for each, (state, _) in listing.states_of(connection, marked).items() if state in BY_PERSON[to]]
        else:
            allowed = listing.case_numbers(connection, wanted, states=BY_PERSON[to]) if wanted is not None else []
    given = {} if marked else {name: value for name, value in parameters.items() if value}
    who, mark = request.user_name, form.text("mark", _MARK)
    done = request.write(lambda c: decisions.decide(c, allowed, to, who=who, reason=reason, wanted=given, mark=mark))
    if done.act is None:
        return _question(request, form, 409, "findings.changed_since")
    request.notify("findings.decided", count=done.cases, state=i18n.label(request.language, "finding_state", to.value))
    return request.redirect(local(form.text("back", 1000), "/findings"))


def undo(request: PageRequest) -> Response:
    """Take back the last act of the person."""
    act = request.form.number("act")
    with request.reading() as connection:
        last = decisions.last_act(connection, request.user_name)
    if last is None or last.id != act:
        request.notify("findings.not_last", good=False)
        return request.redirect("/findings")
    try:
        done = undo_on_findings(request.app.engine, last.id, who=request.user_name)
    except UsageError:
        request.notify("findings.not_last", good=False)
    else:
        request.notify("findings.undone", count=done.cases, others=sum(done.others.values()))
    return request.redirect(local(request.form.text("back", 1000), "/findings"))


ROUTES = (
    post("/findings/{id:int}", one, Role.OPERATE),
    get("/findings/decide", asked, Role.OPERATE),
    post("/findings/decide", decided, Role.OPERATE),
    post("/findings/undo", undo, Role.OPERATE),
)
