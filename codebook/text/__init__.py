"""Text as Chinese offices write it: scripts, numbers, numerals, dates, page numbers, encodings, templates of sentences.

Each module is the one home of its subject; what it knows of Chinese stands in ``codebook/data/text/`` and ``words.yaml``.
"""
