"""What people use: the command line (``cli``), the operators' pages (``web``), exports (``export``), checks of all reports.

Everything here reads and writes through :mod:`database`; nothing below imports it.
"""
