"""PDF: characters, drawn lines and pictures of a page become lines of text and ruled tables.

``read_pdf`` classes each page as text, picture or mixed; ``page`` asks pdfium what is on it. What a page shows is what is read:
``annotations`` adds form fields and typed notes, ``shown`` takes off the text that nobody sees, ``watermarks`` that which stands
behind the rest, ``turned`` reads what lies on its side. ``note_marks`` finds small raised digits; ``layout`` makes lines and
paragraphs of characters, ``tables`` grids of drawn lines; ``integrity`` says whether compressed parts are as they were written.
"""
