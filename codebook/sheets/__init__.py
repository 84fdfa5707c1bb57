"""Workbooks: the cells of their sheets, and summaries (汇总表), in which each row is the report of an agency.

Ingest parts a summary into its rows; extraction reads workbooks and the files of single rows. Both know them from here.
"""
