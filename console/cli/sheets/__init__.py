"""Commands that hand the data on: exports, and the problem sheets for agencies."""
