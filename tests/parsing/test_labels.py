"""Labels: exact ones wherever they may begin, misprinted ones by likeness."""

from __future__ import annotations

import pytest

from codebook.book import load_book
from codebook.text.fold import fold_label
from tasks.parsing.tables.labels import LIKE, LabelPart, best_row, claim_exact, is_like, lexicon, without_ordinal


@pytest.mark.parametrize("block", load_book().blocks)
def test_every_label_of_the_codebook_finds_itself(block: str) -> None:
    lex = lexicon(block)
    for slug, label in load_book().blocks[block].rows.items():
        for text in label.texts:
            claims = claim_exact(fold_label(text), {0}, lex.entries)
            assert [claim.end - claim.start for claim in claims] == [len(fold_label(text))]
            assert fold_label(text) in lex.rows[claims[0].entry.slug]
            assert slug in lex.order


def test_longer_labels_come_first() -> None:
    claims = claim_exact("行政规范性文件规章", {0, 7}, lexicon("disclosure").entries)
    assert [claim.entry.slug for claim in claims] == ["normative_documents", "rules"]


def test_a_label_is_not_found_inside_a_misprint_of_another() -> None:
    entries = lexicon("statistics").entries
    assert not claim_exact("下同意公开答复数", {0}, entries)
    assert [c.entry.slug for c in claim_exact("2同意公开答复数", {0}, entries)] == ["replies.granted"]
    assert [c.entry.slug for c in claim_exact("4不同意公开答复数", {0}, entries)] == ["replies.denied"]


def test_short_labels_fill_their_piece() -> None:
    assert not claim_exact("规章制度", {0}, lexicon("disclosure").entries)


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("2其他法律行政止公开", "denied.prohibited_by_law"),
        ("二上年结收政府信息公开申请数量", "carried_over"),
        ("属于国家秘密", "denied.state_secret"),
        ("5要求行政机关确认或重新出具已获取信", "not_processed.reconfirmation"),
    ],
)
def test_misprints(text: str, row: str) -> None:
    lex = lexicon("requests")
    slug, score, second = best_row(text, lex, list(lex.rows))
    assert slug == row
    assert score >= LIKE
    assert score > second


def test_one_of_two_characters_is_enough() -> None:
    assert is_like("规某", best_row("规某", lexicon("disclosure"), ["rules"])[1])


def test_ordinals() -> None:
    assert without_ordinal("三1收到申请数") == "收到申请数"
    assert without_ordinal("其中涉及国家秘密") == "涉及国家秘密"


def test_a_subtotal_stands_before_the_rows_under_it() -> None:
    order = lexicon("requests").order
    assert order["partially_granted"] < order["=denied"] < order["denied.state_secret"]
    assert {entry.part for entry in lexicon("requests").entries} >= {
        LabelPart.ROW,
        LabelPart.COLUMN,
        LabelPart.EXTRA,
        LabelPart.GROUP,
        LabelPart.SUBTOTAL,
    }
