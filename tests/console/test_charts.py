"""Charts show no line where nothing is."""

from __future__ import annotations

import re

from codebook.analysis.figures import funnel_limits
from console.analysis.charts import ChartBar, ChartPoint, bars, funnel


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


def test_a_value_below_zero_is_drawn_to_the_left_of_zero() -> None:
    drawn = str(bars("净增", [ChartBar("甲", 20.0, "20"), ChartBar("乙", -10.0, "-10")], lambda value: f"{value:g}"))
    more, less = [
        (float(x), float(width))
        for x, width in re.findall(r'<rect class="amount" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', drawn)
    ]
    assert less[1] > 0
    assert abs(less[0] + less[1] - more[0]) < 0.2
    assert abs(more[1] - 2 * less[1]) < 0.3
    assert ">-10<" in drawn


def test_a_share_of_over_a_hundred_percent_has_its_whole_length() -> None:
    drawn = str(bars("公开率", [ChartBar("甲", 2.6, "260%"), ChartBar("乙", 1.3, "130%")], lambda value: f"{value:.0%}"))
    more, less = (float(width) for width in re.findall(r'<rect class="amount" x="[\d.]+" y="[\d.]+" width="([\d.]+)"', drawn))
    assert abs(more - 2 * less) < 0.3
