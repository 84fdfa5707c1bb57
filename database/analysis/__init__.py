"""The panel: filings in force as columns (Parquet), for what is computed over all of them.

The row store stays the truth. :mod:`database.analysis.panel` writes the panel from it and brings it up to date, filing by filing;
:mod:`database.analysis.queries` asks it with DuckDB. Why: ADR 40.
"""
