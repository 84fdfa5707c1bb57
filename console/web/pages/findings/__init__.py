"""The cases of findings: a list with filters and counts, one case with its history, and what people decide about one or many."""
