"""Web pages: paragraphs, tables and pictures that a reader of the page sees (``read_html``).

``style_sheets`` and ``declarations`` read the page's own styles, ``looks`` computes from them what is seen, ``surroundings``
finds menus, footers and buttons.
"""
