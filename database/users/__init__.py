"""Accounts of the pages, sessions, and the audit trail of what people did."""
