"""The tables of a level page: its rules (``ruling``), what speaks for each edge between two of them (``edges``), the grid and its
cells (``table_grid``), and tables without rules (``open_tables``).
"""
