"""What people use: the command line (``cli``), the operators' pages (``web``), exports (``export``), and checks of the whole database.

Everything here reads and writes through :mod:`database`; nothing below imports it.
"""
