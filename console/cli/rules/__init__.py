"""Commands about the rules: drafts that are checked by them, and the packs of a region."""
