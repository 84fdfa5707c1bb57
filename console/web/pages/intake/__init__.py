"""Pages by which files come in: what a browser sends becomes a batch."""
