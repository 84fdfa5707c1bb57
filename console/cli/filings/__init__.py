"""Commands about filings (one report for each agency and year), the cases of findings, and the register of agencies."""
