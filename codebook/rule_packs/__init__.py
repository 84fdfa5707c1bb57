"""Rule packs: what a region changes of the rules (limits, deadlines, words, points), and sums of its own, in files of its own.

A pack is a YAML file outside the package (docs/rule-packs.md). It changes findings alone: what settles a doubt, proves a number
or sends a document to review is never a pack's. ``packs`` are the records and what they make of the rules; ``reading`` reads
files and says all that is wrong with them, with line and key.
"""
