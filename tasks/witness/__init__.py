"""The numbers of a page with text, read a second time from its pixels.

A text layer may say another thing than the page shows: fonts whose map to Unicode lies about digits, hidden layers, white boxes
with a new number over the old one, numbers drawn as outlines, form fields. So every page of a PDF whose text is taken is drawn,
and each cell of its tables is looked at: is there ink, and which number does it show? ``confirm`` writes what was seen into the
cells; parsing compares it with the text. A page whose text lies becomes a picture, which OCR reads whole.

The chain: ``page_ink`` (a cell's box to the glyphs in it), ``glyph_groups`` (glyphs that look the same), ``read_glyphs`` (what
each group is, from a few numbers read by a LineReader), ``confirm`` (cells and pages judged).
"""
