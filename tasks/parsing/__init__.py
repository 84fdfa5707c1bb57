"""Parsing: from the pages of a document to a report: agency, region, year, form, chapters, numbers and statements with evidence.

An :class:`~codebook.records.Extraction` comes in, a
:class:`~codebook.records.Report` goes out; everything between is pure.
:func:`tasks.parsing.parse.parse` runs the parts in this order::

    pages ─► tables/    numbers of the tables, and which text belongs to them
      │        │
      └────────┴─► prose/lines ─► outline   the rest as lines, cut into chapters
                                    │
                       ┌────────────┼───────────────┐
                   identity/   prose/statistics   prose/statements
                   who, where, numbers that only   what sentences say
                   which year  sentences have      beside the tables

Before all, ``several_reports`` looks whether the file binds several reports; such a one is refused.

The words and patterns stand in ``codebook/data`` (``parsing.yaml``, ``blocks.yaml``, ``forms.yaml``, ``phrases/``, ``agencies``).
"""
