"""Addresses and pages as they are looked at: what is one page, and what leads on to another."""

from __future__ import annotations

import pytest

from ingest.webpages.addresses import normal
from ingest.webpages.links import look_through

SESSION = "0f3a9c5577aa41e2b6d1c0de12345678"


@pytest.mark.parametrize("name", ["sid", "SessionID", "session_id"])
def test_an_id_in_the_name_of_a_session_is_kept(name: str) -> None:
    assert normal(f"http://x.cn/show.aspx?{name}=5") != normal(f"http://x.cn/show.aspx?{name}=6")
    assert normal(f"http://x.cn/show.aspx?{name}={SESSION}&id=1") == "http://x.cn/show.aspx?id=1"
    assert normal(f"http://x.cn/a;{name}={SESSION}") == "http://x.cn/a"
    assert normal(f"http://x.cn/a;{name}=5") == f"http://x.cn/a;{name}=5"


def test_escapes_are_one_page_in_either_case() -> None:
    assert normal("http://x.cn/%e6%8a%a5?q=%e5") == normal("http://x.cn/%E6%8a%A5?q=%E5") == "http://x.cn/%E6%8A%A5?q=%E5"
    assert normal("http://x.cn/a%zz") == "http://x.cn/a%zz"


@pytest.mark.parametrize(
    "body",
    [
        """<script>if(/Mobile/.test(navigator.userAgent)){location.href="/m/1.html";}</script><h1>年报</h1><img src="1.jpg">""",
        """<script>if(/Mobile/.test(navigator.userAgent)){location.href="/m/1.html";}</script>年度报告""",
        """<script>/Mobile/.test(navigator.userAgent) && (location.href="/m/1.html")</script>年度报告""",
        """<select onchange='location.href="/b.html"'><option>年度报告</option></select>""",
        """<script>location.href="/m/1.html"</script><img src="1.jpg">""",
        f"""<script>location.href="/m/1.html"</script>{"年度报告" * 20}""",
    ],
)
def test_a_short_report_does_not_lead_on(body: str) -> None:
    assert look_through(f"<html><body>{body}</body></html>".encode(), "http://x.cn/1.html").moved_to is None


@pytest.mark.parametrize(
    "body",
    [
        """<script>location.href="/2.html"</script>""",
        """<script>var a = 1; window.location = '/2.html?a=1';</script><p>正在跳转，请稍候</p>""",
        f"""<meta http-equiv="refresh" content="0; url=/2.html"><img src="1.jpg">{"年度报告" * 20}""",
    ],
)
def test_a_page_without_more_leads_on(body: str) -> None:
    moved = look_through(f"<html><body>{body}</body></html>".encode(), "http://x.cn/1.html").moved_to
    assert moved is not None
    assert moved.startswith("http://x.cn/2.html")
