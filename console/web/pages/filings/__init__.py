"""The pages of filings and of the register of agencies: what is in force and why, and the acts of people on both."""
