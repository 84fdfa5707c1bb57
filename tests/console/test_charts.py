"""Charts show no line where nothing is."""

from __future__ import annotations

import re

from codebook.analysis.figures import funnel_limits
from console.analysis.charts import ChartPoint, funnel


def limits_drawn(chart: str, kind: str) -> list[int]:
    """How many points each line of a kind has."""
    return [len(points.split()) for points in re.findall(f'class="{kind}" points="([^"]*)"', chart)]


def test_limits_beyond_the_axis_of_a_funnel_are_not_drawn_along_its_top() -> None:
    low = [ChartPoint("甲", 20, 0.05, "5%"), ChartPoint("乙", 200, 0.1, "10%")]
    assert funnel_limits(0.1, 20).high998 > 0.1
    drawn = limits_drawn(str(funnel("漏斗图", low, 0.1, lambda value: f"{value:.0%}", "分母")), "limit998")
    assert drawn[0] > drawn[1]
    high = [*low, ChartPoint("丙", 20, 1.0, "100%")]
    whole = limits_drawn(str(funnel("漏斗图", high, 0.1, lambda value: f"{value:.0%}", "分母")), "limit998")
    assert whole == [drawn[0], drawn[0]]
