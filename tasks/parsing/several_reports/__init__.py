"""Several reports in one file: a bound volume of several agencies, or two years of one agency one after the other.

A report is known by its title, but titles stand in links, contents and page heads too. What makes two reports is that the same
things come twice: the same cells of the same tables, or the same chapters, behind titles of different agencies or years.

The document is cut at every title, and where the chapters begin again. A piece that holds nothing that the pieces before it hold
is a part of the same report (behind a page head, or a link in the middle of the text); one that repeats them begins another.
Each report is then read by itself for its agency and year; the same report a second time does not count.

``pieces`` cuts a document, ``titles`` finds its titles, ``side_by_side`` knows two reports in the columns of a page or a table,
``find_reports`` joins pieces to reports.
"""
