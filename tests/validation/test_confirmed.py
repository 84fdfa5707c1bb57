"""A sum that does not hold is laid to the office only where the pixels have confirmed its numbers."""

from __future__ import annotations

import msgspec
import pytest

from codebook.records import (
    ON_PICTURE,
    BlockSeen,
    Finding,
    LeftOut,
    LeftOutKind,
    Origin,
    Place,
    Reader,
    Reading,
    Severity,
    Snapshot,
    State,
    Status,
    Verdict,
)
from codebook.rule_packs.packs import Packs
from codebook.rule_packs.reading import parse_pack
from tasks.validation.confirmed import lowered_unconfirmed
from tasks.validation.facts import Facts
from tasks.validation.rules.between_reports import compare_years, snapshot_of
from tasks.validation.validate import validate
from tasks.validation.wording import words
from tests.validation.makers import form_values, report

WRONG = "requests.granted.total"
AT = "requests.granted.natural_person"


def checked(
    *, confirmed: bool, looked_at: bool = True, unconfirmed: frozenset[str] = frozenset(), reader: Reader = Reader.PDF
) -> Verdict:
    """A report whose row 予以公开 prints 5, 0, 0, 0, 0, 0 and the total 6."""
    made = report(form_values() | {AT: 5, WRONG: 6, "requests.new_received.natural_person": 5, "requests.new_received.total": 5})

    def told(reading: Reading) -> Reading:
        pixels = confirmed and reading.indicator not in unconfirmed
        witnesses = ("text", "pixels") if pixels else ("text",)
        return msgspec.structs.replace(reading, read_by=reader, looked_at=looked_at, witnesses=witnesses)

    return validate(msgspec.structs.replace(made, readings=tuple(map(told, made.readings))))


def errors(verdict: Verdict) -> set[str]:
    return {f.rule for f in verdict.findings if f.severity is Severity.ERROR}


def doubts(verdict: Verdict) -> dict[str, Reading]:
    return {r.indicator: r for r in verdict.report.readings if r.state is State.DOUBTFUL}


def test_confirmed_numbers_are_the_offices() -> None:
    verdict = checked(confirmed=True)
    assert "requests.row_sum" in errors(verdict)
    assert (verdict.status, doubts(verdict)) == (Status.ACCEPTED, {})


def test_a_number_that_nobody_confirmed_is_a_doubt_and_accuses_nobody() -> None:
    verdict = checked(confirmed=True, unconfirmed=frozenset({WRONG}))
    assert "requests.row_sum" not in errors(verdict)
    found = doubts(verdict)
    assert set(found) == {WRONG}
    assert (found[WRONG].doubt, found[WRONG].value, found[WRONG].candidates, found[WRONG].witnesses) == (
        "unconfirmed",
        6,
        (6,),
        (),
    )
    assert verdict.status is Status.NEEDS_REVIEW


def test_a_number_in_no_broken_sum_needs_no_confirmation() -> None:
    verdict = checked(confirmed=True, unconfirmed=frozenset({"requests.new_received.business"}))
    assert "requests.row_sum" in errors(verdict)
    assert doubts(verdict) == {}


def test_where_no_pixels_were_looked_at_all_is_as_it_was() -> None:
    for reader in (Reader.PDF, Reader.HTML, Reader.TXT):
        verdict = checked(confirmed=False, looked_at=False, reader=reader)
        assert "requests.row_sum" in errors(verdict)
        assert doubts(verdict) == {}


def test_where_the_pixels_confirmed_nothing_at_all_nobody_is_accused() -> None:
    verdict = checked(confirmed=False)
    assert "requests.row_sum" not in errors(verdict)
    assert {WRONG, AT} <= set(doubts(verdict))
    assert verdict.status is Status.NEEDS_REVIEW


def test_a_title_without_a_table_is_the_offices_only_where_all_of_the_document_was_read() -> None:
    def severity(note: str | None = None, *left_out: LeftOut, gaps: tuple[int, ...] = (), ends: bool = False) -> Severity:
        seen = BlockSeen("review", "2021", Place(page=2), readable=False, note=note)
        whole = report(form_values())
        chapters = tuple(each for each in whole.sections if not ends or (each.number or 0) <= 4)
        made = msgspec.structs.replace(whole, blocks=(seen,), left_out=left_out, page_gaps=gaps, sections=chapters)
        verdict = validate(made)
        (finding,) = [finding for finding in verdict.findings if finding.rule == "table.unreadable"]
        return finding.severity

    assert severity() is Severity.ERROR
    assert severity(gaps=(3,)) is Severity.WARNING
    assert severity(ends=True) is Severity.WARNING
    assert severity(ON_PICTURE) is Severity.WARNING
    assert severity(None, LeftOut(LeftOutKind.PICTURE, "page 3", Place(page=3))) is Severity.WARNING


@pytest.mark.parametrize(
    ("following", "severity"),
    [
        (Place(2, (60, 90, 300, 104)), Severity.WARNING),  # a page may be missing between the two
        (Place(2, (60, 400, 300, 414)), Severity.ERROR),  # something stands above it on its page
        (Place(1, (60, 700, 300, 714)), Severity.ERROR),
        (Place(2), Severity.WARNING),  # as scans of which no box is known
    ],
)
@pytest.mark.parametrize("titled", [True, False])
def test_a_table_that_a_lost_page_may_have_held_is_nobodys_fault(following: Place, severity: Severity, titled: bool) -> None:
    def moved(number: int | None) -> Place:
        return following if (number or 0) > 4 else Place(1, (60, 60 + 20 * (number or 0), 300, 74))

    whole = report({cell: value for cell, value in form_values().items() if not cell.startswith("review.")})
    chapters = tuple(
        msgspec.structs.replace(each, place=moved(each.number)) for each in whole.sections if titled or each.number != 4
    )
    seen = (BlockSeen("review", "2021", Place(1, (60, 650, 300, 664)), readable=False),) if titled else ()
    verdict = validate(msgspec.structs.replace(whole, blocks=seen, sections=chapters))
    rule = "table.unreadable" if titled else "table.missing"
    assert [finding.severity for finding in verdict.findings if finding.rule == rule] == [severity]


