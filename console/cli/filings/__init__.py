"""Commands about filings (one report for each agency and year), and about the register of agencies."""
