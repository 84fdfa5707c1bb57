"""The table of stages fits together, and everything that a row names is there."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import yaml

from codebook.errors import CODES, ErrorClass
from codebook.stages import FIRST, LAST, PAGE_STAGE, QUEUES, STAGES, StageName, StageSpec, followers
from runtime.settings import Settings

WORDS = Path(__file__).resolve().parents[2] / "console" / "web" / "words" / "domain.yaml"


def test_every_name_has_a_row_and_the_rows_make_a_chain() -> None:
    assert list(STAGES) == list(StageName)
    assert [name for name, spec in STAGES.items() if spec.needs is None] == [FIRST]
    assert [name for name, spec in STAGES.items() if spec.next is None] == [LAST]
    assert [spec for spec in STAGES.values() if spec.per_page] == [PAGE_STAGE]
    for name, spec in STAGES.items():
        way = [name]
        while (following := STAGES[way[-1]].next) is not None:
            assert following not in way
            way.append(following)
        assert way[-1] is LAST
        if spec.needs is not None:
            assert STAGES[spec.needs].keeps_output, f"{name} needs what {spec.needs} does not keep"
    assert followers(FIRST)[-1] is LAST  # a text document goes through in place


@pytest.mark.parametrize("spec", STAGES.values(), ids=str)
def test_what_a_row_names_is_there(spec: StageSpec) -> None:
    assert {spec.queue, spec.retry_queue} <= set(QUEUES)
    assert CODES[spec.timeout_code].kind is ErrorClass.CRASH
    assert importlib.util.find_spec(spec.module) is not None
    settings = Settings()
    assert 0 < settings.lease(spec.name) <= settings.time_limit(spec.name)
    assert set(yaml.safe_load(WORDS.read_text())["stage"][str(spec.name)]) == {"zh", "en"}