OWN = """
id: t
version: "1"
region: "*"
years: [2020, 2030]
own:
  t.same:
    severity: error
    words: as many
    law: a letter
    messages: {main: "{left} {right}"}
    sums:
      - left: {requests.new_received.natural_person: 1}
        relation: "="
        right: {requests.granted.natural_person: 1}
        message: main
"""
NEW = "requests.new_received.natural_person"
ISSUED, IN_FORCE = "disclosure.normative_documents.issued", "disclosure.normative_documents.in_force"


def checked_with(pack: str, values: dict[str, int], unconfirmed: str) -> Verdict:
    """A report with ``values``, of which the pixels confirmed all but one, checked with a pack."""

    def seen(reading: Reading) -> Reading:
        witnesses = ("text",) if reading.indicator == unconfirmed else ("text", "pixels")
        return msgspec.structs.replace(reading, read_by=Reader.PDF, looked_at=True, witnesses=witnesses)

    made = report(form_values() | values)
    made = msgspec.structs.replace(made, readings=tuple(map(seen, made.readings)))
    return validate(made, packs=Packs([parse_pack(pack.encode(), "t.yaml")]))


@pytest.mark.parametrize(("unconfirmed", "accused"), [("", {"t.same"}), (NEW, set())])
def test_a_pack_accuses_of_no_number_that_nobody_confirmed(unconfirmed: str, accused: set[str]) -> None:
    same = {NEW: 5, "requests.new_received.total": 5, "requests.carried_forward.natural_person": 5}
    verdict = checked_with(OWN, same | {"requests.carried_forward.total": 5}, unconfirmed)
    assert errors(verdict) == accused
    assert (verdict.status, doubts(verdict)) == (Status.ACCEPTED, {})


@pytest.mark.parametrize(("unconfirmed", "severity"), [("", Severity.ERROR), (ISSUED, Severity.WARNING)])
def test_a_warning_that_a_pack_makes_an_error_stays_one_where_nobody_confirmed(unconfirmed: str, severity: Severity) -> None:
    pack = OWN.partition("own:")[0] + "rules: {disclosure.in_force: {severity: error}}\n"
    verdict = checked_with(pack, {ISSUED: 9, IN_FORCE: 3}, unconfirmed)
    assert [f.severity for f in verdict.findings if f.rule == "disclosure.in_force"] == [severity]


CARRIED, OVER = "requests.carried_forward.total", "requests.carried_over.total"


def of_year(year: int, values: dict[str, int], reader: Reader = Reader.PDF, unconfirmed: str = "") -> Snapshot:
    """What is compared of a report, of whose numbers the pixels confirmed all but one."""

    def seen(reading: Reading) -> Reading:
        witnesses = ("text",) if reading.indicator == unconfirmed else ("text", "pixels")
        return msgspec.structs.replace(reading, read_by=reader, witnesses=witnesses)

    made = report(form_values() | values)
    found = snapshot_of(
        Verdict(msgspec.structs.replace(made, year=year, readings=tuple(map(seen, made.readings))), (), Status.ACCEPTED)
    )
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("earlier", "later", "severity"),
    [
        ((Reader.PDF, ""), (Reader.PDF, ""), Severity.ERROR),
        ((Reader.PDF, CARRIED), (Reader.PDF, ""), Severity.WARNING),
        ((Reader.PDF, ""), (Reader.PDF, OVER), Severity.WARNING),
        ((Reader.HTML, CARRIED), (Reader.DOCX, OVER), Severity.ERROR),
    ],
)
def test_a_sum_between_two_years_is_the_offices_only_where_both_numbers_are_confirmed(
    earlier: tuple[Reader, str], later: tuple[Reader, str], severity: Severity
) -> None:
    found = compare_years(of_year(2022, {CARRIED: 3}, *earlier), of_year(2023, {OVER: 5}, *later))
    (finding,) = [one for one in found if one.rule == "years.carry_over"]
    assert finding.severity is severity
    assert (words().unconfirmed_note in finding.message) == (severity is Severity.WARNING)


@pytest.mark.parametrize(("origin", "looked_at"), [(Origin.PROSE, False), (Origin.PROSE, True), (Origin.TABLE, True)])
def test_an_error_that_is_no_sum_of_a_table_rests_on_confirmed_numbers(origin: Origin, looked_at: bool) -> None:
    cell = "requests.new_received.business"
    facts = Facts(report(form_values()))
    reading = facts.readings[cell]
    facts.readings[cell] = msgspec.structs.replace(
        reading, read_by=Reader.PDF, origin=origin, looked_at=looked_at, witnesses=("text",)
    )
    error = Finding("narrative.none", Severity.ERROR, "", (cell,))
    (lowered,) = lowered_unconfirmed([error], facts)
    assert (lowered.severity, lowered.message) == (Severity.WARNING, words().unconfirmed_note)
    facts.readings[cell] = msgspec.structs.replace(facts.readings[cell], witnesses=("text", "pixels"))
    assert lowered_unconfirmed([error], facts) == [error]
