"""OCR: from the picture of a page to the page, with a score for each character.

The chain of shapes, from ``read_page``::

    image of a page
      | prepare_image: one channel, evenly lit, seals removed, level
      | grids: the rules of the page, and the tables that they make
      | layout: lines in cells, and lines outside of tables
      | engines: crops of lines become text with scores (near_duplicates are read once)
      | confidence, blank_marks, lexicon: second looks; dashes by their shape; unlikely characters
    Page with lines and tables; what is not sure has alternatives

Pages are read one by one, in parallel, and kept by image and version (``engines.choose.code_version``), so that a retry repeats
only what is missing. ``render`` makes images for reading, ``preview`` images for people.
"""
