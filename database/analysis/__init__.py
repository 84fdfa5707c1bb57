"""The panel: filings in force as columns (Parquet), for what is computed over all of them.

The row store stays the truth. :mod:`database.analysis.refresh` writes the panel from it and brings it up to date;
:mod:`database.analysis.panel` and :mod:`database.analysis.queries` ask it with DuckDB. Why: ADR 40.
"""
