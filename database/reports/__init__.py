"""What was read from documents: versions of reports, people's corrections, coverage, and the doubts that wait for review.

A result of a document becomes its next version, and the document points to the one in force; earlier versions stay. Findings
between reports come and go with the reports that they compare (:mod:`database.reports.results`). A correction belongs to the
document's content and is applied again by every run (:mod:`database.reports.corrections`).
"""
