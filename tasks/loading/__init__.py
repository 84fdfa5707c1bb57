"""Loading: from a verdict to rows, and the findings between reports that follow from it.

``rows`` makes plain dictionaries of a verdict, ``relate`` finds where a report belongs (region, government above), ``copies``
finds text that two agencies share. Only ``task`` opens a transaction.
"""
