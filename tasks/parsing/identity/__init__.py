"""Identity: who a report is by, in which division, for which year, under what title, and when it was published.

Each source (title, attachment, metadata, signature, sentence, contact, file name, folder, manifest) adds clues with a weight
(``sources``); the clue that weighs most decides (``identify``), and what contradicts it is kept as a conflict. ``names`` finds
names, titles, years and dates in a line, ``region`` the division of a body.
"""
