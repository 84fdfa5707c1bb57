"""Where numbers stand in documents without pages."""

from __future__ import annotations

import random
import re
from typing import Any

from database.monitoring import queries
from database.session import reading
from tests.adversarial.base import make_report
from tests.adversarial.texts import squashed_text
from tests.inline import Inline


def test_numbers_whose_digits_ran_together_are_shown_where_they_stand(desk: Any) -> None:
    inline = Inline(desk.engine, desk.settings.home)
    desk.app.state.context.notify = lambda queued: None
    text = "".join(squashed_text(make_report(random.Random(5), "2019").paper, random.Random(5)).splitlines())
    number = inline.add(text.encode(), "text/plain", "in/a.txt")
    inline.work()
    with reading(desk.engine) as connection:
        values = queries.document(connection, number).values
    cell, *others = (v.indicator for v in values if v.doubt == "joined" and v.indicator.startswith("disclosure.penalties."))
    assert others  # the digits of the row are theirs, too

    page = desk.operator.get(f"/review?document={number}&cell={cell}").text
    (shown,) = re.findall(r'<p class="line here">(.*)</p>', page)
    (digits,) = re.findall(r'行政处罚<mark class="[a-z_ ]* chosen"[^>]*>(?:<span[^>]*></span>)*(\d+)</mark>', shown)
    assert f"行政处罚{digits}" in text
    assert len(re.sub("<[^>]*>", "", shown)) < 700 < len(text)  # what is near the number, of a line that holds the report
    assert '<dd class="raw">—</dd>' in page  # not "blank"

    whole = desk.operator.get(f"/documents/{number}").text
    (marked,) = re.findall(rf"行政处罚(<mark [^>]*>(?:<span[^>]*></span>)*){digits}</mark>", whole)
    assert sorted(re.findall('data-cell="([^"]*)"', marked)) == sorted((cell, *others))
