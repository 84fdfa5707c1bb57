"""Agencies, and their filings: one report for each agency and year, whatever number of documents shows it.

``register`` finds the agency that a name means, ``members`` holds the documents of a filing with what they say, ``in_force`` is
the condition by which every query finds the document that speaks for a filing, ``decisions`` is what people decide.

A name becomes a key (codebook.agency_kinds), a key means one agency, an agency and a year are one filing, and a document is in at
most one filing::

    report --key--> gk_agency_key --> gk_agency <-- gk_filing <-- gk_filing_document --> document

People change the second arrow (join, part) and never the documents: what they decided holds for whatever comes in later, and
after every re-processing. Nothing here decides which edition is in force: :mod:`tasks.loading.editions` does, and the ranks of
gk_filing_document keep it.
"""
