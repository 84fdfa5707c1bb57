"""PDF: characters, drawn lines and pictures of a page become lines of text and ruled tables.

``read_pdf`` classes each page as text, picture or mixed; ``page`` asks pdfium what is on it; ``note_marks`` finds small raised
digits; ``layout`` makes lines and paragraphs of characters, ``tables`` grids of drawn lines; ``integrity`` says whether
compressed parts are as they were written.
"""
