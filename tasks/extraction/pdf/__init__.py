"""PDF: ``read_pdf`` classes each page and reads those that are text.

``page`` asks pdfium for characters and drawn lines, ``layout`` makes lines and paragraphs of characters, ``tables`` grids of
drawn lines; ``integrity`` finds parts that are damaged.
"""
